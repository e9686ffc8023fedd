/** What the program at the end inherits: the same from the original and from ours, attribute by attribute. */
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, type TestContext, test } from 'vitest';
import { compileC, needsCompiler } from '../harness/compile.ts';
import { bin, compat, NOBODY, original, standalone, temporaryFolder } from '../harness/run.ts';
import { needs, needsNode, needsProgram, needsRoot } from '../harness/skip.ts';

const folder = temporaryFolder();
const probe = join(folder.path, 'probe');
const input = join(folder.path, 'input');
const gone = join(folder.path, 'gone');

beforeAll(() => {
  if (!needsCompiler()) compileC(join(import.meta.dirname, 'probe.c'), probe);
  writeFileSync(input, '0123456789\n');
});
afterAll(() => folder[Symbol.dispose]());

type Attributes = readonly string[];

/** Runs `tool options probe` with these attributes; gives the dump, and how it ended. */
function inheritedFrom(
  tool: string,
  options: readonly string[],
  attributes: Attributes,
  words: readonly string[],
  root = '',
) {
  const dump = '/dump';
  const file = join(root || folder.path, dump);
  const program = root ? '/bin/probe' : probe;
  writeFileSync(file, '');
  chmodSync(file, 0o666);
  if (attributes.includes('rmdir')) mkdirSync(gone, { recursive: true });
  const { status, signal, stderr, error } = spawnSync(
    probe,
    [
      'with',
      ...(root ? ['chroot', root] : []),
      ...attributes,
      '--',
      tool,
      ...options,
      program,
      'dump',
      root ? dump : file,
      '@PID@',
      ...words,
    ],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
      encoding: 'utf8',
      timeout: 30_000,
      cwd: '/',
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' },
    },
  );
  if (error) throw error;
  const lines = readFileSync(file, 'utf8');
  return { dump: lines.split('\n'), status, signal, stderr };
}

function compare(
  context: TestContext,
  options: readonly string[],
  attributes: Attributes,
  words: readonly string[] = [],
  ours = join(compat, 'unshare'),
) {
  needs(context, needsRoot, needsCompiler, needsProgram('unshare'));
  const expected = inheritedFrom(original('unshare') as string, options, attributes, words);
  expect(expected.dump.length, `the original did not get as far as the probe: ${expected.stderr}`).toBeGreaterThan(50);
  expect(inheritedFrom(ours, options, attributes, words)).toEqual(expected);
}

const many = (name: string, ...values: (string | number)[]): string[] =>
  values.flatMap((value) => [name, String(value)]);

/** A soft and a hard value for each limit, numbered as in the kernel. */
const LIMITS: readonly (readonly [name: string, number: number, soft: number, hard: number])[] = [
  ['CPU', 0, 500, 600],
  ['FSIZE', 1, 0, 100_000],
  ['DATA', 2, 10_000_000, 200_000_000_000],
  ['STACK', 3, 200_000, 100_000_000],
  ['CORE', 4, 0, 0],
  ['RSS', 5, 1_000_000, 2_000_000],
  ['NPROC', 6, 1, 20_000],
  ['NOFILE', 7, 33, 5000],
  ['NOFILE below the descriptors in use', 7, 4, 5000],
  ['MEMLOCK', 8, 1000, 65_536],
  ['AS', 9, 30_000_000, 200_000_000_000],
  ['LOCKS', 10, 1000, 2000],
  ['SIGPENDING', 11, 1000, 2000],
  ['MSGQUEUE', 12, 1000, 2000],
  ['NICE', 13, 0, 0],
  ['RTPRIO', 14, 0, 0],
  ['RTTIME', 15, 100_000, 200_000],
];

