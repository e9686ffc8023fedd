/**
 * Capabilities of files: the extended attribute security.capability, linux/capability.h and capabilities(7).
 *
 *     revision and flags | permitted 0-31 | inheritable 0-31 | permitted 32-63 | inheritable 32-63 | root id
 *
 * All are 32-bit little-endian words. Revision 1 ends behind the first pair, revision 2 before the root id.
 */
import { type CapabilitySets, errnoName, errnoOf, type LiveSys, quote, SysError } from '@ts/sys';

export const FILE_CAPABILITIES = 'security.capability';

export interface FileCapabilities {
  /** A file has an effective flag, not a set: the effective set is empty, or all that is permitted or inheritable. */
  readonly sets: CapabilitySets;
  /** The user that is root of the user namespace in which they count; 0 in revisions without it. */
  readonly rootId: number;
}

const REVISION_1 = 0x0100_0000;
const REVISION_2 = 0x0200_0000;
const REVISION_3 = 0x0300_0000;
const REVISION_MASK = 0xff00_0000;
const EFFECTIVE = 1;

const SIZES: Readonly<Record<number, number>> = { [REVISION_1]: 12, [REVISION_2]: 20, [REVISION_3]: 24 };

const LOW = 0xffff_ffffn;

/** Whether a file can have these sets: the effective one empty, or with all that is permitted or inheritable. */
export const fitsFile = ({ effective, permitted, inheritable }: CapabilitySets): boolean =>
  effective === 0n || ((permitted | inheritable) & ~effective) === 0n;

/** Whether a kernel with `count` capabilities gives a program just these sets: no more is effective, and none is unknown. */
export const makesSense = ({ effective, permitted, inheritable }: CapabilitySets, count: number): boolean =>
  (effective & ~(permitted | inheritable)) === 0n && (permitted | inheritable) >> BigInt(count) === 0n;

/** The attribute of sets that `fitsFile`: revision 2, or 3 where a root id other than 0 is given. */
export function encodeFileCapabilities({ sets, rootId }: FileCapabilities): Buffer {
  const revision = rootId === 0 ? REVISION_2 : REVISION_3;
  const bytes = Buffer.alloc(SIZES[revision] as number);
  bytes.writeUInt32LE((revision | (sets.effective ? EFFECTIVE : 0)) >>> 0, 0);
  for (const [offset, shift] of [
    [4, 0n],
    [12, 32n],
  ] as const) {
    bytes.writeUInt32LE(Number((sets.permitted >> shift) & LOW), offset);
    bytes.writeUInt32LE(Number((sets.inheritable >> shift) & LOW), offset + 4);
  }
  if (revision === REVISION_3) bytes.writeUInt32LE(rootId >>> 0, 20);
  return bytes;
}

/** What an attribute says; undefined for a revision or a size that is not known. */
export function decodeFileCapabilities(bytes: Buffer): FileCapabilities | undefined {
  if (bytes.length < 4) return undefined;
  const magic = bytes.readUInt32LE(0);
  const revision = (magic & REVISION_MASK) >>> 0;
  if (SIZES[revision] !== bytes.length) return undefined;
  const set = (offset: number) =>
    BigInt(bytes.readUInt32LE(offset)) | (revision === REVISION_1 ? 0n : BigInt(bytes.readUInt32LE(offset + 8)) << 32n);
  const [permitted, inheritable] = [set(4), set(8)];
  return {
    sets: { permitted, inheritable, effective: magic & EFFECTIVE ? permitted | inheritable : 0n },
    rootId: revision === REVISION_3 ? bytes.readUInt32LE(20) : 0,
  };
}

/** What says that a file has none: no attribute, or a file system that keeps none. */
const NONE = ['ENODATA', 'EOPNOTSUPP'];

/** Capabilities of a file, undefined where it has none. Throws SysError; EINVAL where the attribute is none that is known. */
export function readFileCapabilities(sys: LiveSys, path: string): FileCapabilities | undefined {
  const value = Buffer.alloc(SIZES[REVISION_3] as number);
  const length = sys.ignoring().look('getxattr', path, FILE_CAPABILITIES, value, value.length);
  if (NONE.includes(errnoName(-length))) return undefined;
  const capabilities = length < 0 ? undefined : decodeFileCapabilities(value.subarray(0, length));
  if (!capabilities)
    throw new SysError('getxattr', length < 0 ? -length : errnoOf('EINVAL'), `getxattr(${quote(path)})`);
  return capabilities;
}
