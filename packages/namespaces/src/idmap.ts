/** User and group id maps of user namespaces. Pure. user_namespaces(7), subuid(5). */

/** `count` ids from `inner` on, inside, are those from `outer` on in the parent namespace. */
export interface IdRange {
  readonly inner: number;
  readonly outer: number;
  readonly count: number;
}

/** As a line of /proc/PID/uid_map. */
export const formatIdMap = (ranges: readonly IdRange[]): string =>
  ranges.map(({ inner, outer, count }) => `${inner} ${outer} ${count}\n`).join('');

/** Reads /proc/PID/uid_map. */
export function parseIdMap(text: string): IdRange[] {
  return text
    .split('\n')
    .filter((line) => line.trim())
    .map((line) => {
      const [inner, outer, count] = line.trim().split(/\s+/).map(Number) as [number, number, number];
      return { inner, outer, count };
    });
}

/** Reads `inner:outer:count`, or `outer,inner,count` as it was written before util-linux 2.39. undefined where it is neither. */
export function parseIdRange(text: string): IdRange | undefined {
  const [, a, separator, b, count] = /^(\d+)([:,])(\d+)\2(\d+)$/.exec(text) ?? [];
  if (a === undefined || b === undefined || count === undefined) return undefined;
  const [inner, outer] = separator === ':' ? [a, b] : [b, a];
  const range = { inner: Number(inner), outer: Number(outer), count: Number(count) };
  const last = 0xffff_ffff;
  return range.inner <= last && range.outer <= last && range.count > 0 && range.count <= last ? range : undefined;
}

/** The first block of subordinate ids of a user: a line "user:start:count" of /etc/subuid. */
export function firstSubordinates(
  text: string,
  user: string | undefined,
  uid: number,
): { start: number; count: number } | undefined {
  for (const line of text.split('\n')) {
    const [owner, start, count] = line.split(':');
    if ((owner === user || owner === String(uid)) && start && count)
      return { start: Number(start), count: Number(count) };
  }
  return undefined;
}

/** The ids from `first` on, `count` of them, less one: up to two runs. */
function without(first: number, count: number, hole: number): { first: number; count: number }[] {
  if (hole < first || hole >= first + count) return [{ first, count }];
  return [
    { first, count: hole - first },
    { first: hole + 1, count: first + count - hole - 1 },
  ].filter((run) => run.count > 0);
}

/** Pairs inner with outer ids in order, until one side is used up. */
function pair(inner: { first: number; count: number }[], outer: { first: number; count: number }[]): IdRange[] {
  const ranges: IdRange[] = [];
  const [inside, outside] = [inner.map((run) => ({ ...run })), outer.map((run) => ({ ...run }))];
  for (let a = inside.shift(), b = outside.shift(); a && b; ) {
    const count = Math.min(a.count, b.count);
    ranges.push({ inner: a.first, outer: b.first, count });
    a = a.count > count ? { first: a.first + count, count: a.count - count } : inside.shift();
    b = b.count > count ? { first: b.first + count, count: b.count - count } : outside.shift();
  }
  return ranges;
}

/**
 * A single id in front of ranges that may not overlap it: each range loses that id on either side, and where it does, what
 * lies above moves down, so that its highest id is not mapped.
 */
export function addSingle(ranges: readonly IdRange[], single: { inner: number; outer: number }): IdRange[] {
  const rest = ranges.flatMap(({ inner, outer, count }) => {
    const inside = without(inner, count, single.inner);
    const outside = without(outer, count, single.outer);
    return pair(inside, outside);
  });
  return [{ ...single, count: 1 }, ...rest];
}

/** Inner ids below the highest mapped one that are not mapped: who owns a file with one of them inside is nobody. */
export function holesOf(ranges: readonly IdRange[]): { first: number; last: number }[] {
  const sorted = [...ranges].sort((a, b) => a.inner - b.inner);
  return sorted
    .map(({ inner }, index) => {
      const before = sorted[index - 1];
      return { first: before ? before.inner + before.count : 0, last: inner - 1 };
    })
    .filter(({ first, last }) => first <= last);
}
