/** What a device or an image holds, as libblkid finds it out. */
import { DISCS } from './formats/discs.ts';
import { EXT } from './formats/ext.ts';
import { FATS } from './formats/fat.ts';
import type { Format, Found, Usage } from './formats/format.ts';
import { LINUX } from './formats/linux.ts';
import { MEMBERS } from './formats/members.ts';
import { NTFS } from './formats/windows.ts';
import { isTiny, type Source } from './source.ts';

/** In the order in which libblkid asks: the first one counts where several are found and may be. */
const FORMATS: readonly Format[] = [
  ...MEMBERS,
  FATS.fat,
  LINUX.suspended,
  LINUX.swap,
  LINUX.xfs,
  ...EXT,
  ...DISCS,
  NTFS,
  LINUX.squashfs,
  LINUX.squashfs3,
  LINUX.btrfs,
  FATS.exfat,
  LINUX.f2fs,
  LINUX.erofs,
];

export interface Superblock extends Found {
  readonly type: string;
  readonly usage: Usage;
}

/** What is found: one thing, nothing, or several that cannot be together, so that nobody knows which one is meant. */
export type Probed = Superblock | 'nothing' | 'ambivalent';

/** Devices of this size or less hold nothing: an extended partition, say. */
const LEAST = 1024;

function find(format: Format, source: Source): Superblock | undefined {
  const { type, usage, magics, minimum = 0 } = format;
  if (source.size < minimum) return undefined;
  if (source.isDisc && (usage === 'raid' || usage === 'other')) return undefined;
  if (usage === 'raid' && isTiny(source)) return undefined;
  const stands = ([offset, bytes]: Format['magics'][number]) =>
    source.read(offset, bytes.length)?.toString('latin1') === bytes;
  const magic = magics.length ? magics.find(stands) : ([0, ''] as const);
  const found = magic && format.read(source, magic[1]);
  return found && { type, usage, ...found };
}

/**
 * What this source holds.
 *
 * Work is bounded: no format reads more than a few hundred kilobytes, whatever the bytes say.
 *
 * @returns Where two formats are found that cannot both be right, `ambivalent`. @throws What reading throws.
 */
export function probe(source: Source): Probed {
  if (source.size <= LEAST) return 'nothing';
  let first: Superblock | undefined;
  let count = 0;
  let isIntolerant = false;
  for (const format of FORMATS) {
    const found = find(format, source);
    if (!found) continue;
    first ??= found;
    if (isTiny(source)) return found;
    count++;
    // What is inside of a member or of an encrypted volume is nobody's business here.
    if (found.usage === 'raid' || found.usage === 'crypto') break;
    if (!format.isTolerant) isIntolerant = true;
  }
  if (count > 1 && isIntolerant) return 'ambivalent';
  return first ?? 'nothing';
}

/** Names by which libblkid knows what it looks for; mount(8) makes a loop device of a file for these alone. */
const OTHERS =
  'adaptec_raid_member apfs bcache bcachefs befs bfs BitLocker ceph_bluestore cramfs crypto_LUKS cs_fvault2 ' +
  'DM_integrity DM_snapshot_cow DM_verity_hash drbd drbdmanage_control_volume drbdproxy_datalog ddf_raid_member exfs ' +
  'ext4dev gfs gfs2 hfs hfsplus hpfs hpt37x_raid_member hpt45x_raid_member isw_raid_member jfs jmicron_raid_member ' +
  'lsi_mega_raid_member lvm2_member LVM1_member minix mpool netware nilfs2 nss nvidia_raid_member ocfs ocfs2 oracleasm ' +
  'promise_fasttrack_raid_member refs reiser4 reiserfs romfs scoutfs_data scoutfs_meta silicon_medley_raid_member ' +
  'stratis sysv ubi ubifs ufs vdo via_raid_member VMFS VMFS_volume_member vxfs xenix xfs_external_log zfs_member zonefs';

/** Whether a type is one that stands on devices by its own superblock. */
export const isKnownType = (type: string): boolean =>
  FORMATS.some((format) => format.type === type) || OTHERS.split(' ').includes(type);
