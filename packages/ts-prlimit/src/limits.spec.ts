import { parse } from '@ts/cli';
import { madeUpWorld } from '@ts/cli/testing';
import { formatTape, recording } from '@ts/sys';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatLimit, parseLimit } from './limits.ts';
import { tool } from './prlimit.ts';

const NONE = 2n ** 64n - 1n;

describe('limits', () => {
  test.each([
    ['5', { soft: 5n, hard: 5n }],
    ['unlimited', { soft: NONE, hard: NONE }],
    ['5:', { soft: 5n }],
    [':5', { hard: 5n }],
    ['5:6', { soft: 5n, hard: 6n }],
    ['5:unlimited', { soft: 5n, hard: NONE }],
    ['unlimited:', { soft: NONE }],
    [':unlimited', { hard: NONE }],
    ['-1', { soft: NONE, hard: NONE }],
    ['18446744073709551615', { soft: NONE, hard: NONE }],
  ])('%s', (text, limit) => expect(parseLimit(text)).toEqual(limit));

  test.each(['', ':', 'x', '5x', '5:x', 'x:5', '5:6:7', '18446744073709551616', 'Unlimited', 'unlimitedx'])(
    '%j is none',
    (text) => expect(parseLimit(text)).toBeUndefined(),
  );

  test('a limit that is written is read again', () => {
    const value = fc.bigInt(0n, NONE);
    fc.assert(
      fc.property(value, value, (soft, hard) => {
        expect(parseLimit(`${formatLimit(soft)}:${formatLimit(hard)}`)).toEqual({ soft, hard });
      }),
    );
  });
});

const world = madeUpWorld({
  prog: 'prlimit',
});

const planned = (words: string) => tool.plan(parse(tool.options, words.split(' '), tool.grammar), world);

test('a program: its limits are set, in the order given', () => {
  const plan = planned('--nofile=64:128 -c=0 --rttime=unlimited true');
  expect(tool.becomes(plan)).toBe(true);
  const sys = recording(1, true);
  const outcome = tool.apply(plan, sys, world);
  expect(formatTape(sys.finish())).toMatchSnapshot();
  expect(outcome).toEqual({ become: ['true'], changes: ['limits'] });
});

test.each([
  ['--nofile=5: true', ['limits'], true],
  ['--nofile=5 true', [], true],
  ['--nofile=5', [], true],
  ['-p 1 --nofile=5:6', [], false],
  ['--nofile', [], false],
])('%s: what it depends on, and whether it is recorded', (words, reads, becomes) => {
  const plan = planned(words);
  expect(typeof tool.reads === 'function' && !process.stdout.isTTY ? tool.reads(plan) : reads).toEqual(reads);
  expect(tool.becomes(plan)).toBe(becomes);
});

test.each([
  ['--nofile=x true', 'failed to parse NOFILE limit'],
  ['--nofile=6:5 true', 'the soft limit NOFILE cannot exceed the hard limit'],
  ['-p 1 -p 2', 'option --pid may be specified only once'],
  ['-p 1 true', 'options --pid and COMMAND are mutually exclusive'],
  ['-o SOFT,x', 'unknown column: x'],
])('%s is refused', (words, message) => expect(() => planned(words)).toThrow(message));