const ATTRIBUTES: Readonly<Record<string, Attributes>> = {
  'nothing unusual': ['umask', '22'],
  'umask 027': ['umask', '27'],
  'umask 777': ['umask', '777'],
  'a working directory': ['cwd', '/usr/bin'],
  'standard input closed': ['close', '0'],
  'standard output closed': ['close', '1'],
  'standard error closed': ['close', '2'],
  'all three closed': many('close', 0, 1, 2),
  '3000 descriptors in a row': ['many', '3000,1'],
  '2000 descriptors with gaps': ['many', '2000,2'],
  'blocked signals': many('block', 1, 2, 10, 15, 17, 34, 64),
  'SIGPIPE and SIGXFSZ ignored': many('ignore', 13, 25),
  'the signals of a terminal ignored': many('ignore', 1, 2, 3, 20, 21, 22),
  'SIGUSR1, SIGUSR2, realtime signals ignored': many('ignore', 10, 12, 34, 64),
  'SIGCHLD ignored': ['ignore', '17'],
  'pending signals': [...many('block', 10, 12, 15), ...many('pending', 10, 12, 15)],
  'queued realtime signals and their values': ['block', '34', 'queue', '34,7', 'queue', '34,8', 'queue', '34,9'],
  'a timer that runs': ['alarm', '1000'],
  'nice 7': ['nice', '7'],
  SCHED_FIFO: ['scheduler', '1,10'],
  SCHED_RR: ['scheduler', '2,3'],
  SCHED_BATCH: ['scheduler', '3,0'],
  SCHED_IDLE: ['scheduler', '5,0'],
  SCHED_RESET_ON_FORK: ['scheduler', '0x40000001,5'],
  'one CPU': ['affinity', '1'],
  'ionice best effort 3': ['ioprio', '0x4003'],
  'ionice idle': ['ioprio', '0x6000'],
  'a session': ['setsid', '1'],
  'a process group': ['setpgid', '1'],
  'securebits keep_caps': ['securebits', '0x10'],
  'securebits no_setuid_fixup, locked': ['securebits', '0xc'],
  'inheritable capabilities': ['inheritable', '0x203000'],
  'ambient capabilities': ['inheritable', '0x203000', 'ambient', '12'],
  'a smaller bounding set': many('unbound', 12, 13),
  no_new_privs: ['no_new_privs', '1'],
  'a death signal': ['pdeathsig', '10'],
  'child subreaper': ['subreaper', '1'],
  keepcaps: ['keepcaps', '1'],
  'timer slack': ['timerslack', '123456'],
  'no transparent huge pages': ['thp', '1'],
  'early machine check kill': ['machine-check', '1'],
  'personality ADDR_NO_RANDOMIZE': ['personality', '0x0040000'],
  'personality STICKY_TIMEOUTS': ['personality', '0x4000000'],
  oom_score_adj: ['write', '321,/proc/self/oom_score_adj'],
  coredump_filter: ['write', '0x11,/proc/self/coredump_filter'],
  'supplementary groups': ['groups', '4,5,6'],
  'three group ids': ['gid', '7,8,9'],
  'duplicate, empty and strange environment entries': many(
    'env',
    'A=1',
    'A=2',
    'noequals',
    '=x',
    '',
    'B=\\xff\\xfe\\x80',
    'C=a\\x0ab',
    'A=3',
  ),
  'variables that Node would heed': many(
    'env',
    'NODE_OPTIONS=--bogus',
    'NODE_V8_COVERAGE=/nonexistent',
    'OPENSSL_CONF=/nonexistent',
    'NODE_DEBUG=net',
    'UV_USE_IO_URING=1',
    'NODE_EXTRA_CA_CERTS=/nonexistent',
    'NODE_REPL_EXTERNAL_MODULE=/nonexistent',
    'PATH=/bin',
  ),
  'an environment without PATH': ['env', 'A=b'],
};

for (const [form, options] of [
  ['in the same process', ['-u']],
  ['behind a fork', ['-f']],
  ['behind a fork that dies with its parent', ['-f', '--kill-child=USR1']],
] as const)
  describe(`inherited ${form}`, () => {
    for (const [name, attributes] of Object.entries(ATTRIBUTES))
      test(name, (context) => compare(context, options, attributes));
    for (const [name, number, soft, hard] of LIMITS)
      test(`limit ${name}`, (context) => compare(context, options, ['rlimit', `${number},${soft},${hard}`]));

    test('descriptors of files with their offsets and flags', (context) =>
      compare(context, options, [
        'open',
        `7,02002,4,${input}`,
        'open',
        `20,0,3,${input}`,
        'open',
        `300,02000,0,${input}`,
      ]));
    test('O_NONBLOCK and O_APPEND on standard input and output', (context) =>
      compare(context, options, ['open', `0,04000,4,${input}`, 'open', `1,06001,0,${input}`]));
    test('a working directory that is gone', (context) => compare(context, options, ['cwd', gone, 'rmdir', gone]));
    test('arguments that are no UTF-8, empty, or 131071 bytes long', (context) =>
      compare(context, options, [], ['\\xff\\xfe', '', 'a\\x0ab', '-', '--', 'x'.repeat(131_071)]));
    test('arguments near the limit of the kernel', (context) =>
      compare(context, options, [], Array(20).fill('y'.repeat(100_000))));
  });

test('securebits noroot, locked: root is an ordinary user', (context) =>
  compare(context, ['-f'], ['securebits', '0x2f']));

