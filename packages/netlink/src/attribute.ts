/**
 * Attributes of netlink messages: type, length, value, each at a multiple of four bytes; values may be attributes again.
 *
 * A schema names the attributes of a message. From it come the bytes, the values and their types:
 *
 *     const ADDRESS = { local: [IFA_LOCAL, bytes], label: [IFA_LABEL, string] } as const;
 *     encodeAttributes(ADDRESS, { label: 'br0' });
 *     decodeAttributes(ADDRESS, body).label;          // string | undefined
 */
import { decode as decodeText, encode as encodeText, NLA_F_NESTED, NLA_F_NET_BYTEORDER } from '@ts/sys';

/** How a value stands in an attribute. */
export interface Codec<T> {
  /** @param at Where the bytes will stand, counted from the beginning of the message. */
  encode(value: T, at: number): Uint8Array;
  /** Throws RangeError where there are too few bytes. */
  decode(bytes: Buffer): T;
  /** The value is made of attributes. */
  readonly nested?: true;
}

/** Type number, codec and, for a value that has to stand at a multiple of eight bytes, the type of what pads it. */
type Row = readonly [type: number, codec: Codec<unknown>, pad?: number];
/** Attributes of a message by name. Of several with one number the last counts when they are read. */
export type Schema = Readonly<Record<string, Row>>;

type Decoded<C> = C extends { decode(bytes: Buffer): infer T } ? T : never;
/** Values by name; what a message does not have is undefined. */
export type ValuesOf<S extends Schema> = { [K in keyof S]?: Decoded<S[K][1]> };

const HEADER = 4;
const aligned = (length: number) => (length + 3) & ~3;

/** One attribute, padded. */
function attribute(type: number, nested: boolean, payload: Uint8Array): Buffer {
  const bytes = Buffer.alloc(aligned(HEADER + payload.length));
  bytes.writeUInt16LE(HEADER + payload.length, 0);
  bytes.writeUInt16LE(nested ? type | NLA_F_NESTED : type, 2);
  bytes.set(payload, HEADER);
  return bytes;
}

/**
 * Attributes in the order of `values`; those that are undefined are left out.
 *
 * @param at Where they will stand in the message: 64-bit values are aligned to its beginning.
 */
export function encodeAttributes<S extends Schema>(schema: S, values: ValuesOf<S>, at = 0): Buffer {
  const parts: Buffer[] = [];
  let offset = at;
  const push = (part: Buffer) => {
    parts.push(part);
    offset += part.length;
  };
  for (const [name, value] of Object.entries(values)) {
    if (value === undefined) continue;
    const [type, codec, pad] = schema[name] as Row;
    if (pad !== undefined && (offset + HEADER) % 8) push(attribute(pad, false, new Uint8Array()));
    push(attribute(type, codec.nested ?? false, codec.encode(value, offset + HEADER)));
  }
  return Buffer.concat(parts);
}

/** Type and value of each attribute. Throws RangeError where a length does not fit. */
export function* attributesIn(bytes: Buffer): Generator<readonly [type: number, payload: Buffer]> {
  for (let at = 0; at + HEADER <= bytes.length; ) {
    const length = bytes.readUInt16LE(at);
    if (length < HEADER || at + length > bytes.length)
      throw new RangeError(`an attribute of ${length} bytes where ${bytes.length - at} are left`);
    yield [
      bytes.readUInt16LE(at + 2) & ~(NLA_F_NESTED | NLA_F_NET_BYTEORDER),
      bytes.subarray(at + HEADER, at + length),
    ];
    at += aligned(length);
  }
}

/** Rows by type number, worked out once a schema. */
const byType = new WeakMap<Schema, Map<number, { readonly name: string; readonly codec: Codec<unknown> }>>();

function rowsOf(schema: Schema) {
  const known = byType.get(schema);
  if (known) return known;
  const rows = new Map(Object.entries(schema).map(([name, [type, codec]]) => [type, { name, codec }]));
  byType.set(schema, rows);
  return rows;
}

