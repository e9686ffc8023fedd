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
  'ln -s /nonexistent link; mount -t tmpfs none link',
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
  'ln -s l2 l1; ln -s l1 l2; mount -t tmpfs one l1',
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
  'mount -o X-mount.subdir= --bind /etc d 2>&1 | head -c 30',
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

describe('mount and umount do and say what the originals do and say', () => {
  for (const script of same) {
    test(script.replace(AS_NOBODY, 'as nobody:').replace(LAST, 'LAST'), (context) => {
      needs(context, needsRoot, needsProgram('mount', 'umount', 'unshare', 'setpriv'));
      using folder = temporaryFolder();
      const theirs = inNamespace(script, folder.path, originals());
      // The same folder again, so that paths are the same; what the script has made there is taken away first.
      run(['sh', '-c', `rm -rf ${folder.path}/*`]);
      const ours = inNamespace(script, folder.path, compatPath);
      expect(ours).toEqual(theirs);
    });
  }
});
