import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bin, isRoot, NOBODY, original, run, shell, temporaryFolder } from '../harness/run.ts';
import { needs, needsProgram, needsRoot } from '../harness/skip.ts';

/** A harmless way to start each program of the default list. */
const PROGRAMS: Readonly<Record<string, string>> = {
  sh: "sh -c 'echo x'",
  bash: "bash -c 'echo x'",
  ls: 'ls /',
  cat: 'cat /etc/passwd',
  id: 'id',
  ps: 'ps -A',
  mount: 'mount --version',
  umount: 'umount --version',
  hostname: 'hostname',
  uname: 'uname -a',
  ip: 'ip -V',
  grep: 'grep root /etc/passwd',
  awk: "awk 'BEGIN{print 1}'",
  sleep: 'sleep 0',
  yes: 'yes --version',
  df: 'df --version',
  env: 'env',
  true: 'true',
  head: 'head -n 1 /etc/passwd',
  tail: 'tail -n 1 /etc/passwd',
  wc: 'wc /etc/passwd',
  stat: 'stat /',
  touch: 'touch /tmp/x',
  mkdir: 'mkdir /tmp/d',
  rm: 'rm -f /tmp/x',
  ln: 'ln -sf a /tmp/l',
  capsh: 'capsh --print',
  ping: 'ping -V',
  kill: '/bin/kill --version',
  tty: 'tty --version',
  stty: 'stty --version',
  test: '/usr/bin/test -e /',
  dd: 'dd --version',
};

const FOLDERS = {
  '/proc': 0o555,
  '/sys': 0o555,
  '/dev': 0o755,
  '/dev/pts': 0o755,
  '/dev/shm': 0o1777,
  '/tmp': 0o1777,
  '/root': 0o700,
};

/** With a /proc of its own, which some programs look at. */
const runInside = (root: string, script: string) => {
  const [unshare, mount, chroot] = ['unshare', 'mount', 'chroot'].map((name) => original(name) as string) as [
    string,
    string,
    string,
  ];
  const steps = `${mount} -t proc proc ${root}/proc && exec ${chroot} ${root} /bin/sh -c "$1"`;
  return run([unshare, '-mpf', ...(isRoot ? [] : ['-r']), 'sh', '-c', steps, 'sh', script], {
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
  });
};

