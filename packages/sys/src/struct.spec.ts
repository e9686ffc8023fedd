import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeStruct, encodeStruct, type Field, sizeOf } from './struct.ts';

const SIZES: Readonly<Record<Field, number>> = { u8: 1, u16: 2, u32: 4, s32: 4, u64: 8, s64: 8 };
const signed = (type: Field) => type.startsWith('s');

const structure = fc
  .array(fc.constantFrom(...(Object.keys(SIZES) as Field[])), { minLength: 1, maxLength: 8 })
  .chain((types) =>
    fc.record({
      layout: fc.constant(Object.fromEntries(types.map((type, index) => [`field${index}`, type]))),
      values: fc.tuple(
        ...types.map((type) => {
          const bits = 8 * SIZES[type];
          const value = signed(type)
            ? fc.bigInt({ min: -(2n ** BigInt(bits - 1)), max: 2n ** BigInt(bits - 1) - 1n })
            : fc.bigInt({ min: 0n, max: 2n ** BigInt(bits) - 1n });
          return value.map((number) => (SIZES[type] === 8 ? number : Number(number)));
        }),
      ),
    }),
  );

test('what is encoded is decoded', () => {
  fc.assert(
    fc.property(structure, ({ layout, values }) => {
      const given = Object.fromEntries(
        Object.keys(layout).map((name, index) => [name, values[index] as number | bigint]),
      );
      const bytes = encodeStruct(layout, given);
      expect(bytes.length).toBe(sizeOf(layout));
      expect(decodeStruct(layout, bytes)).toEqual(given);
    }),
  );
});

test('fields lie where C puts them', () => {
  // struct { uint8_t a; uint32_t b; uint16_t c; uint64_t d; uint8_t e; }
  const layout = { a: 'u8', b: 'u32', c: 'u16', d: 'u64', e: 'u8' } as const;
  expect(sizeOf(layout)).toBe(32);
  const bytes = encodeStruct(layout, { a: 1, b: 0x02030405, c: 0x0607, d: 0x08090a0b0c0d0e0fn, e: 0x10 });
  expect(bytes.toString('hex')).toBe('01000000050403020706000000000000' + '0f0e0d0c0b0a0908' + '1000000000000000');
});

test('what is left out is 0; bits beyond the field are cut from 64-bit ones', () => {
  expect(encodeStruct({ a: 'u32', b: 'u64' }, { b: -1 })).toEqual(
    Buffer.from('00000000000000ffffffffffffffff'.padStart(32, '0'), 'hex'),
  );
});
