/** ext2, ext3, ext4 and their journals on devices of their own: one superblock, told apart by its features. */
import type { Source } from '../source.ts';
import { label, uuid } from '../text.ts';
import { crc32c } from './crc.ts';
import type { Format, Found } from './format.ts';

const START = 1024;
const SIZE = 1024;
const MAGICS: Format['magics'] = [[START + 56, '\x53\xef']];

const HAS_JOURNAL = 0x4;
const JOURNAL_DEVICE = 0x8;
/** Features without which a file system is no ext3 any more: filetype, needs recovery, meta groups; sparse, large files, b-trees. */
const EXT3_INCOMPATIBLE = 0x16;
/** The same for ext2. */
const EXT2_INCOMPATIBLE = 0x12;
const READ_ONLY = 0x7;
const METADATA_CHECKSUM = 0x400;

interface Features {
  readonly compatible: number;
  readonly incompatible: number;
  readonly readOnly: number;
}

const isMore = ({ incompatible, readOnly }: Features, known: number) =>
  (incompatible & ~known) !== 0 || (readOnly & ~READ_ONLY) !== 0;

const format = (type: string, usage: Format['usage'], fits: (features: Features) => boolean): Format => ({
  type,
  usage,
  magics: MAGICS,
  read(source: Source): Found | undefined {
    const block = source.read(START, SIZE);
    if (!block) return undefined;
    const features: Features = {
      compatible: block.readUInt32LE(92),
      incompatible: block.readUInt32LE(96),
      readOnly: block.readUInt32LE(100),
    };
    const isChecked = (features.readOnly & METADATA_CHECKSUM) !== 0;
    if (isChecked && crc32c(block.subarray(0, SIZE - 4)) !== block.readUInt32LE(SIZE - 4)) return undefined;
    return fits(features)
      ? { label: label(block.subarray(120, 136)), uuid: uuid(block.subarray(104, 120)) }
      : undefined;
  },
});

export const EXT: readonly Format[] = [
  format('ext4', 'filesystem', (f) => !(f.incompatible & JOURNAL_DEVICE) && isMore(f, EXT3_INCOMPATIBLE)),
  format('ext3', 'filesystem', (f) => (f.compatible & HAS_JOURNAL) !== 0 && !isMore(f, EXT3_INCOMPATIBLE)),
  format('ext2', 'filesystem', (f) => !(f.compatible & HAS_JOURNAL) && !isMore(f, EXT2_INCOMPATIBLE)),
  format('jbd', 'other', (f) => (f.incompatible & JOURNAL_DEVICE) !== 0),
];
