/**
 * Host and snapshot as one executable: the snapshot is one more segment, which the kernel maps where the engine's memory was when it was
 * saved.
 *
 *     file      the host │ zeros up to a page │ snapshot
 *     memory    the host, at the addresses it is linked for │ snapshot, and room behind it for what a process allocates first
 */
import type { Arch } from '../../packages/sys/src/arch.ts';
import { type ElfSegment, elfHeaders, PF_R, PF_W, PT_LOAD } from '../../packages/sys/src/tape/elf.ts';

/** Offsets in the ELF header, and bytes of it and of a program header: elf(5). */
const TYPE = 16;
const MACHINE = 18;
const ENTRY = 24;
const TABLE_AT = 32;
const ENTRY_SIZE = 54;
const ENTRY_COUNT = 56;
const HEADER = 64;
const PROGRAM_HEADER = 56;

const ET_EXEC = 2;
const MACHINES: Readonly<Record<number, Arch>> = { 62: 'x64', 183: 'arm64' };
/** The largest page size of either architecture, in bytes. */
const PAGE = 0x10000;
/** Memory in bytes that is there behind the snapshot from the start; untouched, it costs nothing. */
const ROOM = 0x100000;

/** What the host's `struct payload` begins with; two 64-bit numbers follow. */
const MARK = Buffer.from('SNAPSHOT');

export class PackError extends Error {}

const aligned = (size: number) => Math.ceil(size / PAGE) * PAGE;

function number(file: Buffer, at: number): number {
  const value = file.readBigUInt64LE(at);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new PackError(`the host has a number that is too large at ${at}`);
  return Number(value);
}

type Segment = Required<ElfSegment>;

/** What the headers of the host say, its segments in its order. */
function read(host: Buffer): { arch: Arch; entry: number; segments: Segment[] } {
  if (host.length < HEADER || host.readUInt32BE(0) !== 0x7f454c46 || host[4] !== 2 || host[5] !== 1)
    throw new PackError('the host is no ELF file of 64 bits, little-endian');
  if (host.readUInt16LE(TYPE) !== ET_EXEC) throw new PackError('the host is not linked for fixed addresses');
  const arch = MACHINES[host.readUInt16LE(MACHINE)];
  if (!arch) throw new PackError('the host is neither for x64 nor for arm64');
  if (number(host, TABLE_AT) !== HEADER || host.readUInt16LE(ENTRY_SIZE) !== PROGRAM_HEADER)
    throw new PackError('the program headers of the host do not lie behind its header');
  const count = host.readUInt16LE(ENTRY_COUNT);
  if (HEADER + count * PROGRAM_HEADER > host.length) throw new PackError('the host ends within its program headers');
  const segments = Array.from({ length: count }, (_, index) => {
    const at = HEADER + index * PROGRAM_HEADER;
    return {
      type: host.readUInt32LE(at),
      flags: host.readUInt32LE(at + 4),
      offset: number(host, at + 8),
      address: number(host, at + 16),
      size: number(host, at + 32),
      memory: number(host, at + 40),
      alignment: number(host, at + 48),
    };
  });
  return { arch, entry: number(host, ENTRY), segments };
}

/** Where the mark is, which must be there once. */
function payloadAt(host: Buffer): number {
  const at = host.indexOf(MARK);
  if (at < 0) throw new PackError('the host has no place that says where its snapshot is');
  if (host.indexOf(MARK, at + 1) >= 0) throw new PackError('the host has two places that say where its snapshot is');
  if (at + MARK.length + 16 > host.length) throw new PackError('the host ends where it says where its snapshot is');
  if (host.subarray(at + MARK.length, at + MARK.length + 16).some((byte) => byte !== 0))
    throw new PackError('the host has a snapshot already');
  return at + MARK.length;
}

/**
 * @param host A static executable, linked for fixed addresses.
 * @param snapshot The engine's memory as the host has saved it.
 * @param address Where that memory was: a multiple of 64 KiB, above the host.
 * @returns The executable file.
 * @throws PackError where one of them is not as it must be.
 */
export function pack(host: Buffer, snapshot: Buffer, address: number): Buffer {
  const { arch, entry, segments: before } = read(host);
  const payload = payloadAt(host);
  const mapped = before.filter(({ type }) => type === PT_LOAD);
  const [first] = mapped;
  const last = mapped.at(-1);
  if (!first || !last) throw new PackError('the host has no segment');
  if (!snapshot.length) throw new PackError('the snapshot is empty');
  if (address % PAGE) throw new PackError('the address of the snapshot is no multiple of 64 KiB');
  // Linux before 5.18 tells the program that its headers lie in the first segment, and the kernel wants segments in ascending order.
  if (mapped.some((each) => each.address + each.memory > address))
    throw new PackError('the host does not lie below the snapshot');
  // The table grows by one entry into the zeros behind it, which nothing may use.
  const end = HEADER + (before.length + 1) * PROGRAM_HEADER;
  const used = HEADER + before.length * PROGRAM_HEADER;
  const taken = before.some(({ offset, size }) => size > 0 && offset >= used && offset < end);
  if (first.offset !== 0 || first.size < used || host.subarray(used, end).some((byte) => byte !== 0) || taken)
    throw new PackError('the host has no room for a program header');

  const offset = aligned(host.length);
  const size = snapshot.length;
  const memory = aligned(size + ROOM);
  const added: Segment = { type: PT_LOAD, flags: PF_R | PF_W, offset, address, size, memory, alignment: PAGE };
  const file = Buffer.alloc(offset + size);
  file.set(host);
  file.set(snapshot, offset);
  const table = before.flatMap((each) => {
    const kept =
      each === first ? { ...each, size: Math.max(each.size, end), memory: Math.max(each.memory, end) } : each;
    return each === last ? [kept, added] : [kept];
  });
  file.set(elfHeaders(arch, ET_EXEC, entry, table));
  file.writeBigUInt64LE(BigInt(size), payload);
  file.writeBigUInt64LE(BigInt(memory), payload + 8);
  return file;
}
