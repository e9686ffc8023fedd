/** What the launcher notes, as it is read and as it is given back before the program begins. */
import { describe, expect, test } from 'vitest';
import { Failure } from '../failure.ts';
import {
  formatTape,
  live,
  RLIMIT_NOFILE,
  recording,
  SIG_SETMASK,
  SIGINT,
  SIGPIPE,
  SIGTERM,
  SIGXFSZ,
} from '../index.ts';
import { giveBack, giveBackDescriptors, type Inherited, parseLeft, parseState, unhide } from './inherited.ts';

const NOTHING: Inherited = { descriptors: [], ignored: 0n, blocked: 0n, argv: [], environment: [] };

describe('what the launcher says', () => {
  test('all of it', () => {
    expect(parseState('7:0-2,5,9-10:1000:ffffffffffffffff:7=1024,3=18446744073709551615:0a00,0b01')).toEqual({
      file: 7,
      descriptors: [
        [0, 2],
        [5, 5],
        [9, 10],
      ],
      ignored: 0x1000n,
      blocked: 0xffff_ffff_ffff_ffffn,
      limits: [
        [7, 1024n],
        [3, 0xffff_ffff_ffff_ffffn],
      ],
      pending: [Buffer.from('0a00', 'hex'), Buffer.from('0b01', 'hex')],
    });
  });

  test('nothing open, nothing raised, nothing pending', () => {
    expect(parseState('3::0:0::')).toEqual({
      ...{ file: 3, descriptors: [], ignored: 0n, blocked: 0n, limits: [], pending: [] },
    });
  });

  test('an unlimited limit, which the launcher may write with its sign', () => {
    expect(parseState('3::0:0:7=-1:').limits).toEqual([[7, 0xffff_ffff_ffff_ffffn]]);
  });

  test('a path is all that follows, colons included', () => {
    expect(parseState('3::0:0:::/a:b/c').path).toBe('/a:b/c');
    expect(parseState('3::0:0::')).not.toHaveProperty('path');
  });

  test.each([
    '',
    'x',
    '3',
    '3:0-2',
    '3:0:0',
    '3:0:0:0',
    '3:0:0:0:',
    '3:0:x:0::',
    '3:0:0:-1::',
    '3:0:0:0:7=x:',
    '3:0:0:0:7:',
    '3x:0:0:0::',
    '3:0-x:0:0::',
    '3:1e3:0:0::',
    '3:0:0:0:1e3=1:',
    '3:0:0:0:7=0x10:',
    '3:0:0:0::0a0',
    '3:0:0:0::zz',
  ])('rubbish is refused: %j', (state) => expect(() => parseState(state)).toThrow(Failure));

  test('a group that was left: a line, and the file that takes back', () => {
    expect(parseLeft('')).toEqual({});
    expect(parseLeft('4:memory:/a')).toEqual({});
    expect(parseLeft('4:memory:/a b\n/sys/fs/cgroup/memory/a b/cgroup.procs')).toEqual({
      left: { line: '4:memory:/a b', procs: '/sys/fs/cgroup/memory/a b/cgroup.procs' },
    });
  });

  test('variables that were hidden from Node, and those that only look so', () => {
    expect(unhide('\x0eODE_OPTIONS=a=b')).toBe('NODE_OPTIONS=a=b');
    expect(unhide('\x0fPENSSL_CONF=/x')).toBe('OPENSSL_CONF=/x');
    for (const other of ['NODE_OPTIONS=x', '\x0eODE', '\x0fPENSSL_CONFIG=x', '\x0fPENSSL_CONF', '', '=x'])
      expect(unhide(other)).toBe(other);
  });
});

/** Calls that give this back, as they are recorded. */
function calls(inherited: Partial<Inherited>, give = giveBackAll): string[] {
  const sys = recording(1, true);
  give(sys, { ...NOTHING, ...inherited });
  return formatTape(sys.finish())
    .trim()
    .split('\n')
    .map((line) => line.replace(/^\s*\d+: /, ''));
}

type Give = (sys: ReturnType<typeof recording>, inherited: Inherited) => void;
const giveBackAll: Give = (sys, inherited) => giveBack(sys, inherited, 'name');
const about = (lines: readonly string[], what: RegExp) => lines.filter((line) => what.test(line));

