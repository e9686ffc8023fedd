/**
 * Files, by system calls: the one way of the project to look at them, read and write them.
 *
 * A path is text as ./bytes.ts has it, so that any name survives. What the kernel refuses is a `SysError` whose `context` names
 * operation and path. Interrupted calls are made again. A path with a NUL byte in it names no file: ENOENT.
 */
import { formatCall } from '#trace';
import { arch } from './arch.ts';
import { decode } from './bytes.ts';
import type { Call } from './calls.ts';
import { F_OK } from './const/access.ts';
import { AT_EMPTY_PATH, AT_FDCWD, AT_SYMLINK_NOFOLLOW } from './const/at.ts';
import { S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG, S_IFSOCK } from './const/mode.ts';
import { O_CLOEXEC, O_DIRECTORY, O_RDONLY } from './const/open.ts';
import { POLLFD, POLLIN } from './const/poll.ts';
import { errnoOf, SysError } from './errno.ts';
import { type Plain, plainCall } from './live.ts';
import type { Time } from './man2/entries.ts';
import { LibraryError } from './native.ts';
import { encodeStruct } from './struct.ts';

const ENOENT = 2;
const EINTR = 4;
const ENOTDIR = 20;
const EINVAL = 22;
const ELOOP = 40;
const MOST_LINKS = 40;
const PATH_SIZE = 8192;

let pathBytes: Buffer | undefined;

/** For one path that the kernel gives; kept from one call to the next. */
const pathMemory = (): Buffer => {
  pathBytes ??= Buffer.allocUnsafeSlow(PATH_SIZE);
  return pathBytes;
};

/** What is done to a file, in the words of "cannot … '/path'". */
type Doing =
  | 'close'
  | 'find'
  | 'open'
  | 'read'
  | 'read directory'
  | 'read link'
  | 'stat'
  | 'write'
  | 'change the mode of';

const refusal = (errno: number, doing: Doing, path: string | undefined, name: Call, ...operands: Plain[]) =>
  new SysError(
    name,
    errno,
    formatCall(name, operands),
    path === undefined ? `cannot ${doing}` : `cannot ${doing} '${path}'`,
  );

const hasNul = (operand: Plain) => typeof operand === 'string' && operand.includes('\0');

/** The kernel's result, or the negated errno. */
function attempted(name: Call, a: Plain, b: Plain = 0, c: Plain = 0, d: Plain = 0): number {
  // No C string can hold it, and no file has it in its name. Paths are the first operand or the second.
  if (hasNul(a) || hasNul(b)) return -ENOENT;
  for (;;) {
    const result = plainCall(name, a, b, c, d);
    if (result !== -EINTR) return result;
  }
}

function call(
  doing: Doing,
  path: string | undefined,
  name: Call,
  a: Plain,
  b: Plain = 0,
  c: Plain = 0,
  d: Plain = 0,
): number {
  const result = attempted(name, a, b, c, d);
  if (result < 0) throw refusal(-result, doing, path, name, a, b, c, d);
  return result;
}

/**
 * What `look` gives; undefined where the kernel refuses a call in it: that a file has gone, or is not ours to read, is often no
 * failure. Any other error passes.
 */
export function unlessRefused<Result>(look: () => Result): Result | undefined {
  try {
    return look();
  } catch (error) {
    if (error instanceof SysError) return undefined;
    throw error;
  }
}

/** What `look` gives; what the kernel refuses in it is said as `context`, with the exit status `status`. */
export function saying<Result>(context: string, look: () => Result, status?: number): Result {
  try {
    return look();
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
    throw new SysError(error.syscall, error.errno, error.call, context, status);
  }
}

/**
 * Opens a file; the descriptor is closed on execve. open(2)
 *
 * @param flags O_*. @param mode Permissions of a file that is made, less the umask.
 */
export const openFile = (path: string, flags = O_RDONLY, mode = 0): number =>
  call('open', path, 'openat', AT_FDCWD, path, flags | O_CLOEXEC, mode);

/** Closes a descriptor. close(2) */
export function closeFile(fd: number): void {
  const result = plainCall('close', fd);
  // Interrupted, it has closed it all the same.
  if (result < 0 && result !== -EINTR) throw refusal(-result, 'close', undefined, 'close', fd);
}

/** A descriptor of a file as long as `use` runs. */
export function withFile<Result>(path: string, flags: number, use: (fd: number) => Result): Result {
  const fd = openFile(path, flags);
  try {
    return use(fd);
  } finally {
    closeFile(fd);
  }
}

