import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { bin, compatPath, isRoot, NOBODY, originalPath, type Result, run, temporaryFolder } from '../harness/run.ts';
import { needs, needsRoot } from '../harness/skip.ts';
import { childrenOf, until } from '../harness/target.ts';

/** What a program can see of how it was started; numbers that differ from run to run are left out. */
const LOOK = [
  'grep -E "^(Cap|Sig[BIC]|NoNewPrivs|Uid|Gid|Groups|Umask|Name|Threads)" /proc/self/status',
  'cat /proc/self/uid_map /proc/self/gid_map /proc/self/setgroups',
  'cat /proc/self/limits /proc/self/oom_score_adj /proc/self/timerslack_ns',
  'cut -d" " -f5- /proc/self/mountinfo',
  'env -0 | tr "\\0" "\\n"',
  'for n in mnt uts ipc pid net user cgroup; do test "$(readlink /proc/self/ns/$n)" = "$(readlink /proc/$PARENT/ns/$n 2>/dev/null)" && echo same $n || echo other $n; done',
  'for f in /proc/self/fd/*; do readlink $f; done 2>/dev/null | sed "s/[0-9]\\{3,\\}//"',
  'hostname; pwd; echo "$0" "$#" "$@"',
].join('; ');

const clean = ({ stdout, ...rest }: Result): Result => ({
  ...rest,
  stdout: stdout.replaceAll(/pipe:\[\d*\]/g, 'pipe'),
});

function expectFusedLikeNot(argv: readonly string[], options: { uid?: number; path?: string } = {}): Result {
  const env = { PATH: options.path ?? originalPath, PARENT: String(process.pid) };
  const settings = { uid: options.uid, cwd: '/' };
  const fused = clean(run(argv, { ...settings, env }));
  const apart = clean(run(argv, { ...settings, env: { ...env, TS_TOOLS_NO_FUSE: '1' } }));
  const same = (result: Result) => ({ ...result, stdout: result.stdout.replace('TS_TOOLS_NO_FUSE=1\n', '') });
  expect(same(fused)).toEqual(same(apart));
  return fused;
}

const look = (...more: string[]) => ['sh', '-c', LOOK, 'name', ...more];

