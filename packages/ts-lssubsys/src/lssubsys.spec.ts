import { HYBRID, PURE_V1, PURE_V2, recordedWorld } from '@ts/cgroups/testing';
import { parse } from '@ts/cli';
import { live } from '@ts/sys';
import { expect, test } from 'vitest';
import { tool } from './lssubsys.ts';

function printed(system: typeof HYBRID, ...argv: string[]): string {
  let text = '';
  const world = { ...recordedWorld(system), print: (more: string) => (text += more) };
  tool.act?.(tool.plan(parse(tool.options, argv, tool.grammar), world), live(), world);
  return text;
}

test('controllers that share a mount are one line', () => {
  expect(printed(PURE_V1)).toBe('cpu,cpuacct\nmemory\nnet_cls\n');
  expect(printed(PURE_V1, '-i', 'memory')).toBe('memory 3\n');
  expect(printed(PURE_V1, '-m', 'cpuacct')).toBe('cpu,cpuacct /sys/fs/cgroup/cpu,cpuacct\n');
  expect(printed(PURE_V1, '-a')).toBe(
    'cpuset\nblkio\ndevices\nfreezer\nperf_event\nhugetlb\npids\ncpu,cpuacct\nmemory\nnet_cls\n',
  );
});

test('the v2 tree comes last, with number 0', () => {
  expect(printed(HYBRID, '-i')).toBe('cpu 1\ncpuacct 2\nmemory 4\nhugetlb 0\n');
  expect(printed(HYBRID, '-m', 'hugetlb')).toBe('hugetlb /sys/fs/cgroup/unified\n');
  expect(printed(PURE_V2, '-m')).toBe('cpuset,cpu,io,memory,hugetlb,pids,rdma,misc /sys/fs/cgroup\n');
  expect(JSON.parse(printed(HYBRID, '--json', 'cpu'))).toEqual([
    { controllers: ['cpu'], version: 1, hierarchy: 1, mounts: ['/sys/fs/cgroup/cpu'] },
  ]);
});
