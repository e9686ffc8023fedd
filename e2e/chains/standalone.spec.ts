/** The stand-alone executable: what only it does. Everything else is tested with it by TS_TEST_STANDALONE. */
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { NOBODY, root, run, standalone, temporaryFolder } from '../harness/run.ts';
import { needs, needsProgram, needsRoot } from '../harness/skip.ts';

const file = standalone ?? join(root, 'dist/standalone/ts-tools');
beforeEach((context) => needs(context, () => (existsSync(file) ? undefined : 'not built: npm run build:standalone')));

/** A folder with links to it. */
function links(...options: string[]) {
  const folder = temporaryFolder();
  expect(run([file, '--install', folder.path, ...options])).toMatchObject({ status: 0, stdout: '', stderr: '' });
  return { ...folder, at: (name: string) => join(folder.path, name), [Symbol.dispose]: () => folder[Symbol.dispose]() };
}

describe('ts-tools', () => {
  test('alone lists the tools', () => {
    const { stdout, status } = run([file]);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^ts-unshare +\S.*$/m);
    const { tools } = JSON.parse(run([file, '--json']).stdout) as { tools: { name: string; replaces: string[] }[] };
    expect(stdout.split('\n').length - 1).toBe(tools.length);
    expect(tools.find(({ name }) => name === 'ts-mount')?.replaces).toContain('mount');
  });

  test('is the tool of its first word, which calls itself so', () => {
    expect(run([file, 'unshare', '-Ur', 'id', '-u'])).toMatchObject({ status: 0, stdout: '0\n', stderr: '' });
    expect(run([file, 'ts-unshare', '-u', 'nosuch'])).toMatchObject({
      status: 127,
      stderr: 'ts-unshare: failed to execute nosuch: No such file or directory\n',
    });
  });

  test('knows no other', () => {
    expect(run([file, 'nosuch'])).toMatchObject({
      status: 127,
      stderr: 'ts-tools: no such tool: nosuch\nts-tools: ts-tools without arguments lists them\n',
    });
  });

  test('answers --help and --version', () => {
    expect(run([file, '--help']).stdout).toContain('--install');
    expect(run([file, '--version']).stdout).toMatch(/^ts-tools from container-microtools /);
  });
});

describe('--install', () => {
  test('makes a link a tool, and the originals’ names where asked', () => {
    using ours = links();
    const names = readdirSync(ours.path);
    expect(names).toContain('ts-unshare');
    expect(names.every((name) => name.startsWith('ts-'))).toBe(true);
    expect(readlinkSync(ours.at('ts-unshare'))).toBe(file);
    using both = links('--originals');
    expect(readdirSync(both.path)).toEqual(expect.arrayContaining([...names, 'unshare', 'mount', 'capsh']));
    expect(run([both.at('unshare'), '-u', 'nosuch']).stderr).toMatch(/^unshare: /);
  });

  test('again, it replaces its own links', () => {
    using folder = links();
    expect(run([file, '--install', folder.path])).toMatchObject({ status: 0, stderr: '' });
  });

  test('replaces nothing else, and then makes none', () => {
    using folder = temporaryFolder();
    writeFileSync(join(folder.path, 'ts-mount'), 'mine');
    expect(run([file, '--install', folder.path])).toMatchObject({
      status: 1,
      stderr: `ts-tools: not replaced: ${folder.path}/ts-mount\nts-tools: nothing was installed; remove them first\n`,
    });
    expect(readdirSync(folder.path)).toEqual(['ts-mount']);
  });

  test('says that there is no such folder, or that it may not be written to', () => {
    expect(run([file, '--install', '/nonexistent'])).toMatchObject({
      status: 1,
      stderr: 'ts-tools: /nonexistent: not a directory\n',
    });
    using folder = temporaryFolder();
    expect(run([file, '--install', folder.path], { uid: NOBODY })).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/^ts-tools: cannot make \S+: Permission denied\n$/),
    });
  });
});