/** Values of the attributes that the schema names; others are passed over, of several the last counts. */
export function decodeAttributes<S extends Schema>(schema: S, bytes: Buffer): ValuesOf<S> {
  const rows = rowsOf(schema);
  const values: Record<string, unknown> = {};
  for (const [type, payload] of attributesIn(bytes)) {
    const row = rows.get(type);
    if (row) values[row.name] = row.codec.decode(payload);
  }
  return values as ValuesOf<S>;
}

const integer = <T extends number | bigint>(
  size: number,
  write: (buffer: Buffer, value: T) => void,
  read: (buffer: Buffer) => T,
): Codec<T> => ({
  encode: (value) => {
    const buffer = Buffer.alloc(size);
    write(buffer, value);
    return buffer;
  },
  decode: read,
});

/** Unsigned, 8 bits. */
export const u8 = integer<number>(
  1,
  (buffer, value) => buffer.writeUInt8(value),
  (buffer) => buffer.readUInt8(),
);
/** Unsigned, 16 bits, in the order of the host. */
export const u16 = integer<number>(
  2,
  (buffer, value) => buffer.writeUInt16LE(value),
  (buffer) => buffer.readUInt16LE(),
);
/** Unsigned, 32 bits, in the order of the host. */
export const u32 = integer<number>(
  4,
  (buffer, value) => buffer.writeUInt32LE(value),
  (buffer) => buffer.readUInt32LE(),
);
/** Signed, 32 bits, in the order of the host. */
export const s32 = integer<number>(
  4,
  (buffer, value) => buffer.writeInt32LE(value),
  (buffer) => buffer.readInt32LE(),
);
/** Unsigned, 64 bits, in the order of the host. */
export const u64 = integer<bigint>(
  8,
  (buffer, value) => buffer.writeBigUInt64LE(value),
  (buffer) => buffer.readBigUInt64LE(),
);
/** Unsigned, of 32 bits or of 64: as many as the kernel needs. */
export const uint: Codec<bigint> = {
  encode: (value) => (value > 0xffff_ffffn ? u64.encode(value, 0) : u32.encode(Number(value), 0)),
  decode: (value) => (value.length < 8 ? BigInt(u32.decode(value)) : u64.decode(value)),
};
/** In network byte order. */
export const be16 = integer<number>(
  2,
  (buffer, value) => buffer.writeUInt16BE(value),
  (buffer) => buffer.readUInt16BE(),
);
/** Unsigned, 32 bits, in network byte order. */
export const be32 = integer<number>(
  4,
  (buffer, value) => buffer.writeUInt32BE(value),
  (buffer) => buffer.readUInt32BE(),
);
/** Unsigned, 64 bits, in network byte order. */
export const be64 = integer<bigint>(
  8,
  (buffer, value) => buffer.writeBigUInt64BE(value),
  (buffer) => buffer.readBigUInt64BE(),
);

/** Bytes as they are. */
export const bytes: Codec<Uint8Array> = { encode: (value) => value, decode: (value) => Buffer.from(value) };

/** Text with a NUL at its end. */
export const string: Codec<string> = {
  encode: (value) => Buffer.concat([encodeText(value), Buffer.alloc(1)]),
  decode: (value) => decodeText(value.at(-1) === 0 ? value.subarray(0, value.indexOf(0)) : value),
};

/** No value: that it is there is what it says. Newer kernels answer some of them with a number. */
export const flag: Codec<boolean> = {
  encode: () => new Uint8Array(),
  decode: (value) => value.length === 0 || value.some((byte) => byte !== 0),
};

/** Attributes in an attribute. */
export const nested = <const S extends Schema>(schema: S): Codec<ValuesOf<S>> => ({
  encode: (values, at) => encodeAttributes(schema, values, at),
  decode: (value) => decodeAttributes(schema, value),
  nested: true,
});

/** Attributes of one type, in order. */
export const list = <T>(type: number, codec: Codec<T>): Codec<readonly T[]> => ({
  encode: (values, at) => {
    const parts: Buffer[] = [];
    let offset = at;
    for (const value of values) {
      const part = attribute(type, codec.nested ?? false, codec.encode(value, offset + HEADER));
      parts.push(part);
      offset += part.length;
    }
    return Buffer.concat(parts);
  },
  decode: (value) =>
    [...attributesIn(value)].filter(([each]) => each === type).map(([, payload]) => codec.decode(payload)),
  nested: true,
});
