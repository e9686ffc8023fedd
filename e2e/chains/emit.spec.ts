/** Chains that were written into an executable file of their own. */
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { compileC, needsCompiler } from '../harness/compile.ts';
import { isRoot, NOBODY, type RunOptions, run, shell, temporaryFolder } from '../harness/run.ts';
import { needs, needsRoot } from '../harness/skip.ts';

const folder = temporaryFolder();
afterAll(() => folder[Symbol.dispose]());

let count = 0;
/** Writes the file, as whoever runs the tests; gives its path. */
function emit(words: readonly string[], options: RunOptions & { fixed?: string } = {}): string {
  const { fixed, ...rest } = options;
  const [tool, ...others] = words as [string, ...string[]];
  const file = join(folder.path, `emitted-${++count}`);
  const result = run([tool, '--emit', file, ...(fixed ? ['--emit-fixed', fixed] : []), ...others], rest);
  expect(result).toEqual({ status: 0, signal: null, stdout: '', stderr: '' });
  return file;
}

const USERS = isRoot ? [0, NOBODY] : [process.getuid?.() as number];

describe('what a chain does, its file does', () => {
  const LOOK =
    'id -u; cat /proc/self/uid_map; uname -n; grep -c " /mnt " /proc/self/mountinfo; grep ^Cap /proc/self/status; cat /proc/self/cgroup; ulimit -a; cat <&0';
  const chain = (words: string, ...rest: readonly string[]) => [...words.split(' '), ...rest];
  const CHAINS = [
    chain('ts-unshare -rmpuf ts-mount -t tmpfs x /mnt -- ts-hostname box sh -c', LOOK),
    chain('ts-unshare -rmu ts-hostname box ts-capsh --shell=/bin/sh --drop=cap_chown -- -c', LOOK),
    chain('ts-unshare -r --keep-caps sh -c', LOOK),
    chain('ts-unshare -rpf --mount-proc --kill-child sh -c', `${LOOK}; echo $$; ls -d /proc/[0-9]*; exit 7`),
    chain('ts-unshare -r --root / --wd /etc sh -c', 'pwd; exit 3'),
    chain('ts-unshare -rmpuf ts-pivot --bind --umount-old --proc /usr /usr -- /bin/sh -c', 'ls /; exit 4'),
    chain('ts-unshare -rf sh -c', 'kill -TERM $$'),
    chain('ts-unshare -r nonexistent-program'),
    chain('ts-unshare -rm ts-mount -t tmpfs x /nonexistent -- true'),
  ];
  for (const words of CHAINS)
    test(words.join(' '), (context) => {
      needs(context, needsRoot);
      const file = emit(words, { cwd: '/' });
      // Written by root, it runs as whoever runs it.
      for (const uid of USERS) {
        const options = { uid, cwd: '/', env: { TS_HINTS: '0' } };
        expect(run([file], options)).toEqual(run(words, options));
      }
    });
});

