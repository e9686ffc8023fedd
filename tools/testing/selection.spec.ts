import { expect, it } from 'vitest';
import { parseSelection, selectSteps } from './selection.ts';

const steps = [{ name: 'unit' }, { name: 'build' }, { name: 'e2e' }];

it('takes the steps out and leaves the rest to vitest', () => {
  expect(parseSelection(['a.spec.ts', '--only', 'build,e2e', '-t', 'NAME', '--only=unit'])).toEqual({
    only: ['build', 'e2e', 'unit'],
    vitestArgs: ['a.spec.ts', '-t', 'NAME'],
  });
});

it('refuses --only without a step', () => {
  expect(() => parseSelection(['--only'])).toThrow('--only');
});

it('selects all steps by default', () => {
  expect(selectSteps(steps, [])).toEqual(steps);
});

it('keeps the order of the steps', () => {
  expect(selectSteps(steps, ['e2e', 'unit'])).toEqual([{ name: 'unit' }, { name: 'e2e' }]);
});

it('refuses an unknown step', () => {
  expect(() => selectSteps(steps, ['e3e'])).toThrow('e3e');
});
