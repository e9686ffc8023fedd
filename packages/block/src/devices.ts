/** The devices of this system. */
import { realPath } from '@ts/mounts';
import { entries, readText, stat } from '@ts/sys';
import { type Partition, partitionTable } from './partitions.ts';
import { type Probed, probe } from './probe.ts';
import { partOf, withSource } from './source.ts';
import type { Devices } from './tags.ts';
import { numberOf } from './text.ts';

/** What cannot be looked at is not there: who asks goes on with the next device. */
function attempt<Result>(look: () => Result): Result | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}

const read = (path: string) => attempt(() => readText(path));

/** In the kernel's own order. */
const namesIn = (path: string): string[] => attempt(() => [...entries(path)].map(({ name }) => name)) ?? [];

/** The node of a device of the device mapper has the name that was given to it. */
function knownName(path: string): string {
  const [, name] = /^\/dev\/(dm-\d+)$/.exec(path) ?? [];
  const mapped = name === undefined ? undefined : read(`/sys/block/${name}/dm/name`)?.trim();
  return mapped === undefined ? path : `/dev/mapper/${mapped}`;
}

const deviceAt = (path: string) =>
  attempt(() => {
    const isDevice = stat(path).type === 'block';
    return isDevice ? knownName(realPath(path)) : undefined;
  });

/** What a device or an image, or a part of it, holds; undefined where it cannot be read. Offset and limit in bytes. */
export const probePath = (path: string, offset = 0, limit = 0): Probed | undefined =>
  attempt(() => withSource(path, (source) => probe(partOf(source, offset, limit))));

function partition(name: string): Partition | undefined {
  const own = `/sys/class/block/${name}`;
  if (read(`${own}/partition`) === undefined) return undefined;
  // A partition lies in /sys within its disk.
  const disk = realPath(own).split('/').at(-2) as string;
  const sector = numberOf(read(`/sys/class/block/${disk}/queue/logical_block_size`)) ?? 512;
  const table = attempt(() =>
    withSource(`/dev/${disk.replaceAll('!', '/')}`, (source) => partitionTable(source, sector)),
  );
  const [start, size] = ['start', 'size'].map((field) => numberOf(read(`${own}/${field}`)));
  return table?.partitions.find((each) => each.start === start && each.size === size);
}

export const devices: Devices = { read, list: namesIn, deviceAt, probe: (device) => probePath(device), partition };
