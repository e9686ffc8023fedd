import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, type TestContext, test } from 'vitest';
import { isRoot, NOBODY, original, type Result, run, shell, temporaryFolder } from '../harness/run.ts';
import { needs, needsProgram, needsRoot } from '../harness/skip.ts';

const isMounted = (path: string) =>
  readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .some((line) => line.split(' ')[4] === path);

const clean = ({ stdout, stderr, status }: Result) => ({ stdout, stderr, status });

describe('R5: a tmpfs in a mount namespace is not seen by the host', () => {
  const forms = [
    {
      name: 'word for word',
      script: (folder: string) =>
        `unshare -m sh -c 'mount -t tmpfs ours ${folder} && echo inside >${folder}/file && cat ${folder}/file && grep -c " ${folder} " /proc/self/mountinfo'`,
    },
    {
      name: 'as one chain',
      script: (folder: string) =>
        `ts-unshare --mount ts-mount -t tmpfs ours ${folder} sh -c 'echo inside >${folder}/file && cat ${folder}/file && grep -c " ${folder} " /proc/self/mountinfo'`,
    },
  ];
  for (const { name, script } of forms) {
    for (const noFuse of ['0', '1']) {
      test(`${name}, TS_TOOLS_NO_FUSE=${noFuse}`, (context) => {
        needs(context, needsRoot);
        using folder = temporaryFolder();
        writeFileSync(join(folder.path, 'outside'), '');
        expect(clean(shell(script(folder.path), { compat: true, env: { TS_TOOLS_NO_FUSE: noFuse } }))).toEqual({
          stdout: 'inside\n1\n',
          stderr: '',
          status: 0,
        });
        expect(isMounted(folder.path)).toBe(false);
        expect(clean(run(['ls', folder.path]))).toEqual({ stdout: 'outside\n', stderr: '', status: 0 });
      });
    }
  }

  test('as an ordinary user, too', () => {
    using folder = temporaryFolder();
    const script = `unshare -Urm sh -c 'mount -t tmpfs -o size=1m ours ${folder.path} && mount | grep -c " ${folder.path} type tmpfs (rw,relatime,size=1024k"'`;
    expect(clean(shell(script, { compat: true, uid: process.getuid?.() === 0 ? NOBODY : undefined }))).toEqual({
      stdout: '1\n',
      stderr: '',
      status: 0,
    });
  });
});

