/** Parts of something larger: encrypted volumes, members of arrays and of volume groups. They are told before file systems are. */
import type { Source } from '../source.ts';
import { label, uuid } from '../text.ts';
import { crc32 } from './crc.ts';
import type { Format, Found } from './format.ts';

const MD_MAGIC = 0xa92b_4efc;
const MD_RESERVED = 0x1_0000;

/** Version 0.90, in either order of bytes, at the end. */
function mdOld(source: Source): Found | undefined {
  const offset = Math.floor(source.size / MD_RESERVED) * MD_RESERVED - MD_RESERVED;
  const block = source.read(offset, 64);
  if (!block) return undefined;
  const isLittle = block.readUInt32LE() === MD_MAGIC;
  if (!isLittle && block.readUInt32BE() !== MD_MAGIC) return undefined;
  const word = (at: number) => (isLittle ? block.readUInt32LE(at) : block.readUInt32BE(at));
  const size = word(32) * 1024;
  if (source.size < size + MD_RESERVED || offset < size) return undefined;
  const id = Buffer.alloc(16);
  const words = word(8) >= 90 ? [20, 52, 56, 60] : [20];
  for (const [index, at] of words.entries()) id.writeUInt32BE(word(at), index * 4);
  return { uuid: uuid(id) };
}

/** Version 1, which says where it stands. */
function mdNew(source: Source, offset: number): Found | undefined {
  const block = source.read(offset, 256);
  if (block?.readUInt32LE() !== MD_MAGIC || block.readUInt32LE(4) !== 1) return undefined;
  if (block.readBigUInt64LE(144) !== BigInt(Math.floor(offset / 512))) return undefined;
  return { label: label(block.subarray(32, 64)), uuid: uuid(block.subarray(16, 32)) };
}

const RAID: Format = {
  type: 'linux_raid_member',
  usage: 'raid',
  magics: [],
  read(source) {
    const atEnd =
      source.size > MD_RESERVED
        ? (mdOld(source) ?? mdNew(source, Math.floor(source.size / 4096) * 4096 - 8192))
        : undefined;
    return atEnd ?? mdNew(source, 0) ?? mdNew(source, 4096);
  },
};

const SECTOR = 512;

const LVM: Format = {
  type: 'LVM2_member',
  usage: 'raid',
  magics: [0, 1, 2, 3].map((sector) => [sector * SECTOR + 24, 'LVM2 001'] as const),
  read(source) {
    for (let sector = 0; sector < 4; sector++) {
      const block = source.read(sector * SECTOR, SECTOR);
      if (block?.toString('latin1', 24, 32) !== 'LVM2 001') continue;
      const isRight =
        block.toString('latin1', 0, 8) === 'LABELONE' &&
        block.readBigUInt64LE(8) === BigInt(sector) &&
        crc32(block.subarray(20), 0xf597_a6cf) === block.readUInt32LE(16);
      if (!isRight) return undefined;
      const id = block.toString('latin1', 32, 64);
      return { uuid: id.replace(/^(.{6})(.{4})(.{4})(.{4})(.{4})(.{4})/s, '$1-$2-$3-$4-$5-$6-') };
    }
    return undefined;
  },
};

/** Where the second header of a LUKS2 volume may be: 16 KiB to 4 MiB. */
const SECOND_HEADERS = Array.from({ length: 9 }, (_, power) => 0x4000 * 2 ** power);

function luksHeader(source: Source, offset: number): Found | undefined {
  const header = source.read(offset, 512);
  const magic = header?.toString('latin1', 0, 6);
  if (!header || magic !== (offset === 0 ? 'LUKS\xba\xbe' : 'SKUL\xba\xbe')) return undefined;
  const version = header.readUInt16BE(6);
  const id = label(header.subarray(168, 208));
  if (offset === 0 && version === 1) return { uuid: id };
  if (version !== 2 || header.readBigUInt64BE(256) !== BigInt(offset)) return undefined;
  return { label: label(header.subarray(24, 72)), uuid: id };
}

const LUKS: Format = {
  type: 'crypto_LUKS',
  usage: 'crypto',
  magics: [],
  read(source) {
    for (const offset of [0, ...SECOND_HEADERS]) {
      const found = luksHeader(source, offset);
      if (found) return found;
    }
    return undefined;
  },
};

export const MEMBERS: readonly Format[] = [RAID, LVM, LUKS];
