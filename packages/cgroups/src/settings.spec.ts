import { describe, expect, test } from 'vitest';
import { V2Tree } from '../testing/system.ts';
import { withGroups } from './future.ts';
import { readHierarchies } from './hierarchies.ts';
import { controllerOf, readSetting, settingSteps } from './settings.ts';
import { targetsOf } from './spec.ts';
import { INVALID, type Row, settings } from './table.ts';

const row = (v1: string) => settings().find((each) => each.v1 === v1) as Row;
const nothing = () => undefined;
const toV2 = (v1: string, value: string, now: (file: string) => string | undefined = nothing) =>
  row(v1).toV2?.(value, now);
const toV1 = (v1: string, text: string, now: (file: string) => string | undefined = nothing) =>
  row(v1).toV1?.(text, now);

describe('units', () => {
  test('shares and weights: the defaults mean the same, the ends are held', () => {
    expect(['1024', '2', '262144', '512', '2048'].map((value) => toV2('cpu.shares', value))).toEqual([
      '100',
      '1',
      '10000',
      '50',
      '200',
    ]);
    expect(['100', '1', '10000'].map((value) => toV1('cpu.shares', value))).toEqual(['1024', '10', '102400']);
    expect(['0', '1', '0x400', '18446744073709551615'].map((value) => toV2('cpu.shares', value))).toEqual([
      '1',
      '1',
      '100',
      '10000',
    ]);
  });

  test('quota and period share a file', () => {
    const now = () => '300000 1000000';
    expect(toV2('cpu.cfs_quota_us', '50000', now)).toBe('50000 1000000');
    expect(toV2('cpu.cfs_quota_us', '-1', now)).toBe('max 1000000');
    expect(toV2('cpu.cfs_quota_us', '50000')).toBe('50000 100000');
    expect(toV2('cpu.cfs_period_us', '200000', now)).toBe('300000 200000');
    expect(toV1('cpu.cfs_quota_us', 'max 100000')).toBe('-1');
    expect(toV1('cpu.cfs_period_us', 'max 100000')).toBe('100000');
    expect(toV1('cpu.cfs_period_us', '5000')).toBeUndefined();
  });

  test('no limit', () => {
    expect(
      ['-1', '9223372036854771712', '10000000', '10M'].map((value) => toV2('memory.limit_in_bytes', value)),
    ).toEqual(['max', 'max', '10000000', '10485760']);
    expect(toV1('memory.limit_in_bytes', 'max')).toBe('9223372036854771712');
    expect(['-1', '524288000'].map((value) => toV2('memory.soft_limit_in_bytes', value))).toEqual(['0', '524288000']);
    expect(toV1('memory.soft_limit_in_bytes', '0')).toBe('9223372036854771712');
  });

  const NUMBERS = ['', ' ', '1e3', '+5', '1.5', '-10', '-2', '0x', '5 ', ' 5', 'abc', 'constructor', '9'.repeat(26)];
  const SIZES = [...NUMBERS, '10MB', '10 M', '1.5M', '16E', 'max ', 'MAX'];
  test.each([
    ['memory.limit_in_bytes', [...SIZES, 'max']],
    ['memory.soft_limit_in_bytes', [...SIZES, 'max']],
    ['memory.memsw.limit_in_bytes', [...SIZES, 'max']],
    ['cpu.shares', [...NUMBERS, 'max', '-1', '10M']],
    ['cpu.cfs_quota_us', [...NUMBERS, '10M', 'max 100000']],
    ['cpu.cfs_period_us', [...NUMBERS, '-1', 'max', '10M']],
    ['blkio.weight', [...NUMBERS, '-1', '8:0 5']],
    ['blkio.throttle.read_bps_device', [...NUMBERS, '8:0', '8:0 -1', '8:0 1e3', '8:0 5 6', 'default 5', '8:0 5\nx']],
    ['blkio.weight_device', [...NUMBERS, '8:0', '8:0 -1', '8:0 1e3', 'sda 5']],
    ['freezer.state', [...NUMBERS, 'frozen', 'FROZEN ', '1', 'toString']],
  ])('%s: what v1 would refuse is no value on v2 either', (name, values) => {
    for (const value of values)
      expect(
        toV2(name, value, () => '1000000'),
        value,
      ).toBe(INVALID);
  });
  test.each([
    ['memory.limit_in_bytes', [...SIZES, '-1']],
    ['memory.soft_limit_in_bytes', [...SIZES, '-1']],
    ['memory.memsw.limit_in_bytes', [...SIZES, '-1']],
    ['cpu.shares', [...NUMBERS, 'max', '-1']],
    ['cpu.cfs_quota_us', [...NUMBERS, '-1', '10M', 'max x', '5 6 7']],
    ['cpu.cfs_period_us', [...NUMBERS, '-1', 'max x']],
    ['freezer.state', [...NUMBERS, '2', 'FROZEN']],
  ])('%s: what v2 would refuse is no value on v1 either', (name, values) => {
    for (const value of values)
      expect(
        toV1(name, value, () => '1000000'),
        value,
      ).toBe(INVALID);
  });

  test('memory and swap together are swap alone', () => {
    const limit = () => '10485760';
    expect(toV2('memory.memsw.limit_in_bytes', '20971520', limit)).toBe('10485760');
    expect(toV2('memory.memsw.limit_in_bytes', '20M', limit)).toBe('10485760');
    expect(toV2('memory.memsw.limit_in_bytes', '1M', limit)).toBeUndefined();
    expect(toV2('memory.memsw.limit_in_bytes', '-1', limit)).toBe('max');
    expect(toV1('memory.memsw.limit_in_bytes', '100', limit)).toBe('10485860');
    expect(toV1('memory.memsw.limit_in_bytes', '100', () => 'max')).toBe('9223372036854771712');
  });

  test('CPU time: µs to ns, and to hundredths of a second', () => {
    const stat = 'usage_usec 2500000\nuser_usec 1500000\nsystem_usec 1000000';
    expect(toV1('cpuacct.usage', stat)).toBe('2500000000');
    expect(toV1('cpuacct.stat', stat)).toBe('user 150\nsystem 100');
  });

  test('block weights, per-device limits', () => {
    expect(['10', '500', '1000'].map((value) => toV2('blkio.weight', value))).toEqual(['1', '4950', '10000']);
    expect(toV1('blkio.weight', 'default 10000\n8:0 50')).toBe('1000');
    expect(toV2('blkio.throttle.read_bps_device', '8:0 1048576')).toBe('8:0 rbps=1048576');
    expect(toV2('blkio.throttle.write_iops_device', '8:0 0')).toBe('8:0 wiops=max');
    expect(toV1('blkio.throttle.write_bps_device', '8:0 rbps=5 wbps=7 riops=max wiops=max\n8:16 rbps=1 wbps=max')).toBe(
      '8:0 7\n8:16 0',
    );
  });

  test('states', () => {
    expect([toV2('freezer.state', 'FROZEN'), toV2('freezer.state', 'THAWED')]).toEqual(['1', '0']);
    expect([toV1('freezer.state', '1'), toV1('freezer.state', '0')]).toEqual(['FROZEN', 'THAWED']);
  });
});

