import { describe, expect, test } from 'vitest';
import { HYBRID, PURE_V1, PURE_V2, SUB_ROOT, sourcesOf } from '../testing/system.ts';
import { everyController, findHome, parseHierarchies, whyMissing } from './hierarchies.ts';

const [v1, hybrid, v2, inside] = [PURE_V1, HYBRID, PURE_V2, SUB_ROOT].map((texts) =>
  parseHierarchies(sourcesOf(texts)),
) as [
  ReturnType<typeof parseHierarchies>,
  ReturnType<typeof parseHierarchies>,
  ReturnType<typeof parseHierarchies>,
  ReturnType<typeof parseHierarchies>,
];

describe('where controllers live', () => {
  test('v1: controllers that share a mount are one hierarchy; a named one is found by its name', () => {
    expect(findHome(v1, 'cpuacct')?.hierarchy).toMatchObject({
      version: 1,
      controllers: ['cpu', 'cpuacct'],
      mount: '/sys/fs/cgroup/cpu,cpuacct',
      own: '/user.slice',
    });
    expect(findHome(v1, 'cpu')?.hierarchy).toBe(findHome(v1, 'cpuacct')?.hierarchy);
    expect(findHome(v1, 'name=systemd')?.hierarchy.mount).toBe('/sys/fs/cgroup/systemd');
    expect(findHome(v1, 'pids')).toBeUndefined();
    expect(findHome(v1, '')).toBeUndefined();
  });

  test('a mount point with a space, mounted read-only', () => {
    expect(findHome(v1, 'net_cls')?.hierarchy).toMatchObject({ mount: '/sys/fs/cgroup/net cls', readOnly: true });
    expect(findHome(v1, 'memory')?.hierarchy.readOnly).toBe(false);
  });

  test('hybrid: v1 first, the v2 tree for what it has', () => {
    expect(findHome(hybrid, 'memory')?.hierarchy).toMatchObject({ version: 1, own: '/engine/38597c' });
    expect(findHome(hybrid, 'hugetlb')).toMatchObject({
      hierarchy: { version: 2, mount: '/sys/fs/cgroup/unified' },
      enable: 'hugetlb',
    });
    expect(findHome(hybrid, '')).toMatchObject({ hierarchy: { version: 2 } });
    expect(findHome(hybrid, 'blkio')).toBeUndefined();
  });

  test('v2: names of v1 controllers find what does their work', () => {
    expect(findHome(v2, 'cpu')).toMatchObject({
      enable: 'cpu',
      hierarchy: { own: '/user.slice/user-1000.slice/session-2.scope' },
    });
    expect(findHome(v2, 'blkio')?.enable).toBe('io');
    for (const name of ['cpuacct', 'freezer', 'devices'])
      expect(findHome(v2, name)).toMatchObject({ enable: undefined });
    expect(findHome(v2, 'net_cls')).toBeUndefined();
  });

  test('inside a container: the mounts show a part, and paths count from there', () => {
    expect(findHome(inside, 'cpu')?.hierarchy).toMatchObject({ root: '/docker/abc', own: '/', readOnly: true });
    expect(findHome(inside, 'memory')?.hierarchy).toMatchObject({ own: '/inner' });
    const outside = parseHierarchies(
      sourcesOf({ ...SUB_ROOT, self: '3:memory:/elsewhere\n2:cpu,cpuacct:/docker/abcdef\n' }),
    );
    expect(outside.mounted.map(({ own }) => own)).toEqual([undefined, undefined]);
  });

  test('mounts that another one hides do not count, and a tree that is mounted twice counts once', () => {
    const hidden = `${PURE_V2.mountinfo}90 23 0:99 / /sys/fs rw - tmpfs tmpfs rw\n`;
    expect(parseHierarchies(sourcesOf({ ...PURE_V2, mountinfo: hidden })).mounted).toEqual([]);
    const twice = `${PURE_V2.mountinfo}90 28 0:25 / /mnt/cg rw - cgroup2 cgroup2 rw\n`;
    expect(parseHierarchies(sourcesOf({ ...PURE_V2, mountinfo: twice })).mounted.map(({ mount }) => mount)).toEqual([
      '/sys/fs/cgroup',
    ]);
  });

  test('nothing mounted', () => {
    const none = parseHierarchies(sourcesOf({ mountinfo: '', self: '', cgroups: '' }));
    expect(none.mounted).toEqual([]);
    expect(whyMissing(none, 'cpu')).toBe('no control groups are mounted here: mount -t cgroup2 none /sys/fs/cgroup');
  });
});

test('what * means', () => {
  expect(everyController(v1)).toEqual(['cpu', 'cpuacct', 'memory', 'net_cls']);
  expect(everyController(hybrid)).toEqual(['cpu', 'cpuacct', 'memory']);
  expect(everyController(v2)).toEqual(['cpuset', 'cpu', 'io', 'memory', 'hugetlb', 'pids', 'rdma', 'misc']);
});

test('why a controller is missing', () => {
  expect(whyMissing(v1, 'pids')).toBe("controller 'pids' is not mounted: mount -t cgroup -o pids none DIR");
  expect(whyMissing(v1, 'hugetlb')).toBe(
    "controller 'hugetlb' is disabled: take cgroup_disable=hugetlb off the kernel's command line",
  );
  expect(whyMissing(v1, 'nosuch')).toBe("this kernel has no controller 'nosuch' (/proc/cgroups, cgroup.controllers)");
  expect(whyMissing(v1, 'name=x')).toBe('no hierarchy name=x is mounted here: mount -t cgroup -o none,name=x none DIR');
  expect(whyMissing(v1, '')).toMatch(/^no cgroup v2 tree is mounted here/);
});

test('in a cgroup namespace a mount of its own counts, not that of the host', () => {
  const { mounted } = parseHierarchies({
    mountinfo: `32 31 0:29 /../.. /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu
33 31 0:30 /../.. /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
40 31 0:29 / /own/cpu rw - cgroup cgroup rw,cpu
41 31 0:29 / /own/again rw - cgroup cgroup rw,cpu
`,
    self: '1:cpu:/inner\n2:memory:/\n',
    cgroups: '',
    controllersOf: () => '',
  });
  expect(mounted.map(({ mount, mounts, own, number }) => ({ mount, mounts, own, number }))).toEqual([
    { mount: '/own/cpu', mounts: ['/own/cpu', '/own/again'], own: '/inner', number: 1 },
    { mount: '/sys/fs/cgroup/memory', mounts: ['/sys/fs/cgroup/memory'], own: undefined, number: 2 },
  ]);
});
