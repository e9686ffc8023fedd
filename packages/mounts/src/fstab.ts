/** /etc/fstab, fstab(5). Pure. */
import { unescapeOctal } from './mountinfo.ts';

export interface FstabEntry {
  readonly source: string;
  readonly target: string;
  readonly type: string;
  readonly options: string;
}

export interface FstabText {
  readonly entries: readonly FstabEntry[];
  /** Numbers, from 1, of the lines that are no entry. */
  readonly bad: readonly number[];
}

/** How often it is dumped, and when it is checked: a number each, where they are there. */
const isNumber = (text: string | undefined) => text === undefined || /^[-+]?\d{1,9}$/.test(text);

function parseLine(line: string): FstabEntry | undefined {
  const [source, target, type, options = 'defaults', frequency, pass] = line.split(/[ \t]+/).map(unescapeOctal);
  if (!source || !target || !type || !isNumber(frequency) || !isNumber(pass)) return undefined;
  return { source, target, type, options };
}

/** Its lines; comments and empty lines are left out. */
export function parseFstab(text: string): FstabText {
  const entries: FstabEntry[] = [];
  const bad: number[] = [];
  text.split('\n').forEach((line, index) => {
    const content = line.replace(/^[ \t]+|[ \t\r]+$/g, '');
    if (content === '' || content.startsWith('#')) return;
    const entry = parseLine(content);
    if (entry) entries.push(entry);
    else bad.push(index + 1);
  });
  return { entries, bad };
}

/** Names in a folder of such files that count, in the order in which they are read: numbers in names by their value. */
export const fstabNames = (names: readonly string[]): string[] =>
  names.filter((name) => /^[^.].*\.fstab$/s.test(name)).sort(byVersion);

/** The number that stands in a text around a place, where there is one. */
function numberAround(text: string, place: number): bigint | undefined {
  const start = place - (/\d*$/.exec(text.slice(0, place))?.[0].length ?? 0);
  const digits = /^\d+/.exec(text.slice(start))?.[0];
  return digits === undefined ? undefined : BigInt(digits);
}

/** As versionsort(3), but that leading zeros have no meaning. */
function byVersion(left: string, right: string): number {
  let place = 0;
  while (place < left.length && left[place] === right[place]) place++;
  const [a, b] = [numberAround(left, place), numberAround(right, place)];
  if (a !== undefined && b !== undefined && a !== b) return a < b ? -1 : 1;
  return left < right ? -1 : Number(left > right);
}

/** Without the slashes at its end. */
const trimmed = (path: string) => path.replace(/(?<=.)\/+$/, '');

/** Whether two paths are the same but for slashes at their ends. */
export const isSamePlace = (one: string, other: string): boolean => trimmed(one) === trimmed(other);
