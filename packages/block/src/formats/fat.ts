/** FAT and exFAT. */
import { isTiny, type Source } from '../source.ts';
import { fromUtf16, isZero, label, volumeNumber } from '../text.ts';
import { type Format, isPowerOfTwo } from './format.ts';

const ENTRY = 32;
const FREE = 0xe5;
/** A first byte 0xe5 that belongs to a name is written as this. */
const FREE_ESCAPED = 0x05;
const ATTRIBUTES = 0x3f;
const LONG_NAME = 0x0f;
const VOLUME = 0x08;
const DIRECTORY = 0x10;

const FAT12_MOST = 0xff4;
const FAT16_MOST = 0xfff4;
const FAT32_MOST = 0x0fff_fff6;
/** Clusters of a root directory that are looked at. */
const CLUSTERS = 99;

/** The entry of a directory that names the volume. */
function nameIn(source: Source, offset: number, entries: number): Buffer | undefined {
  const directory = isTiny(source) ? undefined : source.read(offset, entries * ENTRY);
  if (!directory && !isTiny(source)) return undefined;
  for (let index = 0; index < entries; index++) {
    const entry = directory
      ? directory.subarray(index * ENTRY, (index + 1) * ENTRY)
      : source.read(offset + index * ENTRY, ENTRY);
    if (!entry || entry[0] === 0) return undefined;
    const attributes = entry[11] as number;
    const hasCluster = entry.readUInt16LE(20) !== 0 || entry.readUInt16LE(26) !== 0;
    if (entry[0] === FREE || hasCluster || (attributes & ATTRIBUTES) === LONG_NAME) continue;
    if ((attributes & (VOLUME | DIRECTORY)) !== VOLUME) continue;
    const name = Buffer.from(entry.subarray(0, 11));
    if (name[0] === FREE_ESCAPED) name[0] = FREE;
    return name;
  }
  return undefined;
}

interface Geometry {
  readonly sector: number;
  /** In sectors. */
  readonly cluster: number;
  readonly reserved: number;
  readonly entries: number;
  /** Sectors of one table; 0 in a FAT32 where the first is. */
  readonly table16: number;
  readonly table32: number;
  /** Sectors of all tables. */
  readonly tables: number;
  readonly root: number;
  readonly info: number;
}

/** Signatures that are no name of a format: something else may begin so. */
const isWeak = (magic: string) => magic.length <= 2;

/** The boot record, where its numbers fit together. Sums are those of 32 bits, as everybody's. */
function geometryOf(boot: Buffer, magic: string): Geometry | undefined {
  const isOther = ['JFS     ', 'HPFS    '].includes(boot.toString('latin1', 0x36, 0x3e));
  if (isWeak(magic) && (boot.readUInt16LE(0x1fe) !== 0xaa55 || isOther)) return undefined;
  const [sector, cluster, reserved] = [boot.readUInt16LE(11), boot.readUInt8(13), boot.readUInt16LE(14)];
  const [count, entries, media] = [boot.readUInt8(16), boot.readUInt16LE(17), boot.readUInt8(21)];
  if (count === 0 || reserved === 0 || (media < 0xf8 && media !== 0xf0)) return undefined;
  if (!isPowerOfTwo(cluster) || !isPowerOfTwo(sector) || sector < 512 || sector > 4096) return undefined;
  const [table16, table32] = [boot.readUInt16LE(22), boot.readUInt32LE(36)];
  const tables = Math.imul(table16 || table32, count) >>> 0;
  const directory = Math.floor((entries * ENTRY + sector - 1) / sector);
  const sectors = boot.readUInt16LE(19) || boot.readUInt32LE(32);
  const clusters = Math.floor(((sectors - (reserved + tables + directory)) >>> 0) / cluster);
  const most = !table16 && table32 ? FAT32_MOST : clusters > FAT12_MOST ? FAT16_MOST : FAT12_MOST;
  if (clusters > most) return undefined;
  return {
    sector,
    cluster,
    reserved,
    entries,
    table16,
    table32,
    tables,
    root: boot.readUInt32LE(44),
    info: boot.readUInt16LE(48),
  };
}

/** The name in the root directory of a FAT32, which is a chain of clusters. */
function nameInChain(source: Source, geometry: Geometry): Buffer | undefined {
  const { sector, cluster, reserved, tables, table32, root } = geometry;
  const size = cluster * sector;
  const count = (Math.imul(table32, sector) >>> 0) / 4;
  let next = root;
  for (let left = CLUSTERS; left > 0 && next !== 0 && next < count; left--) {
    const first = (reserved + tables + (Math.imul(next - 2, cluster) >>> 0)) >>> 0;
    const name = nameIn(source, first * sector, Math.floor(size / ENTRY));
    if (name) return name;
    const link = source.read(reserved * sector + next * 4, 4);
    if (!link) return undefined;
    next = link.readUInt32LE() & 0x0fff_ffff;
  }
  return undefined;
}

