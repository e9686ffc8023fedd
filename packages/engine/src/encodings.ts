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

/** Code units that are made to text in one call: each is an operand on the stack. */
const PIECE = 4096;

function textOf(units: readonly number[]): string {
  let text = '';
  for (let at = 0; at < units.length; at += PIECE) text += String.fromCharCode(...units.slice(at, at + PIECE));
  return text;
}

const valuesOf = (digits: string) => new Map([...digits].map((digit, value) => [digit.charCodeAt(0), value]));

const HEX = '0123456789abcdef';
const hexDigits = new Map([...valuesOf(HEX), ...valuesOf(HEX.toUpperCase())]);

const hex: Encoding = {
  text(bytes, from, to) {
    const units: number[] = [];
    for (let at = from; at < to; at++) {
      const byte = bytes[at] as number;
      units.push(HEX.charCodeAt(byte >> 4), HEX.charCodeAt(byte & 15));
    }
    return textOf(units);
  },
  length: (text) => text.length >>> 1,
  /** Up to the first pair that is none. */
  write(text, bytes, at, room) {
    const size = Math.min(room, text.length >>> 1);
    for (let index = 0; index < size; index++) {
      const high = hexDigits.get(text.charCodeAt(2 * index));
      const low = hexDigits.get(text.charCodeAt(2 * index + 1));
      if (high === undefined || low === undefined) return index;
      bytes[at + index] = (high << 4) | low;
    }
    return size;
  },
};

const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const BASE64_URL = `${BASE64.slice(0, 62)}-_`;
const PAD = 0x3d;
/** Both alphabets are read alike. */
const base64Digits = new Map([...valuesOf(BASE64), ...valuesOf(BASE64_URL)]);

const base64As = (alphabet: string, isPadded: boolean): Encoding => ({
  text(bytes, from, to) {
    const units: number[] = [];
    for (let at = from; at < to; at += 3) {
      const given = Math.min(3, to - at);
      const word = ((bytes[at] as number) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
      const whole = given === 3 ? word : given === 2 ? word & ~0xff : word & ~0xffff;
      for (let digit = 0; digit < 4; digit++)
        if (digit <= given) units.push(alphabet.charCodeAt((whole >> (18 - 6 * digit)) & 63));
        else if (isPadded) units.push(PAD);
    }
    return textOf(units);
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
      const digit = base64Digits.get(unit);
      if (digit === undefined) continue;
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
const base64 = base64As(BASE64, true);

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
  ['base64url', base64As(BASE64_URL, false)],
]);

/** @param name In any case; UTF-8 where it is left out. @throws TypeError where there is no such encoding here: UTF-16 is not served. */
export function encodingOf(name: unknown): Encoding {
  if (name === undefined || name === 'utf8') return utf8;
  const found = typeof name === 'string' ? (ENCODINGS.get(name) ?? ENCODINGS.get(name.toLowerCase())) : undefined;
  if (!found) throw unknownEncoding(name);
  return found;
}
