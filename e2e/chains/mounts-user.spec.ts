/** Mounts of an ordinary user, who is root of a user namespace: what can be mounted there, and what is locked. */
import { describe, expect, test } from 'vitest';
import { isRoot, NOBODY, run, shell, temporaryFolder } from '../harness/run.ts';
import { needs, needsProgram, needsRoot } from '../harness/skip.ts';

const uid = isRoot ? NOBODY : undefined;

/** Runs a command line as an ordinary user in a folder of their own, with an empty folder "d". */
function asUser(command: string) {
  using folder = temporaryFolder();
  run(['chmod', '777', folder.path]);
  const { stdout, stderr, status } = shell(`mkdir d && ${command}`, { cwd: folder.path, uid });
  return { stdout: stdout.replaceAll(folder.path, 'HERE'), stderr: stderr.replaceAll(folder.path, 'HERE'), status };
}

describe('file systems that a user namespace may mount', () => {
  const works: readonly (readonly [command: string, output: string])[] = [
    ['ts-unshare -rm ts-mount -t tmpfs -o size=1m,mode=700 x d stat -f -c %T d', 'tmpfs'],
    ['ts-unshare -rm ts-mount -t ramfs x d stat -f -c %T d', 'ramfs'],
    ['ts-unshare -rmpf ts-mount -t proc proc d readlink d/self', '1'],
    ['ts-unshare -rmn ts-mount -t sysfs sys d ls d/class/net', 'lo'],
    ['ts-unshare -rmi ts-mount -t mqueue x d stat -f -c %T d', 'mqueue'],
    ['ts-unshare -rm ts-mount -t devpts -o newinstance,ptmxmode=666 x d ls d', 'ptmx'],
    ['ts-unshare -rm ts-mount --bind -o ro /etc/hostname d/../d 2>&1 || echo refused', /refused$/.source],
    ['ts-unshare -rm ts-mount --rbind /sys d test -d d/class && echo yes', 'yes'],
    [
      'mkdir l u w && echo old >l/f && ts-unshare -rm ts-mount -t overlay -o lowerdir=l,upperdir=u,workdir=w,userxattr x d sh -c "echo new >d/f; cat l/f u/f" | xargs; chmod 700 w/work',
      'old new',
    ],
  ];
  for (const [command, output] of works)
    test(command, () => {
      const { stdout, stderr, status } = asUser(command);
      expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
      expect(stdout.trimEnd()).toMatch(new RegExp(output.endsWith('$') ? output : `^${output}$`));
    });

  test('in another mount namespace of their own: --namespace', () => {
    const script = `ts-unshare -m sleep 30 & P=$!; trap "kill $P" EXIT; while [ $(readlink /proc/$P/ns/mnt) = $(readlink /proc/$$/ns/mnt) ]; do sleep 0.02; done
      ts-mount -N $P -t tmpfs own $PWD/d && grep -c "^own " /proc/$P/mounts; grep -c "^own " /proc/self/mounts; ts-umount -N $P $PWD/d -- grep -c "^own " /proc/$P/mounts`;
    expect(asUser(`ts-unshare -rm sh -c '${script}'`)).toEqual({ stdout: '1\n0\n0\n', stderr: '', status: 1 });
  });

  const refused: readonly (readonly [command: string, remedy: string])[] = [
    ['ts-unshare -rm ts-mount -t proc proc d true', 'with a PID namespace of its own: unshare --pid --fork'],
    ['ts-unshare -rm ts-mount -t sysfs sys d true', 'with a network namespace of its own: unshare --net'],
    ['ts-unshare -rm ts-mount -t ext4 /dev/null d true', 'nothing that lives on a device can be mounted: ext4 does'],
    ['ts-mount -t tmpfs x d true', 'be root, or mount in namespaces of your own: unshare --map-root-user --mount'],
    ['ts-umount /proc -- true', 'this needs CAP_SYS_ADMIN over the mount'],
  ];
  for (const [command, remedy] of refused)
    test(`${command}: refused, and why`, () => {
      const { stderr, status } = asUser(command);
      expect(status).toBe(32);
      expect(stderr.split('\n')).toHaveLength(3);
      expect(stderr).toContain(remedy);
    });
});

