/** Bytes of a device or an image, by offset. Everything that looks at them is given this, so that tests need no device. */
import { type FileStatus, fstat, O_NONBLOCK, O_RDONLY, readInto, readText, stat, withFile } from '@ts/sys';
import { numberOf } from './text.ts';

export interface Source {
  /** In bytes. */
  readonly size: number;
  /** A CD or DVD: neither members of arrays nor swap are looked for. */
  readonly isDisc?: boolean;
  /** These bytes, all of them; undefined where they do not lie within the source. @throws SysError (EIO). */
  read(offset: number, length: number): Buffer | undefined;
}

/** As libblkid: more than a floppy disk holds. */
const TINY = 1440 * 1024;
export const isTiny = ({ size }: Source): boolean => size <= TINY;

/** No reader asks for more at once: lengths come from the very bytes that are not to be trusted. */
const MOST = 2 << 20;

/** Bytes at the start that are read in one go: nearly all formats are told by them. */
const START = 68 << 10;

/** What a descriptor reads; its position stays. */
export function fdSource(fd: number, size: number, isDisc = false): Source {
  const readAt = (offset: number, length: number) => {
    const bytes = Buffer.allocUnsafe(length);
    let done = 0;
    while (done < length) {
      const count = readInto(fd, bytes.subarray(done), offset + done);
      if (count === 0) break;
      done += count;
    }
    return bytes.subarray(0, done);
  };
  let start: Buffer | undefined;
  return {
    size,
    isDisc,
    read(offset, length) {
      if (offset < 0 || length < 0 || length > MOST || !(offset + length <= size)) return undefined;
      if (offset + length <= START) {
        start ??= readAt(0, Math.min(START, size));
        return offset + length <= start.length ? start.subarray(offset, offset + length) : undefined;
      }
      const bytes = readAt(offset, length);
      return bytes.length === length ? bytes : undefined;
    },
  };
}

/** A part of a source, as a loop device with this offset and this limit shows it; a limit of 0 is none. */
export function partOf(source: Source, offset: number, limit: number): Source {
  const rest = Math.max(0, source.size - offset);
  const size = limit === 0 ? rest : Math.min(limit, rest);
  return {
    ...source,
    size,
    read: (at, length) => (at < 0 || !(at + length <= size) ? undefined : source.read(offset + at, length)),
  };
}

/** "254:0": how /sys and /proc write the number of a device. */
export const deviceNumber = (rdev: number): string =>
  `${((rdev >>> 8) & 0xfff) | (Math.floor(rdev / 2 ** 32) & ~0xfff)}:${(rdev & 0xff) | ((rdev >>> 12) & 0xfff00)}`;

function sizeOf(status: FileStatus): number | undefined {
  if (status.type === 'file') return status.size;
  if (status.type !== 'block') return undefined;
  // 512 bytes a sector, whatever the device says of itself.
  const sectors = numberOf(readText(`/sys/dev/block/${deviceNumber(status.rdev)}/size`));
  return sectors === undefined ? undefined : sectors * 512;
}

/** Major number of SCSI discs. */
const SCSI_DISC = 11;

/**
 * Opens a block device or a regular file, never anything that could wait, and gives `work` what it reads.
 *
 * @returns What `work` gives; undefined where the path is something else. @throws SysError
 */
export function withSource<Result>(
  path: string,
  work: (source: Source, status: FileStatus) => Result,
): Result | undefined {
  // To open some character devices is to do something to them.
  if (!['file', 'block'].includes(stat(path).type)) return undefined;
  return withFile(path, O_RDONLY | O_NONBLOCK, (fd) => {
    const status = fstat(fd);
    const size = sizeOf(status);
    if (size === undefined) return undefined;
    const isDisc = status.type === 'block' && deviceNumber(status.rdev).startsWith(`${SCSI_DISC}:`);
    return work(fdSource(fd, size, isDisc), status);
  });
}
