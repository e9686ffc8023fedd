/**
 * Archives of tar(5), read and written entry for entry by tar-stream.
 *
 * Names, link targets and values of extended attributes are bytes. tar-stream takes the records of PAX headers for UTF-8 text,
 * which a capability of a file (security.capability) is not: methods of its own are replaced by ones that keep bytes. Text of
 * headers is then latin1, one character a byte, in both directions. Replaced are also those that read on behind the end of an
 * archive, that leave global records out where an entry has none of its own, and that say what is wrong with an archive.
 */
import { PassThrough } from 'node:stream';
import { decode, encode, type Time } from '@ts/sys';
import { type Extract, extract, type Header, type Pack, pack } from 'tar-stream';
import { LayerError } from './errors.ts';

export type EntryType = 'file' | 'link' | 'symlink' | 'directory' | 'character-device' | 'block-device' | 'fifo';

/** Part of a file that has data: where it is, and how long, in bytes. */
export interface Extent {
  readonly offset: number;
  readonly size: number;
}

export interface Entry {
  /** As the archive has it. */
  readonly path: string;
  readonly type: EntryType;
  /** Permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: Time;
  /** Bytes of a file, holes included. */
  readonly size: number;
  /** Of a link. */
  readonly target?: string;
  readonly device?: { readonly major: number; readonly minor: number };
  readonly xattrs: ReadonlyMap<string, Uint8Array>;
  /** Of a file with holes: all that is not one. */
  readonly extents?: readonly Extent[];
}

/** Content of a file: that of its extents, where it has any. */
export type Content = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

const BLOCK = 512;
const XATTR = 'SCHILY.xattr.';

const padding = (size: number) => Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK);

/** Text as the kernel has it, of text with one character a byte, and back. */
const fromLatin1 = (text: string) => decode(Buffer.from(text, 'latin1'));
const toLatin1 = (text: string) => encode(text).toString('latin1');

/** Records of a PAX header: "LENGTH KEY=VALUE\n", the length being that of the whole record. */
export function parseRecords(bytes: Buffer): Record<string, string> {
  const records: Record<string, string> = Object.create(null) as Record<string, string>;
  for (let at = 0; at < bytes.length; ) {
    const blank = bytes.indexOf(0x20, at);
    const length = Number(bytes.toString('latin1', at, blank));
    const equals = bytes.indexOf(0x3d, blank);
    if (
      blank < 0 ||
      !(length > blank - at) ||
      equals < 0 ||
      at + length > bytes.length ||
      bytes[at + length - 1] !== 0x0a
    )
      throw new LayerError('the archive is damaged: a PAX header cannot be read');
    records[bytes.toString('latin1', blank + 1, equals)] = bytes.toString('latin1', equals + 1, at + length - 1);
    at += length;
  }
  return records;
}

/** The same way back. Keys and values have one character a byte. */
export function formatRecords(records: Readonly<Record<string, string>>): Buffer {
  const lines = Object.entries(records).map(([key, value]) => {
    const rest = ` ${key}=${value}\n`;
    let length = rest.length;
    while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
    return length + rest;
  });
  return Buffer.from(lines.join(''), 'latin1');
}

type Records = Record<string, string>;

type Callback = (error?: Error | null) => void;

interface ExtractInside {
  _header: (Omit<Header, 'type'> & { type: string }) | null;
  _buffer: { readonly buffered: number; shift(size: number): unknown };
  _pax: Records | null;
  _paxGlobal: Records | null;
  _consumeHeader(): boolean;
  _decodeLongHeader(bytes: Uint8Array): void;
  _applyLongHeaders(): void;
  _continueWrite(error: Error | null): void;
  _final(callback: Callback): void;
}

/** Records of an entry, its own before those for all. An empty value takes one back, but for attributes: those can be empty. */
const together = (global: Records | null, own: Records | null): Records | null =>
  global || own
    ? Object.fromEntries(
        Object.entries({ ...global, ...own }).filter(([key, value]) => value !== '' || key.startsWith(XATTR)),
      )
    : null;

