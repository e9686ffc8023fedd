import { expect, test } from 'vitest';
import { HYBRID, PURE_V1, sourcesOf } from '../testing/system.ts';
import { parseHierarchies } from './hierarchies.ts';
import { groupAt, normalPath, parentOf, parseSpec, targetsOf } from './spec.ts';

test('controllers and a path', () => {
  expect(parseSpec('cpu,memory:a/b')).toEqual({ controllers: ['cpu', 'memory'], path: 'a/b' });
  expect(parseSpec('*:x')).toEqual({ controllers: ['*'], path: 'x' });
  expect(parseSpec(':x')).toEqual({ controllers: [''], path: 'x' });
  expect(parseSpec('name=systemd:/a:b')).toEqual({ controllers: ['name=systemd'], path: '/a:b' });
  for (const wrong of ['cpu', 'cpu:', ':', '', 'cpu,:x', ',cpu:x']) expect(parseSpec(wrong), wrong).toBeUndefined();
});

test('a path never leaves its hierarchy', () => {
  expect(['a/b', '/a/b/', '//a//b', './a/./b'].map(normalPath)).toEqual(Array(4).fill('/a/b'));
  expect(['/', '.', '//'].map(normalPath)).toEqual(Array(3).fill('/'));
  expect(normalPath('a/..b')).toBe('/a/..b');
  expect(['a/..', 'a/../b', 'a/b/../../c/./..'].map(normalPath)).toEqual(['/', '/b', '/']);
  for (const path of ['..', '../a', 'a/../../b', '/..', 'a/../..', 'a/../../a'])
    expect(normalPath(path), path).toBeUndefined();
});

test('one group a hierarchy, with the controllers it was named for', () => {
  const v1 = parseHierarchies(sourcesOf(PURE_V1));
  expect(targetsOf(v1, ['cpuacct', 'memory', 'cpu', 'cpu'], '/a')).toMatchObject([
    { directory: '/sys/fs/cgroup/cpu,cpuacct/a', controllers: ['cpuacct', 'cpu'], enable: [] },
    { directory: '/sys/fs/cgroup/memory/a', controllers: ['memory'], enable: [] },
  ]);
  expect(targetsOf(v1, ['cpu', 'pids'], '/a')).toMatchObject({ controller: 'pids' });
  expect(targetsOf(parseHierarchies(sourcesOf(HYBRID)), ['cpu', 'hugetlb', ''], '/')).toMatchObject([
    { directory: '/sys/fs/cgroup/cpu' },
    { directory: '/sys/fs/cgroup/unified', enable: ['hugetlb'] },
  ]);
});

test('the group above', () => {
  const hierarchy = parseHierarchies(sourcesOf(HYBRID)).mounted[0] as Parameters<typeof groupAt>[0];
  expect(parentOf(groupAt(hierarchy, '/a/b'))?.path).toBe('/a');
  expect(parentOf(groupAt(hierarchy, '/a'))).toMatchObject({ path: '/', directory: '/sys/fs/cgroup/cpu' });
  expect(parentOf(groupAt(hierarchy, '/'))).toBeUndefined();
});
