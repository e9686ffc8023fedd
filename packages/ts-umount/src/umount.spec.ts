import { parse, UsageError, type World } from '@ts/cli';
import { MNT_DETACH, MNT_FORCE } from '@ts/sys';
import { describe, expect, test } from 'vitest';
import { tool } from './umount.ts';

const plan = (...argv: string[]) => tool.plan(parse(tool.options, argv, tool.grammar), {} as World);

describe('targets and program', () => {
  test.each<[string[], string[], string[]]>([
    [['a', 'b'], ['a', 'b'], []],
    [['a', '-l', 'b'], ['a', 'b'], []],
    [['--', '-a'], ['-a'], []],
    [['a', '--', 'ls', '-l'], ['a'], ['ls', '-l']],
  ])('%j', (argv, targets, program) => expect(plan(...argv)).toMatchObject({ targets, program }));

  test.each([[[]], [['-a', 'x']], [['-l']]])('%j is wrong usage', (argv) =>
    expect(() => plan(...argv)).toThrow(UsageError),
  );
  test('an empty name of a program', () => expect(() => plan('a', '--', '')).toThrow(UsageError));
});

test('flags', () => expect(plan('-l', '-f', 'a').flags).toBe(MNT_DETACH | MNT_FORCE));

test('what has to look at the mounts of that moment is not put on a tape', () => {
  expect(tool.becomes(plan('-l', 'a', '--', 'ls'))).toBe(true);
  for (const option of ['-R', '-A', '-q', '-v', '-r', '-d', '--fake'])
    expect(tool.becomes(plan(option, 'a', '--', 'ls'))).toBe(false);
  expect(tool.becomes(plan('a'))).toBe(false);
});
