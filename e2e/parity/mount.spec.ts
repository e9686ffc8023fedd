import { describe, expect, test } from 'vitest';
import { originals } from '../harness/parity.ts';
import { compatPath, NOBODY, original, type Result, run, temporaryFolder } from '../harness/run.ts';
import { needs, needsProgram, needsRoot } from '../harness/skip.ts';

/** Runs a script in a mount namespace of its own, with its own /run: the original keeps notes there. */
function inNamespace(script: string, folder: string, PATH: string): Result {
  const prepared = `${original('mount')} -n -t tmpfs run /run && cd ${folder} && mkdir -p d || exit\n${script}`;
  return run([original('unshare') as string, '-m', 'sh', '-c', prepared], {
    env: { PATH, TS_HINTS: '0', USER_ID: String(NOBODY) },
  });
}

const AS_NOBODY = `${original('setpriv')} --reuid ${NOBODY} --regid ${NOBODY} --clear-groups env PATH=$PATH`;

/** A process P in a mount namespace of its own, for as long as the script runs. */
const IN_ANOTHER = `${original('unshare')} -m sleep 30 & P=$!; trap "kill $P" EXIT; while [ $(readlink /proc/$P/ns/mnt) = $(readlink /proc/$$/ns/mnt) ]; do sleep 0.02; done;`;

/** Words of the shell that stand for names which are escaped somewhere. */
const NAMES = ["'a b#c'", "'back\\\\040slash'", '"$(printf "tab\\there\\nline")"', '"$(printf "ä→\\377\\376")"'];

const LAST = 'tail -n 1 /proc/self/mountinfo | cut -d" " -f 4-';

