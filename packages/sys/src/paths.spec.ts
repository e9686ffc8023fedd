import { expect, test } from 'vitest';
import { isBelow } from './paths.ts';

test('a folder, what is below it, and names that only begin alike', () => {
  const paths = ['/a', '/a/b', '/ab', '/', '/b'];
  expect(paths.map((path) => isBelow(path, '/a'))).toEqual([true, true, false, false, false]);
  expect(paths.map((path) => isBelow(path, '/'))).toEqual([true, true, true, true, true]);
  expect(paths.map((path) => isBelow(path, '/a/'))).toEqual([false, true, false, false, false]);
});