function byteReader(): Extract {
  const reader = extract({ filenameEncoding: 'latin1', allowUnknownFormat: true } as Parameters<typeof extract>[0]);
  const inside = reader as unknown as ExtractInside;
  const { _consumeHeader, _decodeLongHeader, _applyLongHeaders, _continueWrite, _final } = inside;
  /** Empty blocks in turn: two of them are the end, whatever comes behind. */
  let empty = 0;
  inside._consumeHeader = function () {
    const isRead = _consumeHeader.call(this);
    empty = isRead && this._header === null ? empty + 1 : 0;
    if (empty >= 2) {
      this._buffer.shift(this._buffer.buffered);
      empty = 2;
    }
    return isRead;
  };
  inside._decodeLongHeader = function (bytes) {
    const type = this._header?.type;
    if (type === 'pax-global-header') this._paxGlobal = { ...this._paxGlobal, ...parseRecords(Buffer.from(bytes)) };
    else if (type === 'pax-header') this._pax = parseRecords(Buffer.from(bytes));
    else _decodeLongHeader.call(this, bytes);
  };
  inside._applyLongHeaders = function () {
    this._pax = together(this._paxGlobal, this._pax);
    _applyLongHeaders.call(this);
  };
  inside._continueWrite = function (error) {
    const isKnown = error === null || error === undefined || error instanceof LayerError;
    _continueWrite.call(
      this,
      isKnown ? error : new LayerError(`not a tar archive, or a damaged one: ${error.message}`),
    );
  };
  inside._final = function (callback) {
    if (empty === 2) _final.call(this, callback);
    else callback(new LayerError('the archive is cut off: its end is missing'));
  };
  return reader;
}

interface PackInside {
  _encode(header: Partial<Header> & { records?: Buffer }): void;
  push(bytes: Uint8Array): boolean;
}

/** What fits into the fields of a header: six octal digits of an id, a time from 1970 to 2038. */
const MOST_ID = 0o777777;
const MOST_TIME = 0x7fff_ffffn;

/** A header with a device number of more than six octal digits, which tar-stream cuts off: in base 256, as all others read it. */
function withMinor(header: Uint8Array, minor: number): Uint8Array {
  const bytes = Buffer.from(header);
  bytes.fill(0, 337, 345);
  bytes[337] = 0x80;
  bytes.writeUInt32BE(minor, 341);
  bytes.fill(' ', 148, 156);
  const sum = bytes.reduce((total, byte) => total + byte, 0);
  bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return bytes;
}

function byteWriter(): Pack {
  const writer = pack();
  const inside = writer as unknown as PackInside;
  const { _encode: encodeHeader, push } = inside;
  inside._encode = function ({ records, ...header }) {
    if (records?.length) {
      const { uid, gid, mtime } = header;
      const name = `PaxHeaders/${header.name ?? ''}`.slice(0, 99);
      encodeHeader.call(this, {
        name,
        mode: 0o644,
        uid,
        gid,
        mtime,
        type: 'pax-header' as 'file',
        size: records.length,
      });
      this.push(records);
      this.push(padding(records.length));
    }
    const { devminor = 0 } = header;
    if (devminor > MOST_ID)
      inside.push = function (bytes) {
        inside.push = push;
        return push.call(this, withMinor(bytes, devminor));
      };
    encodeHeader.call(this, header);
  };
  return writer;
}

/** "1700000000.25" in seconds and nanoseconds, exactly. Throws LayerError for what no file can have. */
export function parseTime(text: string): Time {
  const [, sign, whole, fraction = ''] = /^(-?)(\d{1,18})(?:\.(\d*))?$/.exec(text) ?? [];
  if (whole === undefined) throw new LayerError(`the archive is damaged: '${text}' is no time`);
  const nanoseconds = Number(fraction.padEnd(9, '0').slice(0, 9));
  const seconds = BigInt(whole);
  if (sign !== '-') return { seconds, nanoseconds };
  return nanoseconds ? { seconds: -seconds - 1n, nanoseconds: 1e9 - nanoseconds } : { seconds: -seconds, nanoseconds };
}

/** The same way back. */
export function formatTime({ seconds, nanoseconds }: Time): string {
  const isNegative = seconds < 0n && nanoseconds > 0;
  const [whole, part] = isNegative ? [-seconds - 1n, 1e9 - nanoseconds] : [seconds, nanoseconds];
  const fraction = String(part).padStart(9, '0').replace(/0+$/, '');
  return `${isNegative ? '-' : ''}${whole}${fraction && `.${fraction}`}`;
}

