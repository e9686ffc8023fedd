/** Loop devices: a file as a block device, loop(4). */
import { realPath } from '@ts/mounts';
import {
  cString,
  decodeStruct,
  encodeStruct,
  errnoOf,
  Failure,
  type FileStatus,
  type LiveSys,
  LO_FLAGS_AUTOCLEAR,
  LO_FLAGS_READ_ONLY,
  LO_NAME_SIZE,
  LOOP_CLR_FD,
  LOOP_CONFIGURE,
  LOOP_CTL_ADD,
  LOOP_CTL_GET_FREE,
  LOOP_GET_STATUS64,
  LOOP_SET_FD,
  LOOP_SET_STATUS64,
  O_NONBLOCK,
  O_RDONLY,
  O_RDWR,
  parseCBigInt,
  SysError,
  sizeOf,
  stat,
  U64_MAX,
} from '@ts/sys';
import { devices } from './devices.ts';
import type { Devices } from './tags.ts';

const CONTROL = '/dev/loop-control';

/** The beginning of `struct loop_info64`; names and keys follow. */
const STATUS = {
  device: 'u64',
  inode: 'u64',
  rdevice: 'u64',
  offset: 'u64',
  sizeLimit: 'u64',
  number: 'u32',
  encryption: 'u32',
  keySize: 'u32',
  flags: 'u32',
} as const;
const NAME_AT = sizeOf(STATUS);
/** Two names, a key of 32 bytes, and two numbers. */
const STATUS_SIZE = NAME_AT + 2 * LO_NAME_SIZE + 32 + 16;
/** `struct loop_config`: descriptor and size of a block stand before the status, and room for more behind it. */
const CONFIG = { fd: 'u32', blockSize: 'u32' } as const;
const CONFIG_SIZE = sizeOf(CONFIG) + STATUS_SIZE + 64;

const UNITS = 'KMGTPEZY';

/**
 * A size as mount(8) takes it: decimal, octal or hexadecimal, and a unit of 1024 (K, KiB) or 1000 (KB) and their powers; with a
 * decimal point where there is a unit.
 *
 * @returns Bytes; undefined for anything else, and for more than 64 bits hold.
 */
export function parseSize(text: string): bigint | undefined {
  const [, whole = '', fraction, unit, kind] =
    /^(0x[\da-f]+|\d+)(?:\.(\d{1,18}))?(?:([KMGTPEZY])(iB|B)?)?$/i.exec(text) ?? [];
  const number = parseCBigInt(whole);
  if (number === undefined || (fraction !== undefined && unit === undefined)) return undefined;
  const power = unit === undefined ? 0n : BigInt(UNITS.indexOf(unit.toUpperCase()) + 1);
  const factor = (kind?.toUpperCase() === 'B' ? 1000n : 1024n) ** power;
  const part = fraction === undefined ? 0n : (BigInt(fraction) * factor) / 10n ** BigInt(fraction.length);
  const size = number * factor + part;
  return size <= U64_MAX ? size : undefined;
}

/** What of a file a device shows. */
export interface LoopRange {
  /** In bytes. */
  readonly offset: bigint;
  /** In bytes; 0 for all that follows. */
  readonly sizeLimit: bigint;
}

export interface LoopRequest extends LoopRange {
  readonly file: string;
  readonly readOnly: boolean;
  /** The device that is to be taken, instead of a free one. */
  readonly device?: string;
}

export interface Loop {
  readonly device: string;
  /** A descriptor of the device. As long as it is open the device stays; with the last one (a mount is one, too) it goes. */
  readonly fd: number;
  /** Whether the device can only be read: because that is wanted, or because the file is so. */
  readonly readOnly: boolean;
  /** It was there before. */
  readonly reused: boolean;
}

/** A device in use, as /sys shows it. */
export interface UsedLoop extends LoopRange {
  readonly device: string;
  readonly file: string;
  readonly autoclear: boolean;
  readonly readOnly: boolean;
}

/** Why a device is not set up although no call has failed. */
export class LoopError extends Failure {
  constructor(readonly reason: 'overlap' | 'no such device') {
    super(reason);
  }
}

