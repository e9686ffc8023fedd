import { expect, test } from 'vitest';
import { parse } from './parse.ts';

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
