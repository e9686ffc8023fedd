import { V2Tree } from '@ts/cgroups/testing';
import { parse, type ToolError, UsageError } from '@ts/cli';
import { formatTape, recording } from '@ts/sys';
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
        const { message, status, hint } = error as ToolError;
        return [status, message, tree.shorten(hint ?? '')];
      }
    };
    const changing = 'cgroup change of group failed';
    expect(failure('-g', 'cpu:none', 'prog')).toEqual([
      82,
      changing,
      'there is no group /CG/none: cgcreate -g cpu:none, or cgexec --create',
    ]);
    expect(failure('-g', 'net_cls:job', 'prog')).toEqual([
      84,
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
