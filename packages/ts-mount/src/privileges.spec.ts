import { confinement } from '@ts/cli';
import { madeUpWorld } from '@ts/cli/testing';
import { inOwnUsers } from '@ts/mounts';
import { describe, expect, test } from 'vitest';
import { whyNotInUserNamespace } from './privileges.ts';

const world = (files: Readonly<Record<string, string>>) => madeUpWorld({ read: (path) => files[path] });
const ROOT = '1 0 0:1 / / rw - ext4 x rw';
const mounts = (...lines: string[]) => ({ '/proc/self/mountinfo': `${[ROOT, ...lines].join('\n')}\n` });
const PROC = '20 1 0:5 / /proc rw - proc proc rw';

describe('a whole one must be seen', () => {
  // Whether the namespace is owned is asked of the kernel, and it is: these tests run in the first user namespace, or are root of their own.
  const why = (files: Readonly<Record<string, string>>, isReadOnly = false) =>
    whyNotInUserNamespace('proc', isReadOnly, world(files));
  test.each([
    ['none', mounts(), 'proc can be mounted only where another mount of it is fully visible, and none is here'],
    ['of a part of it', mounts('20 1 0:5 /sys /proc/sys rw - proc proc rw'), 'and none is here'],
    ['covered', mounts(PROC, '21 20 0:6 /null /proc/keys rw - tmpfs x rw'), '/proc has parts covered (/proc/keys)'],
    ['read-only', mounts('20 1 0:5 / /proc ro - proc proc rw'), '/proc is read-only, so add -o ro'],
  ])('%s', (_name, files, words) => expect(why(files)).toContain(words));
  test('what hides nothing', () => {
    expect(why(mounts(PROC, '21 20 0:6 / /proc/sys/fs/binfmt_misc rw - binfmt_misc x rw'))).toBeUndefined();
    expect(why(mounts('20 1 0:5 / /proc ro - proc proc rw'), true)).toBeUndefined();
    expect(
      why(mounts(PROC, '21 20 0:6 / /proc/a rw - tmpfs x rw', '22 1 0:5 / /other rw - proc proc rw')),
    ).toBeUndefined();
  });
});

test('nothing is named that was not read', () => {
  expect(whyNotInUserNamespace('tmpfs', false, world({}))).toBeUndefined();
  expect(confinement(world({}))).toBeUndefined();
  expect(confinement(world({ '/proc/self/status': 'Name:\tx\nSeccomp:\t0\n' }))).toBeUndefined();
  expect(confinement(world({ '/proc/self/status': 'Name:\tx\nSeccomp:\t2\n' }))).toMatch(
    /^a seccomp filter is in force/,
  );
  expect(confinement(world({ '/proc/self/attr/current': 'unconfined\n' }))).toBeUndefined();
  expect(confinement(world({ '/proc/self/attr/current': 'docker-default (enforce)\n' }))).toContain('docker-default');
  expect(whyNotInUserNamespace('ext4', false, world({ '/proc/filesystems': 'nodev\tproc\n\text4\n' }))).toContain(
    'ext4',
  );
});

test('whose user namespace it is', () => {
  expect(inOwnUsers(world({ '/proc/self/uid_map': '         0          0 4294967295\n' }).read)).toBe(false);
  expect(inOwnUsers(world({ '/proc/self/uid_map': '         0       1000          1\n' }).read)).toBe(true);
  expect(inOwnUsers(world({}).read)).toBe(false);
});
