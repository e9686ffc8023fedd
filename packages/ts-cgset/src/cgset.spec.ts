import { V2Tree } from '@ts/cgroups/testing';
import { parse } from '@ts/cli';
import { type Failure, formatTape, recording } from '@ts/sys';
import { expect, test } from 'vitest';
import { tool } from './cgset.ts';

const controllers = ['cpu', 'io', 'memory', 'pids'];

function writesOf(tree: V2Tree, ...argv: string[]): string[] {
  const plan = tool.plan(parse(tool.options, argv, tool.grammar), tree.world());
  return plan.steps.map((step) => `${tree.shorten(step.path)} < ${step.do === 'write' ? step.value : step.do}`);
}

test('the limits of a container on cgroup v2, under their v1 names', () => {
  using tree = new V2Tree({ '/job': { controllers } });
  const limits = [
    'cpu.cfs_quota_us=50000',
    'cpu.cfs_period_us=100000',
    'memory.limit_in_bytes=1073741824',
    'memory.soft_limit_in_bytes=524288000',
  ];
  expect(writesOf(tree, ...limits.flatMap((limit) => ['-r', limit]), 'job')).toEqual([
    '/CG/job/cpu.max < 50000 100000',
    '/CG/job/cpu.max < 50000 100000',
    '/CG/job/memory.max < 1073741824',
    '/CG/job/memory.low < 524288000',
  ]);
});

test('several groups, and a program after them', () => {
  using tree = new V2Tree({ '/a': { controllers }, '/b': { controllers } });
  const plan = tool.plan(
    parse(tool.options, ['-r', 'pids.max=5', 'a', '/b/', '--', 'prog', '-r'], tool.grammar),
    tree.world(),
  );
  expect(plan.program).toEqual(['prog', '-r']);
  const sys = recording();
  expect(tool.apply(plan, sys, tree.world())).toMatchObject({ become: ['prog', '-r'] });
  expect(tree.shorten(formatTape(sys.finish()))).toBe(`0: openat(AT_FDCWD, "/CG/a/pids.max", O_WRONLY|O_CLOEXEC, 0)
1: write({0}, "5", 1)
2: close({0})
3: openat(AT_FDCWD, "/CG/b/pids.max", O_WRONLY|O_CLOEXEC, 0)
4: write({3}, "5", 1)
5: close({3})
`);
});

test('behind a leading -- stand groups', () => {
  using tree = new V2Tree({ '/a': { controllers } });
  expect(writesOf(tree, '-r', 'pids.max=5', '--', 'a')).toEqual(['/CG/a/pids.max < 5']);
});

test('--copy-from writes what differs', () => {
  using tree = new V2Tree({
    '/a': {
      controllers,
      files: {
        'pids.max': '9\n',
        'cpu.max': '50000 100000\n',
        'io.max': '8:0 rbps=5 wbps=max\n8:16 rbps=6 wbps=max\n',
      },
    },
    '/b': { controllers },
  });
  expect(writesOf(tree, '--copy-from', 'a', 'b').sort()).toEqual([
    '/CG/b/cpu.max < 50000 100000',
    '/CG/b/io.max < 8:0 rbps=5 wbps=max',
    '/CG/b/io.max < 8:16 rbps=6 wbps=max',
    '/CG/b/pids.max < 9',
  ]);
});

test('what is refused, before anything is written', () => {
  using tree = new V2Tree({ '/a': { controllers } });
  const failure = (...argv: string[]) => {
    try {
      return writesOf(tree, ...argv);
    } catch (error) {
      return [(error as Failure).status, (error as Failure).message];
    }
  };
  for (const text of ['pids.max', 'pids.max=', '=5'])
    expect(failure('-r', text, 'a')).toEqual([129, `wrong parameter of option -r: ${text}`]);
  expect(failure('-r', 'tasks=1', 'a')).toEqual([129, 'wrong -r parameter (tasks=1)']);
  expect(failure('-r', 'pids.max=5')).toEqual([129, 'no cgroup specified']);
  expect(failure('a')).toEqual([129, 'no name-value pair was set']);
  expect(failure('-r', 'pids.max=5', 'a', 'none')).toEqual([
    95,
    'cgroup modify error: Cgroup, requested group parameter does not exist',
  ]);
  expect(failure('-r', 'nosuch.x=5', 'a')).toEqual([
    84,
    'cgroup modify error: Cgroup one of the needed subsystems is not mounted',
  ]);
  expect(failure('--copy-from', 'none', 'a')).toEqual([82, 'cgroup none error: Cgroup does not exist']);
});

