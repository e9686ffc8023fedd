import { array, assert, property, string } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { conflictOf, spaceFor } from './features.ts';
import { escapeOption, formatLower, parseLayers, parseLower } from './lower.ts';
import { optionsOf } from './mount.ts';

describe('lists of lower layers', () => {
  test.each([
    ['a', ['a']],
    ['a:b/c', ['a', 'b/c']],
    ['a\\:b:c', ['a:b', 'c']],
    ['a\\\\:b', ['a\\', 'b']],
    ['a\\', ['a\\']],
    ['a::b:', ['a', 'b']],
    ['', []],
    ['a,b', ['a,b']],
  ])('%s', (text, paths) => {
    expect(parseLower(text)).toEqual(paths);
  });

  test('any paths come back', () => {
    assert(
      property(array(string({ minLength: 1, unit: 'binary' })), (paths) => {
        expect(parseLower(formatLower(paths))).toEqual(paths);
      }),
    );
  });
});

test.each([
  ['a:b', { lowers: ['a', 'b'], data: [] }],
  ['a:b::c::d', { lowers: ['a', 'b'], data: ['c', 'd'] }],
  ['a\\::b', { lowers: ['a:', 'b'], data: [] }],
  ['a\\\\::b', { lowers: ['a\\'], data: ['b'] }],
  ['::b', { lowers: [], data: ['b'] }],
])('layers and data: %s', (text, wanted) => {
  expect(parseLayers(text)).toEqual(wanted);
});

test('options of the old call', () => {
  const overlay = { target: 'm', parameters: ['index=on'], readOnly: false, flags: 0, attributes: 0 };
  expect(optionsOf({ ...overlay, lowers: ['a:b', 'c,d'], upper: 'u\\', work: 'w' })).toBe(
    'lowerdir=a\\:b:c\\,d,upperdir=u\\\\,workdir=w,index=on',
  );
  expect(optionsOf({ ...overlay, lowers: ['a', 'b'], parameters: [] })).toBe('lowerdir=a:b');
  expect(optionsOf({ ...overlay, lowers: ['a', 'b'], data: ['c:', 'd'], parameters: [] })).toBe(
    'lowerdir=a:b::c\\:::d',
  );
  expect(escapeOption('plain/path')).toBe('plain/path');
});

test('features that exclude each other', () => {
  expect(conflictOf(['metacopy=on', 'redirect_dir=off'])).toMatch(
    /^metacopy=on and redirect_dir=off cannot be combined/,
  );
  expect(conflictOf(['metacopy=on', 'redirect_dir=on', 'index=on'])).toBeUndefined();
});

test('where marks are kept', () => {
  const root = 'CapEff:\t000001ffffffffff\n';
  expect(spaceFor('         0          0 4294967295\n', root)).toBe('trusted');
  expect(spaceFor('         0       1000          1\n', root)).toBe('user');
  expect(spaceFor('         0          0 4294967295\n', 'CapEff:\t0\n')).toBe('user');
  expect(spaceFor(undefined, root)).toBe('trusted');
});