test('every row has a use: a v2 file, or a reason why there is none', () => {
  for (const { v1, v2, why } of settings()) expect(v1 && v2 ? v1 : why, v1 ?? v2 ?? '').toBeTruthy();
});

describe('usage, both ways', () => {
  test('block I/O', () => {
    const stat = '8:0 rbytes=10 wbytes=20 rios=1 wios=2 dbytes=0 dios=0';
    expect(toV1('blkio.throttle.io_service_bytes', stat)).toBe('8:0 Read 10\n8:0 Write 20\n8:0 Total 30\nTotal 30');
    expect(toV1('blkio.throttle.io_serviced_recursive', stat)).toBe('8:0 Read 1\n8:0 Write 2\n8:0 Total 3\nTotal 3');
    expect(toV2('blkio.throttle.io_service_bytes', '8:0 Read 10\n8:0 Write 20\n8:0 Sync 30\nTotal 30')).toBe(
      '8:0 rbytes=10 wbytes=20',
    );
  });

  test('weights of devices', () => {
    expect(toV2('blkio.weight_device', '8:0 1000')).toBe('8:0 10000');
    expect(toV1('blkio.weight_device', 'default 100\n8:0 10000')).toBe('8:0 1000');
    expect(toV2('blkio.bfq.weight_device', '8:0 300')).toBe('8:0 300');
    expect(toV1('blkio.weight', '8:0 50')).toBeUndefined();
  });

  test('nice levels', () => {
    const nice = settings().find(({ v2 }) => v2 === 'cpu.weight.nice');
    expect(['-20', '0', '19'].map((level) => nice?.toV1?.(level, nothing))).toEqual(['88761', '1024', '15']);
    expect(['1024', '88761', '330'].map((shares) => nice?.toV2?.(shares, nothing))).toEqual(['0', '-20', '5']);
  });

  test('memory', () => {
    const stat = 'anon 1\nkernel 4096\nsock 8192\n';
    expect(toV1('memory.kmem.usage_in_bytes', stat)).toBe('4096');
    expect(toV1('memory.kmem.tcp.usage_in_bytes', stat)).toBe('8192');
    expect(toV2('memory.memsw.usage_in_bytes', '300', () => '100')).toBe('200');
    expect(toV2('memory.failcnt', '3')).toBe('max 3');
    expect(toV2('memory.force_empty', '0', () => '4096')).toBe('4096');
  });
});

