/** The executable: the host, and behind it the snapshot, which the kernel maps where it was taken. elf(5) */
import { PF_R, PF_W, PT_LOAD } from '../../packages/sys/src/tape/elf.ts';

/** As packages/engine/host/host.h has it. */
export const SNAPSHOT_AT = 0x1000_0000;

/** Memory that is there from the start, behind what was saved, in bytes. */
const ROOM = 1 << 20;
const PAGE = 4096;
const ALIGNMENT = 0x10000;

/** `struct payload` of main.c: its name, then the size of the snapshot and that of the memory with it. */
const PAYLOAD = Buffer.from('SNAPSHOT');

const PROGRAM_HEADERS_AT = 32;
const COUNT_AT = 56;
const HEADER_SIZE = 56;
const PT_NULL = 0;
/** What a static program that lies where it was linked has no use for: its place is taken. */
const PT_GNU_RELRO = 0x6474_e552;

const up = (size: number, unit: number) => Math.ceil(size / unit) * unit;

interface Segment {
  readonly type: number;
  readonly address: number;
  readonly bytes: Buffer;
}

function segmentsOf(host: Buffer): { table: number; segments: Segment[] } {
  const table = Number(host.readBigUInt64LE(PROGRAM_HEADERS_AT));
  const segments = Array.from({ length: host.readUInt16LE(COUNT_AT) }, (_, index) => {
    const bytes = Buffer.from(host.subarray(table + HEADER_SIZE * index, table + HEADER_SIZE * (index + 1)));
    return { type: bytes.readUInt32LE(0), address: Number(bytes.readBigUInt64LE(16)), bytes };
  });
  return { table, segments };
}

function headerOf(offset: number, size: number, memory: number): Buffer {
  const bytes = Buffer.alloc(HEADER_SIZE);
  bytes.writeUInt32LE(PT_LOAD, 0);
  bytes.writeUInt32LE(PF_R | PF_W, 4);
  [offset, SNAPSHOT_AT, SNAPSHOT_AT, size, memory, ALIGNMENT].forEach((value, index) => {
    bytes.writeBigUInt64LE(BigInt(value), 8 + 8 * index);
  });
  return bytes;
}

/** @throws Error where the host is not such as is expected. */
export function withSnapshot(host: Buffer, snapshot: Buffer): Buffer {
  const file = Buffer.from(host);
  const offset = up(file.length, ALIGNMENT);
  const memory = up(snapshot.length, PAGE) + ROOM;
  const { table, segments } = segmentsOf(file);
  const own: Segment = { type: PT_LOAD, address: SNAPSHOT_AT, bytes: headerOf(offset, snapshot.length, memory) };
  const kept = segments.filter(({ type }) => type !== PT_GNU_RELRO && type !== PT_NULL);
  if (kept.length === segments.length) throw new Error('the host has no program header to spare');
  const isLoaded = ({ type }: Segment) => type === PT_LOAD;
  const loaded = [...kept.filter(isLoaded), own].sort((one, other) => one.address - other.address);
  const rest = kept.filter((segment) => !isLoaded(segment));
  file.fill(0, table, table + HEADER_SIZE * segments.length);
  [...loaded, ...rest].forEach(({ bytes }, index) => {
    bytes.copy(file, table + HEADER_SIZE * index);
  });
  const payload = file.indexOf(PAYLOAD);
  if (payload < 0 || file.indexOf(PAYLOAD, payload + 1) >= 0) throw new Error('the host has no payload to fill in');
  file.writeBigUInt64LE(BigInt(snapshot.length), payload + PAYLOAD.length);
  file.writeBigUInt64LE(BigInt(memory), payload + PAYLOAD.length + 8);
  return Buffer.concat([file, Buffer.alloc(offset - file.length), snapshot]);
}
