/** Names of what a device holds (LABEL=, UUID= …): which device that is, as libblkid and libmount find it. */
import type { Partition } from './partitions.ts';
import type { Probed } from './probe.ts';
import { numberOf, toUdevName } from './text.ts';

/** What finding a device looks at: the system (./devices.ts), or a made-up one. Nothing of it throws. */
export interface Devices {
  /** Text of a file; undefined where it cannot be read. */
  read(path: string): string | undefined;
  /** Names in a directory, in its own order; none where it cannot be read. */
  list(directory: string): readonly string[];
  /** The block device that this path leads to, by the name it is known by; undefined where there is none. */
  deviceAt(path: string): string | undefined;
  /** What a device holds; undefined where it cannot be read. */
  probe(device: string): Probed | undefined;
  /** What the table of its disk says of a partition, by the name in /sys; undefined where it is none. */
  partition(name: string): Partition | undefined;
}

/** The names there are, the directories of udev's links, and what is compared where there is no link. */
const KINDS = {
  LABEL: 'by-label',
  UUID: 'by-uuid',
  PARTLABEL: 'by-partlabel',
  PARTUUID: 'by-partuuid',
  ID: 'by-id',
} as const;

export type TagKind = keyof typeof KINDS;
export interface Tag {
  readonly name: TagKind;
  readonly value: string;
}

const QUOTES = /^(["'])(.*)\1$/s;

/** NAME=value, the value with or without quotes; undefined where this is a path. */
export function parseTag(source: string): Tag | undefined {
  const equals = source.indexOf('=');
  const name = source.slice(0, Math.max(equals, 0));
  if (!Object.hasOwn(KINDS, name)) return undefined;
  const value = source.slice(equals + 1);
  return { name: name as TagKind, value: QUOTES.exec(value)?.[2] ?? value };
}

/** Where udev links to such a device. */
export const linkOf = ({ name, value }: Tag): string => `/dev/disk/${KINDS[name]}/${toUdevName(value)}`;

const METHODS = ['udev', 'scan'] as const;

/** How devices are to be found, and in which order: EVALUATE in blkid.conf. */
export function methodsOf(configuration: string | undefined): readonly (typeof METHODS)[number][] {
  const [, words] = /^[ \t]*EVALUATE=(.*)$/m.exec(configuration ?? '') ?? [];
  if (words === undefined) return METHODS;
  return words.split(',').flatMap((word) => METHODS.filter((method) => method === word.trim().toLowerCase()));
}

/** Two sectors: no more than an extended partition seems to have. */
const LEAST = 2;
const sectorsOf = (devices: Devices, directory: string) => numberOf(devices.read(`${directory}/size`)) ?? 0;

/** Names in /sys of all devices that may hold something: disks with partitions stand back behind these. */
export function candidates(devices: Devices): string[] {
  return devices.list('/sys/block').flatMap((disk) => {
    const directory = `/sys/block/${disk}`;
    if (sectorsOf(devices, directory) <= LEAST || devices.read(`${directory}/hidden`)?.trim() === '1') return [];
    // Discs are slow to answer; a link of udev finds them.
    if (/^sr\d+$/.test(disk)) return [];
    const parts = devices
      .list(directory)
      .filter((name) => devices.read(`${directory}/${name}/partition`) !== undefined);
    if (!parts.length) return [disk];
    return parts.filter((part) => sectorsOf(devices, `${directory}/${part}`) > LEAST);
  });
}

/** /dev/NAME; of the device mapper the name that was given to it. */
export function nodeOf(devices: Devices, name: string): string {
  const mapped = /^dm-\d+$/.test(name) ? devices.read(`/sys/block/${name}/dm/name`)?.trim() : undefined;
  return mapped === undefined ? `/dev/${name.replaceAll('!', '/')}` : `/dev/mapper/${mapped}`;
}

/** Of several that bear the same name the one that is made of the others counts. */
function rank(devices: Devices, name: string): number {
  if (/^md/.test(name)) return 1;
  if (!/^dm-/.test(name)) return 0;
  const isBelow = devices.list('/sys/block').some((other) => devices.list(`/sys/block/${other}/slaves`).includes(name));
  return isBelow ? 2 : 3;
}

const found = (probed: Probed | undefined) => (typeof probed === 'object' ? probed : undefined);

/** What a device says, by the kind of name. */
const SAYS: Readonly<Record<TagKind, (devices: Devices, name: string) => string | undefined>> = {
  LABEL: (devices, name) => found(devices.probe(nodeOf(devices, name)))?.label,
  UUID: (devices, name) => found(devices.probe(nodeOf(devices, name)))?.uuid,
  PARTLABEL: (devices, name) => devices.partition(name)?.label,
  PARTUUID: (devices, name) => devices.partition(name)?.uuid,
  // Only udev knows serial numbers.
  ID: () => undefined,
};

function scan({ name, value }: Tag, devices: Devices): string | undefined {
  let best: { device: string; rank: number } | undefined;
  for (const candidate of candidates(devices)) {
    const device = devices.deviceAt(nodeOf(devices, candidate));
    if (device === undefined || SAYS[name](devices, candidate) !== value) continue;
    const ranked = { device, rank: rank(devices, candidate) };
    if (!best || ranked.rank > best.rank) best = ranked;
    if (best.rank === 0 && !devices.list('/sys/block').some((other) => /^(dm-|md)/.test(other))) break;
  }
  return best?.device;
}

/**
 * The device that bears this name: by the links of udev, and where there is none, by looking at all devices.
 *
 * @param configuration Text of blkid.conf. @returns A path; undefined where there is no such device.
 */
export function findDevice(tag: Tag, devices: Devices, configuration?: string): string | undefined {
  const ways = { udev: () => devices.deviceAt(linkOf(tag)), scan: () => scan(tag, devices) };
  for (const method of methodsOf(configuration)) {
    const device = ways[method]();
    if (device !== undefined) return device;
  }
  return undefined;
}
