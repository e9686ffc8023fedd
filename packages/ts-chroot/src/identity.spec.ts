import { madeUpWorld } from '@ts/cli/testing';
import { Failure } from '@ts/sys';
import { describe, expect, test } from 'vitest';
import { identify, numericIdentity } from './identity.ts';
import { quote } from './quote.ts';

const accounts = [
  { name: 'ann', uid: 1000, gid: 1000, home: '/', shell: '/bin/sh' },
  { name: '7', uid: 70, gid: 70, home: '/', shell: '/bin/sh' },
];
const groups = [
  { name: 'staff', gid: 50, members: ['ann'] },
  { name: 'wheel', gid: 10, members: ['bob'] },
];
const warnings: string[] = [];
const world = madeUpWorld({
  prog: 'chroot',
  read: () => groups.map(({ name, gid, members }) => `${name}:x:${gid}:${members}\n`).join(''),
  user: (id) => accounts.find(({ name, uid }) => name === id || uid === id),
  group: (id) => groups.find(({ name, gid }) => name === id || gid === id),
  warn: (message) => void warnings.push(message),
});

describe('numbers alone', () => {
  test.each([
    ['5:6', '7,8', { uid: 5, gid: 6, groups: [7, 8] }],
    [':6', undefined, { gid: 6, groups: undefined }],
    [undefined, '+7, 8', { gid: undefined, groups: [7, 8] }],
    ['5:6', '', { uid: 5, gid: 6, groups: [] }],
    // The user's own groups stand in the accounts.
    ['5:6', undefined, undefined],
    ['5', '7', undefined],
    ['ann', '7', undefined],
    ['5:staff', '7', undefined],
    [undefined, 'staff', undefined],
    [undefined, ',', undefined],
    ['4294967295:6', '7', undefined],
  ])('--userspec=%s --groups=%s', (userspec, list, identity) =>
    expect(numericIdentity(userspec, list)).toEqual(identity),
  );
});

describe('by accounts', () => {
  test.each([
    ['ann', undefined, { uid: 1000, gid: 1000, groups: [1000, 50] }],
    ['ann:', undefined, { uid: 1000, gid: 1000, groups: [1000, 50] }],
    ['ann:wheel', undefined, { uid: 1000, gid: 10, groups: [10, 50] }],
    ['ann', 'wheel,3', { uid: 1000, gid: 1000, groups: [10, 3] }],
    ['ann', '', { uid: 1000, gid: 1000, groups: [] }],
    [':staff', undefined, { gid: 50 }],
    ['7', undefined, { uid: 70, gid: 70, groups: [70] }],
    ['+7:1', undefined, { uid: 7, gid: 1, groups: [] }],
  ])('--userspec=%s --groups=%s', (userspec, list, identity) =>
    expect(identify(userspec, list, world)).toEqual(identity),
  );

  test('an old separator is warned of', () => {
    expect(identify('ann.staff', '', world)).toEqual({ uid: 1000, gid: 50, groups: [] });
    expect(warnings).toEqual(["warning: '.' should be ':'"]);
  });

  test.each([
    ['nosuch', undefined, 'invalid user'],
    ['ann:nosuch', undefined, 'invalid group'],
    ['5', undefined, 'no group specified for unknown uid: 5'],
    ['ann', '1,foo', "invalid group 'foo'"],
    ['ann', ',', "invalid group list ','"],
  ])('--userspec=%s --groups=%s is wrong', (userspec, list, message) =>
    expect(() => identify(userspec, list, world)).toThrow(new Failure(message)),
  );
});

test('what the new root does not know of an id comes from the old one', () => {
  const outside = { uid: 5, gid: 60, groups: [60, 61] };
  expect(identify('5', undefined, world, outside)).toEqual(outside);
  expect(identify('5:7', undefined, world, outside)).toEqual({ uid: 5, gid: 7, groups: [60, 61] });
  expect(identify(undefined, 'old,wheel', world, outside)).toEqual({ groups: [60, 61] });
  expect(identify('ann', undefined, world, outside)).toEqual({ uid: 1000, gid: 1000, groups: [1000, 50] });
  expect(() => identify('old', undefined, world, outside)).toThrow(new Failure('invalid user'));
});

test('quotation marks of the locale', () => {
  const utf8 = { ...world, variable: (name: string) => (name === 'LANG' ? 'C.UTF-8' : undefined) };
  expect(quote.words('x', world)).toBe("'x'");
  expect(quote.words('x', utf8)).toBe('‘x’');
  expect(quote.shell("it's")).toBe('"it\'s"');
});
