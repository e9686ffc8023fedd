import { V2Tree } from '@ts/cgroups/testing';
import { parse } from '@ts/cli';
import { formatTape, recording } from '@ts/sys';
import { expect, test } from 'vitest';
import { tool } from './cgdelete.ts';

const controllers = ['cpu'];

function tapeOf(tree: V2Tree, ...argv: string[]): string {
  const sys = recording();
  tool.apply(tool.plan(parse(tool.options, argv, tool.grammar), tree.world()), sys, tree.world());
  return tree.shorten(formatTape(sys.finish()));
}

test('processes go above the top of the tree, directories from the inside', () => {
  using tree = new V2Tree({
    '/a': { controllers, files: { 'cgroup.procs': '12\n' } },
    '/a/b': { controllers },
    '/a/b/c': { controllers, files: { 'cgroup.procs': '14\n' } },
  });
  const lines = tapeOf(tree, '-r', 'cpu:a')
    .split('\n')
    .filter((line) => /openat|write|unlinkat/.test(line));
  expect(lines.map((line) => line.replace(/^\d+: /, ''))).toEqual([
    'openat(AT_FDCWD, "/CG/cgroup.procs", O_WRONLY|O_CLOEXEC, 0)',
    'write({0}, "14", 2)  # may fail',
    'unlinkat(AT_FDCWD, "/CG/a/b/c", AT_REMOVEDIR)',
    'unlinkat(AT_FDCWD, "/CG/a/b", AT_REMOVEDIR)',
    'openat(AT_FDCWD, "/CG/cgroup.procs", O_WRONLY|O_CLOEXEC, 0)',
    'write({5}, "12", 2)  # may fail',
    'unlinkat(AT_FDCWD, "/CG/a", AT_REMOVEDIR)',
  ]);
});

test('the top is refused, and so is nothing', () => {
  using tree = new V2Tree();
  expect(() => tapeOf(tree, 'cpu:/')).toThrow("cannot remove group '/': Device or resource busy");
  expect(() => tapeOf(tree, '-r')).toThrow('no control group given');
});

test('a group that several controllers name is removed once', () => {
  using tree = new V2Tree({ '/a': { controllers: ['cpu', 'memory'] }, '/b': { controllers } });
  const removed = (...argv: string[]) =>
    [...tapeOf(tree, ...argv).matchAll(/unlinkat\(AT_FDCWD, "(.*?)"/g)].map(([, path]) => path);
  expect(removed('-r', 'cpu:a', 'memory:/a/', 'cpu,memory:./a')).toEqual(['/CG/a']);
  expect(removed('-g', 'cpu:a', '-g', 'cpu:b', '-g', 'memory:a')).toEqual(['/CG/a', '/CG/b']);
});