describe('ts-rootfs', () => {
  const folder = temporaryFolder();
  const root = join(folder.path, 'root');
  beforeAll(() => {
    expect(run([join(bin, 'ts-rootfs'), root])).toEqual({ status: 0, signal: null, stdout: '', stderr: '' });
  });
  afterAll(() => folder[Symbol.dispose]());

  const inside = (script: string) => runInside(root, script);

  for (const [program, script] of Object.entries(PROGRAMS)) {
    test(`${program} runs in it`, (context) => {
      needs(context, needsProgram('unshare', 'mount', 'chroot', program));
      expect(inside(script)).toMatchObject({ status: 0, stderr: '' });
    });
  }

  test('names, folders, accounts', (context) => {
    needs(context, needsProgram('chroot'));
    expect(inside('id').stdout).toMatch(/^uid=0\(root\) gid=0\(root\)/);
    expect(inside('ls /').stdout).toMatch(/^bin\n[\s\S]*\nusr\n$/);
    expect(inside('ls /').stdout).not.toMatch(/home|mnt|var/);
    for (const [path, mode] of Object.entries(FOLDERS))
      expect([path, statSync(join(root, path)).mode & 0o7777]).toEqual([path, mode]);
    expect(
      readFileSync(join(root, 'etc/passwd'), 'utf8')
        .split('\n')
        .map((line) => line.split(':')[0]),
    ).toEqual(['root', 'nobody', '']);
    expect(readFileSync(join(root, 'etc/resolv.conf'), 'utf8')).toBe(
      existsSync('/etc/resolv.conf') ? readFileSync('/etc/resolv.conf', 'utf8') : '',
    );
  });

  test('links of the host are links, copies have no set-id bits', () => {
    for (const path of ['bin', 'sbin', 'lib', 'lib64']) {
      if (!existsSync(`/${path}`) || !lstatSync(`/${path}`).isSymbolicLink()) continue;
      expect(readlinkSync(join(root, path))).toBe(readlinkSync(`/${path}`));
    }
    const find = run(['find', root, '-type', 'f', '-perm', '/6000']);
    expect(find.stdout).toBe('');
  });

  test('N9: a shell of the root file system is PID 1 of a PID namespace', (context) => {
    needs(context, needsRoot, needsProgram('chroot', 'ps', 'mount'));
    // The namespace of mounts is there so that nothing is left on the host.
    const words = `cd ${root} && unshare --mount unshare --pid --fork chroot . /bin/bash -c 'mount -t proc proc /proc && ps -A -o pid,comm; true'`;
    const idiom = `ts-unshare --mount --pid --fork ts-mount -t proc proc ${root}/proc chroot ${root} /bin/bash -c 'ps -A -o pid,comm; true'`;
    for (const script of [words, idiom]) {
      const { stdout, stderr, status } = shell(script, { compat: true });
      expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
      expect(stdout).toMatch(/^\s+PID COMMAND\n\s+1 bash\n\s+\d+ ps\n$/);
    }
    expect(readdirSync(join(root, 'proc'))).toEqual([]);
  });

  test('N9 with our own mount in it, which is started where there is no /proc', (context) => {
    needs(context, needsRoot, needsProgram('chroot', 'ps'));
    using other = temporaryFolder();
    const at = join(other.path, 'root');
    expect(run(['ts-rootfs', at, 'bash', 'ps', 'ts-mount'])).toMatchObject({ stderr: '', status: 0 });
    const mount = join(bin, 'ts-mount');
    const script = `${mount}; ${mount} -t proc proc /proc && ps -A -o pid,comm; ${mount}`;
    const { stdout, stderr, status } = shell(
      `cd ${at} && unshare --mount unshare --pid --fork chroot . /bin/bash -c '${script}'`,
      { compat: true },
    );
    expect(stderr).toBe(
      'ts-mount: failed to read mtab: No such file or directory\nts-mount: the table of mounts is in /proc: mount -t proc proc /proc\n',
    );
    expect(stdout).toMatch(/^\s+PID COMMAND\n\s+1 bash\n\s+\d+ ps\nproc on \/proc type proc \(rw,relatime\)\n$/);
    expect(status).toBe(0);
  });
});

