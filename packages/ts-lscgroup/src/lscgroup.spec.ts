import { V2Tree } from '@ts/cgroups/testing';
import { parse } from '@ts/cli';
import { live } from '@ts/sys';
import { expect, test } from 'vitest';
import { tool } from './lscgroup.ts';

const controllers = ['cpu', 'memory'];

const tree = () => new V2Tree({ '/a': { controllers }, '/a/b': { controllers }, '/c': { controllers } });

function printed(groups: V2Tree, ...argv: string[]): string {
  let text = '';
  const world = { ...groups.world(), print: (more: string) => (text += more) };
  tool.act?.(tool.plan(parse(tool.options, argv, tool.grammar), world), live(), world);
  return text;
}

const pathsIn = (text: string) => text.split('\n').map((line) => line.replace(/^.*?:/, ''));

test('all groups, the topmost too', () => {
  using groups = tree();
  expect(pathsIn(printed(groups)).sort()).toEqual(['', '/', '/a', '/a/b', '/c']);
});

test('a group that was asked for ends in a slash, with -g and without', () => {
  using groups = tree();
  expect(pathsIn(printed(groups, 'cpu:a'))).toEqual(['/a/', '/a/b', '']);
  expect(printed(groups, '-g', 'cpu:a')).toBe(printed(groups, 'cpu:a'));
});

test('JSON has the paths without it', () => {
  using groups = tree();
  const rows = JSON.parse(printed(groups, '--json', 'cpu:a')) as { path: string; controllers: string[] }[];
  expect(rows.map(({ path }) => path)).toEqual(['/a', '/a/b']);
  expect(rows[0]?.controllers).toEqual(expect.arrayContaining(controllers));
});

test.each([
  ['a', 129],
  ['cpu:missing', 93],
  ['cpu:../a', 93],
  ['nothing:a', 93],
])('%s is refused with status %i', (spec, status) => {
  using groups = tree();
  expect(() => printed(groups, spec)).toThrow(expect.objectContaining({ status }));
});