/** Chains behind which a program looks; `user`: whether an ordinary user may. */
const CHAINS: readonly { readonly user: boolean; readonly argv: readonly string[] }[] = [
  { user: true, argv: ['ts-unshare', '-Ur', 'ts-unshare', '-u', ...look('a b', 'c')] },
  { user: true, argv: ['ts-unshare', '-Urm', 'ts-mount', '-t', 'tmpfs', 'x', '/mnt', '--', ...look()] },
  { user: true, argv: ['ts-unshare', '-Urm', 'ts-mount', '-t', 'tmpfs', 'x', '/mnt', 'ts-unshare', '-n', ...look()] },
  { user: true, argv: ['ts-unshare', '-Urpf', '--mount-proc', 'ts-unshare', '-u', ...look()] },
  { user: true, argv: ['ts-unshare', '-U', 'ts-unshare', '-u', ...look()] },
  { user: true, argv: ['ts-unshare', '-Uc', 'ts-unshare', '-u', ...look()] },
  { user: true, argv: ['ts-unshare', '-Uc', '--keep-caps', 'ts-unshare', '-u', ...look()] },
  { user: true, argv: ['ts-unshare', '-Ur', 'ts-unshare', '-Ur', ...look()] },
  { user: true, argv: ['ts-unshare', '-UrR/', 'ts-unshare', '-u', ...look()] },
  { user: true, argv: ['ts-unshare', '-Ur', '--clear-env', '/bin/sh', '-c', LOOK] },
  { user: false, argv: ['ts-unshare', '-S', '65534', 'ts-unshare', '-Ur', ...look()] },
  { user: false, argv: ['ts-unshare', '-m', 'ts-mount', '-t', 'tmpfs', 'x', bin, 'ts-unshare', '-u', 'true'] },
  { user: true, argv: ['ts-unshare', '-Urumpf', '--mount-proc', 'ts-hostname', 'inside', ...look()] },
  { user: true, argv: ['ts-unshare', '-Ur', 'ts-setpriv', '--nnp', 'ts-prlimit', '--nofile=100:200', ...look()] },
  { user: true, argv: ['ts-prlimit', '--nofile=100:', 'ts-prlimit', '--nofile=:150', '--core=0', ...look()] },
  {
    user: true,
    argv: [
      ...['ts-setpriv', '--pdeathsig', 'TERM', 'ts-unshare', '-Uru'],
      ...['ts-setpriv', '--inh-caps', '+net_raw', '--ambient-caps', '+net_raw', '--bounding-set', '-kill', ...look()],
    ],
  },
  { user: true, argv: ['ts-setpriv', '--landlock-access', 'net', 'ts-unshare', '-Uru', 'ts-hostname', 'x', ...look()] },
  {
    user: false,
    argv: [
      ...['ts-unshare', '-u', 'ts-setpriv', '--reuid', '65534', '--regid', '65534', '--groups', '4'],
      ...['ts-prlimit', '--core=0', 'ts-unshare', '-Ur', ...look()],
    ],
  },
  { user: false, argv: ['ts-setpriv', '--securebits', '+noroot', 'ts-unshare', '-u', 'true'] },
  { user: false, argv: ['ts-unshare', '-S', '65534', 'ts-setpriv', '--reset-env', '/bin/sh', '-c', LOOK] },
  {
    user: true,
    argv: ['ts-unshare', '-Ur', 'ts-capsh', '--drop=cap_sys_chroot,cap_net_raw', '--shell=/bin/sh', '--', '-c', LOOK],
  },
  {
    user: true,
    argv: [
      'ts-unshare',
      '-Ur',
      'ts-capsh',
      '--chroot=/',
      '--inh=cap_chown',
      '--addamb=cap_chown',
      '--shell=/bin/sh',
      '--',
      '-c',
      LOOK,
    ],
  },
  { user: true, argv: ['ts-unshare', '-Uc', 'ts-capsh', '--drop=cap_chown', '--shell=/bin/sh', '--', '-c', LOOK] },
  {
    user: false,
    argv: [
      'ts-unshare',
      '-u',
      'ts-capsh',
      '--keep=1',
      '--uid=65534',
      '--caps=cap_net_raw+eip',
      '--addamb=cap_net_raw',
      '--shell=/bin/sh',
      '--',
      '-c',
      LOOK,
    ],
  },
  { user: false, argv: ['ts-capsh', '--drop=cap_sys_admin', '==', '--shell=/bin/sh', '--', '-c', LOOK] },
  { user: true, argv: ['ts-unshare', '-Ur', 'ts-chroot', '/', 'ts-unshare', '-u', ...look()] },
  { user: true, argv: ['ts-unshare', '-Ur', 'ts-capsh', '--print'] },
  // Failures, early and late.
  { user: true, argv: ['ts-unshare', '-Ur', 'ts-unshare', '--nonsense', 'true'] },
  { user: true, argv: ['ts-unshare', '-Ur', 'ts-unshare', '-R', '/nowhere', 'true'] },
  { user: true, argv: ['ts-unshare', '-Ur', 'ts-unshare', '-u', 'no-such-program'] },
  { user: true, argv: ['ts-unshare', '-Urf', 'ts-unshare', '-uf', 'sh', '-c', 'exit 7'] },
  { user: true, argv: ['ts-unshare', '-Urf', 'ts-unshare', '-uf', 'sh', '-c', 'kill -TERM $$'] },
  { user: true, argv: ['ts-unshare', '-Ur', 'ts-unshare', '--version'] },
  { user: true, argv: ['ts-unshare', '-Ur', 'ts-mount', '-t', 'nosuchfs', 'x', '/mnt', 'true'] },
];

describe('a chain in one process is like one of several', () => {
  for (const { user, argv } of CHAINS)
    for (const uid of [0, ...(user ? [NOBODY] : [])])
      test(`as user ${uid}: ${argv.filter((word) => word !== LOOK).join(' ')}`, (context) => {
        if (!isRoot && uid === 0) needs(context, needsRoot);
        const result = expectFusedLikeNot(argv, { uid: isRoot ? uid : undefined });
        if (argv.includes(LOOK) && result.status === 0) expect(result.stdout).toContain('CapEff');
      });

  test('also under the originals’ names', () => {
    const { stdout } = expectFusedLikeNot(['unshare', '-Ur', 'unshare', '-u', ...look()], { path: compatPath });
    expect(stdout).toContain('other uts');
  });
});