describe('called by a link', () => {
  test('of any name that leads to a tool’s', () => {
    using folder = links();
    symlinkSync('ts-unshare', folder.at('apart'));
    expect(run([folder.at('apart'), '-Ur', 'id', '-u']).stdout).toBe('0\n');
  });

  test('a chain is one process', (context) => {
    needs(context, needsProgram('strace'));
    using folder = links();
    const starts = (env: Record<string, string>) =>
      run(
        ['strace', '-f', '-e', 'trace=execve', 'ts-unshare', '-Ur', 'ts-unshare', '-u', file, 'unshare', '-n', 'true'],
        {
          env: { PATH: `${folder.path}:/usr/bin:/bin`, ...env },
        },
      ).stderr.match(/^(\[pid +\d+\] )?execve\("[^"]*ts-[a-z]+", .* = 0$/gm)?.length;
    expect(starts({})).toBe(1);
    expect(starts({ TS_TOOLS_NO_FUSE: '1' })).toBe(3);
  });

  test('a failure is explained', (context) => {
    needs(context, needsRoot);
    using folder = links();
    const { stderr, status } = run([folder.at('ts-mount'), '-t', 'nosuchfs', 'x', '/mnt', 'true']);
    expect(status).toBe(32);
    expect(stderr).toMatch(/^ts-mount: .*\nts-mount: .*\n$/);
  });
});

describe('what Bun would heed', () => {
  test('variables and files of the folder change nothing, and are passed on', () => {
    using folder = temporaryFolder();
    writeFileSync(join(folder.path, 'bunfig.toml'), 'preload = ["./preload.ts"]\n');
    writeFileSync(join(folder.path, 'preload.ts'), 'console.log("preloaded")\n');
    writeFileSync(join(folder.path, '.env'), 'A=from-a-file\n');
    const env = {
      BUN_OPTIONS: '--bogus',
      BUN_BE_BUN: '1',
      BUN_JSC_useJIT: '0',
      NODE_OPTIONS: '--bogus',
      LD_PRELOAD: '/nonexistent.so',
      BUN_INSPECT: 'ws://localhost:1/x',
    };
    const { stdout, status } = run([file, 'unshare', '-u', '/usr/bin/env'], { cwd: folder.path, env });
    expect(status).toBe(0);
    for (const [name, value] of Object.entries(env)) expect(stdout).toContain(`${name}=${value}\n`);
    expect(stdout).not.toMatch(/preloaded|from-a-file/);
  });

  test('nothing is left behind', () => {
    using folder = temporaryFolder();
    chmodSync(folder.path, 0o1777);
    const env = { TMPDIR: folder.path, BUN_TMPDIR: folder.path, HOME: folder.path, XDG_CACHE_HOME: folder.path };
    expect(run([file, 'lsns'], { env, cwd: folder.path, uid: NOBODY }).status).toBe(0);
    expect(readdirSync(folder.path)).toEqual([]);
  });
});

test('in a root file system without Node, made by itself', (context) => {
  needs(context, needsRoot);
  using folder = links();
  const tree = folder.at('tree');
  expect(run([folder.at('ts-rootfs'), tree, 'sh', 'id', folder.at('ts-unshare')])).toMatchObject({
    status: 0,
    stderr: '',
  });
  expect(run([folder.at('ts-chroot'), tree, folder.at('ts-unshare'), '-u', 'id', '-u'])).toMatchObject({
    status: 0,
    stdout: '0\n',
    stderr: '',
  });
});

test('can be set-user-id, which a script cannot', (context) => {
  needs(context, needsRoot);
  using folder = temporaryFolder();
  mkdirSync(join(folder.path, 'bin'));
  const copy = join(folder.path, 'bin/ts-unshare');
  copyFileSync(file, copy);
  chmodSync(copy, 0o4755);
  const { stdout } = run([copy, '-u', 'id', '-u'], { uid: NOBODY, cwd: '/' });
  expect(stdout).toBe('0\n');
});
