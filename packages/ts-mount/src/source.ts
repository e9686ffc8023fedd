/** Where a source is and what it holds: LABEL=, UUID= and their kin, links to devices, the type of a device. */
import { devices, findDevice, type LoopRange, parseTag, probePath } from '@ts/block';
import type { World } from '@ts/cli';
import { deviceTypes, matchesType, realPath } from '@ts/mounts';
import { Failure, type FileStatus, stat, unlessRefused } from '@ts/sys';

/** Undefined where it cannot be looked at: the kernel will say what is wrong with it. */
export const statOf = (path: string): FileStatus | undefined => unlessRefused(() => stat(path));

/**
 * What a source stands for: the device of a tag, the device or file behind a link; any other source is what it is.
 *
 * @returns undefined for a tag that no device bears.
 */
export function deviceOf(source: string, world: World): string | undefined {
  const tag = parseTag(source);
  if (tag) return findDevice(tag, devices, world.read(world.variable('BLKID_CONF') ?? '/etc/blkid.conf'));
  return devices.deviceAt(source) ?? (statOf(source)?.type === 'file' ? realPath(source) : source);
}

/** No device bears this tag. `isTolerated`: the entry of fstab says that this is no failure. */
export class SourceMissing extends Failure {
  constructor(
    source: string,
    target: string,
    readonly isTolerated: boolean,
  ) {
    super(`${target}: can't find ${source}.`, 1);
  }
}

/** Whether a type has no use for a device: its source is a word. */
export const isWithoutDevice = (type: string, world: World) =>
  (world.read('/proc/filesystems') ?? '').split('\n').includes(`nodev\t${type}`);

/** Source of a mount as the kernel is told. `types`: those named. */
export function resolveSource(
  source: string,
  types: readonly string[],
  { target, asGiven, isTolerated }: { target: string; asGiven: boolean; isTolerated: boolean },
  world: World,
): string {
  const isWord = types.length > 0 && types.every((type) => isWithoutDevice(type, world));
  if (parseTag(source) === undefined && (asGiven || isWord)) return source;
  const device = deviceOf(source, world);
  if (device === undefined) throw new SourceMissing(source, target, isTolerated);
  return device;
}

/** Types that live on devices, as /etc/filesystems has them and the kernel knows them: its are all where that ends with "*". */
function allTypes(world: World): string[] {
  const own = world.read('/etc/filesystems');
  const lines = (own ?? '*').split('\n').map((line) => line.trim());
  const named = lines.filter((line) => line !== '' && line !== '*' && !/^(#|nodev\s)/.test(line));
  const known = lines.includes('*') ? deviceTypes(world.read('/proc/filesystems') ?? '') : [];
  return [...new Set([...named, ...known])];
}

/**
 * Types to try for a source, where none is given: what it says it is, else all that live on devices.
 *
 * @param among Those that may be tried. @param isElsewhere It lies in another namespace, and is not looked at.
 * @param range The part of a file that a loop device will show.
 */
export function typesOf(
  source: string,
  among: string | undefined,
  isElsewhere: boolean,
  world: World,
  range: LoopRange = { offset: 0n, sizeLimit: 0n },
): string[] {
  const type = isElsewhere ? undefined : statOf(source)?.type;
  if (type === 'block' || type === 'file') {
    const found = probePath(source, Number(range.offset), Number(range.sizeLimit));
    // Of something ambivalent all types are tried.
    if (typeof found === 'object' && (among === undefined || matchesType(found.type, among))) return [found.type];
  }
  if (among !== undefined && !among.startsWith('no')) return among.split(',');
  const types = allTypes(world).filter((type) => among === undefined || matchesType(type, among));
  return types.length ? types : ['ext4'];
}
