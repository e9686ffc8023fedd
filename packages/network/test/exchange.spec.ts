/**
 * What is asked of the kernel, in which order, and what is taken back when a step fails: without the kernel, on recordings.
 *
 * They are made anew, as root, by
 *
 *     RECORD=1 unshare --mount --net sh -c 'mount -t tmpfs none /run; ip link set lo up; npx vitest run packages/network/test'
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { Failure, readText } from '@ts/sys';
import { describe, expect, test } from 'vitest';
import { connect, disconnect } from '../src/index.ts';
import { changesIn, play, record, type Step, wordsOf } from './exchange.ts';
import { BEFORE, CONNECTION, KEEPING, SCENARIOS, type Scenario } from './scenarios.ts';

const FILE = new URL('exchanges.json', import.meta.url);
const NAMES = Object.keys(SCENARIOS) as Scenario[];

const realFiles = { read: (path: string) => (existsSync(path) ? readText(path) : undefined), exists: existsSync };

if (process.env.RECORD) {
  const made = NAMES.map((name) => {
    record(BEFORE[name] ?? (() => {}), realFiles);
    return [name, record(SCENARIOS[name], realFiles)];
  });
  writeFileSync(FILE, JSON.stringify(Object.fromEntries(made), undefined, 1));
}

const RECORDED = JSON.parse(readFileSync(FILE, 'utf8')) as Record<Scenario, Step[]>;

const STEPS = Object.entries(RECORDED) as [Scenario, Step[]][];
const changesOf = (name: Scenario) => changesIn(RECORDED[name]).map((at) => wordsOf(RECORDED[name][at] as Step));
const failAt = (name: Scenario, at: number, code = 'EPERM', later: Scenario = 'disconnect') =>
  play(RECORDED[name], SCENARIOS[name], { at, code, later: RECORDED[later] });

test('each one asks what was recorded, byte for byte, in that order', () => {
  expect(Object.keys(RECORDED)).toEqual(NAMES);
  for (const [name, steps] of STEPS) expect(play(steps, SCENARIOS[name]).strange, name).toEqual([]);
});

describe('all that is opened is closed', () => {
  test.each(STEPS)('%s', (name, steps) => {
    const open = new Set<unknown>();
    for (const [call, result] of steps) {
      const closed = /^close\((\d+)\)/.exec(call)?.[1];
      if (closed !== undefined) expect(open.delete(Number(closed)), call).toBe(true);
      if (/^(openat|socket)\(/.test(call) && Number(result) >= 0) open.add(result);
    }
    expect(open.size).toBe(KEEPING.includes(name) ? 1 : 0);
  });
});

/** The descriptor that is locked: that of the network namespace. */
function lockOf(steps: readonly Step[]): number {
  const at = steps.findIndex(
    ([call], index) => call.startsWith('flock(') && steps[index - 1]?.[0].includes('"/proc/self/ns/net"'),
  );
  return Number(steps[at - 1]?.[1]);
}

describe('the lock is taken once, before the first change; whatever fails, it is released and no file stays open', () => {
  test.each(STEPS)('%s', (name, steps) => {
    const lock = lockOf(steps);
    const taken = steps.findIndex(([call]) => call === `flock(${lock}, LOCK_EX)`);
    expect(taken).toBeGreaterThan(0);
    const changes = changesIn(steps);
    for (const at of changes) expect(at).toBeGreaterThan(taken);
    for (const at of [undefined, ...changes]) {
      const { calls, open } = at === undefined ? play(steps, SCENARIOS[name]) : failAt(name, at);
      expect(open).toHaveLength(at === undefined && KEEPING.includes(name) ? 1 : 0);
      expect(calls.filter((call) => call === `flock(${lock}, LOCK_EX)`)).toHaveLength(1);
      const released = calls.lastIndexOf(`close(${lock})`);
      expect(released).toBeGreaterThan(0);
      // Behind it, only what is open is closed.
      expect(calls.slice(released).filter((call) => !call.startsWith('close('))).toEqual([]);
    }
  });

  test.each(STEPS)('%s: where it cannot be had, nothing is done', (name, steps) => {
    const taken = steps.findIndex(([call]) => call === `flock(${lockOf(steps)}, LOCK_EX)`);
    const { error, after, calls } = failAt(name, taken, 'ENOLCK');
    expect(error).toMatchObject({ code: 'ENOLCK' });
    expect(after).toEqual([]);
    expect(calls.at(-1)).toBe(`close(${lockOf(steps)})`);
  });
});

/** A step, and what takes it back when a later one fails. `atOnce`: what its own failure takes back before that. */
type Row = readonly [step: string, takenBack: readonly string[], atOnce?: readonly string[]];

