/** Words and what they ask for, in a made-up world; the files are looked at when it is done. */
import { parse, type Tool, tableOf, type World } from '@ts/cli';
import { describe, expect, test } from 'vitest';
import { tool } from './setcap.ts';

const world = { read: () => '40\n' } as unknown as World;

const planned = (...words: string[]) =>
  tool.plan(parse(tableOf(tool as unknown as Tool) as typeof tool.options, words, tool.grammar), world);

const KILL = { sets: { effective: 0n, permitted: 32n, inheritable: 0n }, rootId: 0 };
const plain = { verify: false, quiet: false, force: false };

describe('pairs of capabilities and files', () => {
  test('options hold for what stands behind them', () => {
    expect(planned('cap_kill=p', 'a', '-q', '-n', '7', 'cap_kill=p', 'b', '-v', '-r', 'c').assignments).toEqual([
      { ...plain, file: 'a', wanted: KILL },
      { ...plain, file: 'b', wanted: { ...KILL, rootId: 7 }, quiet: true },
      { ...plain, file: 'c', wanted: undefined, quiet: true, verify: true },
    ]);
  });

  test('the word behind capabilities is the file, whatever it looks like', () => {
    expect(planned('cap_kill=p', '-q', '-r', '--json').assignments.map(({ file }) => file)).toEqual(['-q', '--json']);
  });

  test('an option of every tool takes its argument from the next word, too', () => {
    expect(planned('--emit', 'x', '--emit-fixed=user', 'cap_kill=p', 'a', '--', 'ls').assignments).toHaveLength(1);
  });

  test('a program', () => {
    const plan = planned('cap_kill=p', 'a', '--', 'ls', '--', '-l');
    expect(plan.program).toEqual(['ls', '--', '-l']);
    expect(tool.becomes(plan)).toBe(true);
    expect(tool.becomes(planned('-v', 'cap_kill=p', 'a', '--', 'ls'))).toBe(false);
    expect(tool.becomes(planned('cap_kill=p', 'a'))).toBe(false);
  });
});

test.each([
  [[], /neither capabilities nor a file/],
  [['cap_kill=p'], /a file is missing/],
  [['cap_kill=p', '--', 'ls'], /a file is missing/],
  [['cap_kil=p', 'a'], /unable to interpret capabilities 'cap_kil=p'/],
  [['--force', 'a'], /unable to interpret/],
  [['cap_kill=p cap_chown=ep', 'a'], /invalid capabilities/],
  [['cap_kill=e', 'a'], /makes no sense/],
  [['45+p', 'a'], /makes no sense/],
  [['-n'], /requires an argument/],
  [['-n', '0', '=', 'a'], /want positive integer/],
  [['-n', '4294967295', '=', 'a'], /is no user/],
] as const)('%j is refused', (words, message) => expect(() => planned(...words)).toThrow(message));
