/** Processes as /proc shows them. */
import { readdirSync, readFileSync } from 'node:fs';

export interface Process {
  readonly pid: number;
  readonly parent: number;
  /** PIDs in the namespaces from ours down to its own. */
  readonly pids: readonly number[];
  readonly name: string;
  readonly command: string;
  /** Memory that it holds, in KB. */
  readonly resident: number;
  /** Seconds of CPU time. */
  readonly cpu: number;
}

/** Clock ticks a second, as times(2) counts for user space on every Linux. */
const TICKS = 100;

export function readProcess(pid: number): Process | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const field = (name: string) => new RegExp(`^${name}:\\s+(.*)$`, 'm').exec(status)?.[1] ?? '';
    // The name stands in parentheses and may hold anything, so fields count from the last one.
    const times = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    return {
      pid,
      parent: Number(field('PPid')),
      pids: field('NSpid').split(/\s+/).map(Number),
      name: field('Name'),
      command: readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim() || `[${field('Name')}]`,
      resident: Number.parseInt(field('VmRSS') || '0', 10),
      cpu: (Number(times[11]) + Number(times[12])) / TICKS,
    };
  } catch {
    return undefined; // it has ended
  }
}

/** A process and all that come from it, parents first. */
export function descendants(pid: number): Process[] {
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => readProcess(Number(name)) ?? []);
  const below = (parent: number): Process[] =>
    all.filter((each) => each.parent === parent).flatMap((each) => [each, ...below(each.pid)]);
  return [...all.filter((each) => each.pid === pid), ...below(pid)];
}

/** The tree as `ps f` would show it, with the PIDs inside and the memory of each. */
export function formatTree(tree: readonly Process[]): string {
  const depth = new Map<number, number>();
  const rows = tree.map(({ pid, parent, pids, resident, command }) => {
    depth.set(pid, (depth.get(parent) ?? -1) + 1);
    const [line = ''] = command.split('\n');
    const inside = pids.length > 1 ? String(pids.at(-1)) : '-';
    return `${String(pid).padStart(8)} ${inside.padStart(6)} ${`${resident} KB`.padStart(9)}  ${'  '.repeat(depth.get(pid) as number)}${line.slice(0, 80)}`;
  });
  return ['     PID INSIDE    MEMORY  COMMAND', ...rows].join('\n');
}
