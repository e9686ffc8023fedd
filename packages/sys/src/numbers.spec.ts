import { describe, expect, test } from 'vitest';
import {
  ID_MAX,
  parseAccountId,
  parseCBigInt,
  parseCNumber,
  parseDecimal,
  parseOctal,
  parseSigned,
  U32_MAX,
} from './numbers.ts';

const NEVER = [
  '',
  ' ',
  '-1',
  '+1',
  '1 ',
  ' 1',
  '1e3',
  '1e-9',
  '1.0',
  '0x',
  '0b1',
  '0o7',
  'NaN',
  'Infinity',
  '1_000',
  '٣',
  '1\n',
];

describe('numbers in text', () => {
  test.each([
    ['decimal', parseDecimal],
    ['octal', parseOctal],
    ['as C writes it', parseCNumber],
    ['as C writes it, large', parseCBigInt],
    ['an id', parseAccountId],
  ] as const)('%s: nothing else counts', (_, read) => {
    expect(NEVER.map((text) => read(text))).toEqual(NEVER.map(() => undefined));
  });

  test('ranges', () => {
    expect(parseDecimal('007')).toBe(7);
    expect(parseDecimal('4294967295', U32_MAX)).toBe(U32_MAX);
    expect(parseDecimal('4294967296', U32_MAX)).toBeUndefined();
    expect(parseDecimal('9'.repeat(400))).toBeUndefined();
    expect(parseAccountId('4294967294')).toBe(ID_MAX);
    expect(parseAccountId('4294967295')).toBeUndefined();
    expect(parseAccountId('0x0')).toBeUndefined();
  });

  test('behind blanks and a sign', () => {
    const read = (text: string) => parseSigned(text, -5, 10);
    expect(['7', ' +7', '\t\n-5', '-0', '010'].map(read)).toEqual([7, 7, -5, 0, 10]);
    expect(['', ' ', '+', '- 5', '--5', '\u00a05', '5 ', '-6', '11', '1e1', '0x1', '9'.repeat(400)].map(read)).toEqual(
      Array(12).fill(undefined),
    );
  });

  test('bases', () => {
    expect(parseOctal('0755')).toBe(0o755);
    expect(parseOctal('8')).toBeUndefined();
    expect([parseCNumber('010'), parseCNumber('0x1F'), parseCNumber('0'), parseCNumber('08')]).toEqual([
      8,
      31,
      0,
      undefined,
    ]);
    expect([parseCBigInt('0xffffffffffffffff'), parseCBigInt('0x10000000000000000')]).toEqual([
      2n ** 64n - 1n,
      undefined,
    ]);
  });
});