const same: readonly string[] = [
  // Lists.
  'mount',
  'mount -l',
  'mount -t proc,tmpfs',
  'mount -t noproc,tmpfs',
  'mount -t no-such-type',
  "mkdir 'a b' && mount -t tmpfs 'x y' 'a b' && mount -t tmpfs",
  'mount >/dev/full',
  // Wrong usage.
  'mount --bind',
  'mount -t',
  'mount --foo',
  'mount -r -w',
  'umount',
  'umount --foo',
  // Failures.
  'mount -t tmpfs none /nonexistent',
  'mount -t tmpfs none nonexistent',
  'mount --bind /nonexistent d',
  'mount --bind /etc/passwd d',
  'mount /dev/nothing d',
  'mount /dev/null d',
  'mount -t unknowntype none d',
  'mount -t notmpfs none d',
  'mount -t tmpfs none /etc/passwd',
  'mount none d',
  'mount d',
  'mount -L nosuchlabel d',
  'mount UUID=nosuchuuid d',
  'mount -o remount d',
  'mount -o remount,ro /nonexistent',
  'mount --make-private d',
  'mount -t tmpfs -o bogus none d',
  'mount -t tmpfs -o size=foo none d',
  'mount -t proc proc d -o hidepid=foo',
  'mount -t overlay overlay d',
  'mount -t overlay overlay d -o lowerdir=/nonexistent',
  'mount --move d /mnt',
  "mount --bind '' d",
  "mount '' d",
  "mount -t tmpfs none ''",
  `${AS_NOBODY} mount -t tmpfs none d`,
  `${AS_NOBODY} mount --bind /tmp d`,
  `${AS_NOBODY} mount $PWD/d`,
  // What is done.
  `mount -t tmpfs -o rw,nosuid,nodev,noexec,noatime,nodiratime,size=1m,mode=700 none d && ${LAST}`,
  `mount -t tmpfs -o sync,dirsync,lazytime,strictatime,nosymfollow none d && ${LAST}`,
  `mount -t tmpfs -o defaults,comment=x,noauto,nofail none d && ${LAST}`,
  `mount -n -r -t tmpfs none d && ${LAST}`,
  `mount --source none --target d -t tmpfs && ${LAST}`,
  `mount -t tmpfs --target d none && ${LAST}`,
  `mount -t tmpfs none -- d && ${LAST}`,
  `mount none -o size=1m d -t tmpfs && ${LAST}`,
  `mount -o X-mount.mkdir -t tmpfs none d/new/x && ${LAST}`,
  'mount --mkdir=0700 --bind /etc d/new/x && stat -c %a d/new',
  `mount -B -o nosuid,noatime,nodev /etc d && ${LAST}; mount -o remount,bind,ro d && ${LAST}`,
  `mount -o bind,ro --make-shared /etc d && grep -c 'd ro,.*shared:' /proc/self/mountinfo`,
  `mount -t tmpfs -o nosuid,size=1m none d; mount -o remount,size=2m,noexec d && ${LAST}; mount -o remount,rw,bind,exec d && ${LAST}`,
  `mount -t tmpfs -o ro none d; mount -o remount,rw d && touch d/x && ${LAST}`,
  'mount --rbind / d; mount | wc -l',
  'mkdir e; mount -t tmpfs one d; mount -o move d e; mount -o bind,noexec e d; mount -t tmpfs',
  'mount -t tmpfs one d; mount -o rbind,rprivate d d; mount -o shared d; grep -c "$PWD/d .* shared:" /proc/self/mountinfo',
  'mount --make-private --make-shared -t tmpfs one d; grep -c "$PWD/d .* shared:" /proc/self/mountinfo; mount -o slave d; mount -o unbindable,slave d; grep -c "$PWD/d .* unbindable" /proc/self/mountinfo',
  'mount -t tmpfs -o nodev,async,mand,loud,atime,diratime,suid,exec,rw one d; mount -t tmpfs; mount -o remount,strictatime,nolazytime d; mount -t tmpfs',
  'mount -f -t tmpfs none d; mount | wc -l',
  'mount -v -t tmpfs none d',
  'mount -v --bind /etc d',
  'mount -v --make-rslave /',
  'mount -t tmpfs none d; mkdir d/a d/b; mount --make-private d; mount -t tmpfs other d/a; mount -v --move d/a d/b; mount -t tmpfs',
  'mount --make-runbindable / ; mount --bind /etc d',
  'echo "none $PWD/d tmpfs size=1m,nosuid 0 0" >tab; mount -T tab d && mount -t tmpfs; mount -T tab -o remount,noexec d && mount -t tmpfs',
  'echo "none $PWD/d tmpfs size=1m 0 0" >tab; mount -a -T tab && mount -a -T tab && mount -t tmpfs',
  'echo "/etc $PWD/d none bind 0 0" >tab; mount -a -T tab && mount -a -T tab && grep -c "$PWD/d " /proc/self/mountinfo',
  ...['ignore', 'append', 'prepend', 'replace', 'foo'].map(
    (mode) =>
      `echo "none $PWD/d tmpfs size=1m,nosuid 0 0" >tab; mount -T tab --options-mode ${mode} -o size=2m,nodev d && ${LAST}`,
  ),
  'mount --options-source foo d',
  `echo "none $PWD/d tmpfs size=1m,nosuid 0 0" >tab; mount -T tab --options-source-force -t tmpfs -o size=2m none $PWD/d && ${LAST}`,
  `echo "none /d tmpfs size=1m,nosuid 0 0" >tab; mount -T tab --target-prefix $PWD /d && ${LAST}; umount d; mount -a -T tab --target-prefix $PWD && ${LAST}; mount -t tmpfs --target-prefix $PWD x /d && ${LAST}`,
  'mount -s -t tmpfs x d && umount d',
  // Detaching.
  'umount d',
  'umount -q d',
  'umount /nonexistent',
  "umount ''",
  'umount -R d',
  'umount -A d',
  'umount -f d',
  'mount -t tmpfs none d; cd d; umount ../d',
  'mount -t tmpfs none d; cd d; umount -l -v ../d; mount -t tmpfs',
  'mount -t tmpfs none d; cd d; umount -r ../d; mount -t tmpfs',
  'mount -t tmpfs one d; mount -t tmpfs two d; umount -v d; mount -t tmpfs',
  'mount -t tmpfs one d; mkdir d/e; mount -t tmpfs two d/e; umount d; umount -R -v d; mount -t tmpfs',
  'mount -t tmpfs one d; mkdir d/e; mount --bind d d/e; umount -A -v one; mount -t tmpfs',
  'mount -t tmpfs one d; umount -v one; mount -t tmpfs',
  'mount -t tmpfs one d; umount --fake -v d; mount -t tmpfs',
  'mount -t tmpfs one d; umount -- d; mount -t tmpfs',
  'mount -t tmpfs one d; umount -c -n -i d; mount -t tmpfs',
  'mount -t tmpfs one d; umount -f d; mount -t tmpfs',
  'mount -t tmpfs one d; umount -fl d; mount -t tmpfs',
  'mkdir e f; mount -t tmpfs one d; mount -t tmpfs two e; umount d e; mount -t tmpfs',
  'mkdir e; mount -t tmpfs one d; umount -q e d; mount -t tmpfs',
  'mount -t tmpfs one d; mount --bind d d; umount -A -v d; mount -t tmpfs',
  'mount -t tmpfs one d; mkdir d/e e; mount -t tmpfs two d/e; mount --rbind d e; umount -A -R d; mount -t tmpfs',
  'mount -t tmpfs one d; mkdir d/e; mount -t tmpfs two d/e; cd d/e; umount -R ../../d; mount -t tmpfs',
  'mount -t tmpfs one d; mkdir d/e; mount -t tmpfs two d/e; umount -l d; mount -t tmpfs',
  'mount -t tmpfs one d; umount -O ro d; mount -t tmpfs',
  'mount -t tmpfs one d; umount -t proc d; mount -t tmpfs',
  'mount -t ramfs one d; mkdir e; mount -t ramfs -o ro two e; umount -a -t ramfs; mount -t ramfs',
  'mount -t ramfs one d; umount -a -v -t ramfs',
  'mount -t ramfs one d; cd d; umount -a -t ramfs; mount -t ramfs',
  'umount -a d',
  'umount -d d',
  'mount -t tmpfs one d; umount -d d; mount -t tmpfs',
  'ln -s d l; mount -t tmpfs one l; umount l; mount -t tmpfs',
  'mount -t tmpfs one d; umount -c "$PWD/d"; mount -t tmpfs',
  'mount -t tmpfs one d; umount d/; mount -t tmpfs',
  'mount -t tmpfs one d; umount ./d/../d; mount -t tmpfs',
  // Other namespaces.
  'mount -N 999999999 -t tmpfs x d',
  'mount -N nonexistent -t tmpfs x d',
  'mount -N /etc/passwd -t tmpfs x d',
  'mount -N /proc/self/ns/net -t tmpfs x d',
  'mount -N 999999999',
  'umount -N 999999999 d',
  'umount -N /etc/passwd d',
  'mount -N',
  `${IN_ANOTHER} mount -N $P -t tmpfs one $PWD/d; mount -t tmpfs; mount -N $P -t tmpfs; umount -v -N $P $PWD/d; mount -N $P -t tmpfs`,
  `${IN_ANOTHER} mount -v -N /proc/$P/ns/mnt --bind /etc $PWD/d; ls d; mount -N $P -o remount,bind,ro $PWD/d; grep -c "$PWD/d ro" /proc/$P/mountinfo`,
  `${IN_ANOTHER} mount -N $P -t tmpfs one d; umount -N $P d; umount -N $P $PWD/d; umount -q -N $P $PWD/d`,
  `${IN_ANOTHER} mount -N $P --make-shared $PWD/d; mount -N $P --bind /nonexistent $PWD/d`,
  `${IN_ANOTHER} ${AS_NOBODY} mount -N $P -t tmpfs one $PWD/d 2>&1 | sed s/$P/PID/`,
  `${IN_ANOTHER} ${AS_NOBODY} umount -N $P $PWD/d 2>&1 | sed s/$P/PID/`,
  // Names.
  ...NAMES.flatMap((name) => [
    `mkdir ${name} && mount -t tmpfs ${name} ${name} && mount -t tmpfs && grep -c ' - tmpfs' /proc/self/mountinfo && umount -v ${name} && mount -t tmpfs`,
    `mkdir -p ${name}/x && mount --bind ${name} d && mount -t tmpfs one d/x && mount -v --move d/x ${name}/x; umount -R d; umount ${name}/x; umount -A ${name}; mount -t tmpfs`,
    `mkdir ${name} && mount -t tmpfs one ${name} && mkdir ${name}/in && mount -t tmpfs two ${name}/in && umount -R ${name}; mount -t tmpfs; umount ${name}`,
    `mount -t tmpfs one ${name}`,
    `mount --bind ${name} d`,
    `mount --mkdir -o remount ${name}`,
  ]),
  // Loops and other places where nothing can be mounted.
  'mount --bind d d && mount --bind d d && grep -c "$PWD/d " /proc/self/mountinfo; umount d d; umount d',
  'mkdir d/in; mount -t tmpfs one d; mkdir d/in; mount --make-private d; mount --move d d/in; mount -t tmpfs',
  'mount -t tmpfs one d; mkdir d/in; mount --rbind . d/in && mount -t tmpfs | wc -l; umount -R d',
  'ln -s l2 l1; ln -s l1 l2; mount --bind l1 d',
  'mount -t tmpfs one $(printf "%0300d" 0)',
  'mount -t tmpfs one d/x',
  'mount --move /nonexistent d',
  'mount --move / d',
  'mount --bind d /etc/passwd',
  'touch f; mount --bind f d; mount --bind f f && umount f',
  'mount --bind -o ro /etc/passwd d',
  'mount --bind -o ro /nonexistent d',
  'mount --bind -o ro d nonexistent',
  'touch f; mount --bind -o ro d f',
  'mount --rbind -o ro d /nonexistent',
  'mount -o X-mount.mkdir=9 -t tmpfs x d/e',
  `${AS_NOBODY} mount --bind -o ro d d`,
  `${AS_NOBODY} mount -o remount,ro /`,
  `${AS_NOBODY} mount --make-private /`,
  `${AS_NOBODY} mount --move /proc d`,
  `${AS_NOBODY} umount -l /proc`,
  `${AS_NOBODY} umount -R /proc`,
  `${AS_NOBODY} umount -a -t tmpfs`,
  `${AS_NOBODY} umount /proc`,
  `${AS_NOBODY} umount d`,
];

