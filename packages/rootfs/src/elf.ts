/** What a program asks of its loader: elf(5). Pure over a function that reads bytes of the file. */

import { decode, Failure } from '@ts/sys';

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

/** Anybody may have written the file: what goes beyond this is refused, and reading it takes no longer than it is. */
const MOST_SEGMENTS = 4096;
const LARGEST_TABLE = 16 << 20;
/** Libraries that one object asks for, and folders that it names for them. */
const MOST_NEEDED = 1024;
const MOST_FOLDERS = 256;
/** Bytes of a name, and of a list of folders. */
const LONGEST_NAME = 4096;
const LONGEST_LIST = 64 << 10;

export class ElfError extends Failure {}

/** Text up to a NUL, which is there within `longest` bytes. */
function cString(read: ReadAt, offset: number, size: number, longest: number): string {
  const bytes = exactly(read, offset, Math.max(0, Math.min(size, longest + 1)));
  const end = bytes.indexOf(0);
  if (end < 0) throw new ElfError(size > longest ? 'a name in it is too long' : 'a name in it has no end');
  return decode(bytes.subarray(0, end));
}

function folders(text: string | undefined): string[] {
  const list = text?.split(':').filter(Boolean) ?? [];
  if (list.length > MOST_FOLDERS)
    throw new ElfError(`it names ${list.length} folders for libraries, the most is ${MOST_FOLDERS}`);
  return list;
}

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
    interpreter: interpreter && cString(read, interpreter.offset, interpreter.size, LONGEST_NAME),
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
  const values = new Map<number, number>();
  const needed: number[] = [];
  for (let at = 0; at + 2 * width <= bytes.length; at += 2 * width) {
    const tag = word(at);
    if (tag === DT_NULL) break;
    if (tag === DT_NEEDED) needed.push(word(at + width));
    else if (!values.has(tag)) values.set(tag, word(at + width));
    if (needed.length > MOST_NEEDED) throw new ElfError(`it needs more than ${MOST_NEEDED} libraries`);
    if (values.size > MOST_SEGMENTS) throw new ElfError('its dynamic section is damaged');
  }

  const address = values.get(DT_STRTAB);
  if (address === undefined) return { needed: [], rpath: [], runpath: [] };
  const segment = segments.find(
    (each) => each.type === PT_LOAD && address >= each.address && address < each.address + each.size,
  );
  if (!segment) throw new ElfError('its string table is in no segment');
  const begin = address - segment.address + segment.offset;
  const length = values.get(DT_STRSZ) ?? 0;
  const text = (at: number, longest = LONGEST_NAME) => cString(read, begin + at, length - at, longest);
  const list = (tag: number) => {
    const at = values.get(tag);
    return folders(at === undefined ? undefined : text(at, LONGEST_LIST));
  };
  return { needed: needed.map((at) => text(at)), rpath: list(DT_RPATH), runpath: list(DT_RUNPATH) };
}
