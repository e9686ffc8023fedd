import { describe, expect, test } from 'vitest';
import { compatPath, NOBODY, original, originalPath, type Result, run, temporaryFolder } from '../harness/run.ts';
import { needs, needsProgram, needsRoot } from '../harness/skip.ts';

/** Runs a script in a mount namespace of its own, with its own /run: the original keeps notes there. */
function inNamespace(script: string, folder: string, PATH: string): Result {
  const prepared = `${original('mount')} -n -t tmpfs run /run && cd ${folder} && mkdir -p d && ${script}`;
  return run([original('unshare') as string, '-m', 'sh', '-c', prepared], {
    env: { PATH, TS_HINTS: '0', USER_ID: String(NOBODY) },
  });
}

const AS_NOBODY = `${original('setpriv')} --reuid ${NOBODY} --regid ${NOBODY} --clear-groups env PATH=$PATH`;

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
  'mount -f -t tmpfs none d; mount | wc -l',
  'mount -v -t tmpfs none d',
  'mount -v --bind /etc d',
  'mount -v --make-rslave /',
  'mount -t tmpfs none d; mkdir d/a d/b; mount --make-private d; mount -t tmpfs other d/a; mount -v --move d/a d/b; mount -t tmpfs',
  'mount --make-runbindable / ; mount --bind /etc d',
  'echo "none $PWD/d tmpfs size=1m,nosuid 0 0" >tab; mount -T tab d && mount -t tmpfs; mount -T tab -o remount,noexec d && mount -t tmpfs',
  'echo "none $PWD/d tmpfs size=1m 0 0" >tab; mount -a -T tab && mount -a -T tab && mount -t tmpfs',
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
  `${AS_NOBODY} umount /proc`,
  `${AS_NOBODY} umount d`,
];

describe('mount and umount do and say what the originals do and say', () => {
  for (const script of same) {
    test(script.replace(AS_NOBODY, 'as nobody:').replace(LAST, 'LAST'), (context) => {
      needs(context, needsRoot, needsProgram('mount', 'umount', 'unshare', 'setpriv'));
      using folder = temporaryFolder();
      const theirs = inNamespace(script, folder.path, originalPath);
      // The same folder again, so that paths are the same; what the script has made there is taken away first.
      run(['sh', '-c', `rm -rf ${folder.path}/*`]);
      const ours = inNamespace(script, folder.path, compatPath);
      expect(ours).toEqual(theirs);
    });
  }
});
