/** Types of file systems: patterns of names, what a device holds, what the kernel knows. Pure. */

/** Whether a type matches `-t`: names separated by commas; "no" in front of the list (or of a name) turns it around. */
export function matchesType(type: string, pattern: string): boolean {
  const negated = pattern.startsWith('no') && !pattern.startsWith('none');
  const names = (negated ? pattern.slice(2) : pattern).split(',');
  if (negated) return !names.some((name) => name === type || name === `no${type}`);
  return names.includes(type) && !names.includes(`no${type}`);
}

/** Whether options match `-O`: all of the named ones are there, and none of those with "no" in front. */
export const matchesOptions = (options: readonly string[], pattern: string): boolean =>
  pattern.split(',').every((word) => {
    if (word.startsWith('+')) return options.includes(word.slice(1));
    return word.startsWith('no') ? !options.includes(word.slice(2)) : options.includes(word);
  });

/** Where a superblock says what it is. */
const MAGICS: readonly (readonly [type: string, offset: number, bytes: string])[] = [
  ['xfs', 0, 'XFSB'],
  ['squashfs', 0, 'hsqs'],
  ['ntfs', 3, 'NTFS    '],
  ['exfat', 3, 'EXFAT   '],
  ['erofs', 1024, '\xe2\xe1\xf5\xe0'],
  ['f2fs', 1024, '\x10\x20\xf5\xf2'],
  ['btrfs', 65600, '_BHRfS_M'],
  ['iso9660', 32769, 'CD001'],
  ['vfat', 82, 'FAT32   '],
  ['vfat', 54, 'FAT16   '],
  ['vfat', 54, 'FAT12   '],
];

/** Bytes from the start of a device that `detectType` looks at. */
export const SUPERBLOCKS_SIZE = 65616;

const EXT_MAGIC = 1080;
const HAS_JOURNAL = 0x4;
/** Features that ext3 does not have. */
const EXT4_INCOMPATIBLE = ~0x16;
const EXT4_READ_ONLY = ~0x7;

/** The type of file system that these first bytes of a device belong to. */
export function detectType(start: Buffer): string | undefined {
  if (start.length >= 2048 && start.readUInt16LE(EXT_MAGIC) === 0xef53) {
    const [compatible, incompatible, readOnly] = [0, 4, 8].map((at) => start.readUInt32LE(1024 + 92 + at)) as [
      number,
      number,
      number,
    ];
    if (incompatible & EXT4_INCOMPATIBLE || readOnly & EXT4_READ_ONLY) return 'ext4';
    return compatible & HAS_JOURNAL ? 'ext3' : 'ext2';
  }
  return MAGICS.find(([, offset, bytes]) => start.toString('latin1', offset, offset + bytes.length) === bytes)?.[0];
}

/** Types that live on a device, in the order of /proc/filesystems. */
export const deviceTypes = (text: string): string[] =>
  text.split('\n').flatMap((line) => (line === '' || line.startsWith('nodev') ? [] : [line.trim()]));
