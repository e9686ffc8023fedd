/**
 * One file that is a program, a shared library and an archive:
 *
 *     koffi's library │ segment: program headers, launcher, its strings │ scripts and code caches │ trailer
 *
 * The ELF header is given the launcher as entry and a program header table with one more PT_LOAD. The kernel starts it as a
 * static position-independent program (the library's own segments are mapped and not touched); dlopen(3) finds a library.
 */
import { trailer } from '../../packages/cli/src/build.ts';
import type { Arch } from '../../packages/sys/src/arch.ts';
import { LAUNCHER } from '../../packages/sys/src/tape/images.generated.ts';
import type { Part, Parts } from './start/parts.ts';
import type { Loader } from './start.ts';

/** No worker threads to end makes the final execve faster. */
const NODE_FLAGS = ['--v8-pool-size=0', '--no-warnings', '--preserve-symlinks-main'] as const;

/**
 * V8 gives its hash tables a seed of their own at every start, for which it searches primes and hashes anew all that it has brought
 * with it: 2.5 ms. Without, the seed is that of the executable. Any flag of V8's makes Node compile what else it has in a cache; with
 * a script instead of -e that is little.
 */
const ONE_SEED = '--no-rehash-snapshot';
/** Megabytes in which a long chain is planned without a scavenge, which would take 1 ms. */
const YOUNG = '--min-semi-space-size=2';

/** Flags for a tool. What takes in other people's archives keeps its hash tables unpredictable, lest one is made to fill a single bucket. */
export const nodeFlags = (takesArchives: boolean): readonly string[] =>
  takesArchives ? NODE_FLAGS : [...NODE_FLAGS, ONE_SEED, YOUNG];

/** Threads that Node starts with these flags, and those of libuv's pool, which streams and digests need. */
const NODE_THREADS = 3;
const POOL_THREADS = 4;

const PT_LOAD = 1;
const PT_PHDR = 6;
const HEADER_SIZE = 56;
const ALIGNMENT = 0x10000;
const R_X = 5;

export interface SingleFile {
  readonly name: string;
  readonly id: string;
  readonly arch: Arch;
  readonly library: Buffer;
  /** Script and code cache (may be empty) of this tool, the script of all tools, and those to be loaded behind (see `Parts`). */
  readonly script: Buffer;
  readonly cache: Buffer;
  readonly wholeScript: Buffer;
  readonly behind: Buffer;
  readonly index: Buffer;
  /** What the code caches are valid for. */
  readonly key: string;
  /** Whether it takes in archives that others have made. */
  readonly takesArchives: boolean;
  /** Path of Node that is tried first; may be empty. */
  readonly node: string;
  /** Bytes of that file: where it is another one, its version is asked for first. */
  readonly nodeSize: number;
}

const PARTS = ['script', 'cache', 'wholeScript', 'behind', 'index'] as const satisfies readonly (keyof Parts)[];
/** An offset of as many digits as any has. */
const WIDEST = 900_000_000;

const alignUp = (value: number, to: number) => Math.ceil(value / to) * to;
const strings = (list: readonly string[]) => Buffer.from([...list, '', ''].join('\0').slice(0, -1), 'latin1');

function programHeader(flags: number, offset: number, address: number, size: number): Buffer {
  const header = Buffer.alloc(HEADER_SIZE);
  header.writeUInt32LE(PT_LOAD, 0);
  header.writeUInt32LE(flags, 4);
  [offset, address, address, size, size, ALIGNMENT].forEach((value, index) => {
    header.writeBigUInt64LE(BigInt(value), 8 + 8 * index);
  });
  return header;
}

/** @param loader Makes the text that Node is started with: `loaderText`. */
export function singleFile(file: SingleFile, loader: Loader): Buffer {
  const { name, id, arch, library, node, key } = file;
  const count = library.readUInt16LE(56);
  const table = Number(library.readBigUInt64LE(32));
  const headers: Buffer[] = Array.from({ length: count }, (_, index) =>
    Buffer.from(library.subarray(table + HEADER_SIZE * index, table + HEADER_SIZE * (index + 1))),
  );
  const loads = headers.filter((header) => header.readUInt32LE(0) === PT_LOAD);
  const top = Math.max(...loads.map((header) => Number(header.readBigUInt64LE(16) + header.readBigUInt64LE(40))));

  const launcher = Buffer.from(LAUNCHER[arch], 'base64');
  const tableSize = alignUp(HEADER_SIZE * (count + 1), 16);
  const offset = alignUp(library.length, 16);
  const address = alignUp(top, ALIGNMENT) + (offset % ALIGNMENT);

  // The loader's text says where the parts lie, and its own size decides that: numbers of a fixed width settle it.
  const text = (parts: Parts) =>
    strings([
      name,
      String(file.takesArchives ? NODE_THREADS + POOL_THREADS : NODE_THREADS),
      node,
      String(file.nodeSize),
      ...nodeFlags(file.takesArchives),
      '',
      loader(parts),
    ]);
  const payload = PARTS.map((part) => file[part]);
  const textFrom = (start: number) => {
    let at = start;
    const parts = PARTS.map((part): [keyof Parts, Part] => {
      const { length } = file[part];
      at += length;
      return [part, { offset: at - length, size: length }];
    });
    return text({ name, key, ...(Object.fromEntries(parts) as Record<(typeof PARTS)[number], Part>) });
  };
  const { length: size } = textFrom(WIDEST);
  const config = Buffer.alloc(size);
  textFrom(offset + tableSize + launcher.length + size).copy(config);

  const segmentSize = tableSize + launcher.length + size;
  for (const header of headers) {
    if (header.readUInt32LE(0) !== PT_PHDR) continue;
    header.writeBigUInt64LE(BigInt(offset), 8);
    for (const field of [16, 24]) header.writeBigUInt64LE(BigInt(address), field);
    for (const field of [32, 40]) header.writeBigUInt64LE(BigInt(HEADER_SIZE * (count + 1)), field);
  }
  const last = headers.findLastIndex((header) => header.readUInt32LE(0) === PT_LOAD);
  headers.splice(last + 1, 0, programHeader(R_X, offset, address, segmentSize));

  const head = Buffer.alloc(offset);
  library.copy(head);
  head.writeBigUInt64LE(BigInt(address + tableSize), 24);
  head.writeBigUInt64LE(BigInt(offset), 32);
  head.writeUInt16LE(headers.length, 56);
  // No section headers: they describe the library alone, and nobody needs them to run it.
  head.writeBigUInt64LE(0n, 40);
  head.writeUInt16LE(0, 60);
  head.writeUInt16LE(0, 62);
  const tableBytes = Buffer.alloc(tableSize);
  Buffer.concat(headers).copy(tableBytes);
  return Buffer.concat([head, tableBytes, launcher, config, ...payload, trailer(id, name)]);
}

/** Scripts to be loaded behind another one, and where each lies among them. */
export function behindParts(
  scripts: ReadonlyMap<string, string>,
  caches: ReadonlyMap<string, Buffer>,
): { behind: Buffer; index: Buffer } {
  const pieces: Buffer[] = [];
  let at = 0;
  const add = (bytes: Buffer) => {
    pieces.push(bytes);
    at += bytes.length;
    return [at - bytes.length, bytes.length];
  };
  const rows = [...scripts].map(([name, code]) => [
    name,
    [...add(Buffer.from(code, 'latin1')), ...add(caches.get(name) ?? Buffer.alloc(0))],
  ]);
  return { behind: Buffer.concat(pieces), index: Buffer.from(JSON.stringify(Object.fromEntries(rows)), 'latin1') };
}
