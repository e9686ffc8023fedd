/**
 * Buffer, as far as the tools use it: the same results and the same classes and codes of errors as Node's.
 *
 * What Uint8Array does likewise is inherited. No memory is shared between buffers (there is no pool), and UTF-16 is not served.
 */
import { type Encoding, encodingOf } from './encodings.ts';
import { host, type Numbers } from './host.ts';
import { checkInteger, checkNumber, outOfRange, outsideBuffer, wrongType, wrongValue } from './refusals.ts';

/** As in Node on 64-bit machines. */
const MOST = 2 ** 53 - 1;

/** From here on it pays not to touch memory before it is used. */
const PAGE = 4096;

const { indexOf: indexOfByte, lastIndexOf: lastIndexOfByte, fill: fillWithByte } = Uint8Array.prototype;

/** Numbers by the name of their methods, without read or write. */
interface Form {
  readonly size: number;
  readonly least: number | bigint;
  readonly most: number | bigint;
}

function formOf(name: string): Form | undefined {
  const [, big, unsigned, bits] = /^(?:read|write)(Big)?(U?)Int(\d+)/.exec(name) ?? [];
  if (bits === undefined) return undefined;
  const size = Number(bits) / 8;
  const least = unsigned ? 0n : -(1n << (8n * BigInt(size) - 1n));
  const most = (1n << (8n * BigInt(size) - (unsigned ? 0n : 1n))) - 1n;
  return big ? { size, least, most } : { size, least: Number(least), most: Number(most) };
}

function checkPlace(bytes: Uint8Array, offset: unknown, size: number): void {
  if (typeof offset === 'number' && Number.isInteger(offset) && bytes.length < size) throw outsideBuffer();
  checkInteger('offset', offset, 0, bytes.length - size);
}

/** Says why the host has not taken a call, or makes its operands such that it does. */
function otherwise(this: Uint8Array, name: keyof Numbers, ...operands: unknown[]): unknown {
  const form = formOf(name);
  const isRead = name.startsWith('read');
  const [value, given, byteLength] = isRead ? [undefined, ...operands] : operands;
  if (!form && isRead && given === undefined) throw wrongType('offset', 'of type number', given);
  if (!form) checkInteger('byteLength', byteLength, 1, 6);
  const offset = form && given === undefined ? 0 : given;
  const { size, least, most } = form ?? {
    size: byteLength as number,
    least: 0,
    most: 2 ** (8 * (byteLength as number)) - 1,
  };
  const isBig = typeof least === 'bigint';
  if (!isRead && isBig && typeof value !== 'bigint') throw new TypeError(`${name} takes a bigint`);
  const number = isRead || isBig ? (value as bigint) : Number(value);
  if (!isRead && (number < least || number > most)) throw outOfRange('value', `>= ${least} and <= ${most}`, number);
  checkPlace(this, offset, size);
  // A text that is a number, a fraction, nothing.
  const whole = typeof number === 'number' ? Math.trunc(number) || 0 : number;
  if (isRead || whole === value) throw new Error(`the host refuses a right ${name}`);
  return (this as Buffer)[name as 'writeUIntLE'](whole as number, offset as number, byteLength as number);
}

const clamped = (value: unknown, otherwise: number, most: number): number => {
  const number = value === undefined ? otherwise : Math.trunc(Number(value)) || 0;
  return number < 0 ? 0 : Math.min(number, most);
};

/** A position in bytes that are copied: what is no number is 0. */
function position(name: string, value: unknown, otherwise: number, most = MOST): number {
  if (value === undefined) return otherwise;
  const number = Math.floor(Number(value)) || 0;
  if (number < 0 || number > most) throw outOfRange(name, `>= 0 and <= ${most}`, number);
  return number;
}

/** Asked often: without another call where it is right. */
function checkSize(size: unknown): void {
  if (typeof size !== 'number' || !(size >= 0 && size <= MOST)) checkNumber('size', size, 0, MOST);
}

const isBytes = (value: unknown): value is Uint8Array => value instanceof Uint8Array;

function checkBytes(name: string, value: unknown): asserts value is Uint8Array {
  if (!isBytes(value)) throw wrongType(name, 'an instance of Buffer or Uint8Array', value);
}

function checkText(name: string, value: unknown): asserts value is string {
  if (typeof value !== 'string') throw wrongType(name, 'of type string', value);
}

