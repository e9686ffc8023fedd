import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeFileCapabilities, encodeFileCapabilities, fitsFile, makesSense } from './file.ts';
import { bit } from './names.ts';

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');

describe('attributes as the kernel keeps them', () => {
  // Read from files that setcap 2.66 has written.
  test.each([
    ['01000002 00200000 00000000 00000000 00000000', bit(13), 0n, true, 0],
    ['00000002 20000000 00000000 00000000 00000000', bit(5), 0n, false, 0],
    ['01000003 00200000 00000000 00000000 00000000 e8030000', bit(13), 0n, true, 1000],
    ['00000002 00000000 20000000 80000000 00010000', bit(39), bit(5) | bit(40), false, 0],
  ])('%s', (text, permitted, inheritable, effective, rootId) => {
    const sets = { permitted, inheritable, effective: effective ? permitted | inheritable : 0n };
    expect(decodeFileCapabilities(hex(text))).toEqual({ sets, rootId });
    expect(encodeFileCapabilities({ sets, rootId })).toEqual(hex(text));
  });

  test('revision 1 has 32 capabilities', () => {
    expect(decodeFileCapabilities(hex('01000001 20000000 01000000'))).toEqual({
      sets: { permitted: bit(5), inheritable: bit(0), effective: bit(5) | bit(0) },
      rootId: 0,
    });
  });

  test.each(['', '0100', '01000002 20000000', '01000004 00200000 00000000 00000000 00000000'])('"%s" is none', (text) =>
    expect(decodeFileCapabilities(hex(text))).toBeUndefined(),
  );
});

test('an effective set is that of all or none', () => {
  expect(fitsFile({ effective: 0n, permitted: 3n, inheritable: 4n })).toBe(true);
  expect(fitsFile({ effective: 7n, permitted: 3n, inheritable: 4n })).toBe(true);
  expect(fitsFile({ effective: 3n, permitted: 3n, inheritable: 4n })).toBe(false);
  // More than there is to be effective: libcap takes it, and the file has the flag.
  expect(fitsFile({ effective: 8n, permitted: 0n, inheritable: 0n })).toBe(true);
});

test('sets that a kernel gives as they stand', () => {
  expect(makesSense({ effective: 3n, permitted: 3n, inheritable: 0n }, 41)).toBe(true);
  expect(makesSense({ effective: 0n, permitted: bit(40), inheritable: 1n }, 41)).toBe(true);
  expect(makesSense({ effective: 8n, permitted: 0n, inheritable: 0n }, 41)).toBe(false);
  expect(makesSense({ effective: 0n, permitted: bit(41), inheritable: 0n }, 41)).toBe(false);
});

test('what is encoded is decoded again', () => {
  const set = fc.bigInt(0n, 2n ** 64n - 1n);
  fc.assert(
    fc.property(
      set,
      set,
      fc.boolean(),
      fc.integer({ min: 0, max: 0xffff_ffff }),
      (permitted, inheritable, on, rootId) => {
        const capabilities = {
          sets: { permitted, inheritable, effective: on ? permitted | inheritable : 0n },
          rootId,
        };
        expect(decodeFileCapabilities(encodeFileCapabilities(capabilities))).toEqual(capabilities);
      },
    ),
  );
});
