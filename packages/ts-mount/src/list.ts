/** The mounts, as mount(8) lists them. */

import { fromUdevName, probePath } from '@ts/block';
import type { World } from '@ts/cli';
import { allOptions, type Mount, matchesType, mountinfoThere, parseMountinfo } from '@ts/mounts';
import { idMappingOf, isIdmapped } from '@ts/namespaces';
import { canonicalPath, Failure, type LiveSys, list, unlessRefused } from '@ts/sys';
import type { Listing } from './plan.ts';

/** A device by the name people know it by: a loop device that goes with its mount stands for its file. */
function sourceName({ source, device }: Mount, world: World): string {
  if (source === '/dev/root') return nameOfDevice(device) ?? source;
  const [, loop] = /^\/dev\/(loop\d+)$/.exec(source) ?? [];
  if (loop !== undefined && world.read(`/sys/block/${loop}/loop/autoclear`)?.trim() === '1')
    return world.read(`/sys/block/${loop}/loop/backing_file`)?.trimEnd() ?? source;
  const [, mapped] = /^\/dev\/(dm-\d+)$/.exec(source) ?? [];
  const name = mapped === undefined ? undefined : world.read(`/sys/block/${mapped}/dm/name`)?.trim();
  return name === undefined ? source : `/dev/mapper/${name}`;
}

/** Undefined without /sys, and where it is no block device: the name of the table stays. */
function nameOfDevice(device: string): string | undefined {
  const path = unlessRefused(() => canonicalPath(`/sys/dev/block/${device}`));
  return path && `/dev/${path.split('/').at(-1)}`;
}

const BY_LABEL = '/dev/disk/by-label';

/** Labels by the device that bears them, as udev has noted them. No udev, no labels. */
function labels(): Map<string, string> {
  return new Map(
    unlessRefused(() =>
      list(BY_LABEL).map((name) => [canonicalPath(`${BY_LABEL}/${name}`), fromUdevName(name)] as const),
    ),
  );
}

/** The label that a device bears; where it cannot be read, the one that udev has noted. */
function labelOf(device: string, noted: ReadonlyMap<string, string>): string | undefined {
  if (!device.startsWith('/dev/')) return undefined;
  const found = probePath(device);
  return typeof found === 'object' ? found.label : noted.get(device);
}

/** A line a mount, whatever its name. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is not to be printed
const printable = (path: string) => path.replace(/[\0-\x1f\x7f]/g, '?');

/** Everything that is known of a mount. */
const details = (mount: Mount, source: string, sys: LiveSys) => ({
  source,
  target: mount.target,
  type: mount.type,
  options: allOptions(mount).join(','),
  id: mount.id,
  parent: mount.parent,
  root: mount.root,
  propagation: mount.propagation.length ? mount.propagation.join(',') : 'private',
  ...(isIdmapped(mount) && { idmap: idMappingOf(sys, mount) ?? null }),
});

/** In another namespace nothing is opened by a path: the table names devices well enough. */
const plainName = ({ source }: Mount) => source;

export function lines({ list, namespace }: Listing, sys: LiveSys, world: World): string {
  const table = namespace === undefined ? world.read('/proc/self/mountinfo') : mountinfoThere(sys, namespace);
  const nameOf = namespace === undefined ? (mount: Mount) => sourceName(mount, world) : plainName;
  if (table === undefined)
    throw new Failure(
      'failed to read mtab: No such file or directory',
      1,
      'the table of mounts is in /proc: mount -t proc proc /proc',
    );
  const mounts = parseMountinfo(table).filter(({ type }) => list.types === undefined || matchesType(type, list.types));
  if (list.json)
    return `${JSON.stringify({ filesystems: mounts.map((mount) => details(mount, nameOf(mount), sys)) }, null, 3)}\n`;
  const noted = list.labels && namespace === undefined ? labels() : undefined;
  return mounts
    .map((mount) => {
      const source = nameOf(mount);
      const label = noted && labelOf(mount.source, noted);
      return `${source} on ${printable(mount.target)} type ${mount.type} (${allOptions(mount).join(',')})${label === undefined ? '' : ` [${label}]`}\n`;
    })
    .join('');
}
