/** Statuses of mount(8): bits of what has gone wrong. Nothing is mounted: the mount points are not there. */
import { exit, parse, UsageError } from '@ts/cli';
import { madeUpWorld } from '@ts/cli/testing';
import { errnoOf, Failure, live, MS_BIND, MS_MOVE, MS_REMOUNT } from '@ts/sys';
import { describe, expect, test } from 'vitest';
import { isMissing, remedyOf, type Step, stepOf, subjectOf } from './failure.ts';
import { tool } from './mount.ts';

const NOWHERE = '/nonexistent/mount/point';
const FAILS = `tmpfs ${NOWHERE} tmpfs defaults 0 0`;
/** Its device is missing, and that is no failure. */
const TOLERATED = `LABEL=ts-nobody-has-it ${NOWHERE}/a ext4 nofail 0 0`;
const MISSING = `LABEL=ts-nobody-has-it ${NOWHERE}/b ext4 defaults 0 0`;
const LEFT = `none ${NOWHERE}/c tmpfs noauto 0 0`;

interface Ran {
  readonly outcome: unknown;
  readonly said: readonly string[];
}

function run(argv: readonly string[], fstab: readonly string[] = [], known = {}): Ran {
  const said: string[] = [];
  const files: Readonly<Record<string, string>> = { '/etc/fstab': `${fstab.join('\n')}\n`, '/proc/self/mountinfo': '' };
  const world = madeUpWorld({
    prog: 'mount',
    read: (path) => files[path],
    warn: (text) => {
      said.push(text);
    },
    ...known,
  });
  const plan = tool.plan(parse(tool.options, argv, tool.grammar), world);
  return { outcome: tool.act?.(plan, live(), world), said };
}

describe('all of fstab', () => {
  test.each([
    ['nothing', [], 0],
    ['what is left out', [LEFT], 0],
    ['what is missing, and may be', [TOLERATED, LEFT], 0],
    ['all fail', [FAILS], 32],
    ['all fail, for several reasons', [FAILS, MISSING, LEFT], 32],
    ['some fail, the first one', [FAILS, TOLERATED], 64],
    ['some fail, the last one', [TOLERATED, MISSING], 64],
  ] as const)('%s', (_, fstab, status) => {
    const { outcome, said } = run(['-a', '--internal-only'], fstab);
    expect(outcome).toEqual(exit(status));
    expect(said.filter((line) => line.includes(NOWHERE)).length > 0).toBe(status !== 0);
  });

  test('each failure is told, and the next one is tried', () => {
    const other = FAILS.replace(NOWHERE, `${NOWHERE}/other`);
    const { said } = run(['-a', '--internal-only'], [FAILS, other]);
    expect(said.filter((line) => line.startsWith(`${NOWHERE}: `))).toHaveLength(1);
    expect(said.filter((line) => line.startsWith(`${NOWHERE}/other: `))).toHaveLength(1);
  });

  test('that the namespace cannot be entered is true of all', () => {
    const namespace = ['-a', '--internal-only', '-N', '/nonexistent/namespace'];
    const act = () => run(namespace, [FAILS, FAILS], { read: (path: string) => (path === '/etc/fstab' ? FAILS : '') });
    expect(act).toThrow(Failure);
    expect(statusOf(act)).toBe(2);
  });
});

/** Status of what is thrown. */
function statusOf(work: () => unknown): number | undefined {
  try {
    work();
  } catch (error) {
    return error instanceof UsageError ? (error.status ?? 1) : (error as Failure).status;
  }
  return undefined;
}