describe('what is settled when', () => {
  const show = ['ts-unshare', '-ru', 'sh', '-c', 'echo "$A:$*"', 'name'];

  test('by default all of it when it runs: environment, arguments, PATH', () => {
    const file = emit([...show, 'own'], { env: { A: 'then' } });
    const named = emit(['ts-unshare', '-ru', 'tool-of-the-path', 'own'], { env: { A: 'then' } });
    const other = join(folder.path, 'other');
    mkdirSync(other);
    writeFileSync(join(other, 'tool-of-the-path'), '#!/bin/sh\necho "$A:$*"\n', { mode: 0o755 });
    expect(run([file, 'b c', 'd'], { env: { A: 'now' } }).stdout).toBe('now:own b c d\n');
    expect(run([named, 'more'], { env: { A: 'now', PATH: `${other}:/usr/bin:/bin` } }).stdout).toBe('now:own more\n');
    expect(run([named], { env: { PATH: '/nonexistent' } })).toMatchObject({
      status: 127,
      stderr: 'ts-unshare: failed to execute tool-of-the-path: No such file or directory\n',
    });
  });

  test('environment, arguments and PATH of then', () => {
    const file = emit([...show, 'own'], { env: { A: 'then' }, fixed: 'environment,arguments,path' });
    expect(run([file, 'b'], { env: { A: 'now', PATH: '/nonexistent' } }).stdout).toBe('then:own\n');
  });

  test('the user: of whoever runs it, unless that is fixed or what was planned depends on it', (context) => {
    needs(context, needsRoot);
    const id = ['sh', '-c', 'cat /proc/self/uid_map'];
    const maps = (file: string, uid: number) => run([file], { uid }).stdout.trim().split(/\s+/);
    const free = emit(['ts-unshare', '-r', ...id]);
    for (const uid of USERS) expect(maps(free, uid)).toEqual(['0', String(uid), '1']);
    const refusal = 'ts-unshare: this was made for user 0: run it as that user, or emit it anew\n';
    for (const file of [
      emit(['ts-unshare', '-r', ...id], { fixed: 'user' }),
      emit(['ts-unshare', '--map-current-user', ...id]),
    ]) {
      expect(run([file], { uid: NOBODY })).toEqual({ status: 1, signal: null, stdout: '', stderr: refusal });
      expect(run([file]).status).toBe(0);
    }
  });

  test('a process of then is named by its number of then', (context) => {
    needs(context, needsRoot);
    const bound = join(folder.path, 'uts');
    writeFileSync(bound, '');
    const file = emit(['ts-unshare', `--uts=${bound}`, 'ts-hostname', 'kept', 'true']);
    expect(run([file])).toMatchObject({ status: 0, stderr: '' });
    expect(run(['ts-nsenter', `--uts=${bound}`, 'uname', '-n']).stdout).toBe('kept\n');
    expect(run(['ts-umount', bound]).status).toBe(0);
    const mapped = emit(['ts-unshare', '-U', '--map-users=0:0:5', '--map-groups=0:0:5', 'cat', '/proc/self/uid_map']);
    expect(run([mapped]).stdout.trim().split(/\s+/)).toEqual(['0', '0', '5']);
  });
});

test('needs nothing: in a tree of itself and one static program, as first process there, without /proc', (context) => {
  needs(context, needsRoot, needsCompiler);
  const tree = join(folder.path, 'tree');
  mkdirSync(tree);
  const source = join(folder.path, 'first.c');
  writeFileSync(
    source,
    '#include <stdio.h>\n#include <unistd.h>\n#include <sys/utsname.h>\nint main(int n, char **v) { struct utsname u; uname(&u); printf("%d %s %s\\n", getpid(), u.nodename, v[n - 1]); return 5; }\n',
  );
  compileC(source, join(tree, 'first'), '-static');
  const file = emit(['ts-unshare', '-u', 'ts-hostname', 'box', '/first', 'own']);
  const size = statSync(file).size;
  expect(size).toBeLessThan(20_000);
  writeFileSync(join(tree, 'init'), readFileSync(file), { mode: 0o755 });
  expect(run(['unshare', '-pf', 'chroot', tree, '/init', 'given'])).toEqual({
    status: 5,
    signal: null,
    stdout: '1 box given\n',
    stderr: '',
  });
});

test('--trace with it: the file says what it does', () => {
  const file = join(folder.path, 'tracing');
  expect(run(['ts-unshare', '--emit', file, '--trace', '-ru', 'true']).status).toBe(0);
  const { stderr } = run([file]);
  expect(stderr).toContain(
    'unshare(CLONE_NEWUTS|CLONE_NEWUSER) = 0\n'.replace('CLONE_NEWUTS|CLONE_NEWUSER', 'CLONE_NEWUSER|CLONE_NEWUTS'),
  );
  expect(stderr).toMatch(/execvp\("true", \["true", \.\.\.\]\)/);
});

