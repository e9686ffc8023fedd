import { describe, expect, test } from 'vitest';
import {
  changeRules,
  compileRules,
  type DeviceRules,
  EVERYTHING,
  formatRules,
  listRules,
  parseException,
  parseRules,
  programName,
} from './devices.ts';

const after = (...lines: string[]): DeviceRules =>
  lines.reduce<DeviceRules>((rules, line) => {
    const [file, text] = line.split(': ') as ['allow' | 'deny', string];
    const changed = changeRules(rules, file, text);
    if (!changed) throw new Error(line);
    return changed;
  }, EVERYTHING);

test('lines of devices.allow', () => {
  expect(parseException('c 1:3 rwm')).toEqual({ type: 'c', major: 1, minor: 3, access: 'rwm' });
  expect(parseException('b *:* mr')).toEqual({ type: 'b', access: 'rm' });
  expect(['a', 'a *:* rwm', ' a ']).toEqual(expect.arrayContaining(['a']));
  expect(parseException('a *:* rwm')).toBe('all');
  for (const wrong of ['', 'c', 'c 1:3', 'x 1:3 r', 'c 1 r', 'c 1:3 rx', 'c -1:3 r', 'c 1:3 rwmr'])
    expect(parseException(wrong), wrong).toBeUndefined();
});

describe('rules as v1 keeps them', () => {
  test('exceptions come and go', () => {
    expect(listRules(after('deny: a', 'allow: c 1:3 rw', 'allow: c 1:3 m', 'allow: b *:* r'))).toBe(
      'c 1:3 rwm\nb *:* r',
    );
    expect(listRules(after('deny: a', 'allow: c 1:3 rw', 'deny: c 1:3 w'))).toBe('c 1:3 r');
    expect(after('deny: a', 'allow: c 1:3 rw', 'deny: c 1:3 rw')).toEqual({ allow: false, exceptions: [] });
    expect(listRules(after('deny: c 1:5 r'))).toBe('a *:* rwm');
    expect(listRules(after('deny: c 1:5 r'), true)).toBe('c 1:5 r');
    expect(after('deny: c 1:5 r', 'allow: a')).toEqual(EVERYTHING);
  });

  test('as text, and back', () => {
    const rules = after('deny: a', 'allow: c 1:3 rw', 'allow: b *:7 m');
    expect(parseRules(formatRules(rules))).toEqual(rules);
    expect(parseRules('nonsense')).toBeUndefined();
    expect(parseRules('deny\nc 1')).toBeUndefined();
    expect(programName(rules)).toMatch(/^ts_[0-9a-f]{12}$/);
    expect(programName(rules)).not.toBe(programName(EVERYTHING));
  });
});

/** The instructions that are used here, as the kernel's documentation describes them. */
function run(program: Buffer, context: readonly [word: number, major: number, minor: number]): number {
  const registers = [0, 0, 0, 0, 0, 0];
  for (let at = 0, steps = 0; steps < 10_000; at++, steps++) {
    const code = program.readUInt8(8 * at);
    const pair = program.readUInt8(8 * at + 1);
    const [to, from] = [pair & 15, pair >> 4];
    const offset = program.readInt16LE(8 * at + 2);
    const constant = program.readInt32LE(8 * at + 4);
    const value = registers[to] as number;
    if (code === 0x95) return registers[0] as number;
    if (code === 0x61) registers[to] = context[offset / 4] as number;
    else if (code === 0xbf) registers[to] = registers[from] as number;
    else if (code === 0xb7) registers[to] = constant;
    else if (code === 0x57) registers[to] = value & constant;
    else if (code === 0x77) registers[to] = value >>> constant;
    else if (code === 0x05) at += offset;
    else if (code === 0x55) at += value === constant ? 0 : offset;
    else throw new Error(`operation ${code}`);
  }
  throw new Error('does not end');
}

describe('the program decides as the rules say', () => {
  const TYPES = { b: 1, c: 2 } as const;
  const BITS = { m: 1, r: 2, w: 4 } as const;
  const ACCESSES = ['r', 'w', 'm', 'rw', 'rm', 'wm', 'rwm'];
  const allows = (rules: DeviceRules, type: 'b' | 'c', major: number, minor: number, access: string) => {
    const bits = [...access].reduce((sum, letter) => sum | BITS[letter as 'r'], 0);
    return run(compileRules(rules), [(bits << 16) | TYPES[type], major, minor]) === 1;
  };
  /** v1: where all is denied, one exception must cover all that is asked for; where all is allowed, one that meets a part denies. */
  const wanted = (
    { allow, exceptions }: DeviceRules,
    type: 'b' | 'c',
    major: number,
    minor: number,
    access: string,
  ) => {
    const meets = exceptions.filter(
      (each) => (each.type ?? type) === type && (each.major ?? major) === major && (each.minor ?? minor) === minor,
    );
    return allow
      ? !meets.some((each) => [...access].some((letter) => each.access.includes(letter)))
      : meets.some((each) => [...access].every((letter) => each.access.includes(letter)));
  };

  for (const lines of [
    [],
    ['deny: a'],
    ['deny: a', 'allow: c 1:3 rwm', 'allow: c 5:* rw', 'allow: b *:* m', 'allow: c 1:5 r', 'allow: c *:9 wm'],
    ['deny: c 1:3 rwm', 'deny: c 5:* w', 'deny: b *:* m', 'deny: c 1:5 rm'],
  ])
    test(lines.join(', ') || 'nothing set', () => {
      const rules = after(...lines);
      for (const type of ['b', 'c'] as const)
        for (const [major, minor] of [
          [1, 3],
          [1, 5],
          [5, 0],
          [5, 3],
          [8, 9],
          [70_000, 1_000_000],
        ] as const)
          for (const access of ACCESSES)
            expect([type, major, minor, access, allows(rules, type, major, minor, access)]).toEqual([
              ...[type, major, minor, access, wanted(rules, type, major, minor, access)],
            ]);
    });
});
