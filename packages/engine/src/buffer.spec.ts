import { Buffer as Theirs } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { type AnyBuffer, CASES, outcome } from '../testing/cases.ts';
import { testHost } from '../testing/host.ts';
import { Buffer } from './buffer.ts';
import type { Host } from './host.ts';

const Ours = Buffer as unknown as AnyBuffer;

const both = (act: (buffer: AnyBuffer) => unknown) => {
  const each = { name: '', act };
  expect(outcome(each, Ours)).toBe(outcome(each, Theirs));
};

/** Any bytes, and such as are nearly UTF-8. */
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.array(fc.constantFrom(0xed, 0xa0, 0x80, 0xb2, 0xbf, 0xef, 0xbb, 0xe0, 0xf0, 0x90, 0xc0, 0xf4, 0x8f, 0x41), {
    maxLength: 12,
  }),
);
const texts = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.constantFrom('a', 'é', '\ud83d', '\ude00', '\udc80') }),
);

describe('Buffer', () => {
  test('gives what that of Node gives, call by call', () => {
    const different = CASES.map((each) => [each.name, outcome(each, Ours), outcome(each, Theirs)]).filter(
      ([, ours, theirs]) => ours !== theirs,
    );
    expect(different).toEqual([]);
    expect(CASES.length).toBeGreaterThan(7900);
  });

  test('reads bytes as text as that of Node', () => {
    fc.assert(
      fc.property(
        bytes,
        fc.constantFrom('utf8', 'latin1', 'ascii', 'hex', 'base64', 'base64url'),
        (given, encoding) => {
          both((buffer) => buffer.from(given as number[]).toString(encoding as 'utf8'));
        },
      ),
      { numRuns: 3000 },
    );
  });

  test('writes text as that of Node', () => {
    fc.assert(
      fc.property(texts, fc.constantFrom('utf8', 'latin1'), fc.nat(12), (text, encoding, room) => {
        both((buffer) => {
          const target = buffer.alloc(room);
          return [
            buffer.from(text, encoding as 'utf8'),
            buffer.byteLength(text, encoding as 'utf8'),
            target.write(text, encoding as 'utf8'),
            target,
          ];
        });
      }),
      { numRuns: 3000 },
    );
  });

  test('bytes come back from hex and base64', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300 }),
        fc.constantFrom('hex', 'base64', 'base64url', 'latin1'),
        (given, encoding) => {
          expect([...Buffer.from(Buffer.from(given).toString(encoding), encoding)]).toEqual([...given]);
        },
      ),
    );
  });

  test('numbers come back, in both orders', () => {
    fc.assert(
      fc.property(fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), fc.nat(3), (value, offset) => {
        const given = Buffer.alloc(11);
        for (const order of ['LE', 'BE'] as const) {
          expect(given[`writeBigInt64${order}`](value, offset)).toBe(offset + 8);
          expect(given[`readBigInt64${order}`](offset)).toBe(value);
          expect(given[`readBigUInt64${order}`](offset)).toBe(BigInt.asUintN(64, value));
          const low = Number(BigInt.asIntN(32, value));
          given[`writeInt32${order}`](low, offset);
          expect(given[`readInt32${order}`](offset)).toBe(low);
          expect(given[`readUInt32${order}`](offset)).toBe(low >>> 0);
        }
      }),
    );
  });

  test('finds what that of Node finds', () => {
    const few = fc.array(fc.constantFrom(1, 2), { maxLength: 12 });
    fc.assert(
      fc.property(
        few,
        fc.array(fc.constantFrom(1, 2), { maxLength: 4 }),
        fc.integer({ min: -14, max: 14 }),
        (given, wanted, from) => {
          both((buffer) => {
            const all = buffer.from(given);
            const part = buffer.from(wanted);
            return [
              all.indexOf(part, from),
              all.lastIndexOf(part, from),
              all.includes(part, from),
              all.lastIndexOf(part),
            ];
          });
        },
      ),
      { numRuns: 3000 },
    );
  });

  test('compares, fills and copies as that of Node', () => {
    const place = fc.option(fc.integer({ min: -2, max: 14 }), { nil: undefined });
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 12 }),
        fc.uint8Array({ maxLength: 12 }),
        place,
        place,
        place,
        (one, other, a, b, c) => {
          both((buffer) => [buffer.compare(one, other), buffer.from(one).equals(other)]);
          both((buffer) => buffer.from(one).fill(buffer.from(other), a, b));
          both((buffer) => {
            const target = buffer.from(other);
            return [buffer.from(one).copy(target, a, b, c), target];
          });
        },
      ),
      { numRuns: 3000 },
    );
  });

  test('says that the host is wrong where that refuses a right call', async () => {
    vi.resetModules();
    const numbers = ((otherwise) => ({
      readUInt8(this: Uint8Array, ...given: unknown[]) {
        return otherwise.call(this, 'readUInt8', ...given);
      },
      writeUInt8(this: Uint8Array, ...given: unknown[]) {
        return otherwise.call(this, 'writeUInt8', ...given);
      },
    })) as Host['numbers'];
    vi.stubGlobal('host', { ...testHost, numbers });
    const { Buffer: Hosted } = await import('./buffer.ts');
    vi.unstubAllGlobals();
    const bytes = Hosted.alloc(2);
    expect(() => bytes.readUInt8(1)).toThrow('the host refuses a right readUInt8');
    expect(() => bytes.writeUInt8(5, 1)).toThrow('the host refuses a right writeUInt8');
    expect(() => bytes.readUInt8(2)).toThrow(RangeError);
  });

  test('refuses to be filled with nothing', () => {
    for (const nothing of [undefined, null, {}]) expect(() => Buffer.alloc(3).fill(nothing)).toThrow(TypeError);
  });

  test('takes no other digits than those of ASCII for hexadecimal ones', () => {
    expect(Buffer.from('\u2230\u0930', 'hex')).toHaveLength(0); // Node takes the low eight bits of them
  });

  test('does not serve UTF-16', () => {
    for (const name of ['utf16le', 'ucs2']) expect(() => Buffer.from('a', name)).toThrow(`Unknown encoding: ${name}`);
  });

  test('shows nothing new to who lists its properties', () => {
    expect(Object.keys(Buffer.prototype)).toEqual([]);
    expect(Object.keys(Buffer.from([1]))).toEqual(['0']);
  });
});
