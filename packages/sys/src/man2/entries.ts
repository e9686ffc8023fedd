/** Entries of folders that are given by descriptor. */
import type { Caller } from '../caller.ts';
import { AT_SYMLINK_NOFOLLOW } from '../const/at.ts';
import type { Int } from '../operand.ts';

/** Makes a directory, as mkdirat(2). `mode` before the umask. Errors: EEXIST, ENOENT … */
export const mkdirat = (sys: Caller, dirfd: Int, path: string, mode = 0o777) => sys.do('mkdirat', dirfd, path, mode);

/** Removes a name, as unlinkat(2); a directory with AT_REMOVEDIR. */
export const unlinkat = (sys: Caller, dirfd: Int, path: string, flags = 0) => sys.do('unlinkat', dirfd, path, flags);

/** Makes a symbolic link, as symlinkat(2). */
export const symlinkat = (sys: Caller, target: string, dirfd: Int, path: string) =>
  sys.do('symlinkat', target, dirfd, path);

/** Another name of a file, as linkat(2); of a symbolic link itself without AT_SYMLINK_FOLLOW. */
export const linkat = (sys: Caller, fromFd: Int, from: string, toFd: Int, to: string, flags = 0) =>
  sys.do('linkat', fromFd, from, toFd, to, flags);

/** Makes a file of any type, as mknodat(2). `mode` with S_IF* type; `device` as makedev(3) packs it. */
export const mknodat = (sys: Caller, dirfd: Int, path: string, mode: number, device = 0) =>
  sys.do('mknodat', dirfd, path, mode, device);

/** Renames, as renameat2(2). `flags`: RENAME_NOREPLACE, RENAME_EXCHANGE. EINVAL where the file system cannot do that. */
export const renameat2 = (sys: Caller, fromFd: Int, from: string, toFd: Int, to: string, flags = 0) =>
  sys.do('renameat2', fromFd, from, toFd, to, flags);

/** Owner and group of an entry itself, not of a link's target, as fchownat(2); -1 leaves one as it is. */
export const lchownat = (sys: Caller, dirfd: Int, path: string, uid: number, gid: number) =>
  sys.do('fchownat', dirfd, path, uid, gid, AT_SYMLINK_NOFOLLOW);

/** Permission bits of an entry, as fchmodat(2): of a link's target, where it is one. */
export const fchmodat = (sys: Caller, dirfd: Int, path: string, mode: number) => sys.do('fchmodat', dirfd, path, mode);

/** Permission bits of an open file, as fchmod(2). */
export const fchmod = (sys: Caller, fd: Int, mode: number) => sys.do('fchmod', fd, mode);

/** Owner and group of an open file, as fchown(2); -1 leaves one as it is. Clears set-id bits and capabilities of files. */
export const fchown = (sys: Caller, fd: Int, uid: number, gid: number) => sys.do('fchown', fd, uid, gid);

/** A point in time: seconds since 1970, perhaps before that, and nanoseconds. */
export interface Time {
  readonly seconds: bigint;
  readonly nanoseconds: number;
}

/** Sets time of access and of change of an entry itself, as utimensat(2); of the open file `dirfd` where `path` is null. */
export function utimensat(sys: Caller, dirfd: Int, path: string | null, access: Time, modification: Time) {
  const times = Buffer.alloc(32);
  for (const [index, { seconds, nanoseconds }] of [access, modification].entries()) {
    times.writeBigInt64LE(seconds, 16 * index);
    times.writeBigInt64LE(BigInt(nanoseconds), 16 * index + 8);
  }
  return sys.do('utimensat', dirfd, path, times, path === null ? 0 : AT_SYMLINK_NOFOLLOW);
}

/** Sets the length of an open file, in bytes, as ftruncate(2). */
export const ftruncate = (sys: Caller, fd: Int, size: number) => sys.do('ftruncate', fd, size);

/** Moves the place where an open file is read or written, as lseek(2). Result: the new offset in bytes; ENXIO for SEEK_DATA behind the last data. */
export const lseek = (sys: Caller, fd: Int, offset: number, whence: number) => sys.do('lseek', fd, offset, whence);

/** Locks an open file or directory, as flock(2), until its last descriptor is closed. EAGAIN with LOCK_NB where another has it. */
export const flock = (sys: Caller, fd: Int, operation: number) => sys.do('flock', fd, operation);

/** Sets an extended attribute of an open file, as fsetxattr(2). */
export const fsetxattr = (sys: Caller, fd: Int, name: string, value: Uint8Array, flags = 0) =>
  sys.do('fsetxattr', fd, name, value, value.length, flags);