/** A world of a few v1 files, and a v2 tree beside them where there is one. */
function v1World(files: Readonly<Record<string, string>>) {
  const texts: Readonly<Record<string, string>> = {
    '/proc/self/mountinfo': ['cpu', 'memory', 'freezer', 'blkio', 'pids']
      .map((name, index) => `${32 + index} 31 0:${29 + index} / /cg/${name} rw - cgroup cgroup rw,${name}\n`)
      .join(''),
    '/proc/self/cgroup': ['cpu', 'memory', 'freezer', 'blkio', 'pids']
      .map((name, index) => `${index + 1}:${name}:/\n`)
      .join(''),
    '/proc/cgroups': '',
    ...Object.fromEntries(Object.entries(files).map(([name, text]) => [`/cg/${name.split('.')[0]}/job/${name}`, text])),
  };
  const world = {
    read: (path: string) => texts[path],
    exists: (path: string) => path in texts || /^\/cg\/\w+\/job$/.test(path),
  };
  return { world, hierarchies: readHierarchies(world) };
}

describe('v2 names on v1', () => {
  const files = {
    'cpu.shares': '2048',
    'cpu.cfs_quota_us': '30000',
    'cpu.cfs_period_us': '200000',
    'memory.limit_in_bytes': '1000',
    'memory.soft_limit_in_bytes': '9223372036854771712',
    'memory.memsw.limit_in_bytes': '1500',
    'memory.usage_in_bytes': '100',
    'memory.memsw.usage_in_bytes': '300',
    'memory.max_usage_in_bytes': '700',
    'memory.failcnt': '4',
    'memory.oom_control': 'oom_kill_disable 0\nunder_oom 0\noom_kill 2\n',
    'memory.force_empty': '',
    'freezer.state': 'FROZEN\n',
    'blkio.weight': '1000',
    'blkio.throttle.read_bps_device': '8:0 100',
    'blkio.throttle.io_service_bytes_recursive': '8:0 Read 10\n8:0 Write 20\nTotal 30\n',
    'blkio.throttle.io_serviced_recursive': '8:0 Read 1\n8:0 Write 2\nTotal 3\n',
    'pids.max': '5',
  };

  test('are read in v2 units', () => {
    const { world, hierarchies } = v1World(files);
    const value = (name: string) => {
      const found = readSetting(hierarchies, '/job', name, world);
      return 'value' in found ? found.value : found.hint;
    };
    expect(
      Object.fromEntries(
        [
          'cpu.weight',
          'cpu.weight.nice',
          'cpu.max',
          'memory.max',
          'memory.low',
          'memory.swap.max',
          'memory.current',
          'memory.swap.current',
          'memory.peak',
          'memory.events',
          'cgroup.freeze',
          'io.weight',
          'io.stat',
          'pids.max',
        ].map((name) => [name, value(name)]),
      ),
    ).toEqual({
      'cpu.weight': '200',
      'cpu.weight.nice': '-3',
      'cpu.max': '30000 200000',
      'memory.max': '1000',
      'memory.low': '0',
      'memory.swap.max': '500',
      'memory.current': '100',
      'memory.swap.current': '200',
      'memory.peak': '700',
      'memory.events': 'max 4\noom_kill 2',
      'cgroup.freeze': '1',
      'io.weight': '10000',
      'io.stat': '8:0 rbytes=10 wbytes=20 rios=1 wios=2',
      'pids.max': '5',
    });
  });

  test('are written to v1 files', () => {
    const { world, hierarchies } = v1World(files);
    const written = (...settings: string[]) => {
      const steps = settingSteps(
        hierarchies,
        '/job',
        settings.map((text) => ({ name: text.split('=')[0] as string, value: text.slice(text.indexOf('=') + 1) })),
        world,
      );
      return 'no' in steps
        ? steps.hint
        : steps.map((step) => (step.do === 'write' ? `${step.path.slice(4)} < ${step.value}` : step.do));
    };
    expect(written('cpu.weight=50', 'cpu.max=max 100000')).toEqual([
      'cpu/job/cpu.shares < 512',
      'cpu/job/cpu.cfs_period_us < 100000',
      'cpu/job/cpu.cfs_quota_us < -1',
    ]);
    expect(written('memory.max=2000', 'memory.swap.max=100')).toEqual([
      'memory/job/memory.limit_in_bytes < 2000',
      'memory/job/memory.memsw.limit_in_bytes < 2100',
    ]);
    expect(written('io.max=8:0 rbps=5 wbps=max\n8:16 rbps=6')).toEqual([
      'blkio/job/blkio.throttle.read_bps_device < 8:0 5',
      'blkio/job/blkio.throttle.read_bps_device < 8:16 6',
      'blkio/job/blkio.throttle.write_bps_device < 8:0 0',
    ]);
    expect(written('cgroup.freeze=0', 'memory.reclaim=1M')).toEqual([
      'freezer/job/freezer.state < THAWED',
      'memory/job/memory.force_empty < 0',
    ]);
    expect(written('memory.high=5')).toContain('cgroup v1 has no limit that only slows down');
    expect(written('cgroup.kill=1')).toContain('cgdelete --kill');
    expect(written('../../x.pressure=1')).toContain('is no name of a parameter');
    expect(written('memory.events=1')).toContain('has no counterpart');
  });
});

