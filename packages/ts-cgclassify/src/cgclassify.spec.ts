import { V2Tree } from '@ts/cgroups/testing';
import { parse } from '@ts/cli';
import { formatTape, recording } from '@ts/sys';
import { expect, test } from 'vitest';
import { tool } from './cgclassify.ts';

const controllers = ['cpu', 'memory'];

const tree = () => new V2Tree({ '/a': { controllers }, '/b': { controllers: ['cpu'] } });

const planned = (groups: V2Tree, ...argv: string[]) =>
  tool.plan(parse(tool.options, argv, tool.grammar), groups.world());

function writesOf(groups: V2Tree, ...argv: string[]): string[] {
  const sys = recording();
  tool.apply(planned(groups, ...argv), sys, groups.world());
  const lines = groups.shorten(formatTape(sys.finish())).split('\n');
  return lines.flatMap(
    (line) => /openat\(AT_FDCWD, "(.*?)"|write\(.*?"(.*?)"/.exec(line)?.slice(1).filter(Boolean) ?? [],
  );
}

test('each process goes into each group, one process after the other', () => {
  using groups = tree();
  expect(writesOf(groups, '-g', 'cpu:a', '12', '14')).toEqual(['/CG/a/cgroup.procs', '12', '/CG/a/cgroup.procs', '14']);
});

test('single threads have a file of their own', () => {
  using groups = tree();
  expect(writesOf(groups, '--threads', '-g', 'cpu:a', '12')).toEqual(['/CG/a/cgroup.threads', '12']);
});

test('what stands behind -- is a program, but not at the beginning', () => {
  using groups = tree();
  const plan = planned(groups, '-g', 'cpu:a', '12', '--', 'ls', '-l');
  expect(plan.program).toEqual(['ls', '-l']);
  expect(tool.becomes(plan)).toBe(true);
  expect(planned(groups, '-g', 'cpu:a', '--', '12', '14').moves.map(({ pid }) => pid)).toEqual(['12', '14']);
});

test.each([
  [['-g', 'cpu:a', '12', 'x'], 'Error: x is not valid pid.', 2],
  [['-g', 'cpu:a', '-1'], 'invalid option', undefined],
  [['-g', 'cpu:missing', '12'], 'Error changing group of pid 12', 1],
  [['-g', 'cpu:../a', '12'], 'Error changing group of pid 12', 1],
  [['-g', 'memory:b', '12'], 'Error changing group of pid 12', 1],
  [['12'], 'no control group given', 1],
  [[], 'no control group given', undefined],
] as const)('%j: %s', (argv, message, status) => {
  using groups = tree();
  const wanted = { message: expect.stringContaining(message), ...(status === undefined ? {} : { status }) };
  expect(() => planned(groups, ...argv)).toThrow(expect.objectContaining(wanted));
});