describe('what waits shows the command line of the tool that forked, as in several processes', () => {
  const WAIT = ['sh', '-c', 'read line; exit 3'];
  /** Command lines and names of all processes of the chain but the last one, the first one first, bytes as they are. */
  async function waiting(argv: readonly string[], env: Record<string, string>, uid?: number) {
    const [tool, ...words] = argv as [string, ...string[]];
    const chain = spawn(tool, [...words, ...WAIT], {
      env: { PATH: originalPath, ...env },
      uid,
      gid: uid,
      cwd: '/',
      stdio: ['pipe', 'ignore', 'inherit'],
    });
    const ended = once(chain, 'exit');
    const line = (pid: number): number[] => [pid, ...childrenOf(pid).flatMap(line)];
    const at = (pid: number, file: string) => readFileSync(`/proc/${pid}/${file}`, 'latin1');
    const isReading = (pid: number) => at(pid, 'cmdline').endsWith(`\0${WAIT.at(-1)}\0`) && at(pid, 'comm') === 'sh\n';
    try {
      until('the program reads', () => isReading(line(chain.pid as number).at(-1) as number));
      const pids = line(chain.pid as number);
      return pids.slice(0, -1).map((pid) => ({
        words: at(pid, 'cmdline'),
        shown: run(['ps', '-o', 'args=', '-p', String(pid)]).stdout,
        name: at(pid, 'comm'),
        // The environment is still found where it was.
        environment: at(pid, 'environ').split('\0').includes(`PATH=${originalPath}`),
      }));
    } finally {
      chain.stdin.end('\n');
      expect(await ended).toEqual([3, null]);
    }
  }

  const CHAINS: readonly (readonly [string, number])[] = [
    ['ts-unshare -rm ts-mount -t tmpfs x /mnt -- ts-unshare -pf --mount-proc', 1],
    ['ts-unshare -rpf ts-unshare -u', 1],
    ['ts-unshare -rpf ts-unshare -u ts-unshare --pid --fork --kill-child', 2],
    [
      'ts-unshare -rupf ts-hostname a-name-that-is-much-longer-than-the-first-tool-has-room-for ts-unshare -pf ts-unshare -f',
      3,
    ],
    ['ts-prlimit --nofile=100: ts-setpriv --nnp ts-unshare -rpf', 1],
  ];
  for (const uid of isRoot ? [0, NOBODY] : [process.getuid?.() as number])
    for (const [words, parents] of CHAINS)
      test(`as user ${uid}: ${words}`, async () => {
        const argv = words.split(' ');
        const fused = await waiting(argv, {}, uid);
        const apart = await waiting(argv, { TS_TOOLS_NO_FUSE: '1' }, uid);
        expect(fused).toEqual(apart);
        expect(fused).toHaveLength(parents);
      });
});

describe('one process', () => {
  test('there is no second start', () => {
    const count = (env: Record<string, string>) =>
      run(
        [
          'strace',
          '-f',
          '-e',
          'trace=execve,execveat',
          'ts-unshare',
          '-Ur',
          'ts-unshare',
          '-u',
          'ts-unshare',
          '-n',
          'true',
        ],
        { env },
      )
        .stderr.split('\n')
        .filter((line) => /execve\("[^"]*\/ts-unshare"/.test(line) && line.endsWith('= 0')).length;
    expect(count({})).toBe(1);
    expect(count({ TS_TOOLS_NO_FUSE: '1' })).toBe(3);
  });

  test('a program of the same name that is none of ours is executed', () => {
    using folder = temporaryFolder();
    writeFileSync(join(folder.path, 'ts-unshare'), '#!/bin/sh\necho "not ours: $@"\n', { mode: 0o755 });
    const { stdout } = run([join(bin, 'ts-unshare'), '-Ur', 'ts-unshare', '-u', 'x'], {
      env: { PATH: `${folder.path}:/usr/bin:/bin` },
    });
    expect(stdout).toBe('not ours: -u x\n');
  });

  test('a link of any name to a tool is that tool', () => {
    using folder = temporaryFolder();
    mkdirSync(join(folder.path, 'bin'));
    symlinkSync(join(bin, 'ts-unshare'), join(folder.path, 'bin/apart'));
    const { stderr } = run([join(bin, 'ts-unshare'), '-Ur', 'apart', '-u', 'no-such-program'], {
      env: { PATH: `${folder.path}/bin:/usr/bin:/bin` },
    });
    expect(stderr).toBe('apart: failed to execute no-such-program: No such file or directory\n');
  });
});

test('--trace prints each call, in one chain', () => {
  const { stderr } = run(['ts-unshare', '--trace', '-Ur', 'ts-unshare', '-u', 'true']);
  expect(stderr).toMatch(
    /unshare\(CLONE_NEWUSER\) = 0\n[\s\S]*write\(\d+, "0 \d+ 1", \d+\) = \d+\n[\s\S]*unshare\(CLONE_NEWUTS\) = 0\n[\s\S]*execvp\("true", \["true"\]\)\n$/,
  );
  expect(readFileSync('/proc/self/status', 'utf8')).toContain('Threads');
});
