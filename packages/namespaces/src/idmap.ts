/** User and group id maps of user namespaces. Pure. user_namespaces(7), subuid(5). */
import { ID_MAX, parseDecimal, U32_MAX } from '@ts/sys';

/** `count` ids from `inner` on, inside, are those from `outer` on in the parent namespace. */
export interface IdRange {
  readonly inner: number;
  readonly outer: number;
  readonly count: number;
}

/** As a line of /proc/PID/uid_map. */
export const formatIdMap = (ranges: readonly IdRange[]): string =>
  ranges.map(({ inner, outer, count }) => `${inner} ${outer} ${count}\n`).join('');

/** Whether ids from `first` on, `count` of them, can be ids of a map: the last one, (uid_t) -1, cannot. */
const isRun = (first: number | undefined, count: number | undefined): boolean =>
  first !== undefined && count !== undefined && count > 0 && first + count - 1 <= ID_MAX;

/** Three numbers in text; undefined where they are none that the kernel takes. */
function parseRange(inner = '', outer = '', count = ''): IdRange | undefined {
  const [from, to, many] = [inner, outer, count].map((text) => parseDecimal(text, U32_MAX)) as [number, number, number];
  return isRun(from, many) && isRun(to, many) ? { inner: from, outer: to, count: many } : undefined;
}

/** Reads /proc/PID/uid_map. What is no line of a map is left out: its ids count as not mapped. */
export const parseIdMap = (text: string): IdRange[] =>
  text.split('\n').flatMap((line) => {
    const words = line.trim().split(/\s+/);
    const range = words.length === 3 ? parseRange(...words) : undefined;
    return range ?? [];
  });

/** Reads `inner:outer:count`, or `outer,inner,count` as it was written before util-linux 2.39. undefined where it is neither. */
export function parseIdRange(text: string): IdRange | undefined {
  const [, a, separator, b, count] = /^(\d+)([:,])(\d+)\2(\d+)$/.exec(text) ?? [];
  return separator === ':' ? parseRange(a, b, count) : parseRange(b, a, count);
}

/** A block of subordinate ids. */
export interface Subordinates {
  readonly start: number;
  readonly count: number;
}

/**
 * The first block of subordinate ids of a user: a line "user:start:count" of /etc/subuid, subuid(5).
 *
 * @returns undefined where no line is the user's, the line where it is but holds no block.
 */
export function firstSubordinates(
  text: string,
  user: string | undefined,
  uid: number,
): Subordinates | string | undefined {
  const isOwn = (owner: string | undefined) => owner === user || parseDecimal(owner ?? '', ID_MAX) === uid;
  const line = text.split('\n').find((each) => each.split(':').length > 2 && isOwn(each.split(':')[0]));
  if (line === undefined) return undefined;
  const [, first = '', many = '', ...more] = line.split(':');
  const [start, count] = [parseDecimal(first, ID_MAX), parseDecimal(many, U32_MAX)] as [number, number];
  return isRun(start, count) && !more.length ? { start, count } : line;
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

/** Ids outside that come to lie, in order, on whichever ids inside are free from 0 on. */
export interface Block {
  readonly outer: number;
  readonly count: number;
}

/**
 * A map of ranges, and of a single id in front of them that they may not overlap.
 *
 * A range keeps its place: it loses the single id on either side, and where it loses one alone, what lies above moves down, so that
 * its highest id is not mapped. A block has no place of its own: all its ids are mapped, beside the single one.
 */
export function mapOf(
  parts: readonly (IdRange | Block)[],
  single: { readonly inner: number; readonly outer: number } | undefined,
): IdRange[] {
  const [inner, outer] = [single?.inner ?? -1, single?.outer ?? -1];
  const rest = parts.flatMap((part) => {
    const inside =
      'inner' in part
        ? without(part.inner, part.count, inner)
        : // One more than are needed, should the single one be among them.
          without(0, Math.min(part.count + 1, ID_MAX + 1), inner);
    return pair(inside, without(part.outer, part.count, outer));
  });
  return single ? [{ ...single, count: 1 }, ...rest] : rest;
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