/** /sbin with some helpers, which print what they are told and end with $RC. */
const HELPERS = `mkdir h u w && printf '#!/bin/sh\\necho "$0 $*"; exit \${RC:-0}\\n' >h/x && chmod +x h/x && for n in mount.foo umount.tmpfs mount.fuse mount.fuse.x; do cp h/x u/$n; done && mount -t overlay -o lowerdir=$(readlink -f /sbin),upperdir=u,workdir=w x $(readlink -f /sbin);`;

/** An fstab with these lines. */
const tab = (...lines: readonly string[]) => `printf '%s\\n' ${lines.map((line) => `"${line}"`).join(' ')} >tab;`;

/** As the newest. */
const newestOnly: readonly string[] = [
  // All of fstab.
  `${tab('tmpfs $PWD/d tmpfs', 'UUID=dead-beef $PWD/d ext4 nofail 0 2')} mount -T tab -a; echo $?; mount -T tab -a -v; echo $?`,
  `${tab('tmpfs $PWD/d tmpfs', 'UUID=dead-beef $PWD/d ext4 defaults 0 2')} mount -T tab -a; echo $?; mount -T tab -a -v; echo $?`,
  `${tab('LABEL=x $PWD/d ext4 nofail', '/dev/nope $PWD/d ext4 nofail', '/dev/nope/x $PWD/d ext4 nofail', 'a $PWD/d nosuchtype nofail', 'b $PWD/d tmpfs nofail,foo')} mount -T tab -a -v; echo $?`,
  `${tab('a $PWD/d tmpfs', 'b $PWD/c tmpfs noauto', 'c $PWD/x swap', 'd none swap', 'e / tmpfs', 'f relative tmpfs')} mount -a -v -T tab; mount -a -v -T tab; mount -a -v -T tab -t proc; mount -a -v -f -T tab -t notmpfs; mount -a -v -T tab -O noauto`,
  `${tab('a $PWD/d tmpfs', 'b $PWD/c tmpfs noauto')} mount -a -v -F -T tab; mount -a -v -F -T tab`,
  `${tab('a $PWD/d tmpfs', 'a $PWD/d tmpfs', 'b $PWD/d tmpfs size=1m')} mount -a -v -T tab; mount -t tmpfs`,
  `${tab('a $PWD/d tmpfs size=1m')} mount -a -T tab; mount -a -v -o remount,ro -t tmpfs -T tab | grep "$PWD"; mount -t tmpfs; mount -a -v -o remount -t proc -T tab`,
  `mkdir t c; echo "a $PWD/d tmpfs size=1m" >t/b.fstab; echo "b $PWD/c tmpfs" >t/a.fstab; for n in 10.fstab 9.fstab x.conf .h.fstab; do echo "$n $PWD/d tmpfs" >t/$n; done; mount -T t -a -v; mount -t tmpfs; mount -T t b`,
  'mount -T /nonexistent -a',
  'mount -T /dev/null -a',
  'mount -T /nonexistent -t tmpfs x d',
  `${tab('short line', 'tmpfs', '# comment', 'a $PWD/d tmpfs defaults 0 0 more', 'b $PWD/d tmpfs defaults x y', 'c $PWD/d tmpfs defaults 0 z')} mount -a -v -T tab; mount -T tab d; mount -T tab x`,
  `${tab('a $PWD/d tmpfs size=1m')} LIBMOUNT_FSTAB=tab mount d && ${LAST}; LIBMOUNT_FSTAB=/nonexistent mount d; LIBMOUNT_FSTAB=tab mount e`,
  // Operands and what is listed, or mounted.
  `${tab('x $PWD/d tmpfs size=1m,nosuid')} ln -s d l; for p in $PWD/d/ d ./l x; do mount -T tab $p && ${LAST}; umount d; done; mount -T tab --source x && ${LAST}; mount -T tab --target $PWD/d && ${LAST}; mount -T tab y; mount -T tab --source y; mount -T tab --target $PWD`,
  `${tab('x $PWD/d tmpfs size=1m,nosuid')} mount -t tmpfs -o noexec,nosuid x d; mount -T tab -o remount,noatime d && ${LAST}; mount -T tab x -o remount,size=2m && ${LAST}`,
  'mkdir e; mount -t tmpfs x d; mount -t tmpfs x e; mount -o remount,size=3m x; mount -t tmpfs; mount -o remount,ro e/; mount -t tmpfs; mount -o remount,rw,size=1m --source x; mount -o remount,ro --target d; mount -t tmpfs; mount -o remount,ro nope; mount -o remount,ro /nope; mount -o bind,ro x',
  `mount -t tmpfs -o nosuid,noexec x d; mount -o remount,ro d && ${LAST}; mount -o remount,nodev x d && ${LAST}`,
  'mount -L x d; mount -U x d; mount LABEL=x; mount -L x; mount --source LABEL=x d; mount --bind LABEL=x d; mount -o remount LABEL=x; mount PARTUUID=x d; mount --target d -U abc',
  `${tab('LABEL=x $PWD/d ext4')} mount -T tab d; mount -T tab LABEL=x; mount -T tab -L x; mount -T tab 'LABEL="x"'; mount -T tab UUID=x`,
  `mknod b b 7 250; ln -s b l; ${tab('$PWD/l $PWD/d ext4')} mount -T tab b; mount -T tab $PWD/b; mount -T tab l; mount -T tab d; mount -t ext4 l d; mount -t tmpfs l d && ${LAST}`,
  // Options.
  `mount -t tmpfs -o uid=nobody,gid=nogroup x d && ${LAST}; mount -t tmpfs -o uid=useruid,gid=usergid,size=1m x d && ${LAST}; for o in uid=-1 uid=+5 uid=0x gid=nosuch 'uid="nosuch"'; do mount -t tmpfs -o $o x d; done`,
  ...[
    'size="1m",ro',
    'mpol="bind:0,0",ro',
    ',ro,,size=1m,',
    'ro, size=1m',
    'nosuid=x',
    'nosuid=',
    '',
    '=',
    '"ro"',
    'context="a,b",ro',
    'user=foo,x-a=b,noauto=3',
    'noatime=recursive',
    'ro=fs',
  ].map((list) => `mount -t tmpfs -o '${list}' x d && ${LAST}`),
  'for o in X-mount.owner=-1 X-mount.owner=nosuch X-mount.group=0x10 X-mount.mode=999 X-mount.mode=17777; do mount -t tmpfs -o $o x d; done',
  `echo 1 >f; ln -s /nonexistent l; mount -c --bind f $PWD/l && ${LAST}; cat /nonexistent; umount -c $PWD/l`,
  `ln -s d l; mount -t tmpfs -o X-mount.nocanonicalize x ./d && ${LAST}; mount -t tmpfs -o X-mount.nocanonicalize=target x l; mount -t tmpfs -o X-mount.nocanonicalize=source x l && ${LAST}; mount -c -t tmpfs x l; mount -c --bind l d && ${LAST}; umount -c ./d; umount -c d`,
  `mkdir e; mount --bind d d; mount --make-private d; mount --move -o ro d e && ${LAST}; mount -o move,nosuid e d && ${LAST}`,
  'mkdir e; mount -t tmpfs --bind d e; mount -t none --bind d e; mount --move -t tmpfs d e',
  'mount --onlyonce -t tmpfs x d; mount --onlyonce -t tmpfs x d; mount --onlyonce --bind d d; mount --onlyonce --bind /etc d',
  `mount --ro -t tmpfs x d && ${LAST}`,
  'mount -t tmpfs x d; mount -v -o remount,ro d; mount -v --make-shared d',
  // What the kernel says.
  ...['proc', 'sysfs', 'devpts', 'cgroup', 'cgroup2', 'mqueue', 'overlay', 'tmpfs'].map(
    (type) => `mount -t ${type} -o nosuch x d`,
  ),
  'mount -o remount,nosuch /proc',
  'mkdir e; mount -t overlay -o lowerdir=d x e; mount -t overlay -o lowerdir=d:/nope x e; mount -t overlay -o lowerdir=d,upperdir=e,workdir=/dev x d',
  'mount -t nosuch1,nosuch2 x d; mount -t noext4,tmpfs x d; mount x d; mount -t auto x d; mount -t ext4 /dev/null d; mount -t unknowntype x d; mount -t tmpfs,ext4 x d && mount -t tmpfs',
  'mount -t tmpfs x d; exec 3>d/f; mount -o remount,ro d; mount -o remount,bind,ro d',
  // Helpers.
  `${HELPERS} mount -t foo -o a,ro,nosuid,X-mount.mkdir,x-foo=1,user=me,_netdev src $PWD/d/q; ls d; RC=7 mount -v -n -s -t foo src d; echo $?; mount -f -t foo src d; mount -t fuse.x a d; mount -t fuse.y a d; mount -i -t foo src d; mount -o remount,bar -t foo src d; mount -r -t foo,tmpfs src d; mount -t foo nosrc nope`,
  `${HELPERS} for o in defaults auto noauto nofail comment=x suid nosuid users user group nouser nogroup uhelper=x size=1m,size=2m nodev,dev,atime,noatime silent sync remount rw ro,rw noexec,exec nosuid=recursive ro=fs X-mount.mode=1 uid=nobody relatime,strictatime; do mount -t foo -o $o src d; done`,
  `${HELPERS} ${AS_NOBODY} mount -t foo src d; ${tab('a $PWD/d foo x', 'b $PWD/d tmpfs')} mount -a -T tab; RC=3 mount -a -T tab; echo $?`,
  `${HELPERS} mount -t tmpfs x d; umount -v -l -f -n -r d; umount d; RC=5 umount d; echo $?; umount -R d; umount -A d; umount --fake d; umount -q d; umount -d d; umount -i d; umount d; mount -t tmpfs`,
  // Trees that change meanwhile.
  'mount --bind d d; mount --bind d d; mount --bind d d; umount -R d; echo $?; grep -c "$PWD" /proc/self/mountinfo',
  'mount -t tmpfs A d; mount --make-shared d; mkdir d/a d/b; mount -t tmpfs a d/a; mount --bind d/a d/b; mkdir d/a/c; mount -t tmpfs c d/a/c; umount -R d; echo $?; grep -c "$PWD" /proc/self/mountinfo',
  'mount -t tmpfs A d; mkdir d/a e; mount -t tmpfs a d/a; mount -t tmpfs over d; mkdir d/b; mount -t tmpfs b d/b; umount -R -v d; grep -c "$PWD" /proc/self/mountinfo',
  'mount -t tmpfs A d; mount --make-shared d; mkdir e; mount --bind d e; mkdir d/a; mount -t tmpfs a d/a; umount -A -R A; echo $?; grep -c "$PWD" /proc/self/mountinfo',
  // Sources and places of umount.
  'umount nope; umount -R nope; umount -A nope; umount LABEL=nope; umount -R LABEL=nope; umount -l nope; umount -q nope',
  // Ordinary users.
  `mkdir -p p/m; chmod 700 p; for o in '' -q; do ${AS_NOBODY} umount $o $PWD/p/m; echo $?; done; mount -t tmpfs x p/m; for o in '' -R -A -q; do ${AS_NOBODY} umount $o $PWD/p/m; echo $?; done; ${AS_NOBODY} mount -t tmpfs x $PWD/p/m; ${AS_NOBODY} mount --bind $PWD/p/m d`,
  `${AS_NOBODY} umount nope; echo $?; ${AS_NOBODY} umount d nope; ${AS_NOBODY} umount LABEL=x; ${AS_NOBODY} umount /etc/passwd/x; ${AS_NOBODY} umount ''; ln -s l1 l2; ln -s l2 l1; ${AS_NOBODY} umount l1`,
  `${tab('x $PWD/d tmpfs user', 'y $PWD/c tmpfs')} mkdir c; chmod 755 . c; ${AS_NOBODY} mount -T $PWD/tab d; ${AS_NOBODY} mount -T $PWD/tab -o ro x; ${AS_NOBODY} mount -T $PWD/tab c; ${AS_NOBODY} mount -a -T $PWD/tab; mount -t tmpfs x d; ${AS_NOBODY} umount d; ${AS_NOBODY} umount -l d`,
];

