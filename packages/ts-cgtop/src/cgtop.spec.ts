import { V2Tree } from '@ts/cgroups/testing';
import { parse } from '@ts/cli';
import { live } from '@ts/sys';
import { expect, test } from 'vitest';
import { tool } from './cgtop.ts';

const controllers = ['cpu', 'memory', 'pids'];

function printed(tree: V2Tree, ...argv: string[]): string {
  let text = '';
  const world = { ...tree.world(), print: (more: string) => (text += more) };
  tool.act?.(tool.plan(parse(tool.options, ['-d', '0.01', '--once', ...argv], tool.grammar), world), live(), world);
  return text;
}

const tree = () =>
  new V2Tree({
    '/a': { controllers, files: { 'pids.current': '3\n', 'memory.current': '1048576\n' } },
    '/a/b': { controllers, files: { 'pids.current': '2\n', 'memory.current': '9437184\n' } },
    '/empty': { controllers },
  });

test('a table of the groups that have tasks', () => {
  using groups = tree();
  const lines = printed(groups, '--sort', 'memory').split('\n');
  expect(lines[0]).toMatch(/^CONTROL GROUP +TASKS %CPU +MEMORY READ\/S WRITTEN\/S$/);
  expect(lines.slice(1).map((line) => line.split(/\s+/).slice(0, 4).join(' '))).toEqual([
    '/a/b 2 0.0 9.0M',
    '/a 3 0.0 1.0M',
    '',
  ]);
});

test('orders, depth, one group, JSON', () => {
  using groups = tree();
  const paths = (...argv: string[]) =>
    JSON.parse(printed(groups, '--json', ...argv)).map(({ path }: { path: string }) => path);
  expect(paths('--sort', 'tasks')).toEqual(['/a', '/a/b']);
  expect(paths('--sort', 'path', '-a')).toEqual(['/', '/a', '/a/b', '/empty']);
  expect(paths('--depth', '1')).toEqual(['/a']);
  expect(paths('a/b')).toEqual(['/a/b']);
});

test('what is wrong', () => {
  using groups = tree();
  for (const [argv, says] of [
    [['none'], "there is no group '/none'"],
    [['../x'], "there is no group '../x'"],
    [['--sort', 'size'], "wrong column: 'size'"],
    [['-d', 'x'], "wrong delay: 'x'"],
  ] as const)
    expect(() => printed(groups, ...argv)).toThrow(says);
});
