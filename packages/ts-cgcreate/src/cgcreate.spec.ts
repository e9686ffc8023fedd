import { V2Tree } from '@ts/cgroups/testing';
import { parse } from '@ts/cli';
import { type Failure, formatTape, recording } from '@ts/sys';
import { describe, expect, test } from 'vitest';
import { tool } from './cgcreate.ts';

function tapeOf(tree: V2Tree, ...argv: string[]): string {
  const sys = recording();
  tool.apply(tool.plan(parse(tool.options, argv, tool.grammar), tree.world()), sys, tree.world());
  return tree.shorten(formatTape(sys.finish()));
}

const calls = (tape: string) =>
  tape
    .split('\n')
    .map((line) => line.replace(/^ *\d+: /, '').replace(/ +# .*/, ''))
    .filter((line) => /^(mkdirat|write|unlinkat|fchownat|fchmodat|openat)/.test(line));

describe('on cgroup v2', () => {
  test('controllers are handed down along the way, and a failure takes all of it back', () => {
    using tree = new V2Tree({ '/a': {} });
    expect(tapeOf(tree, '-g', 'cpu,memory:a/b')).toBe(`\
 0: openat(AT_FDCWD, "/CG/cgroup.subtree_control", O_WRONLY|O_CLOEXEC, 0)
 1: write({0}, "+cpu +memory", 12)
 2: close({0})
 3: openat(AT_FDCWD, "/CG/a/cgroup.subtree_control", O_WRONLY|O_CLOEXEC, 0)  # on failure go to 15
 4: write({3}, "+cpu +memory", 12)  # on failure go to 15
 5: close({3})  # on failure go to 15
 6: mkdirat(AT_FDCWD, "/CG/a/b", 0775)  # may fail
 7: if {6} is 0 go to 9
 8: go to 10
 9: unlinkat(AT_FDCWD, "/CG/a/b", AT_REMOVEDIR)  # may fail
10: go to 11
11: openat(AT_FDCWD, "/CG/a/cgroup.subtree_control", O_WRONLY|O_CLOEXEC, 0)  # may fail
12: write({11}, "-cpu -memory", 12)  # may fail
13: close({11})  # may fail
14: go to 15
15: openat(AT_FDCWD, "/CG/cgroup.subtree_control", O_WRONLY|O_CLOEXEC, 0)  # may fail
16: write({15}, "-cpu -memory", 12)  # may fail
17: close({15})  # may fail
18: end, having failed
`);
  });

  test('what is handed down already is left alone; blkio is io, freezer needs nothing', () => {
    const files = { 'cgroup.subtree_control': 'cpu io\n' };
    using tree = new V2Tree({ '/': { controllers: ['cpu', 'io'], files } });
    expect(calls(tapeOf(tree, '-g', 'cpu,blkio,freezer:x'))).toEqual([
      'mkdirat(AT_FDCWD, "/CG/x", 0775)',
      'unlinkat(AT_FDCWD, "/CG/x", AT_REMOVEDIR)',
    ]);
  });

  test('without a controller only the group is made; -t gives cgroup.procs away', () => {
    using tree = new V2Tree();
    expect(calls(tapeOf(tree, '-t', 'nobody:nogroup', '-d', '750', '-g', ':x'))).toEqual([
      'mkdirat(AT_FDCWD, "/CG/x", 0775)',
      'fchmodat(AT_FDCWD, "/CG/x", 0750)',
      'fchownat(AT_FDCWD, "/CG/x/cgroup.procs", 65534, 65534, 0)',
      'unlinkat(AT_FDCWD, "/CG/x", AT_REMOVEDIR)',
    ]);
  });
});

describe('what is refused', () => {
  const failure = (...argv: string[]) => {
    using tree = new V2Tree();
    try {
      tapeOf(tree, ...argv);
    } catch (error) {
      const { status, message } = error as Failure;
      return [status, message];
    }
  };

  test('owners, modes, groups', () => {
    expect(failure('-t', 'nosuch:nogroup', '-g', 'cpu:x')).toEqual([129, "can't find uid of user nosuch."]);
    expect(failure('-a', 'nobody:nosuch', '-g', 'cpu:x')).toEqual([129, "can't find gid of group nosuch."]);
    for (const mode of ['8', 'rwx', '', '77777'])
      expect(failure('-d', mode, '-g', 'cpu:x')).toEqual([129, `wrong mode format ${mode}`]);
    expect(failure('-g', 'cpu')).toEqual([129, 'cgroup controller and path parsing failed (cpu)']);
    expect(failure('-g', 'nosuch:x')).toEqual([91, "controller nosuch can't be add"]);
    for (const uid of ['4294967295', '1e3', '0x10', '-1', ' 1'])
      expect(failure('-t', uid, '-g', 'cpu:x')).toEqual([129, `can't find uid of user ${uid}.`]);
    expect(failure('-g', 'cpu:a/../../x')).toEqual([96, "can't create cgroup a/../../x: No such file or directory"]);
    expect(failure('-g', 'cpu:x', 'extra')).toEqual([129, 'wrong arguments (extra)']);
  });
});
