import { describe, expect, test } from 'vitest';
import { parseBigInteger, parseDescriptor, parseInteger } from './numbers.ts';

describe('an integer on a command line', () => {
  test.each([
    ['0', 0],
    ['-0', 0],
    ['+7', 7],
    [' 7', 7],
    ['\t-7', -7],
    ['007', 7],
    ['10', 10],
    ['-10', -10],
  ])('%j is %i', (text, value) => expect(parseInteger(text, 'no', -10, 10) + 0).toBe(value + 0));

  test.each(['', ' ', '+', '-', '1e1', '0x1', '1.0', '7 ', '7\n', '\u00a07', '٣', '1\udcff', '--1', 'NaN', 'Infinity'])(
    '%j is none',
    (text) => expect(() => parseInteger(text, 'no', -10, 10)).toThrow(`no: '${text}'`),
  );

  test.each(['11', '-11', '99999999999999999999', '9'.repeat(400)])('%s is out of range', (text) =>
    expect(() => parseInteger(text, 'no', -10, 10)).toThrow(`no: '${text}': Numerical result out of range`),
  );

  test('64 bits are kept', () => {
    const [min, max] = [-(1n << 63n), (1n << 63n) - 1n];
    expect(parseBigInteger('9223372036854775807', 'no', min, max)).toBe(max);
    expect(parseBigInteger('-9223372036854775808', 'no', min, max)).toBe(min);
    expect(() => parseBigInteger('9223372036854775808', 'no', min, max)).toThrow(/out of range/);
  });

  test('descriptors', () => {
    expect(parseDescriptor('3')).toBe(3);
    for (const wrong of ['-1', '2147483648', 'x', ''])
      expect(() => parseDescriptor(wrong), wrong).toThrow('failed to parse file descriptor');
  });
});