/** All loop devices that show a file. */
export function usedLoops({ list, read }: Pick<Devices, 'list' | 'read'> = devices): UsedLoop[] {
  return list('/sys/block').flatMap((name) => {
    if (!/^loop\d+$/.test(name)) return [];
    const field = (file: string) => read(`/sys/block/${name}/${file}`)?.replace(/\n$/, '');
    const file = field('loop/backing_file');
    if (file === undefined) return [];
    return [
      {
        device: `/dev/${name}`,
        file,
        offset: BigInt(field('loop/offset') ?? 0),
        sizeLimit: BigInt(field('loop/sizelimit') ?? 0),
        autoclear: field('loop/autoclear') === '1',
        readOnly: field('ro') === '1',
      },
    ];
  });
}

/** How two ranges of one file lie: `same` ones may share a device, others would see half of each other's writes. */
export function compareRanges(one: LoopRange, other: LoopRange): 'same' | 'overlap' | 'apart' {
  if (one.offset === other.offset && one.sizeLimit === other.sizeLimit) return 'same';
  const endsBefore = (first: LoopRange, second: LoopRange) =>
    first.sizeLimit !== 0n && first.offset + first.sizeLimit <= second.offset;
  return endsBefore(one, other) || endsBefore(other, one) ? 'apart' : 'overlap';
}

/** Runs `work` with a descriptor that is closed afterwards. */
function withOpen<Result>(sys: LiveSys, path: string, flags: number, work: (fd: number) => Result): Result {
  const fd = sys.open(path, flags);
  try {
    return work(fd);
  } finally {
    sys.close(fd);
  }
}

/** Device and inode of the file that a loop device shows; undefined where it cannot be asked, or shows none. */
function statusOf(sys: LiveSys, fd: number) {
  const bytes = Buffer.alloc(STATUS_SIZE);
  try {
    sys.look('ioctl', fd, LOOP_GET_STATUS64, bytes);
    return decodeStruct(STATUS, bytes);
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
    return undefined;
  }
}

/** Whether a device shows this file, under whichever name. */
function shows(sys: LiveSys, { device, file }: UsedLoop, path: string, found: FileStatus): boolean {
  try {
    const status = withOpen(sys, device, O_RDONLY, (fd) => statusOf(sys, fd));
    if (status) return status.inode === found.ino && status.device === BigInt(found.dev);
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
  }
  return file === path;
}

/** The device that has to be shared with whoever set it up, since it shows the very same bytes. @throws LoopError */
function sharedDevice(sys: LiveSys, request: LoopRequest, path: string): Loop | undefined {
  const found = stat(path);
  for (const used of usedLoops()) {
    const relation = compareRanges(used, request);
    if (relation === 'apart' || !shows(sys, used, path, found)) continue;
    if (relation === 'overlap' || request.device !== undefined) throw new LoopError('overlap');
    const fd = sys.open(used.device, O_RDONLY);
    // It may have gone in the meantime: it cannot go any more now.
    const status = statusOf(sys, fd);
    if (status?.inode !== found.ino) {
      sys.close(fd);
      continue;
    }
    return { device: used.device, fd, readOnly: (status.flags & LO_FLAGS_READ_ONLY) !== 0, reused: true };
  }
  return undefined;
}

const isOneOf = (error: unknown, names: readonly string[]): error is SysError =>
  error instanceof SysError && names.some((name) => error.errno === errnoOf(name));

/** The file; only to be read where it cannot be written. What is no file is not waited for. */
function openFile(sys: LiveSys, path: string, readOnly: boolean): { fd: number; readOnly: boolean } {
  if (readOnly) return { fd: sys.open(path, O_RDONLY | O_NONBLOCK), readOnly };
  try {
    return { fd: sys.open(path, O_RDWR | O_NONBLOCK), readOnly };
  } catch (error) {
    if (!isOneOf(error, ['EROFS', 'EACCES'])) throw error;
    return { fd: sys.open(path, O_RDONLY | O_NONBLOCK), readOnly: true };
  }
}