describe('the file itself', () => {
  const modeOf = (file: string) => (statSync(file).mode & 0o7777).toString(8);
  const written = (file: string, ...options: string[]) =>
    expect(
      shell('umask "$1"; shift; exec "$@"', {
        words: [...options.splice(0, 1), 'ts-unshare', '--emit', file, ...options, '-u', 'true'],
      }),
    ).toMatchObject({ status: 0, stderr: '' });

  test('is for its owner alone where it holds an environment, whatever the umask and whatever was there', () => {
    for (const umask of ['000', '022', '077', '777']) {
      const secret = join(folder.path, `secret-${umask}`);
      writeFileSync(secret, 'was here', { mode: 0o777 });
      chmodSync(secret, 0o777);
      written(secret, umask, '--emit-fixed=environment,path');
      expect([umask, modeOf(secret)]).toEqual([umask, '700']);
      expect(run([secret])).toMatchObject({ status: isRoot ? 0 : expect.any(Number) });
    }
    const open = join(folder.path, 'open');
    written(open, '022');
    expect(modeOf(open)).toBe('755');
    written(open, '027', '--emit-fixed=path');
    expect(modeOf(open)).toBe('750');
  });

  test('has exactly the name that was given, of any bytes, and of any length', () => {
    using names = temporaryFolder();
    const name = 'x'.repeat(255);
    expect(
      shell('ts-unshare --emit "$(printf "em\\377")" -u true && ts-unshare --emit "$1" -u true', {
        words: [name],
        cwd: names.path,
      }),
    ).toMatchObject({ status: 0, stderr: '' });
    const found = readdirSync(names.path, { encoding: 'buffer' }).map((each) => each.toString('latin1'));
    expect(found.sort()).toEqual(['em\xff', name]);
  });

  test('is there whole or not at all: a limit of its size leaves what was there', () => {
    using names = temporaryFolder();
    const kept = join(names.path, 'kept');
    writeFileSync(kept, 'as it was');
    for (const file of [kept, join(names.path, 'new')])
      expect(shell('ulimit -f 1; exec ts-unshare --emit "$1" -u true', { words: [file] })).toMatchObject({
        status: 1,
        stderr: `ts-unshare: cannot write ${file}: File too large\n`,
      });
    expect(readdirSync(names.path)).toEqual(['kept']);
    expect(readFileSync(kept, 'utf8')).toBe('as it was');
  });
});

describe('refused', () => {
  const refused = (words: readonly string[], file = join(folder.path, 'none')) => {
    const [tool, ...rest] = words as [string, ...string[]];
    return run([tool, '--emit', file, ...rest], { cwd: folder.path });
  };
  test.each([
    ['ts-mount -t tmpfs x /mnt', 'ts-mount: ts-mount cannot be emitted: it ends in no program, or prints before'],
    ['ts-unshare -u ts-hostname', 'ts-unshare: ts-hostname cannot be emitted: it ends in no program, or prints before'],
    [
      'ts-unshare -u ts-capsh --print',
      'ts-unshare: ts-capsh cannot be emitted: it ends in no program, or prints before',
    ],
    ['ts-unshare -u ts-unshare --help', 'ts-unshare: ts-unshare cannot be emitted: --help is for itself alone'],
    [
      'ts-unshare -U ts-capsh --drop=all -- -c true',
      'ts-unshare: ts-capsh cannot be emitted: which rights an execve leaves it is known only then',
    ],
    ['ts-unshare -r ts-unshare --map-user=nonesuch true', "ts-unshare: failed to parse uid: 'nonesuch'"],
    [
      'ts-unshare -mu ts-mount --bind /etc/hosts /etc/hostname -- ts-hostname -F /etc/hostname -- true',
      'ts-unshare: ts-hostname cannot be emitted: it reads /etc/hostname, which is mounted over before it',
    ],
  ])('%s', (words, message) => {
    expect(refused(words.split(' '))).toEqual({
      status: 1,
      signal: null,
      stdout: '',
      stderr: `${message}\n`,
    });
    expect(existsSync(join(folder.path, 'none'))).toBe(false);
  });

  test('a file that cannot be written; what stood there stays', () => {
    const kept = join(folder.path, 'kept');
    writeFileSync(kept, 'as it was');
    expect(refused(['ts-mount', '-t', 'tmpfs', 'x', '/mnt'], kept).status).toBe(1);
    expect(readFileSync(kept, 'utf8')).toBe('as it was');
    expect(refused(['ts-unshare', 'true'], '/nonexistent/file')).toMatchObject({
      status: 1,
      stderr: 'ts-unshare: cannot write /nonexistent/file: No such file or directory\n',
    });
    expect(refused(['ts-unshare', 'true'], folder.path).stderr).toBe(
      `ts-unshare: cannot write ${folder.path}: Is a directory\n`,
    );
    expect(readdirSync(folder.path).filter((name) => name.startsWith('.ts-emit'))).toEqual([]);
  });

  test('words that are none', () => {
    expect(run(['ts-unshare', '--emit-fixed=path', 'true']).stderr).toMatch(
      /^ts-unshare: --emit-fixed says more of --emit/,
    );
    expect(run(['ts-unshare', '--emit=x', '--emit-fixed=colour', 'true'], { cwd: folder.path }).stderr).toMatch(
      /^ts-unshare: --emit-fixed knows user, path, environment, arguments, not 'colour'/,
    );
  });
});