describe('ts-rootfs with programs that are named', () => {
  test('only they and what they need; --json says why', () => {
    using folder = temporaryFolder();
    const root = join(folder.path, 'root');
    const { stdout, stderr, status } = run(['ts-rootfs', '--json', root, 'true']);
    expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
    const report = JSON.parse(stdout) as {
      root: string;
      size: number;
      entries: { path: string; kind: string; size: number; why: string }[];
    };
    expect(report.root).toBe(root);
    const files = report.entries.filter(({ kind }) => kind === 'file');
    expect(files.filter(({ why }) => why === 'program').map(({ path }) => path)).toEqual([
      expect.stringMatching(/\/true$/),
    ]);
    for (const { path, kind, size } of report.entries) {
      const status = lstatSync(join(root, path));
      expect([path, kind]).toEqual([path, status.isSymbolicLink() ? 'link' : status.isDirectory() ? 'folder' : 'file']);
      if (kind === 'file') expect([path, status.size]).toEqual([path, size]);
    }
    const made = run(['find', '.', '-type', 'f'], { cwd: root })
      .stdout.trim()
      .split('\n')
      .map((path) => path.slice(1))
      .sort();
    expect(files.map(({ path }) => path).sort()).toEqual(made);
    expect(report.size).toBe(files.reduce((sum, { size }) => sum + size, 0));
  });

  test('a script brings its interpreter, by env too', (context) => {
    needs(context, needsProgram('chroot', 'bash'));
    using folder = temporaryFolder();
    const script = join(folder.path, 'script');
    writeFileSync(script, '#!/usr/bin/env bash\necho "$BASH" | grep -c bash\n', { mode: 0o755 });
    const root = join(folder.path, 'root');
    expect(run(['ts-rootfs', root, './script', 'grep'], { cwd: folder.path })).toMatchObject({ stderr: '', status: 0 });
    const argv = [...(isRoot ? [] : [original('unshare') as string, '-r']), original('chroot') as string, root, script];
    expect(run(argv, { env: { PATH: '/usr/bin:/bin' } })).toMatchObject({ stdout: '1\n', stderr: '', status: 0 });
  });

  test('a library found by $ORIGIN of a program elsewhere', (context) => {
    needs(context, needsProgram('gcc', 'chroot'));
    using folder = temporaryFolder();
    const at = (path: string) => join(folder.path, path);
    for (const path of ['opt/bin', 'opt/lib']) mkdirSync(at(path), { recursive: true });
    writeFileSync(at('l.c'), 'int answer(void) { return 42; }\n');
    writeFileSync(at('p.c'), 'int answer(void); int main(void) { return answer(); }\n');
    expect(run(['gcc', '-shared', '-fPIC', '-o', at('opt/lib/libl.so'), at('l.c')])).toMatchObject({ status: 0 });
    const link = ['gcc', '-o', at('opt/bin/p'), at('p.c'), `-L${at('opt/lib')}`, '-ll'];
    for (const tags of ['--enable-new-dtags', '--disable-new-dtags']) {
      expect(run([...link, `-Wl,${tags},-rpath,$ORIGIN/../lib`])).toMatchObject({ status: 0 });
      const root = at(`root${tags}`);
      expect(run(['ts-rootfs', root, 'sh', at('opt/bin/p')])).toMatchObject({ stderr: '', status: 0 });
      expect(runInside(root, at('opt/bin/p'))).toMatchObject({ status: 42, stderr: '' });
    }
  });

  test('the originals are copied where our tools stand in for them', (context) => {
    needs(context, needsProgram('mount'));
    using folder = temporaryFolder();
    const root = join(folder.path, 'root');
    expect(shell(`ts-rootfs ${root} mount`, { compat: true })).toMatchObject({ stderr: '', status: 0 });
    const copy = ['usr/bin/mount', 'bin/mount']
      .map((path) => join(root, path))
      .find((path) => existsSync(path)) as string;
    expect(readFileSync(copy).equals(readFileSync(original('mount') as string))).toBe(true);
  });

  test('as an ordinary user', (context) => {
    needs(context, needsRoot, needsProgram('setpriv'));
    using folder = temporaryFolder();
    run(['chmod', '777', folder.path]);
    const root = join(folder.path, 'root');
    expect(run(['ts-rootfs', root, 'sh', 'id'], { uid: NOBODY })).toMatchObject({ stderr: '', status: 0 });
    expect(statSync(join(root, 'etc/passwd')).uid).toBe(NOBODY);
    expect(shell(`unshare -r chroot ${root} /bin/sh -c id`, { uid: NOBODY }).stdout).toMatch(/^uid=0\(root\)/);
  });

  test('what is there stays or is refreshed', () => {
    using folder = temporaryFolder();
    const at = (path: string) => join(folder.path, path);
    expect(run(['ts-rootfs', folder.path, 'true'])).toMatchObject({ status: 0 });
    writeFileSync(at('etc/passwd'), 'mine\n');
    writeFileSync(at('other'), 'mine\n');
    const program = run(['find', folder.path, '-name', 'true', '-type', 'f']).stdout.trim();
    writeFileSync(program, 'damaged');
    expect(run(['ts-rootfs', folder.path, 'true', 'false'])).toMatchObject({ stderr: '', status: 0 });
    expect([readFileSync(at('etc/passwd'), 'utf8'), readFileSync(at('other'), 'utf8')]).toEqual(['mine\n', 'mine\n']);
    expect(statSync(program).size).toBeGreaterThan(1000);
  });
});