function statusBytes({ offset, sizeLimit }: LoopRange, path: string, readOnly: boolean): Buffer {
  const bytes = Buffer.alloc(STATUS_SIZE);
  const flags = LO_FLAGS_AUTOCLEAR | (readOnly ? LO_FLAGS_READ_ONLY : 0);
  encodeStruct(STATUS, { offset, sizeLimit, flags }).copy(bytes);
  cString(path).copy(bytes, NAME_AT, 0, LO_NAME_SIZE - 1);
  return bytes;
}

/** What the call that sets all at once fails with where the kernel has it not. */
const UNKNOWN = ['EINVAL', 'ENOTTY', 'ENOSYS'];
const BUSY = ['EBUSY', 'EAGAIN'];

/** Gives a device its file, in one call or, before Linux 5.8, in two. */
function configure(sys: LiveSys, device: number, file: number, status: Buffer): void {
  const config = Buffer.alloc(CONFIG_SIZE);
  encodeStruct(CONFIG, { fd: file }).copy(config);
  status.copy(config, sizeOf(CONFIG));
  try {
    sys.ioctl(device, LOOP_CONFIGURE, config);
    return;
  } catch (error) {
    if (!isOneOf(error, UNKNOWN)) throw error;
  }
  sys.ioctl(device, LOOP_SET_FD, file);
  try {
    sys.ioctl(device, LOOP_SET_STATUS64, status);
  } catch (error) {
    sys.ignoring().ioctl(device, LOOP_CLR_FD);
    throw error;
  }
}

/** A device that nobody uses, made where there is none. */
const freeDevice = (sys: LiveSys): string =>
  `/dev/loop${withOpen(sys, CONTROL, O_RDWR, (control) => sys.ioctl(control, LOOP_CTL_GET_FREE))}`;

/** /dev/loop9 where it is asked for and is not there: the kernel makes it. */
function addDevice(sys: LiveSys, device: string): void {
  const [, number] = /^\/dev\/loop\/?(\d{1,7})$/.exec(device) ?? [];
  if (number === undefined) throw new LoopError('no such device');
  const add = (control: number) => sys.ignoring(errnoOf('EEXIST')).ioctl(control, LOOP_CTL_ADD, Number(number));
  withOpen(sys, CONTROL, O_RDWR, add);
}

function openDevice(sys: LiveSys, device: string, flags: number, isWanted: boolean): number {
  try {
    return sys.open(device, flags);
  } catch (error) {
    if (!isWanted || !isOneOf(error, ['ENOENT', 'ENXIO'])) throw error;
    addDevice(sys, device);
    return sys.open(device, flags);
  }
}

/** How often another device is looked for when somebody was faster. */
const ATTEMPTS = 64;

/**
 * Sets up a loop device that goes away by itself, or finds the one that shows the same bytes already.
 *
 * @throws SysError of the call that failed; LoopError. Nothing is left then.
 */
export function setUpLoop(sys: LiveSys, request: LoopRequest): Loop {
  const path = realPath(request.file);
  const shared = sharedDevice(sys, request, path);
  if (shared) return shared;
  const file = openFile(sys, path, request.readOnly);
  try {
    const status = statusBytes(request, path, file.readOnly);
    for (let left = ATTEMPTS; ; left--) {
      const device = request.device ?? freeDevice(sys);
      const fd = openDevice(sys, device, file.readOnly ? O_RDONLY : O_RDWR, request.device !== undefined);
      try {
        configure(sys, fd, file.fd, status);
        // A descriptor that can write would keep others from mounting where writing to mounted devices is forbidden.
        return { device, fd: sys.open(device, O_RDONLY), readOnly: file.readOnly, reused: false };
      } catch (error) {
        if (request.device !== undefined || left === 0 || !isOneOf(error, BUSY)) throw error;
      } finally {
        sys.close(fd);
      }
    }
  } finally {
    sys.close(file.fd);
  }
}

/** Takes its file from a device; where it is in use, when that ends. @throws SysError: ENXIO where it shows none. */
export const freeLoop = (sys: LiveSys, device: string): void =>
  withOpen(sys, device, O_RDONLY, (fd) => {
    sys.ioctl(fd, LOOP_CLR_FD);
  });
