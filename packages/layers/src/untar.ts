/**
 * Reads archives of tar(5): old ones, those of GNU tar and those of POSIX (pax), in one pass and bounded memory.
 *
 * Names, link targets and values of extended attributes are bytes. Numbers are read strictly: a field is one number, or the archive is
 * damaged. Nothing of an archive is trusted: what describes a file has a largest size.
 */
import { decode, parseDecimal, type Time } from '@ts/sys';
import { LayerError } from './errors.ts';
import { BLOCK, type Content, type Entry, type EntryType, type Extent, extentEnd, XATTR } from './tar.ts';

/** Most bytes of what describes one file: a long name, PAX records. Attributes of a file can be some hundred kilobytes. */
const MOST_RECORDS = 4 * 1024 * 1024;
/** Most bytes of PAX records that are for all files. */
const MOST_GLOBAL = 64 * 1024;
/** Most parts with data that a file with holes can have. */
const MOST_EXTENTS = 1024 * 1024;

const damaged = (what: string) => new LayerError(`the archive is damaged: ${what}`);
const cutOff = () => new LayerError('the archive is cut off: its end is missing');

type Records = Readonly<Record<string, string>>;

/** Records of a PAX header: "LENGTH KEY=VALUE\n", the length being that of the whole record. Keys and values have one character a byte. */
export function parseRecords(bytes: Buffer): Record<string, string> {
  const records: Record<string, string> = Object.create(null) as Record<string, string>;
  const wrong = () => damaged('a PAX header cannot be read');
  for (let at = 0; at < bytes.length; ) {
    // No length has more digits.
    const blank = bytes.subarray(at, at + 16).indexOf(0x20);
    const length = blank < 0 ? undefined : parseDecimal(bytes.toString('latin1', at, at + blank));
    if (length === undefined || length <= blank + 1 || at + length > bytes.length) throw wrong();
    const record = bytes.subarray(at + blank + 1, at + length);
    const equals = record.indexOf(0x3d);
    if (equals < 0 || record[record.length - 1] !== 0x0a) throw wrong();
    records[record.toString('latin1', 0, equals)] = record.toString('latin1', equals + 1, record.length - 1);
    at += length;
  }
  return records;
}

/** "1700000000.25" in seconds and nanoseconds, exactly. Throws LayerError for what no file can have. */
export function parseTime(text: string): Time {
  const [, sign, whole, fraction = ''] = /^(-?)(\d{1,18})(?:\.(\d*))?$/.exec(text) ?? [];
  if (whole === undefined) throw damaged(`'${shown(text)}' is no time`);
  const nanoseconds = Number(fraction.padEnd(9, '0').slice(0, 9));
  const seconds = BigInt(whole);
  if (sign !== '-') return { seconds, nanoseconds };
  return nanoseconds ? { seconds: -seconds - 1n, nanoseconds: 1e9 - nanoseconds } : { seconds: -seconds, nanoseconds };
}

/** Text of others in a message. */
const shown = (text: string) => text.slice(0, 100).replace(/[^\x20-\x7e]/g, '?');

const noNumber = (text: string) => damaged(`'${shown(text)}' is no number that can stand there`);

/** The kernel has 32 bits for it, and one value that means none. */
const LARGEST_ID = 0xffff_fffe;
const LARGEST_DEVICE = 0xffff_ffff;
/** What a disk could have: 8 EiB less than half of it are exact in a number. */
const LARGEST_SIZE = Number.MAX_SAFE_INTEGER;

/** A header of 512 bytes. */
class Header {
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get isEmpty(): boolean {
    return this.#bytes.every((byte) => byte === 0);
  }

  /** Bytes up to a NUL, one character each. */
  text(at: number, width: number): string {
    const field = this.#bytes.subarray(at, at + width);
    const end = field.indexOf(0);
    return field.toString('latin1', 0, end < 0 ? width : end);
  }