/** The number of a record, or else of the header. */
const integer = (text: string | undefined, otherwise: number, most = Number.MAX_SAFE_INTEGER): number => {
  const value = text === undefined ? otherwise : /^\d+$/.test(text) ? Number(text) : Number.NaN;
  // tar-stream reads -0 where an old header has -1.
  if (!Number.isSafeInteger(value) || value < 0 || value > most || Object.is(value, -0))
    throw new LayerError(`the archive is damaged: '${text ?? otherwise}' is no number that can stand there`);
  return value;
};

/** The kernel has 32 bits for it, and one value that means none. */
const LARGEST_ID = 0xffff_fffe;
const LARGEST_DEVICE = 0xffff_ffff;

/** tar-stream is one second late for times before 1970, which old headers have as a complement of two. */
function headerTime(mtime: Date): Time {
  const seconds = Math.floor(mtime.getTime() / 1000);
  if (Number.isNaN(seconds)) throw new LayerError('the archive is damaged: a time cannot be read');
  return { seconds: BigInt(seconds < 0 ? seconds - 1 : seconds), nanoseconds: 0 };
}

const xattrsOf = (records: Readonly<Records>): Map<string, Uint8Array> =>
  new Map(
    Object.entries(records).flatMap(([key, value]) =>
      key.startsWith(XATTR) ? [[fromLatin1(key.slice(XATTR.length)), Buffer.from(value, 'latin1')] as const] : [],
    ),
  );

/** Extents out of numbers in turn: offset, size, offset, size … */
function extentsOf(numbers: readonly number[], size: number, path: string): Extent[] {
  const extents: Extent[] = [];
  let end = 0;
  for (let at = 0; at < numbers.length; at += 2) {
    const extent = { offset: numbers[at] as number, size: numbers[at + 1] ?? Number.NaN };
    if (!(extent.offset >= end) || !(extent.offset + extent.size <= size))
      throw new LayerError(`the archive is damaged: the map of holes of '${path}' makes no sense`);
    end = extent.offset + extent.size;
    if (extent.size) extents.push(extent);
  }
  return extents;
}

const TYPES: Readonly<Record<string, EntryType>> = {
  file: 'file',
  'contiguous-file': 'file',
  link: 'link',
  symlink: 'symlink',
  directory: 'directory',
  'character-device': 'character-device',
  'block-device': 'block-device',
  fifo: 'fifo',
};

function entryOf(header: Header): Entry {
  const records = (header.pax ?? {}) as Readonly<Records>;
  const path = fromLatin1(records['GNU.sparse.name'] ?? header.name);
  const known = TYPES[header.type ?? ''];
  // Old archives have no type for folders.
  const type = known === 'file' && path.endsWith('/') ? 'directory' : known;
  if (!type)
    throw new LayerError(
      `'${path}' is of a kind that is not read`,
      'of sparse files the form of PAX is: tar --format=posix --sparse',
    );
  const size = integer(records['GNU.sparse.realsize'] ?? records['GNU.sparse.size'], header.size);
  const map = records['GNU.sparse.map'];
  if (map === undefined && records['GNU.sparse.numblocks'] !== undefined)
    throw new LayerError(`'${path}' is sparse in a form that is not read`, 'tar --format=posix --sparse-version=1.0');
  return {
    path,
    type,
    mode: header.mode & 0o7777,
    uid: integer(records.uid, header.uid, LARGEST_ID),
    gid: integer(records.gid, header.gid, LARGEST_ID),
    mtime: records.mtime === undefined ? headerTime(header.mtime) : parseTime(records.mtime),
    size: type === 'file' ? size : 0,
    target: header.linkname ? fromLatin1(header.linkname) : undefined,
    device: type.endsWith('device')
      ? {
          major: integer(records['SCHILY.devmajor'], header.devmajor, LARGEST_DEVICE),
          minor: integer(records['SCHILY.devminor'], header.devminor, LARGEST_DEVICE),
        }
      : undefined,
    xattrs: xattrsOf(records),
    extents: map === undefined ? undefined : extentsOf(map.split(',').map(Number), size, path),
  };
}

const isSparse1 = (header: Header) => (header.pax as Record<string, string> | null)?.['GNU.sparse.major'] === '1';

/** Most blocks that the map of holes of one file may take. */
const MAP_LIMIT = 16 * 1024;

