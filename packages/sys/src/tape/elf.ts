/**
 * An executable of two segments: code as it is, data behind it.
 *
 *     file      0x000 ELF header, program headers │ 0x100 code │ data
 *     memory    0x200000 + the same, read and execute │ 0x400000 + file offset, read and write
 */
import type { Arch } from '../arch.ts';

const CODE = 0x200000;
const DATA = 0x400000;
/** Where the code begins, in the file and behind CODE; the runner is linked for it. */
const HEADERS = 0x100;
/** The largest page size of either architecture. */
const ALIGNMENT = 0x10000;

const MACHINE = { x64: 62, arm64: 183 } as const;
const ET_EXEC = 2;
export const ET_DYN = 3;
export const PT_LOAD = 1;
export const PT_GNU_STACK = 0x6474e551;
export const PF_R = 4;
export const PF_W = 2;
export const PF_X = 1;
/** Bytes of the ELF header, of a program header, and of a section header, of which there are none. */
const HEADER = 64;
const PROGRAM_HEADER = 56;
const SECTION_HEADER = 64;

/** Address at which the data of an image with this code lies. */
export const dataAddress = (code: Uint8Array): number => DATA + HEADERS + code.length;

/** Part of a file that the kernel maps, or what it is told of the stack. */
export interface ElfSegment {
  readonly type: number;
  /** PF_R, PF_W and PF_X. */
  readonly flags: number;
  /** Bytes from the beginning of the file. */
  readonly offset: number;
  readonly address: number;
  /** Bytes in the file. */
  readonly size: number;
  /** Bytes in memory, where it has more there. */
  readonly memory?: number;
  /** Bytes. */
  readonly alignment: number;
}

/**
 * The ELF header and, right behind it, the program headers: elf(5).
 *
 * @param type ET_EXEC or ET_DYN.
 * @param entry Address at which the program begins.
 */
export function elfHeaders(arch: Arch, type: number, entry: number, segments: readonly ElfSegment[]): Buffer {
  const headers = Buffer.alloc(HEADER + PROGRAM_HEADER * segments.length);
  headers.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1], 0);
  headers.writeUInt16LE(type, 16);
  headers.writeUInt16LE(MACHINE[arch], 18);
  headers.writeUInt32LE(1, 20);
  headers.writeBigUInt64LE(BigInt(entry), 24);
  headers.writeBigUInt64LE(BigInt(HEADER), 32);
  [HEADER, PROGRAM_HEADER, segments.length, SECTION_HEADER].forEach((value, index) => {
    headers.writeUInt16LE(value, 52 + 2 * index);
  });
  segments.forEach(({ type: kind, flags, offset, address, size, memory = size, alignment }, index) => {
    const at = HEADER + PROGRAM_HEADER * index;
    headers.writeUInt32LE(kind, at);
    headers.writeUInt32LE(flags, at + 4);
    [offset, address, address, size, memory, alignment].forEach((value, field) => {
      headers.writeBigUInt64LE(BigInt(value), at + 8 + 8 * field);
    });
  });
  return headers;
}

/** The executable of a tape: `code` is the runner. */
export function image(arch: Arch, code: Uint8Array, data: Uint8Array): Buffer {
  const begin = HEADERS + code.length;
  const headers = elfHeaders(arch, ET_EXEC, CODE + HEADERS, [
    { type: PT_LOAD, flags: PF_R | PF_X, offset: 0, address: CODE, size: begin, alignment: ALIGNMENT },
    {
      type: PT_LOAD,
      flags: PF_R | PF_W,
      offset: begin,
      address: dataAddress(code),
      size: data.length,
      alignment: ALIGNMENT,
    },
    { type: PT_GNU_STACK, flags: PF_R | PF_W, offset: 0, address: 0, size: 0, alignment: 16 },
  ]);
  const file = Buffer.alloc(begin + data.length);
  file.set(headers);
  file.set(code, HEADERS);
  file.set(data, begin);
  return file;
}
