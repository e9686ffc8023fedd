/**
 * Archives of tar(5), written entry for entry by tar-stream; ./untar.ts reads them.
 *
 * Names, link targets and values of extended attributes are bytes. tar-stream takes the records of PAX headers for UTF-8 text,
 * which a capability of a file (security.capability) is not: a method of its own is replaced by one that keeps bytes. Text of
 * headers is then latin1, one character a byte.
 */
import { encode, type Time } from '@ts/sys';
import { type Header, type Pack, pack } from 'tar-stream';

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

export const BLOCK = 512;
export const XATTR = 'SCHILY.xattr.';

const padding = (size: number) => Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK);

/** Text with one character a byte. */
const toLatin1 = (text: string) => encode(text).toString('latin1');

/** Records of a PAX header: "LENGTH KEY=VALUE\n", the length being that of the whole record. Keys and values have one character a byte. */
export function formatRecords(records: Readonly<Record<string, string>>): Buffer {
  const lines = Object.entries(records).map(([key, value]) => {
    const rest = ` ${key}=${value}\n`;
    let length = rest.length;
    while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
    return length + rest;
  });
  return Buffer.from(lines.join(''), 'latin1');
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

/** A time as PAX has it, "1700000000.25". */
export function formatTime({ seconds, nanoseconds }: Time): string {
  const isNegative = seconds < 0n && nanoseconds > 0;
  const [whole, part] = isNegative ? [-seconds - 1n, 1e9 - nanoseconds] : [seconds, nanoseconds];
  const fraction = String(part).padStart(9, '0').replace(/0+$/, '');
  return `${isNegative ? '-' : ''}${whole}${fraction && `.${fraction}`}`;
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

export const extentEnd = ({ offset, size }: Extent) => offset + size;

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
