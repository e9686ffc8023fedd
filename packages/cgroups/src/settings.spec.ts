import { describe, expect, test } from 'vitest';
import { V2Tree } from '../testing/system.ts';
import { readHierarchies } from './hierarchies.ts';
import { controllerOf, readSetting, settingSteps } from './settings.ts';
import { SETTINGS } from './table.ts';

const row = (v1: string) => SETTINGS.find((each) => each.v1 === v1) as (typeof SETTINGS)[number];
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
    expect(toV2('cpu.shares', 'abc')).toBe('abc');
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
    ).toEqual(['max', 'max', '10000000', '10M']);
    expect(toV1('memory.limit_in_bytes', 'max')).toBe('9223372036854771712');
    expect(['-1', '524288000'].map((value) => toV2('memory.soft_limit_in_bytes', value))).toEqual(['0', '524288000']);
    expect(toV1('memory.soft_limit_in_bytes', '0')).toBe('9223372036854771712');
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
  for (const { v1, v2, why } of SETTINGS) expect(v1 && v2 ? v1 : why, v1 ?? v2 ?? '').toBeTruthy();
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
      'file: cgroup v2 has no swappiness of a group: memory.swap.max limits swap',
    );
    expect(missing('/job', 'devices.deny')).toBe(
      "file: '1' is no rule of devices: a, or TYPE MAJOR:MINOR ACCESS (c 1:3 rwm)",
    );
    expect(missing('/job', 'cpu.nosuch')).toBe('file: there is no /CG/job/cpu.nosuch');
    expect(missing('/job', 'memory.failcnt')).toBe(
      'file: memory.failcnt=1 has no counterpart in memory.events of cgroup v2',
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
