import { V2Tree } from '@ts/cgroups/testing';
import { parse, UsageError } from '@ts/cli';
import { type Failure, formatTape, recording } from '@ts/sys';
import { describe, expect, test } from 'vitest';
import { tool } from './cgexec.ts';

const controllers = ['cpu', 'memory'];
const groups = { '/job': { controllers }, '/other': { controllers } };

function planned(tree: V2Tree, ...argv: string[]) {
  return tool.plan(parse(tool.options, argv, tool.grammar), tree.world());
}

describe('on cgroup v2', () => {
  test('several controllers are one move, by the name that every process has for itself', () => {
    using tree = new V2Tree(groups);
    const sys = recording();
    const outcome = tool.apply(planned(tree, '-g', 'cpu,memory,freezer:job', 'prog', '-x'), sys, tree.world());
    expect(tree.shorten(formatTape(sys.finish()))).toBe(`0: setresuid(0, 0, 0)
1: setresgid(0, 0, 0)
2: openat(AT_FDCWD, "/CG/job/cgroup.procs", O_WRONLY|O_CLOEXEC, 0)
3: write({2}, "0", 1)
4: close({2})
`);
    expect(outcome).toMatchObject({ become: ['prog', '-x'], changes: ['cgroups'], failure: { status: 255 } });
  });

  test('the last group of a hierarchy counts', () => {
    using tree = new V2Tree(groups);
    const { entries } = planned(tree, '-g', 'cpu:job', '-g', 'memory:other', 'prog');
    expect(entries.map(tree.shorten)).toEqual(['/CG/other/cgroup.procs']);
  });

  test('what is missing ends it before anything is done', () => {
    using tree = new V2Tree(groups);
    const failure = (...argv: string[]) => {
      try {
        planned(tree, ...argv);
      } catch (error) {
        if (error instanceof UsageError) return 'usage';
        const { message, status, remedy } = error as Failure;
        return [status, message, tree.shorten(remedy ?? '')];
      }
    };
    const changing = 'cgroup change of group failed';
    expect(failure('-g', 'cpu:none', 'prog')).toEqual([
      82,
      changing,
      'there is no group /CG/none: cgcreate -g cpu:none, or cgexec --create',
    ]);
    expect(failure('-g', 'net_cls:job', 'prog')).toEqual([
      87,
      changing,
      expect.stringContaining("controller 'net_cls' is not mounted"),
    ]);
    expect(failure('-g', 'cpu:../job', 'prog')).toEqual([82, changing, expect.stringContaining("'..'")]);
    expect(failure('-g', 'cpu', 'prog')).toEqual([
      129,
      'cgroup controller and path parsing failed (cpu)',
      expect.anything(),
    ]);
    expect(failure('prog')).toEqual([99, `${changing}: no control group given`, expect.anything()]);
    expect(failure('-g', 'cpu:job')).toBe('usage');
  });
});

describe('a group for one run', () => {
  const shown = (tree: V2Tree, ...argv: string[]) => {
    const world = { ...tree.world(), ownFile: () => '/bin/ts-cgexec' };
    const sys = recording();
    const plan = tool.plan(parse(tool.options, argv, tool.grammar), world);
    tool.apply(plan, sys, world);
    return tree.shorten(formatTape(sys.finish()));
  };

  test('made, set, the program born in it; the waiting parent removes it, a second process where that is gone', () => {
    using tree = new V2Tree({ '/a': { controllers } });
    expect(
      shown(tree, '--create', '--limit', 'memory=1M', '--remove', '-g', 'memory:a/job', 'prog').replaceAll(/^ +/gm, ''),
    ).toMatchSnapshot();
  });

  test('without --remove and --stat nobody waits', () => {
    using tree = new V2Tree({ '/a': { controllers } });
    const tape = shown(tree, '--create', '--set', 'memory.limit_in_bytes=1M', '-g', 'memory:a/job', 'prog');
    expect(tape).not.toMatch(/clone|flock/);
    expect(tape).toContain('"/CG/a/job/memory.max"');
  });

  test('processes in the way go into a leaf, which stays', () => {
    using tree = new V2Tree({
      '/a': { controllers, files: { 'cgroup.procs': '12\n14\n', 'cgroup.type': 'domain\n' } },
    });
    const plan = planned(tree, '--leaf', 'main', '--create', '-g', 'memory:a/job', 'prog');
    expect(
      plan.steps.map((step) => [step.do, tree.shorten(step.path), step.do === 'move' ? step.pid : ''].join(' ').trim()),
    ).toEqual([
      'write /CG/cgroup.subtree_control',
      'mkdir /CG/a/main',
      'move /CG/a/main/cgroup.procs 12',
      'move /CG/a/main/cgroup.procs 14',
      'write /CG/a/cgroup.subtree_control',
      'mkdir /CG/a/job',
    ]);
    const world = { ...tree.world(), ownFile: () => '/bin/ts-cgexec' };
    const argv = ['--leaf', 'main', '--create', '--remove', '-g', 'memory:a/job', 'prog'];
    expect(tool.plan(parse(tool.options, argv, tool.grammar), world).ending?.finish.remove.map(tree.shorten)).toEqual([
      '/CG/a/job',
    ]);
  });

  test('what does not go together', () => {
    using tree = new V2Tree(groups);
    const wrong = (...argv: string[]) => {
      try {
        planned(tree, ...argv);
      } catch (error) {
        return (error as Error).message;
      }
    };
    expect(wrong('--remove', '-g', 'cpu:job', 'prog')).toBe('--remove needs --create');
    expect(wrong('--json', '-g', 'cpu:job', 'prog')).toBe('--json needs --stat');
    expect(wrong('--leaf', 'a/b', '-g', 'cpu:job', 'prog')).toBe("'a/b' is no name of a group");
    expect(wrong('--create', '--set', 'cpu.x/../y=1', '-g', 'cpu:job', 'prog')).toContain(
      'wrong parameter of option --set',
    );
    expect(wrong('--create', '--limit', 'cpu=x', '-g', 'cpu:job', 'prog')).toContain(
      'wrong parameter of option --limit',
    );
    expect(wrong('--create', '--set', 'memory.nosuch=1', '-g', 'cpu:job', 'prog')).toContain(
      'cannot set memory.nosuch',
    );
    expect(wrong('--create', '--stat', '-g', 'cpu:job', 'prog')).toContain('as a file of its own');
  });

  test('a group that lacks the controller it was named for', () => {
    using tree = new V2Tree({ '/bare': {} });
    const failure = (...argv: string[]) => {
      try {
        return planned(tree, ...argv).entries.length;
      } catch (error) {
        const { status, remedy } = error as Failure;
        return [status, remedy];
      }
    };
    expect(failure('-g', 'cpu:bare', 'prog')).toEqual([
      81,
      "the group has no controller 'cpu': cgcreate -g cpu:/bare hands it down",
    ]);
    for (const spec of ['freezer:bare', ':bare', '*:bare']) expect(failure('-g', spec, 'prog')).toBe(1);
    expect(failure('--create', '-g', 'cpu:bare', 'prog')).toBe(1);
  });
});