/**
 * Reads into `bytes` what one call gives, at `position` (bytes from the beginning) or where the descriptor stands. read(2), pread(2)
 *
 * @param path For the error. @returns How many bytes; 0 at the end.
 */
export function readInto(fd: number, bytes: Uint8Array, position?: number, path?: string): number {
  if (bytes.length === 0) return 0;
  return position === undefined
    ? call('read', path, 'read', fd, bytes, bytes.length)
    : call('read', path, 'pread64', fd, bytes, bytes.length, position);
}

const FIRST = 65_536;
/** Bytes of a text: some devices have no end. */
const MOST = 256 * 1024 * 1024;

/** Kept from one file to the next: most are the kernel's own, which are short and have no size. */
let memory: Buffer | undefined;

/** A file to its end, or the first `most` bytes of it. */
export const readBytes = (path: string, most: number): Buffer =>
  withFile(path, O_RDONLY, (fd) => readOpen(fd, most, path));

/** The same of an open one. @param path For the error. */
export function readOpen(fd: number, most: number, path?: string): Buffer {
  const chunks: Buffer[] = [];
  for (let [size, read] = [0, 1]; read > 0 && size < most; size += read) {
    const chunk = Buffer.allocUnsafe(Math.min(FIRST, most - size));
    read = readInto(fd, chunk, undefined, path);
    chunks.push(chunk.subarray(0, read));
  }
  return Buffer.concat(chunks);
}

const TIMESPEC = { seconds: 's64', nanoseconds: 's64' } as const;

/** Whether there is something to read, or nothing will come any more; waits `milliseconds` at most, less than 1000. ppoll(2) */
export function isReadable(fd: number, milliseconds: number): boolean {
  const asked = encodeStruct(POLLFD, { fd, events: POLLIN });
  const result = plainCall('ppoll', asked, 1, encodeStruct(TIMESPEC, { nanoseconds: milliseconds * 1_000_000 }), 0);
  if (result < 0 && result !== -EINTR) throw refusal(-result, 'read', undefined, 'ppoll', asked, 1, milliseconds, 0);
  return result > 0;
}

/** All of a file as text. */
export const readText = (path: string): string => withFile(path, O_RDONLY, (fd) => readOpenText(fd, path));

/** The same of an open one, from where it stands. @param path For the error. */
export function readOpenText(fd: number, path?: string): string {
  let bytes = memory ?? Buffer.allocUnsafeSlow(FIRST);
  let size = 0;
  for (;;) {
    if (size >= MOST) throw new RangeError(`${path ?? `descriptor ${fd}`} is larger than ${MOST} bytes`);
    if (size === bytes.length) bytes = Buffer.concat([bytes], 2 * size);
    const read = readInto(fd, bytes.subarray(size), undefined, path);
    if (read === 0) break;
    size += read;
  }
  memory = bytes;
  return decode(bytes.subarray(0, size));
}

/** Writes what one call takes of `bytes`. write(2) @returns How many bytes. */
export function writeSome(fd: number, bytes: Uint8Array): number {
  if (bytes.length === 0) return 0;
  try {
    return call('write', undefined, 'write', fd, bytes, bytes.length);
  } catch (error) {
    if (!(error instanceof LibraryError)) throw error;
    return writeWithoutLibrary(fd, bytes);
  }
}

/** Writes all of `bytes`, by `write` as often as it takes. */
export function writeAll(fd: number, bytes: Uint8Array, write = writeSome): void {
  for (let at = 0; at < bytes.length; ) at += write(fd, bytes.subarray(at));
}

/** That no system call can be made has to be said all the same. */
function writeWithoutLibrary(fd: number, bytes: Uint8Array): number {
  try {
    return process.getBuiltinModule('node:fs').writeSync(fd, bytes);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw refusal(errnoOf(code), 'write', undefined, 'write', fd, bytes, bytes.length);
  }
}

/** Whether the process may use a file so: R_OK, W_OK, X_OK. By its real ids. access(2) */
export const mayUse = (path: string, mode: number): boolean => attempted('faccessat', AT_FDCWD, path, mode) === 0;

/** Whether there is a file; a link that leads nowhere is none. */
export const isThere = (path: string): boolean => mayUse(path, F_OK);

/** Types of files, inode(7). */
const TYPES = new Map([
  [S_IFREG, 'file'],
  [S_IFDIR, 'directory'],
  [S_IFLNK, 'link'],
  [S_IFBLK, 'block'],
  [S_IFCHR, 'character'],
  [S_IFIFO, 'fifo'],
  [S_IFSOCK, 'socket'],
] as const);

