/**
 * Archives of tar(5), written entry for entry; ./untar.ts reads them.
 *
 * The format is POSIX's ustar, with PAX records for what its fields do not hold. Names, link targets and values of extended
 * attributes are bytes; text of headers is latin1, one character a byte.
 */
import { encode, type Time } from '@ts/sys';
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

/** What fits into the fields of a header: six octal digits of a number, eleven of a size, a time from 1970 to 2038. */
const MOST_NUMBER = 0o777777;
const MOST_SIZE = 0o77777777777;
const MOST_TIME = 0x7fff_ffffn;

const TYPEFLAGS: Readonly<Record<EntryType | 'records', string>> = {
  file: '0',
  link: '1',
  symlink: '2',
  'character-device': '3',
  'block-device': '4',
  directory: '5',
  fifo: '6',
  records: 'x',
};

interface Header {
  /** At most 100 bytes, as `target`. */
  readonly name: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes that follow. */
  readonly size: number;
  /** Seconds since 1970. */
  readonly mtime: number;
  readonly type: EntryType | 'records';
  readonly target?: string;
  readonly device?: Entry['device'];
}

const octal = (value: number, digits: number) => `${value.toString(8).padStart(digits, '0')} `;

/** A number in a field of eight bytes; one of more than six digits in base 256, as GNU tar, libarchive and Go read it. */
function putNumber(block: Buffer, value: number, at: number): void {
  if (value <= MOST_NUMBER) block.write(octal(value, 6), at, 'latin1');
  else {
    block[at] = 0x80;
    block.writeUInt32BE(value, at + 4);
  }
}

/** Where the checksum of a header is, in bytes. While it is made, its field is blank. */
const SUM = { at: 148, size: 8 } as const;

/** One block: the fields of struct posix_header, tar(5). */
function headerBlock({ name, mode, uid, gid, size, mtime, type, target = '', device }: Header): Buffer {
  const block = Buffer.alloc(BLOCK);
  block.write(name, 0, 'latin1');
  putNumber(block, mode, 100);
  putNumber(block, uid, 108);
  putNumber(block, gid, 116);
  block.write(octal(size, 11), 124, 'latin1');
  block.write(octal(mtime, 11), 136, 'latin1');
  block.write(TYPEFLAGS[type], 156, 'latin1');
  block.write(target, 157, 'latin1');
  block.write('ustar\x0000', 257, 'latin1');
  putNumber(block, device?.major ?? 0, 329);
  putNumber(block, device?.minor ?? 0, 337);
  block.fill(' ', SUM.at, SUM.at + SUM.size);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${octal(sum, 6)}\0`, SUM.at, 'latin1');
  return block;
}

/** A time as PAX has it, "1700000000.25". */
export function formatTime({ seconds, nanoseconds }: Time): string {
  const isNegative = seconds < 0n && nanoseconds > 0;
  const [whole, part] = isNegative ? [-seconds - 1n, 1e9 - nanoseconds] : [seconds, nanoseconds];
  const fraction = String(part).padStart(9, '0').replace(/0+$/, '');
  return `${isNegative ? '-' : ''}${whole}${fraction && `.${fraction}`}`;
}

/** A name that fits into a header as it is; others are left to PAX. */
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

/** What stands before the content of an entry, and how many bytes of content there are. */
function introduction(entry: Entry): { blocks: readonly Buffer[]; stored: number } {
  const { type, mode, uid, gid, mtime, device, extents } = entry;
  const name = toLatin1(type === 'directory' ? `${entry.path.replace(/\/+$/, '')}/` : entry.path);
  const target = entry.target === undefined ? undefined : toLatin1(entry.target);
  const map = extents && mapOf(extents, entry.size);
  const stored = type !== 'file' ? 0 : extents ? extents.reduce((sum, { size }) => sum + size, 0) : entry.size;
  const size = stored + (map?.length ?? 0);
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
    ...(uid > MOST_NUMBER ? { uid: String(uid) } : {}),
    ...(gid > MOST_NUMBER ? { gid: String(gid) } : {}),
    ...(size > MOST_SIZE ? { size: String(size) } : {}),
    ...(isPlainTime ? {} : { mtime: formatTime(mtime) }),
  };
  for (const [key, value] of [...entry.xattrs].sort(([a], [b]) => (a < b ? -1 : 1)))
    records[XATTR + toLatin1(key)] = Buffer.from(value).toString('latin1');
  const header: Header = {
    name: map ? shortened(`GNUSparseFile.0/${name}`) : fits(name) ? name : shortened(name),
    mode: mode & 0o7777,
    uid: uid > MOST_NUMBER ? 0 : uid,
    gid: gid > MOST_NUMBER ? 0 : gid,
    size: size > MOST_SIZE ? 0 : size,
    mtime: isPlainTime ? Number(mtime.seconds) : 0,
    type,
    target: target === undefined ? undefined : fits(target) ? target : shortened(target),
    device,
  };
  return {
    blocks: [...recordBlocks(formatRecords(records), header), headerBlock(header), ...(map ? [map] : [])],
    stored,
  };
}

/** The PAX header before an entry's own, where there is anything that it has to say. */
function recordBlocks(records: Buffer, { name, uid, gid, mtime }: Header): Buffer[] {
  if (!records.length) return [];
  const shown = `PaxHeaders/${name}`.slice(0, 99);
  const header = headerBlock({ name: shown, mode: 0o644, uid, gid, mtime, type: 'records', size: records.length });
  return [header, records, padding(records.length)];
}

/** An entry of an archive that is being written; `content` of files only: exactly as many bytes as `entry` says. */
export interface Written {
  readonly entry: Entry;
  readonly content?: Content;
}

async function* blocksOf(entries: AsyncIterable<Written> | Iterable<Written>): AsyncGenerator<Uint8Array> {
  for await (const { entry, content = [] } of entries) {
    const { blocks, stored } = introduction(entry);
    yield* blocks;
    if (entry.type !== 'file') continue;
    let left = stored;
    for await (const chunk of content) {
      left -= chunk.length;
      if (left < 0) break;
      yield chunk;
    }
    if (left) throw new LayerError(`'${entry.path}' has changed while it was read`);
    yield padding(stored);
  }
  yield Buffer.alloc(2 * BLOCK);
}

/** Bytes of pieces that are passed on together. */
const PIECE = 64 * 1024;

/** Bytes of an archive of these entries, in constant memory. */
export async function* writeTar(entries: AsyncIterable<Written> | Iterable<Written>): AsyncGenerator<Uint8Array> {
  let held: Uint8Array[] = [];
  let size = 0;
  for await (const piece of blocksOf(entries)) {
    held.push(piece);
    size += piece.length;
    if (size < PIECE) continue;
    yield held.length === 1 ? piece : Buffer.concat(held, size);
    [held, size] = [[], 0];
  }
  if (size) yield Buffer.concat(held, size);
}