describe('what came from a more privileged mount namespace is locked', () => {
  /** Root makes a mount with many attributes and one below it; then an ordinary user unshares. */
  function locked(inner: string) {
    using folder = temporaryFolder();
    const script = `
      cd ${folder.path} && mkdir a b && ts-mount -t tmpfs -o mode=777 x a && mkdir a/in && ts-mount -t tmpfs -o mode=777 y a/in && mkdir a/in/deep
      ts-mount -o remount,bind,ro,nosuid,nodev,noexec,noatime a || exit
      exec setpriv --reuid ${NOBODY} --regid ${NOBODY} --clear-groups env PATH=$PATH ts-unshare --map-root-user --mount sh -c '${inner}'`;
    const { stdout, stderr, status } = run(['ts-unshare', '--mount', 'sh', '-c', script]);
    return { stdout: stdout.replaceAll(folder.path, 'HERE'), stderr: stderr.replaceAll(folder.path, 'HERE'), status };
  }
  const root = (name: string, body: () => void) =>
    test(name, (context) => {
      needs(context, needsRoot, needsProgram('setpriv'));
      body();
    });

  const flags: readonly (readonly [words: string, locked: string])[] = [
    ['rw', 'ro'],
    ['suid', 'nosuid'],
    ['dev', 'nodev'],
    ['exec', 'noexec'],
    ['relatime', 'noatime'],
    ['rw,suid,dev', 'ro, nosuid, nodev'],
  ];
  root('attributes that are set cannot be taken back: which ones is said', () => {
    const { stdout, stderr } = locked(
      flags.map(([words]) => `ts-mount -o remount,bind,${words} a; echo $?`).join('; '),
    );
    expect(stdout).toBe('32\n'.repeat(flags.length));
    const because = (which: string) =>
      `ts-mount: locked: ${which}: the mount came from a more privileged mount namespace, where it was set\n`;
    expect(stderr).toBe(
      flags
        .map(
          ([, which]) =>
            `ts-mount: HERE/a: permission denied.\n       dmesg(1) may have more information after failed mount system call.\n${because(which)}`,
        )
        .join(''),
    );
    expect(locked('ts-mount -o remount,bind,rw a -- true').stderr).toBe(
      `ts-mount: HERE/a: mount_setattr(2) system call failed: Operation not permitted\n${because('ro')}`,
    );
  });

  root('more can be set, and what is not named stays', () => {
    expect(
      locked(
        'ts-mount -o remount,bind,nosymfollow a && grep -o "HERE/a [^ ]*" /proc/self/mountinfo; grep -o "/a [^ ]*" /proc/self/mountinfo',
      ),
    ).toMatchObject({
      stdout: '/a ro,nosuid,nodev,noexec,noatime,nosymfollow\n',
      stderr: '',
      status: 0,
    });
  });

  root('a bound copy keeps what is locked', () => {
    expect(
      locked(
        'ts-mount --rbind a b && grep -o "/b [^ ]*" /proc/self/mountinfo; ts-mount -o remount,bind,rw b; touch b/x',
      ).stdout,
    ).toBe('/b ro,nosuid,nodev,noexec,noatime\n');
  });

  root('what lies below cannot be uncovered: by a bind, by umount, by a move', () => {
    const { stdout, stderr, status } = locked(
      'ts-mount --bind a b; echo $?; ts-umount a/in; echo $?; ts-umount -l a/in; echo $?; ts-mount --move a/in b; echo $?; ts-mount --rbind a b && ls b/in',
    );
    expect({ stdout, status }).toEqual({ stdout: '32\n32\n32\n32\ndeep\n', status: 0 });
    expect(stderr).toContain(
      'ts-mount: HERE/a/in may be locked where it is, as what came from a more privileged mount namespace: --rbind takes it along\n',
    );
    expect(stderr.match(/the mount comes from a more privileged mount namespace and is locked/g)).toHaveLength(2);
    expect(stderr).toContain(
      'ts-mount: HERE/a/in is locked where it is: it came from a more privileged mount namespace\n',
    );
  });

  root('the file system itself belongs to another', () => {
    const { stderr, status } = locked('ts-mount -o remount,size=1m a/in');
    expect(status).toBe(32);
    expect(stderr).toContain(
      '\nts-mount: the file system belongs to a more privileged user namespace: only the mount can be changed, by -o remount,bind\n',
    );
  });

  root('but the whole tree can be bound elsewhere and taken away again, and own mounts on top of it', () => {
    expect(
      locked(
        'ts-mount --rbind a b && ts-umount -R b; echo $?; ts-umount -l b; ls b; ts-mount -t tmpfs own a/in && ls a/in && ts-umount a/in && ls a/in',
      ).stdout,
    ).toMatch(/deep\n$/);
  });
});