test('groups that do not exist yet are known by their files', () => {
  using tree = new V2Tree({ '/a': { controllers: ['cpu', 'memory'] } });
  const world = tree.world();
  const hierarchies = readHierarchies(world);
  const targets = targetsOf(hierarchies, ['cpu', 'memory'], '/a/new');
  if ('hint' in targets) throw new Error(targets.hint);
  const future = withGroups(world, targets);
  const set = (name: string, value: string) => {
    const steps = settingSteps(hierarchies, '/a/new', [{ name, value }], future);
    return 'no' in steps ? steps.hint : steps.map((step) => tree.shorten(step.path));
  };
  expect(set('memory.limit_in_bytes', '1M')).toEqual(['/CG/a/new/memory.max']);
  expect(set('memory.max', '1M')).toEqual(['/CG/a/new/memory.max']);
  expect(set('freezer.state', 'FROZEN')).toEqual(['/CG/a/new/cgroup.freeze']);
  expect(set('pids.max', '1')).toContain("the group has no controller 'pids'");
});

test('the controller of a name', () => {
  expect(['cpu.shares', 'hugetlb.2MB.max', 'cgroup.procs'].map(controllerOf)).toEqual(['cpu', 'hugetlb', 'cgroup']);
  for (const wrong of ['cpu', 'tasks', '.x', 'cpu.', '../cpu.shares', 'cpu./x'])
    expect(controllerOf(wrong), wrong).toBeUndefined();
});

