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
const PT_LOAD = 1;
const PT_GNU_STACK = 0x6474e551;
const R = 4;
const W = 2;
const X = 1;

/** Address at which the data of an image with this code lies. */
export const dataAddress = (code: Uint8Array): number => DATA + HEADERS + code.length;

function programHeader(type: number, flags: number, offset: number, address: number, size: number): Buffer {
  const header = Buffer.alloc(56);
  header.writeUInt32LE(type, 0);
  header.writeUInt32LE(flags, 4);
  [offset, address, address, size, size, type === PT_LOAD ? ALIGNMENT : 16].forEach((value, index) => {
    header.writeBigUInt64LE(BigInt(value), 8 + 8 * index);
  });
  return header;
}

export function image(arch: Arch, code: Uint8Array, data: Uint8Array): Buffer {
  const file = Buffer.alloc(HEADERS + code.length + data.length);
  const segments = [
    programHeader(PT_LOAD, R | X, 0, CODE, HEADERS + code.length),
    programHeader(PT_LOAD, R | W, HEADERS + code.length, dataAddress(code), data.length),
    programHeader(PT_GNU_STACK, R | W, 0, 0, 0),
  ];
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1], 0);
  file.writeUInt16LE(ET_EXEC, 16);
  file.writeUInt16LE(MACHINE[arch], 18);
  file.writeUInt32LE(1, 20);
  file.writeBigUInt64LE(BigInt(CODE + HEADERS), 24);
  file.writeBigUInt64LE(64n, 32);
  file.writeUInt16LE(64, 52);
  file.writeUInt16LE(56, 54);
  file.writeUInt16LE(segments.length, 56);
  file.writeUInt16LE(64, 58);
  Buffer.concat(segments).copy(file, 64);
  file.set(code, HEADERS);
  file.set(data, HEADERS + code.length);
  return file;
}
