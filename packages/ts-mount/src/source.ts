/** Where a source is and what it holds: LABEL=, UUID= and their kin, links to devices, the type of a device. */
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { ToolError, type World } from '@ts/cli';
import { detectType, deviceTypes, linkOfTag, matchesType, parseTag, realPath, SUPERBLOCKS_SIZE } from '@ts/mounts';
import { encode } from '@ts/sys';

const statOf = (path: string) => {
  try {
    return statSync(encode(path));
  } catch {
    return undefined; // the kernel will say what is wrong with it
  }
};

/** A device by the name people know it by. */
function known(device: string, world: World): string {
  const [, mapped] = /^\/dev\/(dm-\d+)$/.exec(device) ?? [];
  const name = mapped === undefined ? undefined : world.read(`/sys/block/${mapped}/dm/name`)?.trimEnd();
  return name ? `/dev/mapper/${name}` : device;
}

/**
 * What a source stands for: the device of a tag, the device or file behind a link; any other source is what it is.
 *
 * @returns undefined for a tag that no device bears.
 */
export function deviceOf(source: string, world: World): string | undefined {
  const tag = parseTag(source);
  if (tag) {
    const link = linkOfTag(tag);
    return world.exists(link) ? known(realPath(link), world) : undefined;
  }
  const stat = statOf(source);
  return stat?.isBlockDevice() || stat?.isFile() ? known(realPath(source), world) : source;
}

/** No device bears this tag. `isTolerated`: the entry of fstab says that this is no failure. */
export class SourceMissing extends ToolError {
  constructor(
    source: string,
    target: string,
    readonly isTolerated: boolean,
  ) {
    super(`${target}: can't find ${source}.`, 1);
  }
}

/** Whether a type has no use for a device: its source is a word. */
const isWithoutDevice = (type: string, world: World) =>
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

function startOf(path: string): Buffer {
  const buffer = Buffer.alloc(SUPERBLOCKS_SIZE);
  const fd = openSync(encode(path), 'r');
  try {
    return buffer.subarray(0, readSync(fd, buffer, 0, buffer.length, 0));
  } finally {
    closeSync(fd);
  }
}

/**
 * Types to try for a source, where none is given: what it says it is, else all that live on devices.
 *
 * @param among Those that may be tried. @param isElsewhere It lies in another namespace, and is not looked at.
 */
export function typesOf(source: string, among: string | undefined, isElsewhere: boolean, world: World): string[] {
  const stat = isElsewhere ? undefined : statOf(source);
  if (stat?.isBlockDevice() || stat?.isFile()) {
    try {
      const type = detectType(startOf(source));
      if (type !== undefined && (among === undefined || matchesType(type, among))) return [type];
    } catch {
      // The kernel will say what is wrong with it.
    }
  }
  if (among !== undefined && !among.startsWith('no')) return among.split(',');
  const types = deviceTypes(world.read('/proc/filesystems') ?? '').filter(
    (type) => among === undefined || matchesType(type, among),
  );
  return types.length ? types : ['ext4'];
}
