import { describe, expect, test } from 'vitest';
import {
  ID_MAX,
  parseAccountId,
  parseBytes,
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

  test('sizes', () => {
    expect(['10', '64k', '1.5G', '2MiB', '1t', '7B', '1.5kB', '0.1', '0'].map((text) => parseBytes(text))).toEqual([
      10n,
      65_536n,
      1_610_612_736n,
      2_097_152n,
      1_099_511_627_776n,
      7n,
      1536n,
      0n,
      0n,
    ]);
    const wrong = [...NEVER.filter((text) => text !== '1.0'), 'k', '1iB', '1 k', '1kk', '1.k', '.5k', '1,5k', '0x10k'];
    expect(wrong.map((text) => parseBytes(text))).toEqual(wrong.map(() => undefined));
    expect(parseBytes('16777215T')).toBe(16_777_215n << 40n);
    for (const huge of ['16777216T', '9'.repeat(21), `1.${'9'.repeat(21)}`]) expect(parseBytes(huge)).toBeUndefined();
    expect(parseBytes('11', 10n)).toBeUndefined();
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