const PATH = '/run/netns/ts-n1';
const UNLINK = `unlinkat(AT_FDCWD, "${PATH}", 0)`;
const UNMOUNT = `umount2("${PATH}", MNT_DETACH)`;
const LIST = '/etc/netns/ts-n1/resolv.conf';
const UNLINK_LIST = `unlinkat(AT_FDCWD, "${LIST}", 0)`;
const SHARE = 'mount("", "/run/netns", "none", MS_REC|MS_SHARED, NULL)';
const FORWARD_OFF = 'write "0"';

const plugged = (bridge: number, host: string): Row[] => [
  ['new link tsbr0', [`delete link ${bridge}`]],
  [`set link ${bridge}`, []], // whose it is
  ['new address', ['delete address']],
  [`set link ${bridge}`, []], // up
  [`new link ${host}`, [`delete link ${bridge + 1}`]],
  [`set link ${bridge + 1}`, []], // at the bridge, up
  [`set link ${bridge + 1}`, []], // hairpin
  // Inside; it goes with the pair.
  ['set link 1', []],
  ['new address', []],
  ['set link 2', []],
  ['new route', []],
];

const CONNECT: readonly Row[] = [
  ['mkdirat(AT_FDCWD, "/run/netns", 0755)', []],
  [SHARE, []],
  ['mount("/run/netns", "/run/netns", "none", MS_BIND|MS_REC, NULL)', []],
  [SHARE, []],
  [`openat(AT_FDCWD, "${PATH}", O_RDONLY|O_CLOEXEC|O_EXCL|O_CREAT, 0)`, []],
  ['unshare(CLONE_NEWNET)', [], [UNMOUNT, UNLINK]],
  [`mount("/proc/self/ns/net", "${PATH}", "none", MS_BIND, NULL)`, [UNMOUNT, UNLINK], [UNLINK]],
  ...plugged(2, 've-ts-n1'),
  // From here on forwarding is on; the table keeps that in mind, and takes it back.
  ['write "1"', []],
  ['new table, new chain, new rule', ['delete table', FORWARD_OFF], [FORWARD_OFF]],
  ['mkdirat(AT_FDCWD, "/etc/netns", 0755)', ['unlinkat(AT_FDCWD, "/etc/netns", AT_REMOVEDIR)']],
  ['mkdirat(AT_FDCWD, "/etc/netns/ts-n1", 0755)', ['unlinkat(AT_FDCWD, "/etc/netns/ts-n1", AT_REMOVEDIR)']],
  [`openat(AT_FDCWD, "${LIST}", O_WRONLY|O_CLOEXEC|O_NOFOLLOW|O_TRUNC|O_CREAT, 0644)`, [], [UNLINK_LIST]],
  ['write "# written by ts-netns connect\\nnameserver 192.168.77.1\\n"', [], [UNLINK_LIST]],
];

const RUN: readonly Row[] = [
  ['unshare(CLONE_NEWNET)', []],
  ...plugged(8, 've-run-4711'),
  ['write "1"', []],
  // The table goes with its socket.
  ['new table, new chain, new rule', [], [FORWARD_OFF]],
];

describe.each([
  ['connect', CONNECT],
  ['run', RUN],
] as const)('%s: what a step that fails leaves is nothing', (name, rows) => {
  test('the steps', () => expect(changesOf(name)).toEqual(rows.map(([step]) => step)));

  test.each(rows.map(([step], index) => [index, step] as const))('step %i: %s', (index) => {
    const { error, after, strange } = failAt(name, changesIn(RECORDED[name])[index] as number);
    expect(error).toBeInstanceOf(Failure);
    expect((error as Failure).said).toMatch(/Operation not permitted$|RTNETLINK answers/);
    expect(strange).toEqual([]);
    const before = rows.slice(0, index).flatMap(([, takenBack]) => [takenBack]);
    expect(after).toEqual([...(rows[index]?.[2] ?? []), ...before.reverse().flat()]);
  });
});

test('what is there already is not made again; what is up is set up once more', () => {
  expect(changesOf('connect again')).toEqual(['set link 3', 'set link 3', 'set link 1', 'set link 2']);
  // So nothing of it is taken back.
  for (const at of changesIn(RECORDED['connect again'])) expect(failAt('connect again', at).after).toEqual([]);
});

