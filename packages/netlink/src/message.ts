/** Netlink messages: a header of 16 bytes, a structure, attributes. netlink(7). */
import { decodeStruct, encodeStruct, type Layout, sizeOf, type Values } from '@ts/sys';
import { decodeAttributes, encodeAttributes, type Schema, type ValuesOf } from './attribute.ts';

/** struct nlmsghdr. */
const HEADER = { length: 'u32', type: 'u16', flags: 'u16', sequence: 'u32', port: 'u32' } as const;
/** Bytes of struct nlmsghdr. */
export const HEADER_SIZE = 16;

/** A netlink message, without its length. */
export interface Message {
  /** RTM_*, NLMSG_* or what the protocol has. */
  readonly type: number;
  /** NLM_F_* */
  readonly flags: number;
  readonly sequence: number;
  /** What follows the header. */
  readonly body: Buffer;
}

/** A message with its header, padded to a multiple of four bytes. */
export function encodeMessage({ type, flags, sequence, body }: Message): Buffer {
  const length = HEADER_SIZE + body.length;
  const bytes = Buffer.alloc((length + 3) & ~3);
  encodeStruct(HEADER, { length, type, flags, sequence }).copy(bytes);
  body.copy(bytes, HEADER_SIZE);
  return bytes;
}

/** The messages of one datagram. Throws RangeError where a length does not fit. */
export function* messagesIn(bytes: Buffer): Generator<Message> {
  for (let at = 0; at + HEADER_SIZE <= bytes.length; ) {
    const { length, type, flags, sequence } = decodeStruct(HEADER, bytes, at);
    if (length < HEADER_SIZE || at + length > bytes.length)
      throw new RangeError(`a netlink message of ${length} bytes where ${bytes.length - at} are left`);
    yield { type, flags, sequence, body: bytes.subarray(at + HEADER_SIZE, at + length) };
    at += (length + 3) & ~3;
  }
}

/** A structure and the attributes behind it, as one object. */
export type Decoded<L extends Layout, S extends Schema> = Values<L> & ValuesOf<S>;

/** The form of a message: its structure, and its attributes. */
export interface Format<L extends Layout, S extends Schema> {
  /** The body of a message; fields that are left out are 0. */
  encode(header: Partial<Record<keyof L, number>>, attributes?: ValuesOf<S>): Buffer;
  decode(body: Buffer): Decoded<L, S>;
}

/** The form of a message from the layout of its structure and the schema of its attributes. */
export const format = <const L extends Layout, const S extends Schema>(layout: L, schema: S): Format<L, S> => {
  const size = (sizeOf(layout) + 3) & ~3;
  return {
    encode: (header, attributes = {}) => {
      const structure = Buffer.alloc(size);
      encodeStruct<Layout>(layout, header as Record<string, number>).copy(structure);
      return Buffer.concat([structure, encodeAttributes(schema, attributes, HEADER_SIZE + size)]);
    },
    decode: (body) => ({ ...decodeStruct(layout, body), ...decodeAttributes(schema, body.subarray(size)) }),
  };
};
