/** Data of files: where it is, how it is read, how it is copied with its holes. */
import { setImmediate } from 'node:timers/promises';
import {
  fstat,
  isReadable,
  type LiveSys,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_RDONLY,
  readInto,
  SEEK_DATA,
  SEEK_HOLE,
  SEEK_SET,
  SysError,
  writeAll,
} from '@ts/sys';
import { isCode, LayerError } from './errors.ts';
import type { Content, Extent } from './tar.ts';
import { type Found, isSame, moved } from './walk.ts';

const CHUNK = 128 * 1024;

/** Opens a file that was looked at. What has been put in its place is refused, and keeps nobody waiting. */
export function openFile(sys: LiveSys, { folder, name, path, stat }: Found): number {
  const fd = sys.or(`cannot open '${path}'`).openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (isSame(stat, fstat(fd))) return fd;
  sys.close(fd);
  throw moved(path);
}

/** All of an open file that is not a hole. */
export function extentsOf(sys: LiveSys, fd: number, size: number): Extent[] {
  const extents: Extent[] = [];
  for (let at = 0; at < size; ) {
    let start: number;
    try {
      start = sys.lseek(fd, at, SEEK_DATA);
    } catch (error) {
      if (!(error instanceof SysError) || error.code === 'ENXIO') break;
      if (error.code === 'EINVAL') return [{ offset: 0, size }]; // the file system does not tell
      throw error;
    }
    const end = Math.min(size, sys.lseek(fd, start, SEEK_HOLE));
    if (end > start) extents.push({ offset: start, size: end - start });
    at = end;
  }
  return extents;
}

/** Reads parts of an open file; a file that has become shorter meanwhile is an error. */
export function* read(sys: LiveSys, fd: number, extents: readonly Extent[], path: string): Generator<Buffer> {
  for (const { offset, size } of extents) {
    sys.lseek(fd, offset, SEEK_SET);
    for (let left = size; left > 0; ) {
      const buffer = Buffer.allocUnsafe(Math.min(CHUNK, left));
      const length = sys.or(`cannot read '${path}'`).read(fd, buffer);
      if (length === 0) throw new LayerError(`'${path}' has changed while it was read`);
      yield buffer.subarray(0, length);
      left -= length;
    }
  }
}

/** Bytes read at once from an archive. */
const PIECE = 256 * 1024;

/**
 * Bytes of an open file that can be read anywhere.
 *
 * @param path For the error. @param offset Where it begins, in bytes. @param size How many at most.
 */
export function* bytesOf(fd: number, path: string, offset = 0, size = Number.POSITIVE_INFINITY): Generator<Buffer> {
  for (let at = 0; at < size; ) {
    const piece = Buffer.allocUnsafe(Math.min(PIECE, size - at));
    const length = readInto(fd, piece, offset + at, path);
    if (length === 0) return;
    yield piece.subarray(0, length);
    at += length;
  }
}

/** How long a call waits at most, in milliseconds: signals, and what else is to be done, are heard in between. */
const PATIENCE = 20;

/** Bytes of what has to be waited for: a pipe, a socket, a terminal. @param path For the error. */
export async function* arriving(fd: number, path: string): AsyncGenerator<Buffer> {
  for (;;) {
    while (!isReadable(fd, PATIENCE)) await setImmediate();
    const piece = Buffer.allocUnsafe(PIECE);
    const length = readIfThere(fd, piece, path);
    if (length === 0) return;
    if (length) yield piece.subarray(0, length);
  }
}

/** The same as `readInto`; undefined where another process has read it meanwhile. */
function readIfThere(fd: number, piece: Buffer, path: string): number | undefined {
  try {
    return readInto(fd, piece, undefined, path);
  } catch (error) {
    if (isCode(error, 'EAGAIN')) return undefined;
    throw error;
  }
}

/** Closes the descriptor behind the last byte, or when nobody wants more. */
export async function* closing(sys: LiveSys, fd: number, source: Content): AsyncGenerator<Uint8Array> {
  try {
    yield* source;
  } finally {
    sys.close(fd);
  }
}

/** Writes all of it. */
export const writeBytes = (sys: LiveSys, fd: number, bytes: Uint8Array): void =>
  writeAll(fd, bytes, (to, rest) => sys.write(to, rest));

/** Blocks are shared or copied by the kernel, where it can. */
const NO_SUCH_WAY = ['EOPNOTSUPP', 'EXDEV', 'EINVAL', 'ENOSYS', 'EBADF', 'EPERM'];

/** Copies the data of an open file to an empty one; holes stay holes. */
export function copyData(sys: LiveSys, from: number, to: number, size: number, path: string): void {
  const writing = sys.or(`cannot copy '${path}'`);
  for (const extent of extentsOf(sys, from, size)) {
    writing.lseek(from, extent.offset, SEEK_SET);
    writing.lseek(to, extent.offset, SEEK_SET);
    let left = extent.size;
    try {
      while (left > 0) {
        const copied = writing.do('copy_file_range', from, null, to, null, left, 0);
        if (copied === 0) break;
        left -= copied;
      }
    } catch (error) {
      if (!(error instanceof SysError) || !NO_SUCH_WAY.includes(error.code)) throw error;
    }
    const rest = { offset: extent.offset + extent.size - left, size: left };
    if (left) {
      writing.lseek(to, rest.offset, SEEK_SET);
      for (const chunk of read(sys, from, [rest], path)) writeBytes(writing, to, chunk);
    }
  }
  writing.ftruncate(to, size);
}
