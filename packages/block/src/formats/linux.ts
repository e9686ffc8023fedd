/** File systems and swap areas of Linux. */
import { fromUtf16, label, uuid } from '../text.ts';
import { crc32, crc32c, inverted } from './crc.ts';
import { type Format, fieldsAt } from './format.ts';

/** The same bytes with 4 of them 0: where a checksum stands that it leaves out. */
function without(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy.fill(0, at, at + 4);
  return copy;
}

const within = (value: number, least: number, most: number) => value >= least && value <= most;

/** Whether the numbers of an XFS superblock fit together. */
function isXfs(block: Buffer): boolean {
  const [size, extent, perGroup, groups] = [4, 80, 84, 88].map((at) => block.readUInt32BE(at)) as number[];
  const [sector, inode] = [block.readUInt16BE(102), block.readUInt16BE(104)];
  const [sizeLog, sectorLog, inodeLog, perBlockLog, , , , percent] = block.subarray(120, 128) as unknown as number[];
  const blocks = block.readBigUInt64BE(8);
  const inGroups = (count: number) => BigInt(count) * BigInt(perGroup as number);
  const realtime = Math.imul(extent as number, size as number) >>> 0;
  return (
    (groups as number) > 0 &&
    within(sectorLog as number, 9, 15) &&
    sector === 2 ** (sectorLog as number) &&
    within(sizeLog as number, 9, 16) &&
    size === 2 ** (sizeLog as number) &&
    within(inodeLog as number, 8, 11) &&
    inode === 2 ** (inodeLog as number) &&
    (sizeLog as number) - (inodeLog as number) === perBlockLog &&
    within(realtime, 4 << 10, 1 << 30) &&
    (percent as number) <= 100 &&
    blocks > 0n &&
    blocks <= inGroups(groups as number) &&
    blocks >= inGroups((groups as number) - 1) + 64n
  );
}

const XFS: Format = {
  type: 'xfs',
  usage: 'filesystem',
  magics: [[0, 'XFSB']],
  read(source) {
    const block = source.read(0, 512);
    if (!block || !isXfs(block)) return undefined;
    if ((block.readUInt16BE(100) & 0xf) === 5) {
      const sector = source.read(0, block.readUInt16BE(102));
      if (!sector || inverted(crc32c(without(sector, 224))) !== sector.readUInt32LE(224)) return undefined;
    }
    return { label: label(block.subarray(108, 120)), uuid: uuid(block.subarray(32, 48)) };
  },
};

const BTRFS_START = 64 << 10;

/** The kind of checksum that is looked at; the others (xxhash, SHA-256, BLAKE2) are left to the kernel. */
const BTRFS_CRC32C = 0;

const BTRFS: Format = {
  type: 'btrfs',
  usage: 'filesystem',
  magics: [[BTRFS_START + 64, '_BHRfS_M']],
  minimum: 1 << 20,
  read(source) {
    const block = source.read(BTRFS_START, 4096);
    if (!block) return undefined;
    const isRight =
      block.readUInt16LE(196) !== BTRFS_CRC32C || inverted(crc32c(block.subarray(32))) === block.readUInt32LE();
    return isRight ? { label: label(block.subarray(299, 555)), uuid: uuid(block.subarray(32, 48)) } : undefined;
  },
};

const F2FS: Format = {
  type: 'f2fs',
  usage: 'filesystem',
  magics: [[1024, '\x10\x20\xf5\xf2']],
  read(source) {
    const block = source.read(1024, 3072);
    if (!block) return undefined;
    // The layout of version 1.0 is not known.
    if (block.readUInt16LE(4) === 1 && block.readUInt16LE(6) === 0) return {};
    const at = block.readUInt32LE(32);
    if (at !== 0 && (at % 4 !== 0 || at + 4 > block.length)) return undefined;
    if (at !== 0 && crc32(block.subarray(0, at), 0xf2f5_2010) !== block.readUInt32LE(at)) return undefined;
    return { label: label(fromUtf16(block.subarray(124, 1148), 'little')), uuid: uuid(block.subarray(108, 124)) };
  },
};

const EROFS_CHECKED = 1;

const EROFS: Format = {
  type: 'erofs',
  usage: 'filesystem',
  magics: [[1024, '\xe2\xe1\xf5\xe0']],
  read(source) {
    const block = source.read(1024, 128);
    if (!block) return undefined;
    const shift = block.readUInt8(12);
    if (!within(shift, 9, 16)) return undefined;
    if (block.readUInt32LE(8) & EROFS_CHECKED) {
      const size = 2 ** shift;
      const checked = source.read(1024, size > 1024 ? size - 1024 : size);
      if (!checked || crc32c(without(checked, 4)) !== block.readUInt32LE(4)) return undefined;
    }
    return fieldsAt([1088, 16], 1072)(source);
  },
};

const SQUASHFS: Format = {
  type: 'squashfs',
  usage: 'filesystem',
  magics: [[0, 'hsqs']],
  read: (source) => ((source.read(28, 2)?.readUInt16LE() ?? 0) >= 4 ? {} : undefined),
};

const SQUASHFS3: Format = {
  type: 'squashfs3',
  usage: 'filesystem',
  magics: [
    [0, 'sqsh'],
    [0, 'hsqs'],
  ],
  read(source, magic) {
    const version = source.read(28, 2);
    if (!version) return undefined;
    return (magic === 'sqsh' ? version.readUInt16BE() : version.readUInt16LE()) <= 3 ? {} : undefined;
  },
};

const TUX_ON_ICE = '\xed\xc3\x02\xe9\x98\x56\xe5\x0c';
/** Where the first page ends, whose size is the machine's. */
const PAGES = [0xff6, 0x1ff6, 0x3ff6, 0x7ff6, 0xfff6];
const atPages = (names: readonly string[]) => PAGES.flatMap((at) => names.map((name) => [at, name] as const));
const TEN_PAGES = 40_960;

/** Label and UUID of a swap area; where there is garbage behind them, they are no such. */
function swapHeader(header: Buffer) {
  const isClean = header.readUInt32LE(44 + 128) === 0 && header.readUInt32LE(44 + 132) === 0;
  return isClean ? { label: label(header.subarray(28, 44)), uuid: uuid(header.subarray(12, 28)) } : {};
}

const SWAP: Format = {
  type: 'swap',
  usage: 'other',
  minimum: TEN_PAGES,
  magics: atPages(['SWAP-SPACE', 'SWAPSPACE2']),
  read(source, magic) {
    const header = source.read(1024, 512);
    if (!header || source.read(0, 8)?.toString('latin1') === TUX_ON_ICE) return undefined;
    if (magic === 'SWAP-SPACE') return {};
    const isFirst = header.readUInt32LE() === 1 || header.readUInt32BE() === 1;
    return isFirst && header.readUInt32LE(4) !== 0 ? swapHeader(header) : undefined;
  },
};

const SUSPENDED: Format = {
  type: 'swsuspend',
  usage: 'other',
  minimum: TEN_PAGES,
  magics: [[0, TUX_ON_ICE], ...atPages(['S1SUSPEND', 'S2SUSPEND', 'ULSUSPEND', 'LINHIB0001'])],
  read(source) {
    const header = source.read(1024, 512);
    return header && swapHeader(header);
  },
};

export const LINUX = {
  xfs: XFS,
  btrfs: BTRFS,
  f2fs: F2FS,
  erofs: EROFS,
  squashfs: SQUASHFS,
  squashfs3: SQUASHFS3,
  swap: SWAP,
  suspended: SUSPENDED,
};
