/** Every group with what it uses, one path being one group in however many hierarchies. */
import type { Hierarchies, Reader } from './hierarchies.ts';
import { groupAt } from './spec.ts';
import { readStatistics, type Statistics } from './statistics.ts';
import { contentOf, groupsBelow } from './tree.ts';

export interface Surveyed {
  readonly path: string;
  /** ms of a steady clock when it was looked at. */
  readonly at: number;
  readonly statistics: Statistics;
}

/** What a group used between two looks. */
export interface Usage extends Surveyed {
  /** Of one CPU; null at a first look. */
  readonly cpuPercent: number | null;
  readonly readBytesPerSecond: number | null;
  readonly writtenBytesPerSecond: number | null;
}

/** Folders of each path, in the order of the hierarchies. */
export function foldersByPath({ mounted }: Hierarchies, top: string, depth: number): Map<string, string[]> {
  const folders = new Map<string, string[]>();
  const levels = (path: string) => path.split('/').filter(Boolean).length;
  const deepest = levels(top) + depth;
  for (const hierarchy of mounted) {
    const { directory } = groupAt(hierarchy, top);
    for (const each of [directory, ...groupsBelow(directory)]) {
      const path = each.slice(hierarchy.mount.length) || '/';
      if (levels(path) > deepest) continue;
      const known = folders.get(path);
      if (known) known.push(each);
      else folders.set(path, [each]);
    }
  }
  return folders;
}

/** Statistics of all groups at and below a path that exist. Work grows with their number. */
export function surveyGroups(
  hierarchies: Hierarchies,
  top: string,
  depth: number,
  world: Reader,
  now: () => number,
): Surveyed[] {
  return [...foldersByPath(hierarchies, top, depth)].flatMap(([path, folders]) => {
    const there = folders.filter((directory) => world.exists(directory));
    if (!there.length) return [];
    const at = now();
    // To open what is not there costs more than to look once at what is.
    const names = new Map(there.map((directory) => [directory, new Set(contentOf(directory)?.files)]));
    const read = (path: string) => {
      const slash = path.lastIndexOf('/');
      return names.get(path.slice(0, slash))?.has(path.slice(slash + 1)) ? world.read(path) : undefined;
    };
    const statistics = readStatistics(
      there.map((directory) => ({ directory })),
      { ...world, read },
    );
    // Without the pids controller the processes are counted.
    if (statistics.tasks !== null) return [{ path, at, statistics }];
    const counts = there.map(
      (directory) => world.read(`${directory}/cgroup.procs`)?.split('\n').filter(Boolean).length ?? 0,
    );
    return [{ path, at, statistics: { ...statistics, tasks: Math.max(...counts) } }];
  });
}

/** What was used since an earlier look; groups that are new since then have no rates yet. */
export function usageBetween(before: readonly Surveyed[], after: readonly Surveyed[]): Usage[] {
  const earlier = new Map(before.map((each) => [each.path, each]));
  return after.map((group) => {
    const first = earlier.get(group.path);
    const perSecond = (value: (statistics: Statistics) => number | null | undefined) => {
      const [from, to] = [first && value(first.statistics), value(group.statistics)];
      const seconds = first ? (group.at - first.at) / 1000 : 0;
      return from === null || from === undefined || to === null || to === undefined || seconds <= 0
        ? null
        : Math.max(0, to - from) / seconds;
    };
    const cpu = perSecond(({ cpuUsec }) => cpuUsec);
    return {
      ...group,
      cpuPercent: cpu === null ? null : cpu / 1e4,
      readBytesPerSecond: perSecond(({ io }) => io?.readBytes),
      writtenBytesPerSecond: perSecond(({ io }) => io?.writtenBytes),
    };
  });
}