/** `unknown`: the file system does not say it, or it is none of those. */
export type FileType = 'file' | 'directory' | 'link' | 'block' | 'character' | 'fifo' | 'socket' | 'unknown';

const typeOf = (bits: number): FileType => (TYPES as ReadonlyMap<number, FileType>).get(bits) ?? 'unknown';

/** What stat(2) says of a file. */
export interface FileStatus {
  readonly type: FileType;
  /** Type (S_IFMT) and permissions. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** In bytes. */
  readonly size: number;
  /** Device that it lies on. */
  readonly dev: number;
  /** Inode number: any 64 bits. */
  readonly ino: bigint;
  /** Device that it is. */
  readonly rdev: number;
  readonly nlink: number;
  readonly atime: Time;
  readonly mtime: Time;
}

/** Where the fields of struct stat lie (asm/stat.h), in bytes; `width` of the two that differ in it. */
const PLACES = {
  x64: { mode: 24, nlink: 16, width: 8, uid: 28, gid: 32, rdev: 40 },
  arm64: { mode: 16, nlink: 20, width: 4, uid: 24, gid: 28, rdev: 32 },
} as const;
const STAT_SIZE = 144;
const SIZE = 48;
const ATIME = 72;
const MTIME = 88;

const timeAt = (bytes: Buffer, at: number): Time => ({
  seconds: bytes.readBigInt64LE(at),
  nanoseconds: Number(bytes.readBigUInt64LE(at + 8)),
});

function statusOf(bytes: Buffer): FileStatus {
  const at = PLACES[arch];
  const mode = bytes.readUInt32LE(at.mode);
  return {
    type: typeOf(mode & S_IFMT),
    mode,
    uid: bytes.readUInt32LE(at.uid),
    gid: bytes.readUInt32LE(at.gid),
    size: Number(bytes.readBigUInt64LE(SIZE)),
    dev: Number(bytes.readBigUInt64LE(0)),
    ino: bytes.readBigUInt64LE(8),
    rdev: Number(bytes.readBigUInt64LE(at.rdev)),
    nlink: bytes.readUIntLE(at.nlink, at.width === 8 ? 6 : 4),
    atime: timeAt(bytes, ATIME),
    mtime: timeAt(bytes, MTIME),
  };
}

function statAt(directory: number, path: string, flags: number, shown?: string): FileStatus {
  const bytes = Buffer.alloc(STAT_SIZE);
  call('stat', shown, 'newfstatat', directory, path, bytes, flags);
  return statusOf(bytes);
}

function statIfAny(path: string, flags: number): FileStatus | undefined {
  const bytes = Buffer.alloc(STAT_SIZE);
  const result = attempted('newfstatat', AT_FDCWD, path, bytes, flags);
  if (result === -ENOENT) return undefined;
  if (result < 0) throw refusal(-result, 'stat', path, 'newfstatat', AT_FDCWD, path, bytes, flags);
  return statusOf(bytes);
}

/** Of what a path leads to. */
export const stat = (path: string): FileStatus => statAt(AT_FDCWD, path, 0, path);

/** Of the path itself, be it a link. */
export const lstat = (path: string): FileStatus => statAt(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, path);

/** Of an open file. */
export const fstat = (fd: number): FileStatus => statAt(fd, '', AT_EMPTY_PATH);

/** Of what lies in an open directory, be it a link. @param shown Its path for the error. */
export const lstatIn = (directory: number, name: string, shown: string): FileStatus =>
  statAt(directory, name, AT_SYMLINK_NOFOLLOW, shown);

/** As `stat`; undefined where there is none (ENOENT). */
export const statIfThere = (path: string): FileStatus | undefined => statIfAny(path, 0);

/** As `lstat`; undefined where there is none (ENOENT). */
export const lstatIfThere = (path: string): FileStatus | undefined => statIfAny(path, AT_SYMLINK_NOFOLLOW);

/** Sets the permissions of an open file, whatever the umask. fchmod(2) */
export const changeMode = (fd: number, mode: number): void => {
  call('change the mode of', undefined, 'fchmod', fd, mode);
};

/** Bytes of latin1 as text. Most names are ASCII, which needs no decoding. */
const nameOf = (latin1: string) => (/[^\0-\x7f]/.test(latin1) ? decode(Buffer.from(latin1, 'latin1')) : latin1);

/** What a symbolic link says. readlink(2) */
export function readLink(path: string): string {
  const target = pathMemory();
  const size = call('read link', path, 'readlinkat', AT_FDCWD, path, target, target.length);
  return nameOf(target.toString('latin1', 0, size));
}

