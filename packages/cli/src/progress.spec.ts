import { Failure } from '@ts/sys';
import { describe, expect, test } from 'vitest';
import { checkCommand, oneOf, splitAtCommand } from './commands.ts';
import { UsageError } from './errors.ts';
import { progressLine } from './progress.ts';
import { formatSize, parseSize } from './size.ts';

describe('sizes', () => {
  test.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.0 kB'],
    [12_345_678, '12.3 MB'],
    [5e15, '5000.0 TB'],
  ])('%d', (bytes, text) => {
    expect(formatSize(bytes)).toBe(text);
  });
  test.each([
    ['10', 10],
    ['64k', 65_536],
    ['1.5G', 1_610_612_736],
    ['2MiB', 2_097_152],
    ['1t', 1_099_511_627_776],
  ])('%s', (text, bytes) => {
    expect(parseSize(text, 'size')).toBe(bytes);
  });
  test.each(['', 'k', '-1', '1x', '1 k', '99999999t'])('"%s" is none', (text) => {
    expect(() => parseSize(text, 'size')).toThrow(new Failure(`failed to parse size: '${text}'`));
  });
});

test('lines of progress', () => {
  expect(progressLine('a.tar', 50_000_000, 100_000_000, 2)).toBe(
    'a.tar [###############               ] 50% 50.0 MB, 25.0 MB/s',
  );
  expect(progressLine('a.tar', 200, 100, 1)).toMatch(/\[#{30}\] 100%/);
  expect(progressLine('pack', 1500, undefined, 1)).toBe('pack: 1.5 kB, 1.5 kB/s');
});

describe('commands', () => {
  const commands = { show: { operands: '<x>', least: 1, most: 1, takes: ['json'] } };
  const table = [
    { long: 'json', help: '' },
    { long: 'other', help: '' },
  ] as const;
  const split = splitAtCommand(commands, { permute: true, operandsBeforeProgram: 1 });

  test('are the first word and nothing else', () => {
    expect(split(table, ['show', 'a', '--json'])).toMatchObject({
      operands: ['a'],
      steps: [{ value: 'show' }, { option: table[0] }],
    });
    expect(split(table, ['--json', 'x', 'show', '--other'])).toMatchObject({ operands: ['x', 'show', '--other'] });
    expect(split(table, ['toString'])).toMatchObject({ operands: ['toString'], steps: [] });
  });
  test('have operands and options of their own', () => {
    const check = (...argv: string[]) => checkCommand(commands, 'show', split(table, ['show', ...argv]), 'tool');
    expect(() => check('a', '--json')).not.toThrow();
    expect(() => check()).toThrow(new UsageError('usage: tool show <x>'));
    expect(() => check('a', 'b')).toThrow(UsageError);
    expect(() => check('a', '--other')).toThrow(new UsageError('show does not take --other'));
  });
  test('one of some words', () => {
    expect(oneOf('x', ['a', 'b'], undefined, 'b')).toBe('b');
    expect(() => oneOf('x', ['a', 'b'], 'c', 'b')).toThrow(new UsageError("--x: 'c' is none of a, b"));
  });
});
