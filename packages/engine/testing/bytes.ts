/** The host's work on bytes and texts in plain JavaScript: what its C is compared with, and what stands for it where there is none. */
import type { Host, Numbers, Otherwise } from '../src/host.ts';

const REPLACEMENT = 0xfffd;

function checkRange(bytes: Uint8Array, from: number, to: number): void {
  if (!(from >= 0 && from <= to && to <= bytes.length)) throw new RangeError('the range is outside of the bytes');
}

/** One character at `at`: its code point and size; a longest beginning of none as U+FFFD. */
function character(bytes: Uint8Array, at: number, to: number): { code: number; size: number } {
  const first = bytes[at] as number;
  if (first < 0x80) return { code: first, size: 1 };
  const more = first < 0xc2 ? 0 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : first < 0xf5 ? 3 : 0;
  // What would be too long, a surrogate, or beyond Unicode shows in the second byte.
  const least = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const most = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  let code = first & (0x3f >> more);
  for (let index = 1; index <= more; index++) {
    const next = at + index < to ? (bytes[at + index] as number) : -1;
    if (next < (index === 1 ? least : 0x80) || next > (index === 1 ? most : 0xbf))
      return { code: REPLACEMENT, size: index };
    code = (code << 6) | (next & 0x3f);
  }
  return more ? { code, size: more + 1 } : { code: REPLACEMENT, size: 1 };
}

function encoded(code: number): readonly number[] {
  if (code < 0x80) return [code];
  if (code < 0x800) return [0xc0 | (code >> 6), 0x80 | (code & 0x3f)];
  if (code < 0x10000) return [0xe0 | (code >> 12), 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f)];
  return [0xf0 | (code >> 18), 0x80 | ((code >> 12) & 0x3f), 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f)];
}

function* characters(text: string): Generator<readonly number[]> {
  for (const each of text) {
    const code = each.codePointAt(0) as number;
    yield encoded(code >= 0xd800 && code < 0xe000 ? REPLACEMENT : code);
  }
}

const FORMS = ['Int8', 'Int16', 'Int32', 'BigInt64'].flatMap((whole) => {
  const [, big, bits] = /(Big)?Int(\d+)/.exec(whole) as unknown as [string, string | undefined, string];
  const signed = `${big ?? ''}Int${bits}`;
  const unsigned = `${big ?? ''}UInt${bits}`;
  return [signed, unsigned].flatMap((name) =>
    (bits === '8' ? [''] : ['LE', 'BE']).map((order) => ({
      name: name + order,
      size: Number(bits) / 8,
      isUnsigned: name === unsigned,
      isBig: big !== undefined,
      isLittle: order === 'LE',
      viewed: name.replace('UInt', 'Uint'),
    })),
  );
});

const fits = (bytes: Uint8Array, offset: unknown, size: number): offset is number =>
  Number.isInteger(offset) && (offset as number) >= 0 && (offset as number) + size <= bytes.length;

function numbers(otherwise: Otherwise): Numbers {
  const methods: Record<string, (this: Uint8Array, ...operands: unknown[]) => unknown> = {};
  const viewOf = ({ buffer, byteOffset, byteLength }: Uint8Array) =>
    new DataView(buffer, byteOffset, byteLength) as unknown as Record<string, (...operands: unknown[]) => unknown>;
  for (const { name, size, isUnsigned, isBig, isLittle, viewed } of FORMS) {
    const read = `read${name}` as keyof Numbers;
    const write = `write${name}` as keyof Numbers;
    const half = 2n ** (8n * BigInt(size) - 1n);
    const isRight = (value: unknown) =>
      (isBig ? typeof value === 'bigint' : Number.isInteger(value)) &&
      BigInt(value as number) >= (isUnsigned ? 0n : -half) &&
      BigInt(value as number) < (isUnsigned ? 2n * half : half);
    methods[read] = function (offset = 0) {
      if (!fits(this, offset, size)) return otherwise.call(this, read, offset);
      return viewOf(this)[`get${viewed}`]?.(offset, isLittle);
    };
    methods[write] = function (value, offset = 0) {
      if (!isRight(value) || !fits(this, offset, size)) return otherwise.call(this, write, value, offset);
      viewOf(this)[`set${viewed}`]?.(offset, value, isLittle);
      return offset + size;
    };
  }
  const isSize = (size: unknown): size is number =>
    Number.isInteger(size) && (size as number) >= 1 && (size as number) <= 6;
  methods.readUIntLE = function (offset, size) {
    if (!isSize(size) || !fits(this, offset, size)) return otherwise.call(this, 'readUIntLE', offset, size);
    let value = 0;
    for (let at = size - 1; at >= 0; at--) value = value * 256 + (this[offset + at] as number);
    return value;
  };
  methods.writeUIntLE = function (value, offset, size) {
    const isRight =
      Number.isInteger(value) && (value as number) >= 0 && isSize(size) && (value as number) < 2 ** (8 * size);
    if (!isRight || !fits(this, offset, size)) return otherwise.call(this, 'writeUIntLE', value, offset, size);
    for (let at = 0, rest = value as number; at < size; at++, rest = Math.floor(rest / 256))
      this[offset + at] = rest % 256;
    return offset + size;
  };
  return methods as unknown as Numbers;
}

export const bytesHost: Pick<
  Host,
  'numbers' | 'utf8' | 'latin1' | 'utf8Length' | 'writeUtf8' | 'writeLatin1' | 'compare' | 'uninitialized'
> = {
  numbers,

  utf8(bytes, from, to) {
    checkRange(bytes, from, to);
    let text = '';
    for (let at = from; at < to; ) {
      const { code, size } = character(bytes, at, to);
      text += String.fromCodePoint(code);
      at += size;
    }
    return text;
  },

  latin1(bytes, from, to) {
    checkRange(bytes, from, to);
    let text = '';
    for (let at = from; at < to; at++) text += String.fromCharCode(bytes[at] as number);
    return text;
  },

  utf8Length(text) {
    let length = 0;
    for (const bytes of characters(text)) length += bytes.length;
    return length;
  },

  writeUtf8(text, bytes, at, room) {
    checkRange(bytes, at, at + room);
    let written = 0;
    for (const each of characters(text)) {
      if (written + each.length > room) break;
      bytes.set(each, at + written);
      written += each.length;
    }
    return written;
  },

  writeLatin1(text, bytes, at, room) {
    checkRange(bytes, at, at + room);
    const size = Math.min(text.length, room);
    for (let index = 0; index < size; index++) bytes[at + index] = text.charCodeAt(index);
    return size;
  },

  compare(left, right) {
    const shorter = Math.min(left.length, right.length);
    for (let at = 0; at < shorter; at++) {
      const difference = (left[at] as number) - (right[at] as number);
      if (difference) return Math.sign(difference);
    }
    return Math.sign(left.length - right.length);
  },

  // Not zeros, which nobody may count on.
  uninitialized: (size) => new Uint8Array(size).fill(0xaa).buffer,
};