describe('v1 names in a v2 tree', () => {
  const controllers = ['cpu', 'io', 'memory', 'pids', 'hugetlb'];
  const use = () => {
    const tree = new V2Tree({ '/job': { controllers }, '/bare': {} });
    const world = tree.world();
    return { tree, world, hierarchies: readHierarchies(world) };
  };

  test('are read in v1 units', () => {
    const { tree, world, hierarchies } = use();
    using _ = tree;
    const value = (name: string) => readSetting(hierarchies, '/job', name, world);
    expect(value('cpu.shares')).toEqual({ value: '1024' });
    expect(value('cpu.cfs_quota_us')).toEqual({ value: '-1' });
    expect(value('memory.limit_in_bytes')).toEqual({ value: '9223372036854771712' });
    expect(value('memory.usage_in_bytes')).toEqual({ value: '4096' });
    expect(value('memory.memsw.usage_in_bytes')).toEqual({ value: '5120' });
    expect(value('memory.failcnt')).toEqual({ value: '3' });
    expect(value('cpuacct.usage')).toEqual({ value: '2500000000' });
    expect(value('freezer.state')).toEqual({ value: 'THAWED' });
    expect(value('pids.max')).toEqual({ value: 'max' });
    expect(value('memory.max')).toEqual({ value: 'max' });
  });

  test('settings of one run see each other', () => {
    const { tree, world, hierarchies } = use();
    using _ = tree;
    const before: { name: string; value: string }[] = [];
    const write = (name: string, value: string) => {
      const known = before.length;
      before.push({ name, value });
      const steps = settingSteps(hierarchies, '/job', before, world);
      if ('no' in steps) return steps;
      const lines = steps.map((step) => `${tree.shorten(step.path)} < ${step.do === 'write' ? step.value : step.do}`);
      expect(lines).toHaveLength(known + 1);
      return lines.slice(known);
    };
    expect(write('cpu.cfs_period_us', '1000000')).toEqual(['/CG/job/cpu.max < max 1000000']);
    expect(write('cpu.cfs_quota_us', '300000')).toEqual(['/CG/job/cpu.max < 300000 1000000']);
    expect(write('memory.limit_in_bytes', '10000000')).toEqual(['/CG/job/memory.max < 10000000']);
    expect(write('memory.memsw.limit_in_bytes', '15000000')).toEqual(['/CG/job/memory.swap.max < 5000000']);
    expect(write('blkio.weight', '10')).toEqual(['/CG/job/io.weight < 1']);
    expect(write('freezer.state', 'FROZEN')).toEqual(['/CG/job/cgroup.freeze < 1']);
    expect(write('pids.max', '5')).toEqual(['/CG/job/pids.max < 5']);
    expect(write('hugetlb.2MB.limit_in_bytes', '-1')).toEqual(['/CG/job/hugetlb.2MB.max < max']);
    expect(write('memory.high', '5')).toEqual(['/CG/job/memory.high < 5']);
  });

  test('what cannot be had says why', () => {
    const { tree, world, hierarchies } = use();
    using _ = tree;
    const missing = (path: string, name: string) => {
      const found = settingSteps(hierarchies, path, [{ name, value: '1' }], world);
      return 'no' in found ? `${found.no}: ${tree.shorten(found.hint)}` : found;
    };
    expect(missing('/job', 'memory.swappiness')).toBe(
      'counterpart: cgroup v2 has no swappiness of a group: memory.swap.max limits swap',
    );
    expect(missing('/job', 'devices.deny')).toBe(
      "value: '1' is no rule of devices: a, or TYPE MAJOR:MINOR ACCESS (c 1:3 rwm)",
    );
    expect(missing('/job', 'cpu.nosuch')).toBe('file: there is no /CG/job/cpu.nosuch');
    expect(missing('/job', 'memory.failcnt')).toBe(
      'counterpart: memory.failcnt=1 has no counterpart in memory.events of cgroup v2',
    );
    expect(missing('/bare', 'cpu.shares')).toBe(
      "file: the group has no controller 'cpu': cgcreate -g cpu:/bare hands it down",
    );
    expect(missing('/none', 'cpu.shares')).toBe('group: there is no group /CG/none: cgcreate -g cpu:/none');
    expect(missing('/job', 'nosuch.x')).toBe(
      "controller: this kernel has no controller 'nosuch' (/proc/cgroups, cgroup.controllers)",
    );
  });
});
