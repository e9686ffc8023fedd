/** Tables of partitions: which one a device is, by the table of the disk that it is a part of. */
import { crc32, inverted } from './formats/crc.ts';
import { isTiny, type Source } from './source.ts';
import { fromUtf16, label, uuid } from './text.ts';

export interface Partition {
  /** As in the name of the device. */
  readonly number: number;
  /** In sectors of 512 bytes. */
  readonly start: number;
  readonly size: number;
  /** PARTUUID and PARTLABEL. */
  readonly uuid?: string;
  readonly label?: string;
}

export interface PartitionTable {
  readonly type: 'gpt' | 'dos';
  readonly uuid?: string;
  readonly partitions: readonly Partition[];
}

const SECTOR = 512;
const HEADER = 92;
const ENTRY = 128;
/** Of a table of GPT: far more than the 128 entries that everybody makes. */
const MOST_ENTRIES = 4096;

/** A GUID, whose first three parts are little-endian. */
function guid(bytes: Buffer): string | undefined {
  const copy = Buffer.from(bytes);
  copy.subarray(0, 4).reverse();
  copy.subarray(4, 6).reverse();
  copy.subarray(6, 8).reverse();
  return uuid(copy);
}

/** One header of GPT and what it says, where both checksums are right. */
function gptAt(source: Source, sector: number, at: number, last: number): PartitionTable | undefined {
  const header = source.read(at * sector, sector);
  if (header?.toString('latin1', 0, 8) !== 'EFI PART') return undefined;
  const size = header.readUInt32LE(12);
  if (size < HEADER || size > sector) return undefined;
  const checked = Buffer.from(header.subarray(0, size));
  checked.fill(0, 16, 20);
  if (inverted(crc32(checked)) !== header.readUInt32LE(16)) return undefined;
  const [own, first, end, entriesAt] = [24, 40, 48, 72].map((field) => Number(header.readBigUInt64LE(field))) as [
    number,
    number,
    number,
    number,
  ];
  if (own !== at || end < first || first > last || end > last || (first < at && at < end)) return undefined;
  const [count, entrySize] = [header.readUInt32LE(80), header.readUInt32LE(84)];
  if (entrySize !== ENTRY || count === 0 || count > MOST_ENTRIES) return undefined;
  const entries = source.read(entriesAt * sector, count * ENTRY);
  if (!entries || inverted(crc32(entries)) !== header.readUInt32LE(88)) return undefined;
  const scale = sector / SECTOR;
  const partitions = Array.from({ length: count }, (_, index) =>
    entries.subarray(index * ENTRY, (index + 1) * ENTRY),
  ).flatMap((entry, index): Partition[] => {
    const [from, to] = [Number(entry.readBigUInt64LE(32)), Number(entry.readBigUInt64LE(40))];
    if (guid(entry.subarray(0, 16)) === undefined || from < first || to > end) return [];
    return [
      {
        number: index + 1,
        start: from * scale,
        size: (to - from + 1) * scale,
        uuid: guid(entry.subarray(16, 32)),
        label: label(fromUtf16(entry.subarray(56, 128), 'little')),
      },
    ];
  });
  return { type: 'gpt', uuid: guid(header.subarray(56, 72)), partitions };
}

const PROTECTIVE = 0xee;
const EXTENDED = [0x05, 0x0f, 0x85];

interface Slot {
  readonly kind: number;
  readonly start: number;
  readonly size: number;
}

/** The four places of a record, where it is one. */
function slotsOf(record: Buffer | undefined): Slot[] | undefined {
  if (record?.readUInt16LE(510) !== 0xaa55) return undefined;
  return [446, 462, 478, 494].map((at) => ({
    kind: record.readUInt8(at + 4),
    start: record.readUInt32LE(at + 8),
    size: record.readUInt32LE(at + 12),
  }));
}

function gpt(source: Source, sector: number): PartitionTable | undefined {
  if (isTiny(source)) return undefined;
  const last = Math.floor(source.size / sector) - 1;
  if (!slotsOf(source.read(0, SECTOR))?.some(({ kind }) => kind === PROTECTIVE)) return undefined;
  return gptAt(source, sector, 1, last) ?? gptAt(source, sector, last, last);
}

/** Logical partitions that are looked for: the records are a chain that anybody may have tied. */
const LOGICAL = 100;

/** The partitions inside of an extended one, from number 5 on. */
function logical(source: Source, base: number, scale: number): Omit<Slot, 'kind'>[] {
  const found: Omit<Slot, 'kind'>[] = [];
  let at = base;
  for (let left = LOGICAL; left > 0; left--) {
    const slots = slotsOf(source.read(at * SECTOR * scale, SECTOR));
    if (!slots) break;
    for (const { kind, start, size } of slots)
      if (size && kind && !EXTENDED.includes(kind)) found.push({ start: at + start, size });
    const next = slots.find(({ kind, size }) => size && EXTENDED.includes(kind));
    if (!next || next.start === 0) break;
    at = base + next.start;
  }
  return found;
}

function dos(source: Source, sector: number): PartitionTable | undefined {
  const record = source.read(0, SECTOR);
  const slots = slotsOf(record);
  if (!record || !slots) return undefined;
  // Boot sectors of file systems end with the same signature: places are marked as bootable or not, and by nothing else.
  if ([446, 462, 478, 494].some((at) => ![0, 0x80].includes(record.readUInt8(at)))) return undefined;
  if (slots.some(({ kind }) => kind === PROTECTIVE)) return undefined;
  const scale = sector / SECTOR;
  const id = record.readUInt32LE(440).toString(16).padStart(8, '0');
  const partition = ({ start, size }: Omit<Slot, 'kind'>, number: number): Partition => ({
    number,
    start: start * scale,
    size: size * scale,
    uuid: id === '00000000' ? undefined : `${id}-${number.toString(16).padStart(2, '0')}`,
  });
  const primary = slots.flatMap((slot, index) => (slot.size && slot.kind ? [partition(slot, index + 1)] : []));
  // A boot sector that bears no partitions: what it ends with is all that it has of a table.
  if (!primary.length) return undefined;
  const extended = slots.filter(({ kind, size }) => size && EXTENDED.includes(kind));
  const inside = extended.flatMap(({ start }) => logical(source, start, scale));
  return {
    type: 'dos',
    uuid: id === '00000000' ? undefined : id,
    partitions: [...primary, ...inside.map((slot, index) => partition(slot, index + 5))],
  };
}

/** The table of a disk. `sector`: its logical sector in bytes. @throws What reading throws. */
export const partitionTable = (source: Source, sector = SECTOR): PartitionTable | undefined =>
  gpt(source, sector) ?? dos(source, sector);