/** Where ours is other than the newest on purpose. */
const different: readonly (readonly [script: string, reason: string, stdout: string, stderr: string])[] = [
  [
    'ln -s /nonexistent l; mount -t tmpfs none l; touch f; mount --bind f l',
    'a link to nowhere is no mount point, unless with --no-canonicalize',
    '',
    'mount: l: mount point is a symbolic link to nowhere.\n       dmesg(1) may have more information after failed mount system call.\n'.repeat(
      2,
    ),
  ],
  [
    `ln -s l2 l1; ln -s l1 l2; mount -t tmpfs one l1`,
    'the kernel is asked with the flags that make it say what is wrong',
    '',
    'mount: l1: move_mount() failed: Too many levels of symbolic links.\n       dmesg(1) may have more information after failed mount system call.\n',
  ],
  [
    `mount -t tmpfs x d; cd d; umount -r -v ../d; mount -t tmpfs | grep "$PWD"`,
    'what was done is said: it was remounted read-only, not unmounted',
    'x on PWD/d type tmpfs (ro,relatime)\n',
    'umount: PWD/d: remounted read-only\n',
  ],
  [
    `${HELPERS} ${tab('a $PWD/d foo', 'b $PWD/d foo')} RC=4 mount -a -F -T tab; echo $?`,
    'a helper that fails is a failure with -F, too',
    '/sbin/mount.foo a PWD/d -o rw\n/sbin/mount.foo b PWD/d -o rw\n32\n',
    '',
  ],
  [
    `${HELPERS} RC=1 mount -t foo --mkdir src $PWD/d/a/b; ls d`,
    'the mount point that was made for a helper that fails is taken away',
    '/sbin/mount.foo src PWD/d/a/b -o rw\n',
    '',
  ],
  [
    `mount -t tmpfs -o X-mount.owner= x d; mount -t tmpfs -o X-mount.mode= x d`,
    'the original says which error came before',
    '',
    ['owner', 'mode']
      .map((key) => `mount: d: failed to parse mount options 'rw,X-mount.${key}=': Invalid argument.\n`)
      .join(''),
  ],
];

