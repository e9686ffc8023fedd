/** Structures as values of attributes. */
import { decodeStruct, encodeStruct, type Layout, sizeOf, type Values } from '@ts/sys';
import type { Codec } from './attribute.ts';

/** A structure of the kernel; fields that an older kernel does not have are 0. */
export const struct = <const L extends Layout>(layout: L): Codec<Values<L>> => ({
  encode: (values) => encodeStruct<Layout>(layout, values),
  decode: (value) => {
    const size = sizeOf(layout);
    return decodeStruct(
      layout,
      value.length < size ? Buffer.concat([value, Buffer.alloc(size - value.length)]) : value,
    );
  },
});
