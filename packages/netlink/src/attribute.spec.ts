import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  attributesIn,
  be16,
  be32,
  bytes,
  decodeAttributes,
  encodeAttributes,
  flag,
  list,
  nested,
  string,
  u8,
  u16,
  u32,
  u64,
} from './attribute.ts';

const SCHEMA = {
  name: [1, string],
  mtu: [2, u32],
  small: [3, u8],
  port: [4, be16],
  inner: [5, nested({ bytes: [1, bytes], deep: [2, nested({ value: [7, be32] })] })],
  names: [6, list(9, string)],
  set: [8, flag],
  handle: [10, u64, 63],
} as const;

describe('attributes', () => {
  test('type, length and value at multiples of four bytes; nested ones are marked', () => {
    expect(encodeAttributes(SCHEMA, { name: 'br0', small: 7, inner: { deep: { value: 1 } } }).toString('hex')).toBe(
      [
        '0800' + '0100' + '62723000',
        '0500' + '0300' + '07000000',
        '1000' + '0580',
        '0c00' + '0280',
        '0800' + '0700' + '00000001',
      ].join(''),
    );
  });

  test('what has been encoded is decoded', () => {
    const values = {
      name: 'eth0',
      mtu: 0xffff_ffff,
      small: 255,
      port: 4789,
      inner: { bytes: Buffer.from([1, 2, 3]), deep: { value: 9 } },
      names: ['a', 'bc', ''],
      set: true,
      handle: 2n ** 64n - 1n,
    };
    expect(decodeAttributes(SCHEMA, encodeAttributes(SCHEMA, values))).toEqual(values);
  });

  test('64-bit values stand at multiples of eight bytes of the message, wherever their list begins', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 40 }), fc.string({ maxLength: 20 }), (words, name) => {
        const at = 4 * words;
        const encoded = encodeAttributes(SCHEMA, { name: name.replaceAll('\0', ''), handle: 5n }, at);
        const index = encoded.lastIndexOf(Buffer.from([12, 0, 10, 0]));
        expect((at + index + 4) % 8).toBe(0);
        expect(decodeAttributes(SCHEMA, encoded).handle).toBe(5n);
      }),
    );
  });

  test('unknown types are passed over, of several the last counts, a missing one is undefined', () => {
    const one = { name: [1, string], other: [77, u16] } as const;
    const encoded = Buffer.concat([
      encodeAttributes(one, { name: 'a', other: 4 }),
      encodeAttributes(one, { name: 'b' }),
    ]);
    expect(decodeAttributes(SCHEMA, encoded)).toEqual({ name: 'b' });
  });

  test('any bytes: attributes, or a RangeError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (noise) => {
        try {
          for (const [, payload] of attributesIn(Buffer.from(noise)))
            expect(payload.length).toBeLessThanOrEqual(noise.length);
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
        }
      }),
    );
  });

  test('text without a NUL at its end, as some drivers send it', () => {
    expect(string.decode(Buffer.from('abc'))).toBe('abc');
    expect(string.decode(Buffer.from('abc\0'))).toBe('abc');
  });
});
