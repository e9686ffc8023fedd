import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cString, decode, encode } from './bytes.ts';

/** Any bytes, and such as are nearly UTF-8. */
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc
    .array(
      fc.oneof(
        fc.string({ unit: 'binary' }).map((text) => Buffer.from(text)),
        fc.uint8Array({ maxLength: 3 }),
      ),
      { maxLength: 6 },
    )
    .map((parts) => Buffer.concat(parts)),
  fc
    .array(fc.constantFrom(0xed, 0xa0, 0x80, 0xb2, 0xbf, 0xef, 0xbb, 0xbd, 0xf0, 0x90, 0xc0, 0xf4, 0x8f, 0x41), {
      maxLength: 12,
    })
    .map((list) => Buffer.from(list)),
);

describe('bytes as text', () => {
  test('come back as they were, whatever they are', () => {
    fc.assert(
      fc.property(bytes, (given) => {
        expect(encode(decode(given))).toEqual(Buffer.from(given));
      }),
      { numRuns: 5000 },
    );
  });

  test('are the text itself where they are UTF-8', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(decode(Buffer.from(text))).toBe(text);
      }),
    );
  });

  test('stay the same when texts are put together', () => {
    fc.assert(
      fc.property(bytes, bytes, (a, b) => {
        expect(encode(`${decode(a)}/${decode(b)}`)).toEqual(Buffer.concat([a, Buffer.from('/'), b]));
      }),
    );
  });

  test.each([
    ['a byte alone', [0xff], '\udcff'],
    ['a surrogate in the form of UTF-8', [0xed, 0xb2, 0x80], '\udced\udcb2\udc80'],
    ['a cut sequence', [0xe2, 0x82], '\udce2\udc82'],
    ['an overlong one', [0xc0, 0xaf], '\udcc0\udcaf'],
    ['a byte order mark', [0xef, 0xbb, 0xbf, 0x41], '\ufeffA'],
    ['the replacement character', [0xef, 0xbf, 0xbd], '\ufffd'],
  ])('%s', (_, given, text) => {
    expect(decode(Buffer.from(given))).toBe(text);
    expect([...encode(text)]).toEqual(given);
  });

  test('a C string holds no NUL', () => {
    expect(cString('a\udcff')).toEqual(Buffer.from([0x61, 0xff, 0]));
    expect(() => cString('a\0b')).toThrow(RangeError);
  });
});