describe('ts-mount with a program', () => {
  const inNamespace = (script: string, cwd: string) =>
    run([original('unshare') as string, '-m', 'sh', '-c', script], { cwd });

  test('becomes it when all is mounted; a folder, read-only, in another place', (context) => {
    needs(context, needsRoot, needsProgram('unshare'));
    using folder = temporaryFolder();
    mkdirSync(join(folder.path, 'from'));
    mkdirSync(join(folder.path, 'to'));
    const { stdout, stderr, status } = inNamespace(
      'ts-mount --bind -o ro,nosuid from to sh -c \'grep -o "/to ro,nosuid[^ ]*" /proc/self/mountinfo; touch to/x; touch from/y && ls to\'',
      folder.path,
    );
    expect(stdout).toMatch(/^\/to ro,nosuid[^\n]*\ny\n$/);
    expect(stderr).toMatch(/Read-only file system/);
    expect(status).toBe(0);
  });

  const failures: readonly (readonly [what: string, script: string, status: number, stderr: RegExp])[] = [
    [
      'a program that is not there',
      'ts-mount -t tmpfs ours to nosuchprogram',
      127,
      /^ts-mount: failed to execute nosuchprogram: No such file or directory\n$/,
    ],
    [
      'a later mount that fails',
      'ts-mount -t tmpfs ours to ts-mount -t unknowntype x to true',
      32,
      /^ts-mount: to: mount\(2\) system call failed: No such device\nts-mount: to: unknown filesystem type 'unknowntype'\n$/,
    ],
    [
      'a change of propagation after it',
      'ts-mount -t tmpfs ours to ts-mount --make-private / -- ts-mount --make-shared nowhere -- true',
      32,
      /No such file or directory/,
    ],
    [
      'a program that is not there in another root',
      'ts-mount --mkdir -t tmpfs ours to/a ts-chroot to /nosuchprogram',
      127,
      /^ts-chroot: failed to run command .*: No such file or directory\n$/,
    ],
    [
      'folders that were made for it',
      'ts-mount --mkdir -t tmpfs -o bogus ours to/a/b true',
      32,
      /Unknown parameter 'bogus'/,
    ],
  ];
  for (const [what, script, status, stderr] of failures) {
    test(`${what}: what was mounted is taken back`, (context) => {
      needs(context, needsRoot, needsProgram('unshare'));
      using folder = temporaryFolder();
      mkdirSync(join(folder.path, 'to'));
      const result = inNamespace(
        `${script}; status=$?; grep -c " ${folder.path}" /proc/self/mountinfo; find to; exit $status`,
        folder.path,
      );
      expect(result).toMatchObject({ stdout: '0\nto\n', status });
      expect(result.stderr).toMatch(stderr);
    });
  }

  test('umount before a program, and not when it fails', (context) => {
    needs(context, needsRoot, needsProgram('unshare'));
    using folder = temporaryFolder();
    mkdirSync(join(folder.path, 'to'));
    const twice =
      'ts-mount -t tmpfs ours to ts-umount to -- sh -c \'grep -c " $PWD" /proc/self/mountinfo; ts-umount to -- echo never\'';
    const { stdout, stderr, status } = inNamespace(twice, folder.path);
    expect({ stdout, status }).toEqual({ stdout: '0\n', status: 32 });
    expect(stderr).toBe('ts-umount: to: umount(2) system call failed: Invalid argument\nts-umount: to: not mounted\n');
  });
});

describe('R5: propagation, as mount_namespaces(7) says', () => {
  /** Whether a mount made on one side is seen on the other one. */
  const seen = (change: string, context: TestContext) => {
    needs(context, needsRoot, needsProgram('unshare'));
    using folder = temporaryFolder();
    const script = `
      mount -t tmpfs base ${folder.path} && mkdir ${folder.path}/from ${folder.path}/to || exit
      mount -t tmpfs shared ${folder.path}/from && mount --make-shared ${folder.path}/from && mkdir ${folder.path}/from/x ${folder.path}/from/y || exit
      mount --bind ${folder.path}/from ${folder.path}/to && mount ${change} ${folder.path}/to || exit
      mount -t tmpfs one ${folder.path}/from/x && mount -t tmpfs two ${folder.path}/to/y || exit
      grep -c '/to/x ' /proc/self/mountinfo
      grep -c '/from/y ' /proc/self/mountinfo
      mkdir ${folder.path}/again && mount --bind ${folder.path}/to ${folder.path}/again 2>/dev/null && echo bound`;
    const { stdout, stderr } = shell(`unshare -m sh -c "${script}"`, { compat: true });
    expect(stderr).toBe('');
    return stdout.trim().split('\n');
  };

  test.for([
    ['--make-shared', ['1', '1', 'bound']],
    ['--make-slave', ['1', '0', 'bound']],
    ['--make-private', ['0', '0', 'bound']],
    ['--make-unbindable', ['0', '0']],
    ['--make-slave --make-shared', ['1', '0', 'bound']],
  ] as const)('%s', ([change, expected], context) => {
    expect(seen(change, context)).toEqual(expected);
  });
});