test('-1 and -2 take names of one version, -i leaves out what has no counterpart', () => {
  using tree = new V2Tree({ '/job': { controllers } });
  expect(writesOf(tree, '-1', '-r', 'cpu.shares=512', '--limit', 'memory=1M', 'job')).toEqual([
    '/CG/job/cpu.weight < 50',
    '/CG/job/memory.max < 1048576',
  ]);
  expect(writesOf(tree, '-2', '-r', 'cpu.weight=50', 'job')).toEqual(['/CG/job/cpu.weight < 50']);
  const status = (...argv: string[]) => {
    try {
      return writesOf(tree, ...argv);
    } catch (error) {
      return (error as Failure).status;
    }
  };
  expect(status('-1', '-r', 'cpu.weight=50', 'job')).toBe(91);
  expect(status('-1', '-r', 'cpu.nosuch=50', 'job')).toBe(91);
  expect(status('-2', '-r', 'cpu.shares=50', 'job')).toBe(95);
  expect(status('-1', '-r', 'memory.swappiness=50', 'job')).toBe(111);
  expect(status('-r', 'memory.swappiness=50', 'job')).toBe(95);
  expect(status('-1i', '-r', 'cpu.weight=50', 'job')).toBe(91);
  const lenient = ['-r', 'memory.swappiness=50', '-r', 'cpu.weight=7', '-r', 'pids.max=5'];
  expect(writesOf(tree, '-1i', '-r', 'memory.swappiness=50', '-r', 'pids.max=5', 'job')).toEqual([
    '/CG/job/pids.max < 5',
  ]);
  expect(writesOf(tree, '-i', ...lenient, 'job')).toEqual(['/CG/job/cpu.weight < 7', '/CG/job/pids.max < 5']);
});

test('a value that the version of its name would refuse is refused, and only -1 is no limit', () => {
  using tree = new V2Tree({ '/job': { controllers } });
  const failure = (setting: string) => {
    try {
      return writesOf(tree, '-r', setting, 'job');
    } catch (error) {
      const { status, message, remedy } = error as Failure;
      return `${status} ${message}: ${remedy}`;
    }
  };
  expect(failure('memory.limit_in_bytes=-1')).toEqual(['/CG/job/memory.max < max']);
  expect(failure('memory.limit_in_bytes=10M')).toEqual(['/CG/job/memory.max < 10485760']);
  for (const value of ['-10', ' ', '1e3', 'max '])
    expect(failure(`memory.limit_in_bytes=${value}`)).toBe(
      `96 cgroup modify error: Invalid argument: memory.limit_in_bytes of group job: '${value}' is no value of memory.limit_in_bytes`,
    );
  expect(failure('freezer.state=constructor')).toMatch(/^96 cgroup modify error: Invalid argument/);
});

test('-R: what is handed down goes to groups with others below, and is taken back from the lowest first', () => {
  using tree = new V2Tree({
    '/a': { controllers },
    '/a/b': { controllers },
    '/a/b/c': { controllers },
    '/a/leaf': { controllers: [] },
  });
  const control = (...argv: string[]) =>
    writesOf(tree, '-R', ...argv.flatMap((text) => ['-r', text]), 'a').map((line) =>
      line.replace('/cgroup.subtree_control', ''),
    );
  expect(control('cgroup.subtree_control=+pids')).toEqual(['/CG/a < +pids', '/CG/a/b < +pids']);
  expect(control('cgroup.subtree_control=-pids')).toEqual(['/CG/a/b < -pids', '/CG/a < -pids']);
  expect(control('cgroup.subtree_control=+cpu -pids')).toEqual([
    '/CG/a/b < -pids',
    '/CG/a < -pids',
    '/CG/a < +cpu',
    '/CG/a/b < +cpu',
  ]);
  expect(control('pids.max=5', 'cpu.cfs_period_us=5000', 'cpu.cfs_quota_us=2000').sort()).toEqual(
    ['/CG/a', '/CG/a/b', '/CG/a/b/c']
      .flatMap((path) => [`${path}/pids.max < 5`, `${path}/cpu.max < max 5000`, `${path}/cpu.max < 2000 5000`])
      .sort(),
  );
});

test('--copy-from passes over what is no setting and what the other group has not', () => {
  using tree = new V2Tree({
    '/a': {
      controllers,
      files: {
        'cpu.max': '50000 100000\n',
        'cpu.pressure': 'some avg10=0.00 total=0\n',
        'cpu.weight.nice': '5\n',
        'cpu.new': '7\n',
        'memory.peak': '5\n',
        'pids.max': '9\n',
      },
    },
    '/b': { controllers: ['cpu'], files: { 'cpu.new': '6\n', 'cpu.weight.nice': '0\n', 'cpu.pressure': 'some\n' } },
  });
  expect(writesOf(tree, '--copy-from', 'a', 'b').sort()).toEqual(['/CG/b/cpu.max < 50000 100000', '/CG/b/cpu.new < 7']);
});
