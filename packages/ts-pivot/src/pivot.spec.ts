/** Command lines and the tapes that come of them, in a made-up world: no rights needed. */
import { explain, parse, UsageError, type World } from '@ts/cli';
import { madeUpWorld } from '@ts/cli/testing';
import { formatTape, recording } from '@ts/sys';
import { describe, expect, test } from 'vitest';
import { tool } from './pivot.ts';

const world = (files: Readonly<Record<string, string>> = {}): World =>
  madeUpWorld({
    prog: 'pivot_root',
    read: (path) => files[path],
    exists: (path) => path in files,
  });

const planned = (words: string) =>
  tool.plan(parse(tool.options, words.split(' ').filter(Boolean), tool.grammar), world());

function tapeOf(words: string): string {
  const sys = recording(1, true).speakFor('pivot_root', 'ts-pivot pivot_root', 1);
  tool.apply(planned(words), sys, world());
  return formatTape(sys.finish());
}

describe('tapes', () => {
  test.each([
    'new new/old -- sh',
    '--umount-old new new/old -- sh',
    '--bind --proc --umount-old new/ new/old -- sh',
    '--bind --umount-old . . -- sh -c true',
  ])('%s', (words) => {
    expect(tapeOf(words)).toMatchSnapshot();
  });
});

describe('operands', () => {
  test('two, and a program behind the dashes', () => {
    expect(tool.becomes(planned('a b'))).toBe(false);
    expect(planned('a --bind b -- c -d')).toMatchObject({
      newRoot: 'a',
      putOld: 'b',
      bind: true,
      program: ['c', '-d'],
    });
  });
  test.each(['', 'a', 'a b c', 'a -- b', '-- a b', 'a b c -- d'])('"%s" is refused', (words) => {
    expect(() => planned(words)).toThrow(new UsageError('bad usage'));
  });
});

describe('causes', () => {
  const why = (error: string, subject: string, mountinfo: string, status = 'CapEff:\tffffffffffffffff\n') =>
    explain(
      tool.causes ?? [],
      subject,
      error,
      world({ '/proc/self/mountinfo': mountinfo, '/proc/self/status': status }),
    );
  const root = '1 0 0:1 / / rw - ext4 /dev/a rw\n';
  test.each([
    ['EINVAL', 'pivot /new-of-test /new-of-test/old', root, /no mount point: add --bind/],
    ['EBUSY', 'pivot /new-of-test /new-of-test/old', root, /no mount point: add --bind/],
    ['EBUSY', 'pivot / /old', root, /the root already/],
    ['EINVAL', 'pivot /new-of-test /old', `${root}2 1 0:1 /x /new-of-test rw - ext4 /dev/a rw\n`, /does not lie below/],
    [
      'EINVAL',
      'pivot /new-of-test /new-of-test',
      `${root}2 1 0:1 /x /new-of-test rw shared:5 - ext4 /dev/a rw\n`,
      /shared/,
    ],
    ['EINVAL', 'pivot /new /new/old', '2 1 0:2 / /proc rw - proc proc rw\n', /no mount point \(you are in a chroot\)/],
    ['ENOENT', 'proc /new-of-test/proc', root, /must be a folder/],
  ] as const)('%s %s', (error, subject, mountinfo, words) => {
    expect(why(error, subject, mountinfo)).toMatch(words);
  });
  test.each([
    ['EINVAL', 'pivot /new-of-test /new-of-test/old', ''],
    ['EBUSY', 'pivot / /old', ''],
    ['EINVAL', 'pivot /new-of-test /new-of-test/old', `${root}2 1 0:1 /x /new-of-test rw - ext4 /dev/a rw\n`],
    ['EPERM', 'proc /proc', `${root}2 1 0:2 / /proc rw - proc proc rw\n`],
    ['EPERM', 'proc /proc', ''],
  ] as const)('nothing is claimed of %s %s, where %j is read', (error, subject, mountinfo) => {
    expect(why(error, subject, mountinfo)).toBeUndefined();
  });
  test('nothing is claimed where rights cannot be read', () => {
    expect(explain(tool.causes ?? [], 'pivot a b', 'EPERM', world())).toBeUndefined();
  });
  test('without rights', () => {
    expect(why('EPERM', 'pivot a b', root, 'CapEff:\t0\n')).toMatch(/CAP_SYS_ADMIN/);
  });
});
