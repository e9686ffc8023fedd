/** Comments as nft(8) writes and shows them: user data of type 0, its length, the text and a NUL. */
import { decode, encode } from '@ts/sys';
import type { Codec } from '../attribute.ts';

const COMMENT = 0;

/** User data of a table or rule that is a comment. Text of other user data is empty. */
export const comment: Codec<string> = {
  encode: (text) => {
    const value = encode(text);
    return Buffer.concat([Buffer.from([COMMENT, value.length + 1]), value, Buffer.alloc(1)]);
  },
  decode: (bytes) => {
    for (let at = 0; at + 2 <= bytes.length; at += 2 + bytes.readUInt8(at + 1))
      if (bytes.readUInt8(at) === COMMENT) return decode(bytes.subarray(at + 2, at + 1 + bytes.readUInt8(at + 1)));
    return '';
  },
};
