import { V2Tree } from '@ts/cgroups/testing';
import { parse } from '@ts/cli';
import { type Failure, live } from '@ts/sys';
import { expect, test } from 'vitest';
import { tool } from './cgget.ts';

const controllers = ['cpu', 'memory'];

function printed(tree: V2Tree, ...argv: string[]): string {
  let text = '';
  const world = { ...tree.world(), print: (more: string) => (text += more) };
  tool.act?.(tool.plan(parse(tool.options, argv, tool.grammar), world), live(), world);
  return text;
}

test('v1 names show what a v2 tree has, several lines behind tabs', () => {
  using tree = new V2Tree({ '/a': { controllers } });
  expect(printed(tree, '-r', 'cpu.shares', '-r', 'memory.oom_control', 'a')).toBe(
    'a:\ncpu.shares: 1024\nmemory.oom_control: oom_kill_disable 0\n\tunder_oom 0\n\toom_kill 1\n\n',
  );
});

test('headers, names, values', () => {
  using tree = new V2Tree({ '/a': { controllers }, '/b': { controllers } });
  const variable = ['-r', 'cpu.weight', '-r', 'cpu.shares'];
  expect(printed(tree, ...variable, 'a', 'b')).toBe(
    'a:\ncpu.weight: 100\ncpu.shares: 1024\n\nb:\ncpu.weight: 100\ncpu.shares: 1024\n\n',
  );
  expect(printed(tree, '-n', ...variable, 'a')).toBe('cpu.weight: 100\ncpu.shares: 1024\n');
  expect(printed(tree, '-v', ...variable, 'a')).toBe('a:\n100\n1024\n\n');
  expect(printed(tree, '-nv', '-r', 'memory.events', 'a')).toBe('low 0\n\thigh 0\n\tmax 3\n\toom 1\n\toom_kill 1\n');
});

test('all files of controllers', () => {
  using tree = new V2Tree({ '/a': { controllers } });
  const names = (...argv: string[]) =>
    [...printed(tree, '-n', ...argv).matchAll(/^([\w.]+): /gm)].map(([, name]) => name).sort();
  expect(names('-g', 'cpu:a')).toEqual(['cpu.max', 'cpu.stat', 'cpu.weight']);
  expect(names('-g', 'cpuacct', 'a')).toEqual([
    'cpuacct.stat',
    'cpuacct.usage',
    'cpuacct.usage_sys',
    'cpuacct.usage_user',
  ]);
  expect(names('a')).toEqual(names('-a', 'a'));
  expect(names('a')).toEqual(expect.arrayContaining(['cpu.max', 'memory.max', 'memory.low']));
  expect(names('a')).not.toContain('cgroup.procs');
});

test('what is missing', () => {
  using tree = new V2Tree({ '/a': { controllers } });
  const failure = (...argv: string[]) => {
    try {
      return printed(tree, ...argv);
    } catch (error) {
      return [(error as Failure).status, (error as Failure).message];
    }
  };
  expect(failure('-r', 'cpu', 'a')).toEqual([91, "error parsing parameter name 'cpu'"]);
  expect(failure('-r', 'nosuch.x', 'a')).toEqual([96, "cannot find controller 'nosuch'"]);
  expect(failure('-r', 'cpu.x', 'a')).toEqual([96, 'variable file read failed No such file or directory']);
  expect(failure('-g', 'cpu:none')).toEqual([96, "cannot find controller 'cpu' in group 'none'"]);
  expect(failure('none')).toEqual([96, "cannot find group 'none'"]);
  expect(failure('-r', 'cpu.weight', '-g', 'cpu:a')).toEqual([undefined, 'options -r and -g cannot be combined']);
});

test('names of the version that -1 or -2 says, translated or left out', () => {
  using tree = new V2Tree({ '/a': { controllers } });
  const names = (...argv: string[]) =>
    [...printed(tree, '-n', ...argv).matchAll(/^([\w.]+): /gm)].map(([, name]) => name).sort();
  expect(printed(tree, '-1nv', '-r', 'cpu.shares', 'a')).toBe('1024\n');
  expect(printed(tree, '-2nv', '-r', 'cpu.weight', 'a')).toBe('100\n');
  expect(names('-1', '-g', 'cpu:a')).toEqual([
    'cpu.cfs_period_us',
    'cpu.cfs_quota_us',
    'cpu.shares',
    'cpuacct.stat',
    'cpuacct.usage',
    'cpuacct.usage_sys',
    'cpuacct.usage_user',
  ]);
  expect(names('-2', '-g', 'cpu:a')).toEqual(names('-g', 'cpu:a'));
  expect(names('-2', '-g', 'cpuacct:a')).toEqual(['cpu.stat']);
  expect(names('-1', '-i', '-r', 'memory.swappiness', 'a')).toEqual([]);
  const failure = (...argv: string[]) => {
    try {
      return printed(tree, ...argv);
    } catch (error) {
      const { status, message, remedy } = error as Failure;
      return [status, message, remedy];
    }
  };
  expect(failure('-1', '-r', 'cpu.max', 'a')).toEqual([
    91,
    "error parsing parameter name 'cpu.max'",
    'it is a name of cgroup v2',
  ]);
  expect(failure('-1', '-r', 'cpu.nosuch', 'a')?.slice(0, 1)).toEqual([91]);
  expect(failure('-2', '-r', 'cpu.shares', 'a')?.slice(0, 2)).toEqual([
    96,
    'variable file read failed No such file or directory',
  ]);
  expect(failure('-1', '-r', 'memory.swappiness', 'a')).toEqual([
    111,
    'cannot convert memory.swappiness',
    expect.stringContaining('memory.swap.max'),
  ]);
  expect(failure('-r', 'memory.swappiness', 'a')).toMatchObject([96, expect.any(String), expect.any(String)]);
});

test('-c and -m: what is in use; the topmost group where none is named', () => {
  using tree = new V2Tree();
  expect(printed(tree, '-c')).toBe(
    '#Controller\tVersion\ncpu        \t2\nio         \t2\nmemory     \t2\nhugetlb    \t2\npids       \t2\n',
  );
  expect(printed(tree, '-m')).toBe('Unified Mode (Cgroup v2 only).\n');
  expect(printed(tree, '-mc')).toMatch(/^Unified Mode .*\n#Controller/);
  expect(JSON.parse(printed(tree, '-mc', '--json'))).toEqual({
    mode: 'unified',
    controllers: expect.arrayContaining([{ controller: 'cpu', version: 2 }]),
  });
  expect(printed(tree, '-g', 'cpu:')).toMatch(/^:\ncpu\.stat: /);
  expect(printed(tree, '-a')).toMatch(/^:\ncpu\.stat: /);
});
