/** Files as devices: which mounts need one, how it is set up for a mount, and that it goes when that fails. */
import {
  isKnownType,
  type Loop,
  LoopError,
  type LoopRange,
  type LoopRequest,
  parseSize,
  setUpLoop,
  usedLoops,
} from '@ts/block';
import type { World } from '@ts/cli';
import { parseMountinfo, realPath } from '@ts/mounts';
import { Failure, type LiveSys, MOUNT_ATTR_RDONLY, MS_RDONLY, SysError, strerror } from '@ts/sys';
import type { Change } from './change.ts';
import { isWithoutDevice, statOf } from './source.ts';
import type { Words } from './words.ts';

const FAILED = 32;

/** Files of no more bytes hold nothing. */
const LEAST = 1024;

/** File systems that the kernel mounts from files itself. */
const FROM_FILES = 'erofs';

/** The part of the file that is meant. `failure`: of a value that is no size. */
export function loopRange({ loop = {} }: Words, failure: (why: string) => Failure): LoopRange {
  if (loop.encryption !== undefined)
    throw failure('encryption: loop devices do not encrypt any more; see cryptsetup(8)');
  const sizeOf = (word: 'offset' | 'sizelimit') => {
    const text = loop[word] || '0';
    const size = parseSize(text);
    if (size === undefined) throw failure(`${word}: '${text}' is no size`);
    return size;
  };
  return { offset: sizeOf('offset'), sizeLimit: sizeOf('sizelimit') };
}

/** Whether a file of one of these types is mounted by a loop device although none was asked for. */
function isImage(source: string, types: readonly string[]): boolean {
  const status = statOf(source);
  if (status?.type !== 'file' || status.size <= LEAST) return false;
  const [type] = types;
  // Where several are to be tried, nobody knows the type.
  return types.length !== 1 || type === undefined || (type !== FROM_FILES && isKnownType(type));
}

/** The loop device that a mount needs. */
export function loopOf(
  { loop, words, flags }: Words,
  range: LoopRange,
  source: string,
  types: readonly string[],
  world: World,
): LoopRequest | undefined {
  const isWord = types.length > 0 && types.every((type) => isWithoutDevice(type, world));
  if (isWord || words.includes('X-mount.noloop')) return undefined;
  if (loop === undefined && !isImage(source, types)) return undefined;
  return { ...range, file: source, device: loop?.loop || undefined, readOnly: (flags & MS_RDONLY) !== 0 };
}

/** Devices that show the file from this place on. */
export function devicesOf({ file, offset }: LoopRequest): string[] {
  const used = usedLoops().filter((each) => each.offset === offset && each.file === realPath(file));
  return used.map(({ device }) => device);
}

/** Whether this very part of the file is mounted there already. */
function isThere({ target }: Change, request: LoopRequest, world: World): boolean {
  const place = realPath(target);
  const mounts = parseMountinfo(world.read('/proc/self/mountinfo') ?? '').filter((mount) => mount.target === place);
  if (!mounts.length) return false;
  const used = devicesOf(request);
  return mounts.some(({ source }) => used.includes(source));
}

const cannotBe = ({ target }: Change, what: string, status: number, why?: string) =>
  new Failure(`${target}: ${what}.`, status, why);

function setUp(change: Change, request: LoopRequest, sys: LiveSys, world: World): Loop {
  if (isThere(change, request, world)) throw cannotBe(change, `${realPath(request.file)} is already mounted`, 1);
  try {
    return setUpLoop(sys, request);
  } catch (error) {
    if (error instanceof LoopError && error.reason === 'overlap')
      throw cannotBe(change, `overlapping loop device exists for ${realPath(request.file)}`, FAILED);
    const failed = `failed to setup loop device for ${realPath(request.file)}`;
    if (error instanceof LoopError) throw cannotBe(change, failed, FAILED, `${request.device} is no loop device`);
    if (error instanceof SysError && error.syscall === 'newfstatat')
      throw cannotBe(change, failed, FAILED, `${request.file}: ${error.code}`);
    if (error instanceof SysError) throw cannotBe(change, failed, FAILED, `${error.syscall}: ${strerror(error.errno)}`);
    throw error;
  }
}

export const WRITE_PROTECTED = 'WARNING: source write-protected, mounted read-only.';

/** What makes a mount, and its file system, read-only. */
export const asReadOnly = ({ flags, attributes, parameters }: Change) => ({
  flags: flags | MS_RDONLY,
  attributes: { set: attributes.set | MOUNT_ATTR_RDONLY, clear: attributes.clear & ~MOUNT_ATTR_RDONLY },
  parameters: ['ro', ...parameters.filter((word) => word !== 'rw' && word !== 'ro')],
});

/**
 * Sets up what a change needs: the same change with the device in the place of the file. The device goes with the descriptor that
 * holds it, unless it is mounted by then.
 *
 * @param canRetry A device that others have made read-only is tried as if it were not: that it is so is then told.
 */
function prepared(change: Change, canRetry: boolean, sys: LiveSys, world: World): Change {
  const { loop: request } = change;
  if (request === undefined) return change;
  const { device, fd, readOnly, reused } = setUp(change, request, sys, world);
  const isSettled = readOnly && !(canRetry && reused);
  return { ...change, source: device, loop: undefined, held: fd, ...(isSettled && asReadOnly(change)) };
}

/** The devices of mounts that are made from a tape: descriptors stay open for it. */
export const preparedAll = (changes: readonly Change[], sys: LiveSys, world: World): Change[] =>
  changes.map((change) => {
    const ready = prepared(change, false, sys, world);
    if (ready.held !== undefined) sys.setCloexec(ready.held, false);
    return ready;
  });

/** Does something with a change that has its device. */
export function withDevice<Result>(
  change: Change,
  sys: LiveSys,
  world: World,
  work: (ready: Change) => Result,
): Result {
  const ready = sys.dry ? change : prepared(change, true, sys, world);
  try {
    return work(ready);
  } finally {
    if (ready.held !== undefined) sys.close(ready.held);
  }
}
