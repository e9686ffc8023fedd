/** Labels and identifiers: from the bytes of a superblock, and as udev names links by them. Pure. */
import { decode, encode, parseDecimal } from '@ts/sys';

/** The number in a file of /sys; undefined where it cannot be read, or holds something else. */
export const numberOf = (text: string | undefined): number | undefined => parseDecimal((text ?? '').trim());

const isBlank = (byte: number) => byte === 0x20 || (byte >= 9 && byte <= 13);

/** Up to the first NUL and without blanks at the end; undefined where nothing is left. */
export function label(bytes: Buffer | undefined): string | undefined {
  if (bytes === undefined) return undefined;
  const nul = bytes.indexOf(0);
  let end = nul < 0 ? bytes.length : nul;
  while (end > 0 && isBlank(bytes[end - 1] as number)) end--;
  return end === 0 ? undefined : decode(bytes.subarray(0, end));
}

/** UTF-8 of one code point; of a lone surrogate what it would be if it were a character. */
const utf8 = (code: number): Buffer =>
  code >= 0xd800 && code <= 0xdfff
    ? Buffer.from([0xe0 | (code >> 12), 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f)])
    : Buffer.from(String.fromCodePoint(code));

/** UTF-16 as UTF-8, up to the first NUL. */
export function fromUtf16(bytes: Buffer, order: 'little' | 'big'): Buffer {
  const parts: Buffer[] = [];
  const unit = (at: number) => (order === 'little' ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at));
  for (let at = 0; at + 2 <= bytes.length; at += 2) {
    const high = unit(at);
    if (high === 0) break;
    const low = (high & 0xfc00) === 0xd800 && at + 4 <= bytes.length ? unit(at + 2) : 0;
    const isPair = (low & 0xfc00) === 0xdc00;
    parts.push(utf8(isPair ? 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00) : high));
    if (isPair) at += 2;
  }
  return Buffer.concat(parts);
}

/** Latin 1 as UTF-8. */
export const fromLatin1 = (bytes: Buffer): Buffer => Buffer.from(bytes.toString('latin1'));

export const isZero = (bytes: Uint8Array): boolean => bytes.every((byte) => byte === 0);

/** 16 bytes as a UUID; undefined where all are 0. */
export function uuid(bytes: Buffer | undefined): string | undefined {
  if (bytes === undefined || isZero(bytes)) return undefined;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

/** 4 bytes as FAT writes the number of a volume: "5A2A-9F57". */
export const volumeNumber = (bytes: Buffer | undefined): string | undefined =>
  bytes === undefined || isZero(bytes)
    ? undefined
    : Buffer.from(bytes)
        .reverse()
        .toString('hex')
        .toUpperCase()
        .replace(/^(.{4})/, '$1-');

/** ASCII characters that udev takes into the name of a link as they are. */
const PLAIN = /^[\w#+.:=@-]$/;

/**
 * A label as it stands in /dev/disk/by-label and in ID_FS_LABEL_ENC: every other ASCII character, and every byte that is
 * not valid UTF-8, is written \xNN.
 */
export const toUdevName = (text: string): string =>
  [...text]
    .map((character) => {
      const isPlain = character.isWellFormed() && (character > '\x7f' || PLAIN.test(character));
      return isPlain
        ? character
        : [...encode(character)].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('');
    })
    .join('');

/** The label that such a name stands for. */
export const fromUdevName = (name: string): string =>
  decode(
    Buffer.concat(
      name
        .split(/(\\x[\da-f]{2})/i)
        .map((part, index) => (index % 2 ? Buffer.from(part.slice(2), 'hex') : encode(part))),
    ),
  );