describe('surroundings that a runtime finds hard', () => {
  test('an ordinary user in a folder that cannot be read', (context) => {
    const closed = join(folder.path, 'closed');
    mkdirSync(closed, { recursive: true, mode: 0o700 });
    compare(
      context,
      ['-U'],
      ['cwd', closed, 'gid', `${NOBODY},${NOBODY},${NOBODY}`, 'uid', `${NOBODY},${NOBODY},${NOBODY}`],
    );
  });

  test('a root without /proc, /dev and /sys', (context) => {
    needs(context, needsRoot, needsCompiler, needsProgram('unshare'));
    const root = join(folder.path, 'root');
    const programs = [probe, original('unshare') as string, process.execPath];
    for (const [from, to] of [
      ...programs.flatMap(libraries).map((path) => [path, path]),
      [probe, '/bin/probe'],
      [programs[1], '/bin/unshare'],
      [join(bin, 'ts-unshare'), '/bin/ts-unshare'],
      [process.execPath, process.execPath],
    ] as [string, string][]) {
      mkdirSync(dirname(join(root, to)), { recursive: true });
      if (!existsSync(join(root, to))) copyFileSync(from, join(root, to));
    }
    for (const options of [['-u'], ['-f'], ['-ufC']]) {
      const attributes = [
        'close',
        '0',
        'umask',
        '27',
        'ignore',
        '13',
        'env',
        'A=1',
        'env',
        'NODE_OPTIONS=--bogus',
        'open',
        `17,0,0,/bin/unshare`,
      ];
      const expected = inheritedFrom('/bin/unshare', options, attributes, ['a', ''], root);
      expect(expected.dump.length, expected.stderr).toBeGreaterThan(50);
      expect(inheritedFrom('/bin/ts-unshare', options, attributes, ['a', ''], root)).toEqual(expected);
    }
  });

  for (const [option, words, more = ''] of [
    ['-v 50000', 'the hard limit of the address space (ulimit -H -v) is too low for'],
    ['-d 10000', 'the hard limit of data (ulimit -H -d) is too low for'],
    ['-s 128', 'the hard limit of the stack (ulimit -H -s) is too low for'],
    ['-n 10', 'the hard limit of open files (ulimit -H -n) is too low for', ', which opens 20'],
  ] as const)
    test(`a hard limit too low for a runtime is named: ulimit ${option}`, () => {
      const { status, stderr } = spawnSync('sh', ['-c', `ulimit ${option}; exec "$0" true`, join(bin, 'ts-unshare')], {
        encoding: 'utf8',
        timeout: 20_000,
      });
      expect({ status, stderr }).toEqual({
        status: 127,
        stderr: `ts-unshare: ${words} ${standalone ? 'Bun' : 'Node'}${more}\n`,
      });
    });

  test('with more rights than its caller has, the caller does not choose what runs', (context) => {
    needs(context, needsRoot, needsNode('what runs is inside'));
    const file = join(folder.path, 'set-user-id');
    const other = join(folder.path, 'other-node');
    copyFileSync(join(bin, 'ts-unshare'), file);
    chmodSync(file, 0o4755);
    writeFileSync(other, '#!/bin/sh\ntest "$1" = --version && echo v99.0.0 || echo chosen\n', { mode: 0o755 });
    const env = { TS_TOOLS_NODE: other, PATH: '/usr/bin:/bin' };
    const asUser = (program: string) =>
      spawnSync(program, ['-u', 'id', '-u'], { uid: NOBODY, gid: NOBODY, env, encoding: 'utf8', cwd: '/' }).stdout;
    expect(asUser(join(bin, 'ts-unshare'))).toBe('chosen\n');
    expect(asUser(file)).toBe('0\n');
  });
});

/** Tools that act while the runtime is there, and become the program from its main thread. */
const LIVE: readonly (readonly [form: string, tool: string, options: readonly string[], look: readonly string[]])[] = [
  [
    'a user with one capability',
    'capsh',
    ['--keep=1', '--inh=cap_chown', '--uid=5', '--addamb=cap_chown'],
    ['--has-ambient'],
  ],
  ['another root and its accounts', 'chroot', ['--userspec=root', '/'], []],
];

for (const [form, tool, options, look] of LIVE)
  describe(`inherited from ${tool} without a tape: ${form}`, () => {
    const last = tool === 'capsh' ? ['--', '-c', 'exec "$0" "$@"'] : [];
    for (const [name, attributes] of Object.entries(ATTRIBUTES))
      test(name, (context) => {
        needs(context, needsRoot, needsCompiler, needsProgram(tool));
        const words = ['\\xff', ''];
        const expected = inheritedFrom(original(tool) as string, [...options, ...last], attributes, words);
        expect(expected.dump.length, expected.stderr).toBeGreaterThan(50);
        expect(inheritedFrom(join(compat, tool), [...look, ...options, ...last], attributes, words)).toEqual(expected);
      });
  });

/** The shared libraries and the loader of a program. */
function libraries(program: string): string[] {
  const { stdout } = spawnSync('ldd', [program], { encoding: 'utf8' });
  return [...stdout.matchAll(/\/\S+/g)].map(([path]) => path);
}