/** Boot records that have a volume number, and those that have a label, too. */
const SIGNATURES = [0x28, 0x29];

const INFO = [
  [0, ['RRaA', 'RRdA']],
  [484, ['rrAa']],
] as const;

/** Whether the sector that counts free clusters is one, or was never written. */
function hasInfo(source: Source, { sector, info }: Geometry): boolean {
  if (info === 0) return true;
  const bytes = source.read(info * sector, 512);
  if (!bytes) return false;
  return INFO.every(([at, signatures]) => {
    const found = bytes.subarray(at, at + 4);
    return isZero(found) || signatures.some((signature) => signature === found.toString('latin1'));
  });
}

const FAT: Format = {
  type: 'vfat',
  usage: 'filesystem',
  magics: [
    [0x52, 'MSWIN'],
    [0x52, 'FAT32   '],
    [0x36, 'MSDOS'],
    [0x36, 'FAT16   '],
    [0x36, 'FAT12   '],
    [0x36, 'FAT     '],
    [0, '\xeb'],
    [0, '\xe9'],
    [0x1fe, '\x55\xaa'],
  ],
  read(source, magic) {
    const boot = source.read(0, 512);
    const geometry = boot && geometryOf(boot, magic);
    if (!geometry) return undefined;
    const { sector, reserved, entries, table16, table32, tables } = geometry;
    if (table16) {
      const root = Math.imul(reserved + tables, sector) >>> 0;
      const hasNumber = SIGNATURES.includes(boot[0x26] as number);
      return {
        label: label(nameIn(source, root, entries)),
        uuid: hasNumber ? volumeNumber(boot.subarray(0x27, 0x2b)) : undefined,
      };
    }
    if (!table32) return {};
    const name = nameInChain(source, geometry);
    return hasInfo(source, geometry)
      ? { label: label(name), uuid: volumeNumber(boot.subarray(0x43, 0x47)) }
      : undefined;
  },
};

/** Bytes of the boot record of an exFAT that change, which its checksum leaves out. */
const CHANGING = [106, 107, 112];
const LABEL_ENTRY = 0x83;
/** Entries of a root directory that are looked at, 64 KiB of it: the label is among the first. */
const ENTRIES = 2048;
const LAST_CLUSTER = 0xffff_fff6;

function hasChecksum(source: Source, sector: number): boolean {
  const record = source.read(0, 12 * sector);
  if (!record) return false;
  let sum = 0;
  for (let at = 0; at < 11 * sector; at++)
    if (!CHANGING.includes(at)) sum = (((sum & 1) << 31) + (sum >>> 1) + (record[at] as number)) >>> 0;
  for (let at = 11 * sector; at < 12 * sector; at += 4) if (record.readUInt32LE(at) !== sum) return false;
  return true;
}

const EXFAT: Format = {
  type: 'exfat',
  usage: 'filesystem',
  magics: [[3, 'EXFAT   ']],
  read(source) {
    const boot = source.read(0, 512);
    if (!boot) return undefined;
    const [sectorShift, clusterShift] = [boot.readUInt8(108), boot.readUInt8(109)];
    const isBoot = boot.readUInt16LE(510) === 0xaa55 && boot.toString('hex', 0, 3) === 'eb7690';
    // 4096 bytes a sector and 32 MiB a cluster are the most that the format allows.
    if (
      !isBoot ||
      !isZero(boot.subarray(11, 64)) ||
      sectorShift < 9 ||
      sectorShift > 12 ||
      clusterShift > 25 - sectorShift
    )
      return undefined;
    const sector = 2 ** sectorShift;
    if (!hasChecksum(source, sector)) return undefined;
    const cluster = sector * 2 ** clusterShift;
    const offsetOf = (number: number) => boot.readUInt32LE(88) * sector + (number - 2) * cluster;
    let number = boot.readUInt32LE(96);
    let name: Buffer | undefined;
    for (let index = 0, offset = offsetOf(number); index < ENTRIES; index++) {
      const entry = source.read(offset, ENTRY);
      if (!entry || entry[0] === 0) break;
      if (entry[0] === LABEL_ENTRY) {
        name = fromUtf16(entry.subarray(2, 2 + Math.min((entry[1] as number) * 2, 22)), 'little');
        break;
      }
      offset += ENTRY;
      if (offset % cluster) continue;
      const link = source.read(boot.readUInt32LE(80) * sector + number * 4, 4);
      number = link?.readUInt32LE() ?? 0;
      if (number < 2 || number > LAST_CLUSTER) break;
      offset = offsetOf(number);
    }
    return { label: label(name), uuid: volumeNumber(boot.subarray(100, 104)) };
  },
};

export const FATS = { fat: FAT, exfat: EXFAT };