/** Reads the map that stands before the data of a sparse file (PAX 1.0): numbers in lines, to the end of a block. */
async function readMap(chunks: AsyncIterator<Uint8Array>, path: string): Promise<{ numbers: number[]; rest: Buffer }> {
  let bytes = Buffer.alloc(0);
  for (;;) {
    const next = await chunks.next();
    if (next.done) throw new LayerError(`the archive is damaged: the map of holes of '${path}' is cut off`);
    bytes = Buffer.concat([bytes, next.value]);
    const lines = bytes.toString('latin1').split('\n');
    const count = Number(lines[0]);
    if (lines.length > 1 && !(count <= MAP_LIMIT * 32))
      throw new LayerError(`the archive is damaged: the map of holes of '${path}' makes no sense`);
    if (lines.length <= 1 || lines.length <= 2 * count + 1) {
      if (bytes.length > MAP_LIMIT * BLOCK) throw new LayerError(`the map of holes of '${path}' is too long`);
      continue;
    }
    const used = lines.slice(0, 2 * count + 1).join('\n').length + 1;
    const end = Math.ceil(used / BLOCK) * BLOCK;
    if (bytes.length >= end) return { numbers: lines.slice(1, 2 * count + 1).map(Number), rest: bytes.subarray(end) };
  }
}

async function* resumed(first: Buffer, chunks: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  if (first.length) yield first;
  for (let next = await chunks.next(); !next.done; next = await chunks.next()) yield next.value;
}

interface Drains {
  on(event: 'drain' | 'close', listener: () => void): unknown;
  off(event: 'drain' | 'close', listener: () => void): unknown;
}

/** Waits until a stream takes more, or nothing any more. */
const drained = (stream: Drains): Promise<void> =>
  new Promise((resolve) => {
    const done = () => {
      stream.off('drain', done);
      stream.off('close', done);
      resolve();
    };
    stream.on('drain', done);
    stream.on('close', done);
  });

/** Passes on what comes. */
async function feed(reader: Extract, source: Content): Promise<void> {
  let size = 0;
  for await (const chunk of source) {
    if (reader.destroyed) return;
    size += chunk.length;
    if (!reader.write(chunk)) await drained(reader);
  }
  if (size === 0) throw new LayerError('the archive is empty');
  reader.end(null);
}

/** An entry of an archive that is being read; what is left of its content is passed over. */
export interface Read {
  readonly entry: Entry;
  readonly content: AsyncIterable<Uint8Array>;
  /** Where its content begins in the archive, in bytes. */
  readonly offset: number;
}

