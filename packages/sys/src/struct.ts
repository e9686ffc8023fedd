/** Structures of the kernel as tables of fields, encoded in the machine's byte order (little-endian on both architectures). */
const SIZES = { u8: 1, u16: 2, u32: 4, s32: 4, u64: 8, s64: 8 } as const;

export type Field = keyof typeof SIZES;
export type Layout = Readonly<Record<string, Field>>;
export type Values<L extends Layout> = { [K in keyof L]: L[K] extends 'u64' | 's64' ? bigint : number };

/** Fields lie at multiples of their own size, as the C compilers of both architectures place them. */
function place(layout: Layout) {
  let offset = 0;
  const fields = Object.entries(layout).map(([name, type]) => {
    const size = SIZES[type];
    offset = Math.ceil(offset / size) * size;
    const field = { name, type, offset };
    offset += size;
    return field;
  });
  const alignment = Math.max(...fields.map(({ type }) => SIZES[type]));
  return { fields, size: Math.ceil(offset / alignment) * alignment };
}

/** Size of a structure in bytes, padding at its end included. */
export const sizeOf = (layout: Layout): number => place(layout).size;

/** Where a field begins, in bytes. */
export const offsetOf = <L extends Layout>(layout: L, field: keyof L): number =>
  place(layout).fields.find(({ name }) => name === field)?.offset as number;

/** Where each field begins, in bytes. */
export const offsetsOf = <L extends Layout>(layout: L): { readonly [K in keyof L]: number } =>
  Object.fromEntries(place(layout).fields.map(({ name, offset }) => [name, offset])) as { [K in keyof L]: number };

/** A structure in memory; fields that are left out are 0. */
export function encodeStruct<L extends Layout>(
  layout: L,
  values: Partial<{ [K in keyof L]: number | bigint }>,
): Buffer {
  const { fields, size } = place(layout);
  const buffer = Buffer.alloc(size);
  for (const { name, type, offset } of fields) {
    const value = values[name] ?? 0;
    if (type === 'u64') buffer.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)), offset);
    else if (type === 's64') buffer.writeBigInt64LE(BigInt.asIntN(64, BigInt(value)), offset);
    else if (type === 's32') buffer.writeInt32LE(Number(value), offset);
    else buffer.writeUIntLE(Number(value), offset, SIZES[type]);
  }
  return buffer;
}

/** The values of a structure that the kernel has filled; 64-bit fields as bigint. */
export function decodeStruct<L extends Layout>(layout: L, buffer: Buffer, at = 0): Values<L> {
  const values: Record<string, number | bigint> = {};
  for (const { name, type, offset } of place(layout).fields) {
    if (type === 'u64') values[name] = buffer.readBigUInt64LE(at + offset);
    else if (type === 's64') values[name] = buffer.readBigInt64LE(at + offset);
    else if (type === 's32') values[name] = buffer.readInt32LE(at + offset);
    else values[name] = buffer.readUIntLE(at + offset, SIZES[type]);
  }
  return values as Values<L>;
}