function fromText(text: string, encoding: Encoding): Buffer {
  const length = encoding.length(text);
  const bytes = new Buffer(length);
  const written = encoding.write(text, bytes, 0, length);
  return written === length ? bytes : (bytes.subarray(0, written) as Buffer);
}

/** Where the pattern lies: the first place from `start` on, or the last one up to there; -1 where there is none. */
function find(bytes: Uint8Array, pattern: Uint8Array, start: number, isForward: boolean): number {
  const [first] = pattern;
  const last = bytes.length - pattern.length;
  if (first === undefined) return start;
  const next = (from: number) =>
    isForward ? indexOfByte.call(bytes, first, from) : from < 0 ? -1 : lastIndexOfByte.call(bytes, first, from);
  for (
    let at = next(isForward ? start : Math.min(start, last));
    at >= 0 && at <= last;
    at = next(isForward ? at + 1 : at - 1)
  )
    if (host.compare(bytes.subarray(at, at + pattern.length), pattern) === 0) return at;
  return -1;
}

function search(bytes: Uint8Array, value: unknown, from: unknown, encoding: unknown, isForward: boolean): number {
  const { length } = bytes;
  if (typeof from === 'string') return search(bytes, value, undefined, from, isForward);
  const number = Number(from);
  const wanted = Number.isNaN(number) ? (isForward ? 0 : length) : Math.trunc(number);
  const start = wanted < 0 ? wanted + length : Math.min(wanted, length);
  if (typeof value === 'number') {
    if (start < 0 && !isForward) return -1;
    return (isForward ? indexOfByte : lastIndexOfByte).call(bytes, value & 0xff, Math.max(start, 0));
  }
  const pattern = typeof value === 'string' ? fromText(value, encodingOf(encoding)) : value;
  if (!isBytes(pattern)) throw wrongType('value', 'of type number or string, or bytes', value);
  if (start < 0 && !isForward && pattern.length) return -1;
  return find(bytes, pattern, Math.max(start, 0), isForward);
}

const Bytes = Uint8Array as unknown as {
  new (content: number | ArrayLike<number>): Uint8Array<ArrayBuffer> & Numbers;
  new (memory: ArrayBufferLike, offset?: number, length?: number): Uint8Array<ArrayBuffer> & Numbers;
};

export class Buffer extends Bytes {
  /** Bytes that are zero, or what they are filled with. */
  static alloc(size: number, value?: number | string | Uint8Array, encoding?: string): Buffer {
    checkSize(size);
    const bytes = new Buffer(size);
    return value === undefined || value === 0 ? bytes : bytes.fill(value, encoding);
  }

  /** Bytes that have to be written before they are read. */
  static allocUnsafe(size: number): Buffer {
    checkSize(size);
    return size < PAGE ? new Buffer(size) : new Buffer(host.uninitialized(size));
  }

  static allocUnsafeSlow(size: number): Buffer {
    return Buffer.allocUnsafe(size);
  }