/** The same script in the same folder, so that paths are the same; what it has made there is taken away in between. */
function both(script: string) {
  using folder = temporaryFolder();
  const theirs = inNamespace(script, folder.path, originals());
  run(['sh', '-c', `rm -rf ${folder.path}/*`]);
  return { theirs, ours: inNamespace(script, folder.path, compatPath), path: folder.path };
}

const titleOf = (script: string) =>
  script.replaceAll(AS_NOBODY, 'as nobody:').replaceAll(LAST, 'LAST').replace(HELPERS, 'with helpers:');

describe('mount and umount do and say what the originals do and say', () => {
  for (const script of [...same, ...newestOnly]) {
    test(titleOf(script), (context) => {
      needs(context, needsRoot, needsProgram('mount', 'umount', 'unshare', 'setpriv'));
      const { ours, theirs } = both(script);
      expect(ours).toEqual(theirs);
    });
  }
});

describe('where ours is other than the newest', () => {
  for (const [script, reason, stdout, stderr] of different)
    test(`${titleOf(script)}: ${reason}`, (context) => {
      needs(context, needsRoot, needsProgram('mount', 'umount', 'unshare', 'setpriv'));
      const { ours, theirs, path } = both(script);
      const plain = (text: string) => text.replaceAll(path, 'PWD');
      expect({ stdout: plain(ours.stdout), stderr: plain(ours.stderr) }).toEqual({ stdout, stderr });
      expect(theirs).not.toEqual(ours);
    });
});