export interface DirectoryEntry {
  readonly name: string;
  readonly type: FileType;
}

/** struct linux_dirent64: where its size, its type and its name lie, in bytes. */
const ENTRY = { size: 16, type: 18, name: 19 } as const;
const FOLDER_CHUNK = 32_768;

/** Reads a directory piece by piece into `bytes`; gives the size of each piece. */
function* piecesOf(path: string, bytes: Buffer): Generator<number> {
  const fd = call('read directory', path, 'openat', AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
  try {
    for (;;) {
      const size = call('read directory', path, 'getdents64', fd, bytes, bytes.length);
      if (size === 0) return;
      yield size;
    }
  } finally {
    closeFile(fd);
  }
}

/** An entry's name as bytes of latin1, which sort as bytes do. */
const rawName = (bytes: Buffer, at: number) =>
  bytes.toString('latin1', at + ENTRY.name, bytes.indexOf(0, at + ENTRY.name));
const isNamed = (name: string) => name !== '.' && name !== '..';

/** Entries of a directory in its own order, without "." and "..", as they are read. getdents64(2) */
export function* entries(path: string): Generator<DirectoryEntry> {
  const bytes = Buffer.allocUnsafeSlow(FOLDER_CHUNK);
  for (const size of piecesOf(path, bytes))
    for (let at = 0; at < size; at += bytes.readUInt16LE(at + ENTRY.size)) {
      const name = rawName(bytes, at);
      // The type of an entry is that of struct stat's mode, shifted.
      if (isNamed(name)) yield { name: nameOf(name), type: typeOf((bytes[at + ENTRY.type] as number) << 12) };
    }
}

/** Kept for `list`, which needs it for no longer than its own run. */
let folderBytes: Buffer | undefined;

/** Names in a directory, sorted by their bytes. */
export function list(path: string): string[] {
  folderBytes ??= Buffer.allocUnsafeSlow(FOLDER_CHUNK);
  const names: string[] = [];
  for (const size of piecesOf(path, folderBytes))
    for (let at = 0; at < size; at += folderBytes.readUInt16LE(at + ENTRY.size)) {
      const name = rawName(folderBytes, at);
      if (isNamed(name)) names.push(name);
    }
  return names.sort().map(nameOf);
}

/** The kernel's own answer: the working directory may have been changed behind the runtime's back. */
function workingDirectory(asked: string): string {
  const bytes = pathMemory();
  const size = call('find', asked, 'getcwd', bytes, bytes.length);
  const path = decode(bytes.subarray(0, size - 1));
  // "(unreachable)/…" where it lies outside of the root.
  if (!path.startsWith('/')) throw refusal(ENOENT, 'find', asked, 'getcwd', bytes, bytes.length);
  return path;
}

/** A path without symbolic links, "." and "..", from the root; there must be such a file. As realpath(3), without /proc. */
export function canonicalPath(path: string): string {
  const refuse = (errno: number) => refusal(errno, 'find', path, 'readlinkat', AT_FDCWD, path, pathMemory(), PATH_SIZE);
  if (path === '') throw refuse(ENOENT);
  // Not by resolve(): what ".." means depends on the links before it.
  const rest = (path.startsWith('/') ? path : `${workingDirectory(path)}/${path}`).split('/').filter(Boolean);
  if (path.endsWith('/')) rest.push('.');
  let done = '';
  let links = 0;
  for (let name = rest.shift(); name !== undefined; name = rest.shift()) {
    if (name === '.' || name === '..') {
      if (done && statAt(AT_FDCWD, done, AT_SYMLINK_NOFOLLOW, path).type !== 'directory') throw refuse(ENOTDIR);
      if (name === '..') done = done.slice(0, Math.max(0, done.lastIndexOf('/')));
      continue;
    }
    const target = targetOf(`${done}/${name}`, path);
    if (target === undefined) {
      done = `${done}/${name}`;
      continue;
    }
    if (++links > MOST_LINKS) throw refuse(ELOOP);
    if (target.startsWith('/')) done = '';
    rest.unshift(...target.split('/').filter(Boolean), ...(target.endsWith('/') ? ['.'] : []));
  }
  return done || '/';
}

/** What a symbolic link says; undefined where it is something else. */
function targetOf(path: string, asked: string): string | undefined {
  const target = pathMemory();
  const size = attempted('readlinkat', AT_FDCWD, path, target, target.length);
  if (size === -EINVAL) return undefined;
  if (size < 0) throw refusal(-size, 'find', asked, 'readlinkat', AT_FDCWD, path, target, target.length);
  return nameOf(target.toString('latin1', 0, size));
}
