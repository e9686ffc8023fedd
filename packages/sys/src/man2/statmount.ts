import { decode } from '../bytes.ts';
import type { Caller } from '../caller.ts';
import { AT_FDCWD, AT_NO_AUTOMOUNT } from '../const/at.ts';
import {
  STATMOUNT_MNT_BASIC,
  STATMOUNT_MNT_GIDMAP,
  STATMOUNT_MNT_UIDMAP,
  STATX_MNT_ID_UNIQUE,
} from '../const/statmount.ts';
import { encodeStruct } from '../struct.ts';

const STATX_SIZE = 256;
const STX_MNT_ID = 144;

/** Id of the mount that a path leads to, as statx(2): never used again for another one. 0n before Linux 6.8. */
export function uniqueMountId(sys: Caller, path: string): bigint {
  const buffer = Buffer.alloc(STATX_SIZE);
  sys.look('statx', AT_FDCWD, path, AT_NO_AUTOMOUNT, STATX_MNT_ID_UNIQUE, buffer);
  return buffer.readUInt32LE(0) & STATX_MNT_ID_UNIQUE ? buffer.readBigUInt64LE(STX_MNT_ID) : 0n;
}

const REQUEST = { size: 'u32', spare: 'u32', mnt_id: 'u64', param: 'u64' } as const;

/** Offsets in struct statmount; its strings lie behind it. */
const MASK = 8;
const MNT_ID_OLD = 56;
const UIDMAP = 152;
const GIDMAP = 160;
const STRINGS = 512;

/**
 * The id maps of an idmapped mount, as statmount(2) shows them: lines "inner outer count", outer ids as the caller sees them.
 *
 * @param id As `uniqueMountId` gives it. Result: with the id that /proc/PID/mountinfo has for the mount; maps are undefined
 *   before Linux 6.15. @throws ENOSYS before Linux 6.8, ENOENT, EPERM.
 */
export function statmount(sys: Caller, id: bigint) {
  const mask = STATMOUNT_MNT_BASIC | STATMOUNT_MNT_UIDMAP | STATMOUNT_MNT_GIDMAP;
  const request = encodeStruct(REQUEST, { size: 24, mnt_id: id, param: mask });
  const buffer = Buffer.alloc(1 << 16);
  sys.look('statmount', request, buffer, buffer.length, 0);
  const lines = (bit: number, at: number) => {
    if (!(buffer.readUInt32LE(MASK) & bit)) return undefined;
    const count = buffer.readUInt32LE(at);
    const start = STRINGS + buffer.readUInt32LE(at + 4);
    return decode(buffer.subarray(start)).split('\0').slice(0, count).join('\n');
  };
  return {
    mountinfoId: buffer.readUInt32LE(MNT_ID_OLD),
    uidMap: lines(STATMOUNT_MNT_UIDMAP, UIDMAP),
    gidMap: lines(STATMOUNT_MNT_GIDMAP, GIDMAP),
  };
}