  /** A text's bytes, a copy of bytes or of a list of them, or a view of memory. */
  static from(value: unknown, second?: unknown, third?: unknown): Buffer {
    if (typeof value === 'string') return fromText(value, encodingOf(second));
    if (Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView)))
      return new Buffer(value as ArrayLike<number>);
    if (value instanceof ArrayBuffer || value instanceof SharedArrayBuffer) {
      const offset = Number(second) || 0;
      if (offset > value.byteLength)
        throw Object.assign(outsideBuffer(), { message: '"offset" is outside of buffer bounds' });
      if (third === undefined) return new Buffer(value, offset);
      const length = Math.max(0, Number(third) || 0);
      if (length > value.byteLength - offset)
        throw Object.assign(outsideBuffer(), { message: '"length" is outside of buffer bounds' });
      return new Buffer(value, offset, length);
    }
    throw wrongType('first argument', 'of type string, or bytes, an array or an ArrayBuffer', value);
  }

  /** One behind the other; a total that is given cuts them off, or fills up with zeros. */
  static concat(list: readonly Uint8Array[], total?: number): Buffer {
    if (!Array.isArray(list)) throw wrongType('list', 'an instance of Array', list);
    if (total !== undefined) checkInteger('length', total, 0, MOST);
    let size = 0;
    for (let index = 0; index < list.length; index++) {
      const each = list[index];
      if (!isBytes(each)) throw wrongType(`list[${index}]`, 'an instance of Buffer or Uint8Array', each);
      size += each.length;
    }
    const bytes = total === undefined ? Buffer.allocUnsafe(size) : new Buffer(total);
    let at = 0;
    for (const each of list) {
      const room = bytes.length - at;
      const part = each.length > room ? each.subarray(0, room) : each;
      bytes.set(part, at);
      at += part.length;
    }
    return bytes;
  }

  static byteLength(value: string | ArrayBufferView | ArrayBufferLike, encoding?: string): number {
    if (typeof value === 'string') return encodingOf(encoding).length(value);
    if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer || value instanceof SharedArrayBuffer)
      return value.byteLength;
    throw wrongType('string', 'of type string, bytes or an ArrayBuffer', value);
  }

  static isBuffer(value: unknown): value is Buffer {
    return value instanceof Buffer;
  }

  static compare(left: Uint8Array, right: Uint8Array): number {
    checkBytes('buf1', left);
    checkBytes('buf2', right);
    return host.compare(left, right);
  }

  equals(other: Uint8Array): boolean {
    checkBytes('otherBuffer', other);
    return this.length === other.length && host.compare(this, other) === 0;
  }

  override toString(encoding?: string, from?: number, to?: number): string {
    const { text } = encodingOf(encoding);
    const end = clamped(to, this.length, this.length);
    const start = clamped(from, 0, end);
    return text(this, start, end);
  }

  /** Writes whole characters only. @returns bytes written. */
  write(text: string, offset?: number | string, length?: number | string, encoding?: string): number {
    if (typeof offset === 'string' && length === undefined) return this.write(text, 0, this.length, offset);
    const at = offset ?? 0;
    checkInteger('offset', at, 0, this.length);
    const room = this.length - at;
    if (typeof length === 'string') return this.write(text, at, room, length);
    if (length !== undefined) checkInteger('length', length, 0, this.length);
    const { write } = encodingOf(encoding);
    checkText('argument', text);
    return write(text, this, at, Math.min(length ?? room, room));
  }

  /** Copies as much as there is room for. @returns bytes copied. */
  copy(target: Uint8Array, targetStart?: number, sourceStart?: number, sourceEnd?: number): number {
    checkBytes('target', target);
    const at = position('targetStart', targetStart, 0);
    const from = position('sourceStart', sourceStart, 0, this.length);
    const to = Math.min(position('sourceEnd', sourceEnd, this.length), this.length);
    if (at >= target.length || from >= to) return 0;
    const end = Math.min(to, from + target.length - at);
    target.set(from === 0 && end === this.length ? this : this.subarray(from, end), at);
    return end - from;
  }

  override fill(value: unknown, offset?: number | string, end?: number | string, encoding?: string): this {
    if (typeof offset === 'string') return this.fill(value, undefined, undefined, offset);
    if (typeof end === 'string') return this.fill(value, offset, undefined, end);
    if (offset !== undefined) checkNumber('offset', offset, 0);
    if (offset !== undefined && end !== undefined) checkNumber('end', end, 0, this.length);
    const from = offset ?? 0;
    const to = offset === undefined ? this.length : (end ?? this.length);
    if (typeof value === 'number' || typeof value === 'boolean')
      return fillWithByte.call(this, Number(value) & 0xff, from, to) as this;
    const pattern = typeof value === 'string' ? fromText(value, encodingOf(encoding)) : value;
    checkBytes('value', pattern);
    if (from >= to) return this;
    if (value === '') return fillWithByte.call(this, 0, from, to) as this;
    if (pattern.length === 0) throw wrongValue('value', value);
    for (let at = from; at < to; at += pattern.length)
      this.set(at + pattern.length > to ? pattern.subarray(0, to - at) : pattern, at);
    return this;
  }

  override indexOf(value: unknown, from?: number | string, encoding?: string): number {
    // Nearly all that is searched for.
    if (typeof value === 'number' && (from === undefined || (typeof from === 'number' && from >= 0)))
      return indexOfByte.call(this, value & 0xff, from);
    return search(this, value, from, encoding, true);
  }

  override lastIndexOf(value: unknown, from?: number | string, encoding?: string): number {
    return search(this, value, from, encoding, false);
  }

  override includes(value: unknown, from?: number | string, encoding?: string): boolean {
    return search(this, value, from, encoding, true) >= 0;
  }
}

// Shares its memory, unlike that of Uint8Array.
const { subarray: slice } = Uint8Array.prototype;

for (const [name, value] of Object.entries({ ...host.numbers(otherwise), slice }))
  Object.defineProperty(Buffer.prototype, name, { value, writable: true, configurable: true });
