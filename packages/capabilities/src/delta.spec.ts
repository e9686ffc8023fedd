import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { applyDelta, DeltaError, parseDelta, shortNames } from './delta.ts';
import { bit, firstCapabilities } from './names.ts';

const COUNT = 41;
const ALL = firstCapabilities(COUNT);

describe('changes', () => {
  test.each([
    ['+kill', 0n, bit(5)],
    ['-kill', ALL, ALL & ~bit(5)],
    ['-all,+net_raw,+cap_0', ALL, bit(13) | bit(0)],
    ['+all,-KILL', 0n, ALL & ~bit(5)],
    ['+kill,-kill', 0n, 0n],
  ] as const)('%s', (text, before, after) => expect(applyDelta(before, parseDelta(text, COUNT), COUNT)).toBe(after));

  test.each([
    ['', 'bad capability string'],
    ['kill', 'bad capability string'],
    ['+kill,', 'bad capability string'],
    ['+cap_kill', 'unknown capability "cap_kill"'],
    ['+cap_41', 'unknown capability "cap_41"'],
    ['+5', 'unknown capability "5"'],
    ['+', 'unknown capability ""'],
  ])('%j is refused', (text, message) => expect(() => parseDelta(text, COUNT)).toThrow(message));

  test('the nearest name', () => {
    expect(() => parseDelta('+net_rew', COUNT)).toThrow(DeltaError);
    try {
      parseDelta('+net_rew', COUNT);
    } catch (error) {
      expect(error).toMatchObject({ remedy: "did you mean 'net_raw'?" });
    }
  });
});

test('a set as names makes the same set', () => {
  fc.assert(
    fc.property(fc.bigInt(0n, ALL), (set) => {
      const text = ['-all', ...shortNames(set).map((name) => `+${name}`)].join(',');
      expect(applyDelta(ALL, parseDelta(text, COUNT), COUNT)).toBe(set);
    }),
  );
});