describe('O1: an overlay', () => {
  for (const uid of isRoot ? [0, NOBODY] : [process.getuid?.() as number]) {
    test(`new, changed and deleted files land in upper only, as user ${uid}`, () => {
      using folder = temporaryFolder();
      run(['chmod', '777', folder.path]);
      // In a user namespace overlayfs may not use the attributes that only root can set.
      const [unshare, options] = uid === 0 ? ['unshare -m', ''] : ['unshare -rm', ',userxattr'];
      const script = `
        mkdir lower upper work merged lower/dir && echo old >lower/changed && echo old >lower/deleted && echo old >lower/dir/file || exit
        mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work${options} overlay merged || exit
        echo new >merged/new && echo new >merged/changed && rm merged/deleted && rm -r merged/dir && mkdir merged/dir || exit
        ls merged upper lower; cat lower/changed upper/changed; test -c upper/deleted && echo whiteout; ls merged/dir lower/dir`;
      const { stdout, stderr, status } = shell(`${unshare} sh -c '${script}'`, {
        compat: true,
        uid,
        cwd: folder.path,
      });
      expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
      expect(stdout.replaceAll('\n', ' ')).toBe(
        'lower: changed deleted dir  merged: changed dir new  upper: changed deleted dir new old new whiteout lower/dir: file  merged/dir: ',
      );
      expect(isMounted(join(folder.path, 'merged'))).toBe(false);
      // What overlayfs has made inside its work folder is for root alone.
      run(['chmod', '-R', 'u+rwx', folder.path]);
    });
  }
});

describe('a bind mount in a user namespace', () => {
  test('becomes read-only although other attributes are locked', (context) => {
    needs(context, needsRoot, needsProgram('unshare', 'setpriv'));
    using folder = temporaryFolder();
    const inner = 'mount --bind -o ro from to && grep -o "/to ro,nosuid,nodev" /proc/self/mountinfo; touch to/x';
    const script = `
      mkdir from to && mount -t tmpfs -o nosuid,nodev,mode=777 ours from || exit
      setpriv --reuid ${NOBODY} --regid ${NOBODY} --clear-groups unshare -rm sh -c '${inner}'`;
    const { stdout, stderr } = shell(`unshare -m sh -c "${script.replaceAll('"', '\\"')}"`, {
      compat: true,
      cwd: folder.path,
    });
    expect({ stdout, stderr }).toEqual({
      stdout: '/to ro,nosuid,nodev\n',
      stderr: "touch: cannot touch 'to/x': Read-only file system\n",
    });
  });
});

describe('why a mount failed is said', () => {
  const asNobody = (script: string, cwd: string) =>
    shell(script, { compat: true, cwd, uid: process.getuid?.() === 0 ? NOBODY : undefined });

  test('no rights', () => {
    using folder = temporaryFolder();
    expect(asNobody('mount -t tmpfs x .', folder.path)).toMatchObject({
      status: 32,
      stderr: `mount: ${folder.path}: must be superuser to use mount.\n       dmesg(1) may have more information after failed mount system call.\nmount: this needs CAP_SYS_ADMIN: be root, or mount in namespaces of your own: unshare --map-root-user --mount\n`,
    });
  });

  test('R4: proc without a PID namespace', () => {
    using folder = temporaryFolder();
    const { stderr, status } = asNobody('unshare -Urm mount -t proc proc .', folder.path);
    expect(status).toBe(32);
    expect(stderr).toMatch(
      /^mount: .*: permission denied\.\n.*\nmount: in a user namespace proc can be mounted only with a PID namespace of its own: unshare --pid --fork\n$/,
    );
    expect(asNobody('unshare -Urmpf mount -t proc proc .', folder.path)).toMatchObject({ status: 0, stderr: '' });
  });

  test('a busy mount: what is below, who is in it', (context) => {
    needs(context, needsRoot, needsProgram('unshare'));
    using folder = temporaryFolder();
    const script = `mount -t tmpfs x ${folder.path} && mkdir ${folder.path}/in && mount -t tmpfs y ${folder.path}/in && umount ${folder.path}; umount ${folder.path}/in; cd ${folder.path}; umount ${folder.path}`;
    const { stderr, status } = shell(`unshare -m sh -c '${script}'`, { compat: true });
    expect(status).toBe(32);
    expect(stderr).toMatch(/target is busy\.\numount: mounts lie below it: \S+\/in; --recursive/);
    expect(stderr).toMatch(/target is busy\.\numount: used by \d+ \(sh\); --lazy/);
  });
});