describe('one mount', () => {
  test.each<[string, string[], number]>([
    ['a mount point that is missing', ['-i', '-t', 'tmpfs', 'x', NOWHERE], 32],
    ['a bind mount of nothing', ['-i', '--bind', `${NOWHERE}/x`, NOWHERE], 32],
    ['a remount of nothing', ['-i', '-o', 'remount,ro', 'x', NOWHERE], 32],
    ['a label that nobody has', ['-i', 'LABEL=ts-nobody-has-it', NOWHERE], 1],
    ['what fstab does not have', ['-i', NOWHERE], 1],
    ['a mapping that cannot be read', ['-i', '--map-users', 'x', '--bind', '/', NOWHERE], 1],
    ['wrong usage', ['-i', '--bind'], 1],
    ['wrong options', ['-i', '-o', 'loop,offset=x', 'a', NOWHERE], 1],
  ])('%s', (_, argv, status) => expect(statusOf(() => run(argv))).toBe(status));

  test('nothing is made, nothing fails: --fake', () => {
    expect(run(['-i', '--fake', '-t', 'tmpfs', 'x', NOWHERE]).outcome).toEqual(exit(0));
  });
});

describe('what `nofail` forgives', () => {
  const step: Step = { step: 'mount', source: '/nonexistent/x', target: '/', type: 'x', flags: 0, data: [] };
  test.each<[string, Partial<Step>, string, boolean]>([
    ['a source that is missing', {}, 'ENOENT', true],
    ['one that leads through a file', {}, 'ENOTDIR', true],
    ['one that is no device', {}, 'ENOTBLK', true],
    ['no medium', {}, 'ENOMEDIUM', true],
    ['a source that is there', { source: '/' }, 'ENOENT', false],
    ['a mount point that is missing', { target: NOWHERE }, 'ENOENT', false],
    ['a remount', { flags: MS_REMOUNT }, 'ENOENT', false],
    ['a move', { flags: MS_MOVE }, 'ENOENT', false],
    ['no medium for a remount', { flags: MS_REMOUNT }, 'ENOMEDIUM', false],
    ['a missing right', {}, 'EPERM', false],
    ['a wrong option', {}, 'EINVAL', false],
  ])('%s', (_, more, code, expected) => expect(isMissing({ ...step, ...more }, errnoOf(code))).toBe(expected));
});

describe('a step on the tape', () => {
  test.each<Partial<Step>>([
    {},
    { source: 'a b\n\\', target: '/x\ty', type: 'fuse.x' },
    { source: '', type: null, data: ['a=b', 'c'] },
    { source: '=', flags: MS_BIND | MS_REMOUNT },
  ])('%j comes back', (more) => {
    const step: Step = { step: 'mount', source: 's', target: '/t', type: 'x', flags: 0, data: [], ...more };
    const [, ...words] = subjectOf(step).split(' ');
    expect(stepOf(words)).toEqual(step);
  });
});

test('a cause is said only where it is found', () => {
  const step: Step = { step: 'mount', source: 'x', target: '/', type: 'tmpfs', flags: 0, data: [] };
  const world = (limit: string, mounts: number) =>
    madeUpWorld({
      read: (path) =>
        path === '/proc/sys/fs/mount-max'
          ? limit
          : path === '/proc/self/mountinfo'
            ? '1 0 0:1 / / rw - ext4 x rw\n'.repeat(mounts)
            : undefined,
    });
  expect(remedyOf(step, errnoOf('ENOSPC'), world('10\n', 8))).toContain('there are 8 mounts, and no more than 10');
  for (const [limit, mounts] of [
    ['100\n', 8],
    ['', 8],
    ['x', 8],
  ] as const)
    expect(remedyOf(step, errnoOf('ENOSPC'), world(limit, mounts))).toBeUndefined();
});

test('a variable leads nobody who has more rights than who runs it', () => {
  const fstabOf = (ids: object) => {
    const read: string[] = [];
    run(['-a', '--internal-only'], [], {
      variable: (name: string) => (name === 'LIBMOUNT_FSTAB' ? '/mine' : undefined),
      read: (path: string) => {
        read.push(path);
        return '';
      },
      ...ids,
    });
    return read;
  };
  expect(fstabOf({})).toContain('/mine');
  for (const ids of [{ uid: 1000 }, { gid: 1000 }, { euid: 1000 }, { egid: 1000 }]) {
    expect(fstabOf(ids), JSON.stringify(ids)).not.toContain('/mine');
    expect(fstabOf(ids), JSON.stringify(ids)).toContain('/etc/fstab');
  }
});
