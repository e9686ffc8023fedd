import { describe, expect, test } from 'vitest';
import { groupsOf, parse } from './parse.ts';

const table = [
  { long: 'group', short: 'g', arg: 'spec', repeat: true, help: '' },
  { long: 'mode', short: 'm', arg: 'mode', help: '' },
  { long: 'quiet', help: '' },
] as const;

test('an option that repeats keeps every value, in order; another one its last', () => {
  const { values } = parse(table, ['-g', 'a', '-m', '1', '--group=b', '-gc', '-m', '2', '--quiet']);
  expect(values).toMatchObject({ group: ['a', 'b', 'c'], mode: '2', quiet: true });
});

test('one that was not given is undefined', () => {
  expect(parse(table, []).values.group).toBeUndefined();
});

test('an optional argument: left out, empty, given', () => {
  const optional = [
    { long: 'file', short: 'f', arg: 'file', optional: true, help: '' },
    { long: 'each', arg: 'word', optional: true, repeat: true, help: '' },
  ] as const;
  expect(parse(optional, []).values.file).toBeUndefined();
  expect(parse(optional, ['--file']).values.file).toBe(true);
  expect(parse(optional, ['-f']).values.file).toBe(true);
  expect(parse(optional, ['--file=']).values.file).toBe('');
  expect(parse(optional, ['--file=x']).values.file).toBe('x');
  expect(parse(optional, ['-fx']).values.file).toBe('x');
  expect(parse(optional, ['--file=x', '--file']).values.file).toBe(true);
  expect(parse(optional, ['--each', '--each=', '--each=x']).values.each).toEqual([true, '', 'x']);
});

describe('groups', () => {
  const withGroups = [...table, { long: 'also', repeat: true, help: '' }] as const;
  const grammar = { permute: true, operandsBeforeProgram: 2, group: 'also' } as const;
  const groups = (...argv: string[]) =>
    groupsOf(parse(withGroups, argv, grammar), grammar).map(({ values, operands, beforeDashes }) => [
      values.mode,
      operands.join(' '),
      beforeDashes,
    ]);

  test('options and operands begin anew; a program stands behind the last', () => {
    expect(groups('-m', '1', 'a', 'b', '--also', 'c', '-m2', 'd', 'program', '--also', 'x')).toEqual([
      ['1', 'a b', 2],
      ['2', 'c d program --also x', 5],
    ]);
    expect(groups('a', '--also', '--also', '-m', '3', 'b', 'c', '--', 'program')).toEqual([
      [undefined, 'a', 1],
      [undefined, '', 0],
      ['3', 'b c program', 2],
    ]);
    expect(groups('a', '--', '--also')).toEqual([[undefined, 'a --also', 1]]);
  });
});
