/** What a program asks of its loader: elf(5). Pure over a function that reads bytes of the file. */

/** Bytes of a file from an offset on; fewer where the file ends. */
export type ReadAt = (offset: number, size: number) => Buffer;

export interface Elf {
  /** 32 or 64. */
  readonly bits: 32 | 64;
  /** EM_*. */
  readonly machine: number;
  /** Path of the loader, PT_INTERP. */
  readonly interpreter?: string;
  /** Names of shared libraries, DT_NEEDED, in their order. */
  readonly needed: readonly string[];
  /** Folders of DT_RPATH, for itself and what it brings; without effect beside a DT_RUNPATH. */
  readonly rpath: readonly string[];
  /** Folders of DT_RUNPATH, for itself. */
  readonly runpath: readonly string[];
}

const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const PT_INTERP = 3;
const DT_NULL = 0;
const DT_NEEDED = 1;
const DT_STRTAB = 5;
const DT_STRSZ = 10;
const DT_RPATH = 15;
const DT_RUNPATH = 29;

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly size: number;
}

/** A program header table larger than this is not one. */
const MOST_SEGMENTS = 4096;
const LARGEST_TABLE = 16 << 20;

export class ElfError extends Error {}

const cString = (bytes: Buffer, at: number): string => {
  const end = bytes.indexOf(0, at);
  return bytes.toString('latin1', at, end < 0 ? bytes.length : end);
};

const folders = (text: string | undefined) => text?.split(':').filter(Boolean) ?? [];

/** Reads an ELF file; undefined where it is none. Throws ElfError where it is damaged or of the other byte order. */
export function parseElf(read: ReadAt): Elf | undefined {
  const head = read(0, 64);
  if (head.length < 52 || head.readUInt32BE(0) !== 0x7f454c46) return undefined;
  if (head[5] !== 1) throw new ElfError('big-endian programs are not supported');
  const is64 = head[4] === 2;
  if (is64 && head.length < 64) throw new ElfError('its ELF header is cut off');
  const machine = head.readUInt16LE(18);
  const table = is64 ? Number(head.readBigUInt64LE(32)) : head.readUInt32LE(28);
  const entrySize = head.readUInt16LE(is64 ? 54 : 42);
  const count = head.readUInt16LE(is64 ? 56 : 44);
  if (count > MOST_SEGMENTS || (count > 0 && entrySize < (is64 ? 56 : 32)))
    throw new ElfError('its program header table is damaged');

  const headers = exactly(read, table, count * entrySize);
  const segments = Array.from({ length: count }, (_, index): Segment => {
    const at = index * entrySize;
    const word = (at32: number, at64: number) =>
      is64 ? Number(headers.readBigUInt64LE(at + at64)) : headers.readUInt32LE(at + at32);
    return { type: headers.readUInt32LE(at), offset: word(4, 8), address: word(8, 16), size: word(16, 32) };
  });
  const interpreter = segments.find(({ type }) => type === PT_INTERP);
  const dynamic = segments.find(({ type }) => type === PT_DYNAMIC);
  return {
    bits: is64 ? 64 : 32,
    machine,
    interpreter: interpreter && cString(exactly(read, interpreter.offset, interpreter.size), 0),
    ...(dynamic ? readDynamic(read, segments, dynamic, is64) : { needed: [], rpath: [], runpath: [] }),
  };
}

function exactly(read: ReadAt, offset: number, size: number): Buffer {
  if (size > LARGEST_TABLE || !Number.isSafeInteger(offset)) throw new ElfError('an ELF table is damaged');
  const bytes = read(offset, size);
  if (bytes.length < size) throw new ElfError('it is cut off');
  return bytes;
}

function readDynamic(
  read: ReadAt,
  segments: readonly Segment[],
  { offset, size }: Segment,
  is64: boolean,
): Pick<Elf, 'needed' | 'rpath' | 'runpath'> {
  const bytes = exactly(read, offset, size);
  const width = is64 ? 8 : 4;
  const word = (at: number) => (is64 ? Number(bytes.readBigUInt64LE(at)) : bytes.readUInt32LE(at));
  const entries: [tag: number, value: number][] = [];
  for (let at = 0; at + 2 * width <= bytes.length && word(at) !== DT_NULL; at += 2 * width)
    entries.push([word(at), word(at + width)]);
  const value = (tag: number) => entries.find(([each]) => each === tag)?.[1];

  const address = value(DT_STRTAB);
  if (address === undefined) return { needed: [], rpath: [], runpath: [] };
  const segment = segments.find(
    (each) => each.type === PT_LOAD && address >= each.address && address < each.address + each.size,
  );
  if (!segment) throw new ElfError('its string table is in no segment');
  const strings = exactly(read, address - segment.address + segment.offset, value(DT_STRSZ) ?? 0);
  const text = (at: number | undefined) => (at === undefined ? undefined : cString(strings, at));
  return {
    needed: entries.filter(([tag]) => tag === DT_NEEDED).map(([, at]) => cString(strings, at)),
    rpath: folders(text(value(DT_RPATH))),
    runpath: folders(text(value(DT_RUNPATH))),
  };
}