describe('forwarding', () => {
  const switched = (name: Scenario) =>
    RECORDED[name].flatMap(([call]) => /^write\(\d+, "([01])", 1\)$/.exec(call)?.[1] ?? []);

  test('is turned on for the first rule, and put back with the last one', () => {
    expect(Object.fromEntries(NAMES.map((name) => [name, switched(name).join()]).filter(([, words]) => words))).toEqual(
      {
        connect: '1',
        disconnect: '0',
        'add nat': '1',
        'remove nat': '0',
        run: '1',
        'run: ended': '0',
      },
    );
  });

  test('is put back after the table is gone: what fails there leaves it on, never a rule without it', () => {
    expect(changesOf('remove nat')).toEqual(['delete table', 'write "0"']);
    const [at = 0] = changesIn(RECORDED['remove nat']);
    const { error, after } = failAt('remove nat', at);
    expect(error).toMatchObject({ reason: 'filter', code: 'EPERM' });
    expect(after).toEqual([]);
  });

  test('that cannot be turned on is a failure, and no rule is made', () => {
    const [at = 0] = changesIn(RECORDED['add nat']);
    const { error, after } = failAt('add nat', at, 'EROFS');
    expect(error).toMatchObject({ reason: 'forwarding', subject: '/proc/sys/net/ipv4/ip_forward', code: 'EROFS' });
    expect(after).toEqual([]);
  });

  test('is turned off again where the rule is refused', () => {
    const [, at = 0] = changesIn(RECORDED['add nat']);
    expect(failAt('add nat', at, 'EOPNOTSUPP')).toMatchObject({
      error: { reason: 'filter', code: 'EOPNOTSUPP', status: 2 },
      after: ['write "0"'],
    });
  });
});

describe('refused before anything is changed', () => {
  test.each([
    ['connect: a port is taken', 'port 8080:80/tcp is published by ts-n1 already', 2],
    ['publish: a port is taken', 'port 8080/tcp is published already', 2],
    ['add nat again', 'nat: the rule is there already', 2],
    ['remove nat again', 'there is no such rule: nat 10.1.0.0/16', undefined],
    ['disconnect again', 'namespace ts-n1 is not connected', undefined],
  ] as const)('%s', (name, said, status) => {
    expect(play(RECORDED[name], SCENARIOS[name]).error).toMatchObject({ said, status });
    expect(changesOf(name)).toEqual([]);
  });
});

describe('taking away', () => {
  test('rules first, so that nothing leads to a link that is gone; then files, links, the name', () => {
    expect(changesOf('disconnect')).toEqual([
      'delete table',
      'write "0"',
      UNLINK_LIST,
      'unlinkat(AT_FDCWD, "/etc/netns/ts-n1", AT_REMOVEDIR)',
      'unlinkat(AT_FDCWD, "/etc/netns", AT_REMOVEDIR)',
      'delete link 3',
      'delete link 2',
      UNMOUNT,
      UNLINK,
    ]);
    expect(changesOf('run: ended')).toEqual(['delete link 9', 'delete link 8', 'write "0"']);
  });

  test('a bridge of another stays, with what is at it', () => {
    expect(changesOf('disconnect from another’s bridge').filter((words) => words.startsWith('delete link'))).toEqual([
      'delete link 11',
    ]);
  });

  test('rules of others stay, and their table', () => {
    expect(changesOf('disconnect beside nat')[0]).toBe('delete rule');
    expect(changesOf('unpublish')).toEqual(['delete rule']);
  });

  test('a step that fails ends it, but for folders that somebody uses and a name that is not mounted', () => {
    const passed = changesIn(RECORDED.disconnect).filter((at) => failAt('disconnect', at).error === undefined);
    expect(passed.map((at) => wordsOf(RECORDED.disconnect[at] as Step))).toEqual([
      'unlinkat(AT_FDCWD, "/etc/netns/ts-n1", AT_REMOVEDIR)',
      'unlinkat(AT_FDCWD, "/etc/netns", AT_REMOVEDIR)',
      UNMOUNT,
    ]);
  });
});

test('the name of the outer end is taken by a link of another: that stays, all else is taken back', () => {
  const name = 'connect: the outer end is taken';
  expect(play(RECORDED[name], SCENARIOS[name]).error).toMatchObject({
    reason: 'link taken',
    said: 'tsbr1 is there already, and not for ts-n2',
    status: 2,
  });
  const made = changesOf(name);
  expect(made.slice(-3)).toEqual([
    'delete link 12',
    'umount2("/run/netns/ts-n2", MNT_DETACH)',
    'unlinkat(AT_FDCWD, "/run/netns/ts-n2", 0)',
  ]);
});

test.each(['', '.', '..', '../x', 'a/b', 'a'.repeat(256)])('no call is made for what is no name: "%s"', (name) => {
  for (const act of [connect, disconnect] as const)
    expect(play([], (network) => act(network, name, CONNECTION))).toMatchObject({
      error: { said: `Invalid netns name "${name}"`, status: 255 },
      calls: [],
    });
});