describe('a hostile folder leads nobody out of it', () => {
  const LINKS: readonly (readonly [name: string, make: (root: string, outside: string) => void])[] = [
    [
      'absolute links for folders',
      (root, outside) =>
        ['usr', 'etc', 'bin', 'dev', 'tmp', 'proc', 'lib'].forEach((name) => {
          symlinkSync(outside, join(root, name));
        }),
    ],
    [
      'relative links upwards',
      (root) =>
        ['usr', 'etc', 'tmp'].forEach((name) => {
          symlinkSync(`../../../../../../..${join(root, '../outside')}`, join(root, name));
        }),
    ],
    [
      'a link below',
      (root, outside) => {
        mkdirSync(join(root, 'usr'));
        symlinkSync(outside, join(root, 'usr/bin'));
      },
    ],
    [
      'links for files',
      (root, outside) => {
        mkdirSync(join(root, 'etc'));
        mkdirSync(join(root, 'usr/bin'), { recursive: true });
        symlinkSync(join(outside, 'victim'), join(root, 'etc/passwd'));
        symlinkSync(join(outside, 'victim'), join(root, 'usr/bin/true'));
        symlinkSync(join(outside, 'new'), join(root, 'etc/hosts'));
      },
    ],
    [
      'links of /proc',
      (root) => {
        symlinkSync('/proc/self/cwd', join(root, 'usr'));
        symlinkSync('/proc/self/root', join(root, 'etc'));
      },
    ],
  ];
  for (const [name, make] of LINKS) {
    test(name, () => {
      using folder = temporaryFolder();
      const [root, outside] = [join(folder.path, 'root'), join(folder.path, 'outside')];
      mkdirSync(root);
      mkdirSync(outside);
      writeFileSync(join(outside, 'victim'), 'untouched');
      make(root, outside);
      const result = run(['ts-rootfs', root, 'true'], { cwd: outside });
      expect(readdirSync(outside)).toEqual(['victim']);
      expect(readFileSync(join(outside, 'victim'), 'utf8')).toBe('untouched');
      // It ends well inside the folder, or it says what is in its way.
      if (result.status !== 0)
        expect(result).toMatchObject({
          status: 1,
          stderr: expect.stringMatching(/^ts-rootfs: cannot \S+ .*'.*root\/.*': /),
        });
    });
  }
});

describe('failures leave nothing behind', () => {
  test.each([
    ['no folder', [], /^ts-rootfs: no directory specified\nTry 'ts-rootfs --help' for more information\.\n$/],
    ['no such program', ['root', 'nosuchprogram'], /^ts-rootfs: nosuchprogram: program not found\n$/],
    [
      'no folder above',
      ['no/root', 'true'],
      /^ts-rootfs: cannot create directory 'no\/root': No such file or directory\n$/,
    ],
    ['a file', ['/etc/passwd', 'true'], /^ts-rootfs: cannot open directory '\/etc\/passwd': Not a directory\n$/],
    [
      'a script without its interpreter',
      ['root', './script'],
      /^ts-rootfs: \.\/script: cannot read \/nonexistent\/sh: No such file or directory\n$/,
    ],
    ['a program that is cut off', ['root', './cut'], /^ts-rootfs: \.\/cut: .*cut: it is cut off\n$/],
    ['not a program', ['root', './text'], /^ts-rootfs: \.\/text: not executable\n$/],
    ['an unknown option', ['--nonsense', 'root'], /^ts-rootfs: unrecognized option '--nonsense'\n/],
  ])('%s', (_, argv, stderr) => {
    using folder = temporaryFolder();
    writeFileSync(join(folder.path, 'script'), '#!/nonexistent/sh\n', { mode: 0o755 });
    writeFileSync(join(folder.path, 'text'), 'text', { mode: 0o644 });
    writeFileSync(join(folder.path, 'cut'), readFileSync('/bin/true').subarray(0, 100), { mode: 0o755 });
    const before = readdirSync(folder.path);
    const result = run(['ts-rootfs', ...argv], { cwd: folder.path });
    expect(result).toMatchObject({ status: 1, stdout: '' });
    expect(result.stderr).toMatch(stderr);
    expect(readdirSync(folder.path)).toEqual(before);
  });

  test('a write that fails in the middle', () => {
    using folder = temporaryFolder();
    const { status, stderr } = shell('ulimit -f 1000; trap "" XFSZ; ts-rootfs root', { cwd: folder.path });
    expect(status).toBe(1);
    expect(stderr).toMatch(/^ts-rootfs: cannot copy '.*' to 'root\/.*': File too large\n$/);
    expect(readdirSync(folder.path)).toEqual([]);
  });

  test('in a folder that was there, only what was made is removed', () => {
    using folder = temporaryFolder();
    const occupied = join(folder.path, realpathSync(original('true') as string));
    mkdirSync(occupied, { recursive: true });
    writeFileSync(join(occupied, 'mine'), '');
    const before = run(['find', folder.path]).stdout;
    expect(run(['ts-rootfs', folder.path, 'true'])).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/Is a directory\n$/),
    });
    expect(run(['find', folder.path]).stdout).toBe(before);
  });
});
