import { expect, test } from 'vitest';
import { uninterrupted } from './lock.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const heard = () => SIGNALS.map((signal) => process.listenerCount(signal));

test('signals that end a process come too late, and only meanwhile', () => {
  const before = heard();
  const more = before.map((count) => count + 1);
  expect(uninterrupted(heard)).toEqual(more);
  expect(heard()).toEqual(before);
  expect(() =>
    uninterrupted(() => {
      throw new Error('failed');
    }),
  ).toThrow('failed');
  expect(heard()).toEqual(before);
});
