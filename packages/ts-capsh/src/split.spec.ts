import { parse } from '@ts/cli';
import { expect, test } from 'vitest';
import { options, UNKNOWN } from './options.ts';
import { split } from './split.ts';

const words = (...argv: string[]) => {
  const { steps, operands } = parse(options, argv, { split });
  return { steps: steps.map(({ option, value }) => [option.long, value]), operands };
};

test('options keep their order', () => {
  expect(words('--print', '--drop=a,b', '--drop=', '--print')).toEqual({
    steps: [
      ['print', undefined],
      ['drop', 'a,b'],
      ['drop', ''],
      ['print', undefined],
    ],
    operands: [],
  });
});

test.each(['--', '==', '-+', '=+'])('%s ends them; what follows stays as it is', (end) => {
  expect(words('--noamb', end, '--print', '--', 'x')).toEqual({
    steps: [['noamb', undefined]],
    operands: [end, '--print', '--', 'x'],
  });
});

test.each(['foo', '--foo', '--drop', '--prin', '--print=x', '-p', '--caps', '-', '', '--?=x'])(
  '%j is no option',
  (word) => expect(words(word).steps).toEqual([[UNKNOWN, word]]),
);

test('one option may have an argument or none', () => {
  expect(words('--mode', '--mode=HYBRID', '-h').steps).toEqual([
    ['mode', undefined],
    ['mode', 'HYBRID'],
    ['help', undefined],
  ]);
});
