import type { Caller } from '../caller.ts';
import { AT_FDCWD, AT_REMOVEDIR, AT_SYMLINK_NOFOLLOW } from '../const/at.ts';
import { F_DUPFD_CLOEXEC, F_SETFD, FD_CLOEXEC } from '../const/fcntl.ts';
import { O_CLOEXEC } from '../const/open.ts';
import type { Int, Path } from '../operand.ts';
import { encodeStruct } from '../struct.ts';

/** Opens a file, as open(2); O_CLOEXEC is added. `mode` for files that it creates. */
export const open = (sys: Caller, path: Path, flags: number, mode = 0) =>
  sys.do('openat', AT_FDCWD, path, flags | O_CLOEXEC, mode);

/** Opens a file relative to a directory descriptor, as openat(2); O_CLOEXEC is added. */
export const openat = (sys: Caller, dirfd: Int, path: string, flags: number, mode = 0) =>
  sys.do('openat', dirfd, path, flags | O_CLOEXEC, mode);

const OPEN_HOW = { flags: 'u64', mode: 'u64', resolve: 'u64' } as const;

/** Opens a file with rules for its path (RESOLVE_*), as openat2(2); O_CLOEXEC is added. Since Linux 5.6. */
export const openat2 = (
  sys: Caller,
  dirfd: Int,
  path: string,
  how: { flags: number; mode?: number; resolve?: number },
) => {
  const bytes = encodeStruct(OPEN_HOW, {
    flags: how.flags | O_CLOEXEC,
    mode: how.mode ?? 0,
    resolve: how.resolve ?? 0,
  });
  return sys.do('openat2', dirfd, path, bytes, bytes.length);
};

/** Closes a descriptor, as close(2). */
export const close = (sys: Caller, fd: Int) => sys.do('close', fd);

/** Reads up to the buffer's size, as read(2). Result: bytes read. */
export const read = (sys: Caller, fd: Int, buffer: Uint8Array) => sys.do('read', fd, buffer, buffer.length);

/** Writes a buffer, as write(2). Result: bytes written, which for the kernel's own files is all or an error. */
export const write = (sys: Caller, fd: Int, data: Uint8Array) => sys.do('write', fd, data, data.length);

/** Sets or clears FD_CLOEXEC, as fcntl(2) F_SETFD. */
export const setCloexec = (sys: Caller, fd: Int, on: boolean) => sys.do('fcntl', fd, F_SETFD, on ? FD_CLOEXEC : 0);

/** Another descriptor of the same open file, at least `from`, close-on-exec, as fcntl(2) F_DUPFD_CLOEXEC. */
export const dup = (sys: Caller, fd: Int, from = 0) => sys.do('fcntl', fd, F_DUPFD_CLOEXEC, from);

/** Makes `to` a descriptor of what `fd` is, as dup3(2); inherited across execve unless O_CLOEXEC is given. */
export const dup3 = (sys: Caller, fd: Int, to: number, flags = 0) => sys.do('dup3', fd, to, flags);

/** Makes a directory, as mkdir(2). `mode` before the umask. Errors: EEXIST, ENOENT, EROFS … */
export const mkdir = (sys: Caller, path: string, mode = 0o777) => sys.do('mkdirat', AT_FDCWD, path, mode);

/** Removes an empty directory, as rmdir(2). */
export const rmdir = (sys: Caller, path: string) => sys.do('unlinkat', AT_FDCWD, path, AT_REMOVEDIR);

/** Removes a name of a file, as unlink(2). */
export const unlink = (sys: Caller, path: string) => sys.do('unlinkat', AT_FDCWD, path, 0);

/** Makes a symbolic link, as symlink(2). */
export const symlink = (sys: Caller, target: string, path: string) => sys.do('symlinkat', target, AT_FDCWD, path);

/** Changes permission bits, as chmod(2). */
export const chmod = (sys: Caller, path: string, mode: number) => sys.do('fchmodat', AT_FDCWD, path, mode);

/** Changes owner and group, as chown(2); -1 leaves one as it is. */
export const chown = (sys: Caller, path: string, uid: number, gid: number) =>
  sys.do('fchownat', AT_FDCWD, path, uid, gid, 0);

/** The same of a symbolic link itself, as lchown(2). */
export const lchown = (sys: Caller, path: string, uid: number, gid: number) =>
  sys.do('fchownat', AT_FDCWD, path, uid, gid, AT_SYMLINK_NOFOLLOW);

/** Makes a file of any type, as mknod(2). `mode` with S_IF* type; `device` as makedev(3) packs it. */
export const mknod = (sys: Caller, path: string, mode: number, device = 0) =>
  sys.do('mknodat', AT_FDCWD, path, mode, device);

/** Sets the file mode creation mask, as umask(2). Result: the previous one. */
export const umask = (sys: Caller, mask: number) => sys.do('umask', mask);

/** A nameless file in memory, as memfd_create(2). `flags`: MFD_*. EINVAL for a flag the kernel lacks, EACCES under vm.memfd_noexec. */
export const memfd_create = (sys: Caller, name: string, flags: number) => sys.do('memfd_create', name, flags);

/** Any ioctl(2) with an integer argument. */
export const ioctl = (sys: Caller, fd: Int, request: number, argument: number | Uint8Array = 0) =>
  sys.do('ioctl', fd, request, argument);

/** A counter as a descriptor, close-on-exec, as eventfd2(2): a read waits until something was written. */
export const eventfd = (sys: Caller, initial = 0) => sys.do('eventfd2', initial, O_CLOEXEC);
