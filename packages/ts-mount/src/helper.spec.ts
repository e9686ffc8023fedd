import { findHelper } from '@ts/mounts';
import { MS_RDONLY } from '@ts/sys';
import { describe, expect, test } from 'vitest';
import type { Change } from './change.ts';
import { helperCommand, helperOptions } from './helper.ts';

describe('options for a helper', () => {
  const of = (...words: string[]) =>
    helperOptions({ words, flags: words.includes('ro') ? MS_RDONLY : 0, parameters: [] });
  test.each([
    [[], 'rw'],
    [['defaults', 'auto', 'noauto', 'comment=x', 'x-a=1', 'X-mount.mkdir', 'rprivate'], 'rw'],
    [['ro', 'a', 'nosuid', 'user=me', '_netdev', 'nofail'], 'ro,a,nosuid,user=me,_netdev,nofail'],
    [['users'], 'rw,users,noexec,nosuid,nodev'],
    [['owner'], 'rw,nosuid,nodev'],
    [['nodev', 'dev', 'atime', 'noatime'], 'rw,dev,noatime'],
    [['size=1', 'size=2'], 'rw,size=1,size=2'],
  ])('%j: %s', (words, expected) => expect(of(...words)).toBe(expected));
});

test('its command line', () => {
  const change = {
    source: 's',
    target: '/nonexistent/t',
    flags: 0,
    words: ['a'],
    parameters: [],
    asGiven: { source: false, target: false },
  };
  const plan = { helperWords: ['-s', '-n'], namespace: '/proc/5/ns/mnt' };
  expect(helperCommand({ path: '/sbin/mount.x', type: 'x.y' }, change as unknown as Change, plan)).toEqual([
    ...['/sbin/mount.x', 's', '/nonexistent/t', '-s', '-n', '-o', 'rw,a', '-t', 'x.y', '-N', '/proc/5/ns/mnt'],
  ]);
});

test('where one is found', () => {
  const there = new Set(['/sbin/fs.d/mount.foo', '/sbin/mount.bar', '/sbin/mount.bar.x', '/sbin/umount.foo']);
  const find = (type: string) => findHelper('mount', type, (path) => there.has(path));
  expect(find('foo')).toEqual({ path: '/sbin/fs.d/mount.foo' });
  expect(find('bar.x')).toEqual({ path: '/sbin/mount.bar.x' });
  expect(find('bar.y')).toEqual({ path: '/sbin/mount.bar', type: 'bar.y' });
  for (const none of ['', 'x', '.', 'foo/../bar', '../../bin/sh', 'bar\0']) expect(find(none), none).toBeUndefined();
});