describe('what Node has changed is given back', () => {
  const bit = (signal: number) => 1n << BigInt(signal - 1);

  /** Operands of these calls. */
  const operandsOf = (name: string, inherited: Partial<Inherited>) => {
    const sys = recording(1, true);
    giveBackAll(sys, { ...NOTHING, ...inherited });
    return sys
      .finish()
      .entries.flatMap((entry) => (entry.op === 'call' && entry.name === name ? [entry.operands] : []));
  };
  const wordOf = (operand: unknown) => Buffer.from(operand as Uint8Array).readBigUInt64LE();
  const [SIG_DFL, SIG_IGN] = [0n, 1n];

  test('signals: those that Node ignores by itself get their default action, and none else', () => {
    const actions = (ignored: bigint) =>
      operandsOf('rt_sigaction', { ignored }).map(([signal, action]) => [signal, wordOf(action)]);
    const ofNode = bit(SIGPIPE) | bit(SIGXFSZ);
    expect(actions(0n)).toEqual([
      [SIGPIPE, SIG_DFL],
      [SIGXFSZ, SIG_DFL],
    ]);
    expect(actions(ofNode)).toEqual([]);
    expect(actions(bit(SIGXFSZ) | bit(SIGINT) | bit(64))).toEqual([
      [SIGINT, SIG_IGN],
      [SIGPIPE, SIG_DFL],
      [64, SIG_IGN],
    ]);
  });

  test.each([0n, bit(SIGTERM), bit(64) | bit(1)])('the mask %s', (blocked) => {
    const [[how, mask] = [], ...more] = operandsOf('rt_sigprocmask', { blocked });
    expect([how, wordOf(mask), more]).toEqual([SIG_SETMASK, blocked, []]);
  });

  test('pending signals are sent again when they are blocked: not before', () => {
    const info = Buffer.alloc(16);
    info.writeInt32LE(SIGTERM);
    const lines = calls({ blocked: bit(SIGTERM), pending: [info, info] });
    const order = lines.flatMap((line) => /^rt_sigprocmask|^rt_sigqueueinfo/.exec(line) ?? []);
    expect(order).toEqual(['rt_sigprocmask', 'rt_sigqueueinfo', 'rt_sigqueueinfo']);
  });

  test('limits that were raised, where they still are', () => {
    const { cur } = live().getrlimit(0, RLIMIT_NOFILE);
    expect(about(calls({ limits: [[RLIMIT_NOFILE, cur]] }), /prlimit/)).toEqual([]);
    expect(about(calls({ limits: [[RLIMIT_NOFILE, cur - 1n]] }), /prlimit/)).toHaveLength(1);
  });

  test('nothing of that keeps the program from being run', () => {
    const info = Buffer.alloc(16);
    info.writeInt32LE(SIGTERM);
    for (const line of calls({ ignored: bit(SIGINT), blocked: 1n, pending: [info], limits: [[RLIMIT_NOFILE, 5n]] }))
      expect(line).toMatch(/# may fail$/);
  });

  test('the memory group comes first, and no program runs without it', () => {
    const left = { line: '4:memory:/a', procs: '/group/cgroup.procs' };
    const [open, write, close, ...rest] = calls({ left });
    expect(open).toMatch(/^openat\(AT_FDCWD, "\/group\/cgroup\.procs", O_WRONLY\|O_CLOEXEC, 0\)$/);
    expect(write).toMatch(/^write\(\{0\}, "0", 1\)$/);
    expect(close).toMatch(/^close\(\{0\}\) {2}# may fail$/);
    expect(rest).toEqual(calls({}));
  });
});

describe('descriptors', () => {
  const given = (inherited: Partial<Inherited>) => calls(inherited, giveBackDescriptors);
  const closed = (lines: readonly string[]) =>
    lines.flatMap((line) => Number(/^close\((\d+)\)/.exec(line)?.[1] ?? Number.NaN)).filter((fd) => !Number.isNaN(fd));
  const kept = (lines: readonly string[]) =>
    lines.flatMap((line) => {
      const [, fd, flags] = /^fcntl\((\d+), F_SETFD, (\w+)\)/.exec(line) ?? [];
      return fd === undefined ? [] : [[Number(fd), flags]];
    });

  test('those that were open stay open, our own file does not, and what was closed is closed', () => {
    const lines = given({
      file: 5,
      descriptors: [
        [1, 1],
        [7, 9],
      ],
    });
    expect(kept(lines).map(([fd]) => fd)).toEqual([5, 1, 7, 8, 9]);
    expect(new Set(kept(lines).map(([, flags]) => flags)).size).toBe(2);
    expect(kept(lines)[0]?.[1]).not.toBe(kept(lines)[1]?.[1]);
    expect(closed(lines)).toEqual([0, 2]);
  });

  test.each<[Inherited['descriptors'], number[]]>([
    [[], [0, 1, 2]],
    [[[0, 2]], []],
    [
      [
        [0, 0],
        [2, 2],
      ],
      [1],
    ],
    [[[3, 9]], [0, 1, 2]],
  ])('open: %j, closed among the first three: %j', (descriptors, wanted) => {
    expect(closed(given({ descriptors }))).toEqual(wanted);
  });
});