  /** Octal digits, or the base-256 form of GNU tar for what these cannot say. */
  number(at: number, width: number): bigint {
    if (((this.#bytes[at] as number) & 0x80) !== 0) {
      const value = BigInt(`0x${this.#bytes.toString('hex', at, at + width)}`);
      return BigInt.asIntN(8 * width - 1, value);
    }
    const text = this.text(at, width).trim();
    if (!/^[0-7]*$/.test(text)) throw noNumber(text);
    return text === '' ? 0n : BigInt(`0o${text}`);
  }

  size(at: number, width: number, most: number): number {
    const value = this.number(at, width);
    if (value < 0n || value > BigInt(most)) throw noNumber(String(value));
    return Number(value);
  }

  /** Throws where the checksum is not that of the bytes. Some old programs have added them up with signs. */
  check(): void {
    let sum = 8 * 0x20;
    let signed = sum;
    for (let at = 0; at < BLOCK; at++) {
      if (at === 148) at += 8;
      const byte = this.#bytes[at] as number;
      sum += byte;
      signed += byte < 128 ? byte : byte - 256;
    }
    const text = this.text(148, 8).trim();
    const said = /^[0-7]+$/.test(text) ? Number.parseInt(text, 8) : -1;
    if (said !== sum && said !== signed)
      throw new LayerError('not a tar archive, or a damaged one: the checksum of a header is wrong');
  }

  get type(): string {
    const type = this.text(156, 1);
    return type === '' ? '0' : type;
  }

  get name(): string {
    const name = this.text(0, 100);
    // Others than ustar have something else there; star(1), which says so at the end, a shorter prefix and times.
    if (this.#bytes.toString('latin1', 257, 263) !== 'ustar\0') return name;
    const prefix = this.text(345, this.#bytes.toString('latin1', 508, 512) === 'tar\0' ? 131 : 155);
    return prefix === '' ? name : `${prefix}/${name}`;
  }
}

/** Bytes that come in chunks, taken as they are needed. */
class Bytes {
  readonly #chunks: AsyncIterator<Uint8Array> | Iterator<Uint8Array>;
  #chunk: Buffer = Buffer.alloc(0);
  /** Bytes that were taken. */
  offset = 0;

  constructor(source: Content) {
    this.#chunks =
      Symbol.asyncIterator in source
        ? source[Symbol.asyncIterator]()
        : (source as Iterable<Uint8Array>)[Symbol.iterator]();
  }

  /** Whether there is one more. */
  async #more(): Promise<boolean> {
    while (this.#chunk.length === 0) {
      const { done, value } = await this.#chunks.next();
      if (done) return false;
      this.#chunk = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    }
    return true;
  }

  #take(most: number): Buffer {
    const piece = this.#chunk.subarray(0, most);
    this.#chunk = this.#chunk.subarray(piece.length);
    this.offset += piece.length;
    return piece;
  }

  /** As many bytes; undefined where there are none any more. */
  async exactly(size: number): Promise<Buffer | undefined> {
    if (size > 0 && !(await this.#more())) return undefined;
    if (this.#chunk.length >= size) return this.#take(size);
    const pieces: Buffer[] = [];
    for (let left = size; left > 0; left -= (pieces.at(-1) as Buffer).length) {
      if (!(await this.#more())) throw cutOff();
      pieces.push(this.#take(left));
    }
    return Buffer.concat(pieces);
  }

  /** The next chunk, `most` bytes of it. */
  async some(most: number): Promise<Buffer | undefined> {
    return (await this.#more()) ? this.#take(most) : undefined;
  }

  async close(): Promise<void> {
    await this.#chunks.return?.();
  }
}

const padded = (size: number) => Math.ceil(size / BLOCK) * BLOCK;

/** All of what describes a file. */
async function described(bytes: Bytes, header: Header, most: number): Promise<Buffer> {
  const size = header.size(124, 12, LARGEST_SIZE);
  if (size > most) throw damaged(`a header has ${size} bytes, the most is ${most}`);
  const all = await bytes.exactly(padded(size));
  if (!all && size) throw cutOff();
  return all?.subarray(0, size) ?? Buffer.alloc(0);
}

const TYPES: Readonly<Record<string, EntryType>> = {
  '0': 'file',
  '1': 'link',
  '2': 'symlink',
  '3': 'character-device',
  '4': 'block-device',
  '5': 'directory',
  '6': 'fifo',
  '7': 'file',
};

const fromLatin1 = (text: string) => decode(Buffer.from(text, 'latin1'));

type Attributes = ReadonlyMap<string, Uint8Array>;

/** Text that can be given to the kernel. */
function named(text: string): string {
  if (text.includes('\0')) throw damaged(`'${text}' has a NUL in it`);
  return fromLatin1(text);
}

const attributesIn = (records: Records): Attributes =>
  new Map(
    Object.entries(records).flatMap(([key, value]) =>
      key.startsWith(XATTR) ? [[named(key.slice(XATTR.length)), Buffer.from(value, 'latin1')] as const] : [],
    ),
  );

/** What stands before the header of a file, and is for that one or for all. */
class Described {
  #global: Record<string, string> = Object.create(null) as Record<string, string>;
  #globalAttributes: Attributes = new Map();
  #globalSize = 0;
  #own: Records | undefined;
  #name: string | undefined;
  #target: string | undefined;

  /** Whether a file must follow. */
  get isPending(): boolean {
    return this.#own !== undefined || this.#name !== undefined || this.#target !== undefined;
  }

  /** Reads a header that describes; false for that of a file. */
  async read(header: Header, bytes: Bytes): Promise<boolean> {
    const text = async () => (await described(bytes, header, MOST_RECORDS)).toString('latin1').replace(/\0.*/s, '');
    switch (header.type) {
      case 'L':
        this.#name = await text();
        return true;
      case 'K':
        this.#target = await text();
        return true;
      case 'x':
      case 'X':
        this.#own = parseRecords(await described(bytes, header, MOST_RECORDS));
        return true;
      case 'g': {
        const records = await described(bytes, header, MOST_GLOBAL);
        this.#globalSize += records.length;
        if (this.#globalSize > MOST_GLOBAL) throw damaged(`records for all files have more than ${MOST_GLOBAL} bytes`);
        Object.assign(this.#global, parseRecords(records));
        this.#globalAttributes = attributesIn(this.#global);
        return true;
      }
      default:
        return false;
    }
  }

  /** A file's own record before that for all. An empty value takes one back. */
  #record(key: string): string | undefined {
    return (this.#own?.[key] ?? this.#global[key]) || undefined;
  }

  #integer(key: string, otherwise: () => number, most: number): number {
    const text = this.#record(key);
    if (text === undefined) return otherwise();
    const value = parseDecimal(text, most);
    if (value === undefined) throw noNumber(text);
    return value;
  }

  /** The file that a header is about, and how many bytes of content follow. */
  entry(header: Header): { entry: Entry; stored: number; hasMap: boolean } {
    const path = fromLatin1(this.#record('GNU.sparse.name') ?? this.#record('path') ?? this.#name ?? header.name);
    const target = this.#record('linkpath') ?? this.#target ?? header.text(157, 100);
    const known = TYPES[header.type];
    // Old archives have no type for folders.
    const type = known === 'file' && path.endsWith('/') ? 'directory' : known;
    if (!type)
      throw new LayerError(
        `'${path}' is of a kind that is not read`,
        'of sparse files the form of PAX is: tar --format=posix --sparse',
      );
    // Of all else a size means nothing.
    const stored = type === 'file' ? this.#integer('size', () => header.size(124, 12, LARGEST_SIZE), LARGEST_SIZE) : 0;
    const size =
      type === 'file'
        ? this.#integer(
            'GNU.sparse.realsize',
            () => this.#integer('GNU.sparse.size', () => stored, LARGEST_SIZE),
            LARGEST_SIZE,
          )
        : 0;
    const map = this.#record('GNU.sparse.map');
    const hasMap = type === 'file' && this.#record('GNU.sparse.major') === '1';
    if (map === undefined && this.#record('GNU.sparse.numblocks') !== undefined)
      throw new LayerError(`'${path}' is sparse in a form that is not read`, 'tar --format=posix --sparse-version=1.0');
    const mtime = this.#record('mtime');
    const own = this.#own ? attributesIn(this.#own) : undefined;
    const entry: Entry = {
      path,
      type,
      mode: Number(header.number(100, 8) & 0o7777n),
      uid: this.#integer('uid', () => header.size(108, 8, LARGEST_ID), LARGEST_ID),
      gid: this.#integer('gid', () => header.size(116, 8, LARGEST_ID), LARGEST_ID),
      mtime: mtime === undefined ? { seconds: header.number(136, 12), nanoseconds: 0 } : parseTime(mtime),
      size,
      target: target === '' ? undefined : named(target),
      device: type.endsWith('device')
        ? {
            major: this.#integer('SCHILY.devmajor', () => header.size(329, 8, LARGEST_DEVICE), LARGEST_DEVICE),
            minor: this.#integer('SCHILY.devminor', () => header.size(337, 8, LARGEST_DEVICE), LARGEST_DEVICE),
          }
        : undefined,
      xattrs: own?.size ? new Map([...this.#globalAttributes, ...own]) : this.#globalAttributes,
      extents:
        map === undefined || type !== 'file'
          ? undefined
          : extentsOf(
              map.split(',', 2 * MOST_EXTENTS + 1).map((text) => mapNumber(text, path)),
              size,
              path,
            ),
    };
    this.#own = this.#name = this.#target = undefined;
    return { entry, stored, hasMap };
  }
}

const wrongMap = (path: string) => damaged(`the map of holes of '${path}' makes no sense`);

function mapNumber(text: string, path: string): number {
  const value = parseDecimal(text);
  if (value === undefined) throw wrongMap(path);
  return value;
}

/** Extents out of numbers in turn: offset, size, offset, size … */
function extentsOf(numbers: readonly number[], size: number, path: string): Extent[] {
  const extents: Extent[] = [];
  let end = 0;
  // Of a list that is too long one number too many has been taken.
  if (numbers.length % 2) throw wrongMap(path);
  for (let at = 0; at < numbers.length; at += 2) {
    const extent = { offset: numbers[at] as number, size: numbers[at + 1] as number };
    if (extent.offset < end || extentEnd(extent) > size) throw wrongMap(path);
    end = extentEnd(extent);
    if (extent.size) extents.push(extent);
  }
  return extents;
}

/** Reads the map that stands before the data of a sparse file (PAX 1.0): numbers in lines, to the end of a block. */
async function readMap(bytes: Bytes, stored: number, path: string): Promise<{ numbers: number[]; size: number }> {
  const numbers: number[] = [];
  let count: number | undefined;
  let begun = '';
  for (let size = BLOCK; size <= stored; size += BLOCK) {
    const block = await bytes.exactly(BLOCK);
    if (!block) throw cutOff();
    const lines = (begun + block.toString('latin1')).split('\n');
    begun = lines.pop() as string;
    for (const line of lines) {
      if (count !== undefined && numbers.length === 2 * count) break;
      const value = mapNumber(line, path);
      if (count !== undefined) numbers.push(value);
      else if (value <= MOST_EXTENTS) count = value;
      else throw wrongMap(path);
    }
    if (count !== undefined && numbers.length === 2 * count) return { numbers, size };
    if (begun.length > 32) throw wrongMap(path);
  }
  throw damaged(`the map of holes of '${path}' is cut off`);
}

/** An entry of an archive that is being read; what is left of its content is passed over. */
export interface Read {
  readonly entry: Entry;
  readonly content: AsyncIterable<Uint8Array>;
  /** Where its content begins in the archive, in bytes. */
  readonly offset: number;
}

/** Entries up to the end of the archive, or up to where nothing more comes: some programs leave out the blocks that mark its end. */
async function* entriesIn(bytes: Bytes): AsyncGenerator<Read> {
  const before = new Described();
  let empty = 0;
  for (;;) {
    const block = await bytes.exactly(BLOCK);
    if (!block) break;
    const header = new Header(block);
    empty = header.isEmpty ? empty + 1 : 0;
    if (empty === 2) return;
    if (empty) continue;
    header.check();
    if (await before.read(header, bytes)) continue;
    const { entry, stored, hasMap } = before.entry(header);
    const { offset } = bytes;
    const map = hasMap ? await readMap(bytes, stored, entry.path) : undefined;
    let left = stored - (map?.size ?? 0);
    const content = (async function* () {
      while (left > 0) {
        const piece = await bytes.some(left);
        if (!piece) throw cutOff();
        left -= piece.length;
        yield piece;
      }
    })();
    yield {
      entry: map ? { ...entry, extents: extentsOf(map.numbers, entry.size, entry.path) } : entry,
      content,
      offset,
    };
    // What its reader has left of it.
    for (let piece: Buffer | undefined; left > 0; left -= piece.length) {
      piece = await bytes.some(left);
      if (!piece) throw cutOff();
    }
    const rest = padded(stored) - stored;
    if (rest && !(await bytes.exactly(rest))) throw cutOff();
  }
  if (bytes.offset === 0) throw new LayerError('the archive is empty');
  if (before.isPending) throw cutOff();
}

/** Reads an archive in one pass, to the last byte that comes. Throws LayerError for what cannot be read. */
export async function* readTar(source: Content): AsyncGenerator<Read> {
  const bytes = new Bytes(source);
  try {
    yield* entriesIn(bytes);
    while (await bytes.some(Number.MAX_SAFE_INTEGER));
  } finally {
    await bytes.close();
  }
}

/** Passes the bytes of an archive on, and throws LayerError where they are none. */
export async function* checked(source: Content): AsyncGenerator<Uint8Array> {
  const passed: Uint8Array[] = [];
  const tap = (async function* () {
    for await (const chunk of source) {
      passed.push(chunk);
      yield chunk;
    }
  })();
  const bytes = new Bytes(tap);
  try {
    for await (const { content } of entriesIn(bytes)) for await (const _ of content) yield* passed.splice(0);
    do yield* passed.splice(0);
    while (await bytes.some(Number.MAX_SAFE_INTEGER));
    yield* passed.splice(0);
  } finally {
    await bytes.close();
  }
}