/** Reads an archive in one pass and constant memory. Throws LayerError for what cannot be read. */
export async function* readTar(source: Content): AsyncGenerator<Read> {
  const reader = byteReader();
  feed(reader, source).catch((error: Error) => reader.destroy(error));
  try {
    for await (const stream of reader) {
      const entry = entryOf(stream.header);
      const offset = (stream.header as Header & { byteOffset: number }).byteOffset;
      if (isSparse1(stream.header)) {
        const chunks = (stream as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
        const { numbers, rest } = await readMap(chunks, entry.path);
        yield {
          entry: { ...entry, extents: extentsOf(numbers, entry.size, entry.path) },
          content: resumed(rest, chunks),
          offset,
        };
      } else yield { entry, content: stream as AsyncIterable<Uint8Array>, offset };
      stream.resume();
    }
  } finally {
    reader.destroy(null);
  }
}

/** Passes the bytes of an archive on, and throws LayerError where they are none. */
export async function* checked(source: Content): AsyncGenerator<Uint8Array> {
  const copy = new PassThrough();
  const reading = (async () => {
    for await (const _ of readTar(copy));
  })();
  reading.catch((error: Error) => copy.destroy(error));
  copy.on('error', () => undefined); // awaited below
  for await (const chunk of source) {
    if (!copy.destroyed && !copy.write(chunk)) await drained(copy);
    if (copy.destroyed) await reading;
    yield chunk;
  }
  copy.end();
  await reading;
}

/** A name that fits into a header as it is: tar-stream leaves others to PAX. */
const fits = (text: string) => /^[\x20-\x7e]{1,100}$/.test(text);

const shortened = (text: string) => text.replace(/[^\x20-\x7e]/g, '_').slice(-100);

const mapOf = (extents: readonly Extent[], size: number): Buffer => {
  // Where a file ends in a hole, an empty extent says where that is.
  const all = [
    ...extents,
    ...(extents.at(-1) && extentEnd(extents.at(-1) as Extent) === size ? [] : [{ offset: size, size: 0 }]),
  ];
  const text = Buffer.from(
    [all.length, ...all.flatMap((each) => [each.offset, each.size])].map((each) => `${each}\n`).join(''),
  );
  return Buffer.concat([text, padding(text.length)]);
};

const extentEnd = ({ offset, size }: Extent) => offset + size;

function headerOf(entry: Entry): { header: Partial<Header> & { name: string; records: Buffer }; map?: Buffer } {
  const name = toLatin1(entry.type === 'directory' ? `${entry.path.replace(/\/+$/, '')}/` : entry.path);
  const target = entry.target === undefined ? undefined : toLatin1(entry.target);
  const map = entry.extents && mapOf(entry.extents, entry.size);
  const { uid, gid, mtime } = entry;
  const isPlainTime = mtime.nanoseconds === 0 && mtime.seconds >= 0n && mtime.seconds <= MOST_TIME;
  const records: Record<string, string> = {
    ...(map
      ? {
          'GNU.sparse.major': '1',
          'GNU.sparse.minor': '0',
          'GNU.sparse.name': name,
          'GNU.sparse.realsize': String(entry.size),
        }
      : fits(name)
        ? {}
        : { path: name }),
    ...(target === undefined || fits(target) ? {} : { linkpath: target }),
    ...(uid > MOST_ID ? { uid: String(uid) } : {}),
    ...(gid > MOST_ID ? { gid: String(gid) } : {}),
    ...(isPlainTime ? {} : { mtime: formatTime(mtime) }),
  };
  for (const [key, value] of [...entry.xattrs].sort(([a], [b]) => (a < b ? -1 : 1)))
    records[XATTR + toLatin1(key)] = Buffer.from(value).toString('latin1');
  const stored = map ? map.length + (entry.extents ?? []).reduce((sum, { size }) => sum + size, 0) : entry.size;
  return {
    map,
    header: {
      name: map ? shortened(`GNUSparseFile.0/${name}`) : fits(name) ? name : shortened(name),
      // tar-stream takes no permissions for the usual ones; bits above them are cut off.
      mode: entry.mode || 0o10000,
      uid: uid > MOST_ID ? 0 : uid,
      gid: gid > MOST_ID ? 0 : gid,
      size: entry.type === 'file' ? stored : 0,
      mtime: new Date(isPlainTime ? Number(mtime.seconds) * 1000 : 0),
      type: entry.type,
      linkname: target === undefined ? undefined : fits(target) ? target : shortened(target),
      devmajor: entry.device?.major,
      devminor: entry.device?.minor,
      records: formatRecords(records),
    },
  };
}

/** An entry of an archive that is being written; `content` of files only: exactly as many bytes as `entry` says. */
export interface Written {
  readonly entry: Entry;
  readonly content?: Content;
}

async function add(writer: Pack, { entry, content = [] }: Written): Promise<void> {
  const { header, map } = headerOf(entry);
  let finished: (error?: Error | null) => void = () => undefined;
  const done = new Promise<void>((resolve, reject) => {
    finished = (error) => (error ? reject(error) : resolve());
  });
  done.catch(() => undefined); // awaited below, unless writing has failed before
  const sink = writer.entry(header, finished);
  if (entry.type !== 'file') return done;
  const put = async (chunk: Uint8Array) => {
    if (!sink.write(chunk)) await drained(sink);
  };
  if (map) await put(map);
  for await (const chunk of content) await put(chunk);
  sink.end(null);
  return done;
}

/** Bytes of an archive of these entries, in constant memory. */
export async function* writeTar(entries: AsyncIterable<Written> | Iterable<Written>): AsyncGenerator<Uint8Array> {
  const writer = byteWriter();
  const feeding = (async () => {
    for await (const written of entries) await add(writer, written);
    writer.finalize();
  })();
  feeding.catch((error: Error) => writer.destroy(error));
  try {
    yield* writer as AsyncIterable<Uint8Array>;
    await feeding;
  } finally {
    writer.destroy(null);
  }
}
