/** Texts as bytes and back, by the encodings of Buffer. */
import { host } from './host.ts';
import { unknownEncoding } from './refusals.ts';

export interface Encoding {
  /** The bytes from `from` to `to` (exclusive, within them) as text. */
  readonly text: (bytes: Uint8Array, from: number, to: number) => string;
  /** Bytes that the text has at most; exactly, for all but hex and base64. */
  readonly length: (text: string) => number;
  /** Writes the text from `at` on, at most `room` bytes. @returns bytes written. */
  readonly write: (text: string, bytes: Uint8Array, at: number, room: number) => number;
}

/** What stands for no digit. */
const NONE = 0xff;

/** Values of digits by their code units, for those of ASCII. */
function valuesOf(...alphabets: string[]): Uint8Array {
  const values = new Uint8Array(128).fill(NONE);
  for (const digits of alphabets)
    for (let value = 0; value < digits.length; value++) values[digits.charCodeAt(value)] = value;
  return values;
}

const HEX = '0123456789abcdef';
const hexValues = valuesOf(HEX, HEX.toUpperCase());
const hexPairs = Array.from({ length: 256 }, (_, byte) => HEX.charAt(byte >> 4) + HEX.charAt(byte & 15));

const hex: Encoding = {
  text(bytes, from, to) {
    let text = '';
    for (let at = from; at < to; at++) text += hexPairs[bytes[at] as number];
    return text;
  },
  length: (text) => text.length >>> 1,
  /** Up to the first pair that is none. */
  write(text, bytes, at, room) {
    const size = Math.min(room, text.length >>> 1);
    for (let index = 0; index < size; index++) {
      const high = hexValues[text.charCodeAt(2 * index)] ?? NONE;
      const low = hexValues[text.charCodeAt(2 * index + 1)] ?? NONE;
      if (high === NONE || low === NONE) return index;
      bytes[at + index] = (high << 4) | low;
    }
    return size;
  },
};

const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const BASE64_URL = `${BASE64.slice(0, 62)}-_`;
const PAD = 0x3d;
/** Both alphabets are read alike. */
const base64Values = valuesOf(BASE64, BASE64_URL);

const base64As = (alphabet: string, padding: string): Encoding => ({
  text(bytes, from, to) {
    let text = '';
    for (let at = from; at < to; at += 3) {
      const left = Math.min(3, to - at);
      const second = left > 1 ? (bytes[at + 1] as number) : 0;
      const third = left > 2 ? (bytes[at + 2] as number) : 0;
      const word = ((bytes[at] as number) << 16) | (second << 8) | third;
      text += alphabet.charAt(word >> 18) + alphabet.charAt((word >> 12) & 63);
      text += left > 1 ? alphabet.charAt((word >> 6) & 63) : padding;
      text += left > 2 ? alphabet.charAt(word & 63) : padding;
    }
    return text;
  },
  length: (text) => Math.floor((text.replace(/={1,2}$/, '').length * 3) / 4),
  /** Up to the padding; what is no digit is passed over. */
  write(text, bytes, at, room) {
    let size = 0;
    let word = 0;
    let bits = 0;
    for (let index = 0; index < text.length && size < room; index++) {
      const unit = text.charCodeAt(index);
      if (unit === PAD) break;
      const digit = base64Values[unit] ?? NONE;
      if (digit === NONE) continue;
      word = ((word << 6) | digit) & 0xffff;
      bits += 6;
      if (bits < 8) continue;
      bits -= 8;
      bytes[at + size++] = (word >> bits) & 0xff;
    }
    return size;
  },
});

const utf8: Encoding = { text: host.utf8, length: host.utf8Length, write: host.writeUtf8 };
const latin1: Encoding = { text: host.latin1, length: (text) => text.length, write: host.writeLatin1 };
const base64 = base64As(BASE64, '=');

/** The highest bit is dropped where ASCII is read, and kept where it is written. */
const ascii: Encoding = {
  ...latin1,
  text: (bytes, from, to) =>
    host.latin1(
      bytes.slice(from, to).map((byte) => byte & 0x7f),
      0,
      to - from,
    ),
};

const ENCODINGS: ReadonlyMap<string, Encoding> = new Map([
  ['utf8', utf8],
  ['utf-8', utf8],
  ['latin1', latin1],
  ['binary', latin1],
  ['ascii', ascii],
  ['hex', hex],
  ['base64', base64],
  ['base64url', base64As(BASE64_URL, '')],
]);

/** @param name In any case; UTF-8 where it is left out. @throws TypeError where there is no such encoding here: UTF-16 is not served. */
export function encodingOf(name: unknown): Encoding {
  if (name === undefined || name === 'utf8') return utf8;
  const found = typeof name === 'string' ? (ENCODINGS.get(name) ?? ENCODINGS.get(name.toLowerCase())) : undefined;
  if (!found) throw unknownEncoding(name);
  return found;
}
