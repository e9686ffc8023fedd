import type { Caller } from '../caller.ts';
import type { Int, Path } from '../operand.ts';
import { decodeStruct, encodeStruct } from '../struct.ts';

/**
 * Attaches a file system, or changes a mount, as mount(2).
 *
 * @param flags MS_*, or'ed. @param data Options of the file system, comma-separated.
 * @throws EPERM, EINVAL, EBUSY, ENODEV for a type the kernel lacks, ENOENT, ENOTDIR, ELOOP, ENOSPC at fs.mount-max.
 */
export const mount = (
  sys: Caller,
  source: Path | null,
  target: string,
  type: string | null,
  flags: number,
  data: string | null = null,
) => sys.do('mount', source, target, type, flags, data);

/** Detaches a mount, as umount2(2). `flags`: MNT_DETACH, MNT_FORCE, MNT_EXPIRE, UMOUNT_NOFOLLOW. Errors: EBUSY, EINVAL, EPERM. */
export const umount2 = (sys: Caller, target: string, flags = 0) => sys.do('umount2', target, flags);

/** Swaps the root mount, as pivot_root(2). Errors: EINVAL (new root no mount point, shared propagation), EBUSY, EPERM. */
export const pivot_root = (sys: Caller, newRoot: string, putOld: string) => sys.do('pivot_root', newRoot, putOld);

/** Changes the root directory of the caller, as chroot(2). Errors: EPERM without CAP_SYS_CHROOT, ENOENT, ENOTDIR. */
export const chroot = (sys: Caller, path: string) => sys.do('chroot', path);

/** Changes the working directory, as chdir(2). */
export const chdir = (sys: Caller, path: string) => sys.do('chdir', path);

/** Changes the working directory to an open one, as fchdir(2). */
export const fchdir = (sys: Caller, fd: Int) => sys.do('fchdir', fd);

/** A descriptor of a mount, or with OPEN_TREE_CLONE of a detached copy of it, as open_tree(2). Since Linux 5.2. */
export const open_tree = (sys: Caller, dirfd: Int, path: string, flags: number) =>
  sys.do('open_tree', dirfd, path, flags);

/** Attaches or moves a mount given by descriptor or path, as move_mount(2). Since Linux 5.2. */
export const move_mount = (sys: Caller, fromFd: Int, from: string, toFd: Int, to: string, flags: number) =>
  sys.do('move_mount', fromFd, from, toFd, to, flags);

/** A context in which a file system is configured, as fsopen(2). ENODEV for a type the kernel lacks. Since Linux 5.2. */
export const fsopen = (sys: Caller, type: string, flags: number) => sys.do('fsopen', type, flags);

/** Sets a parameter of a file-system context, or acts on it (FSCONFIG_*), as fsconfig(2). */
export const fsconfig = (
  sys: Caller,
  fd: Int,
  command: number,
  key: string | null,
  value: string | Uint8Array | null,
  aux: Int = 0,
) => sys.do('fsconfig', fd, command, key, value, aux);

/** A detached mount of a configured context, as fsmount(2). `attributes`: MOUNT_ATTR_*. */
export const fsmount = (sys: Caller, fd: Int, flags: number, attributes: number) =>
  sys.do('fsmount', fd, flags, attributes);

/** A context of a mounted file system, for reconfiguring it, as fspick(2). */
export const fspick = (sys: Caller, dirfd: Int, path: string, flags: number) => sys.do('fspick', dirfd, path, flags);

const MOUNT_ATTR = { attr_set: 'u64', attr_clr: 'u64', propagation: 'u64', userns_fd: 'u64' } as const;

/**
 * Changes attributes of a mount, with AT_RECURSIVE of the tree below it, as mount_setattr(2). Since Linux 5.12.
 *
 * @param set, clear MOUNT_ATTR_*. @param propagation MS_SHARED, MS_SLAVE, MS_PRIVATE, MS_UNBINDABLE or 0.
 * @param usernsFd The user namespace of MOUNT_ATTR_IDMAP; on a tape it is put into the structure by `Recording.fill`.
 */
export const mount_setattr = (
  sys: Caller,
  dirfd: Int,
  path: string,
  flags: number,
  change: { set?: number; clear?: number; propagation?: number; usernsFd?: number },
) => {
  const attributes = encodeStruct(MOUNT_ATTR, {
    attr_set: change.set ?? 0,
    attr_clr: change.clear ?? 0,
    propagation: change.propagation ?? 0,
    userns_fd: change.usernsFd ?? 0,
  });
  return sys.do('mount_setattr', dirfd, path, flags, attributes, attributes.length);
};

const STATFS = {
  type: 's64',
  bsize: 's64',
  blocks: 'u64',
  bfree: 'u64',
  bavail: 'u64',
  files: 'u64',
  ffree: 'u64',
  fsid0: 's32',
  fsid1: 's32',
  namelen: 's64',
  frsize: 's64',
  flags: 's64',
} as const;

/** The file system that holds a path, as statfs(2): type is a *_MAGIC, sizes are in blocks of `bsize` bytes. */
export function statfs(sys: Caller, path: string) {
  const buffer = Buffer.alloc(120);
  sys.look('statfs', path, buffer);
  return decodeStatfs(buffer);
}

const decodeStatfs = (buffer: Buffer) => {
  const { type, bsize, blocks, bfree, bavail, files, ffree, flags } = decodeStruct(STATFS, buffer);
  return { type: Number(type), bsize: Number(bsize), blocks, bfree, bavail, files, ffree, flags: Number(flags) };
};
