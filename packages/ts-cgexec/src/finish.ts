/** The end of a run: what was used is printed, the groups are removed. A fresh process of this tool does it. */
import { writeFileSync } from 'node:fs';
import { humanSize, killAndRemove, readStatistics, type Statistics, word } from '@ts/cgroups';
import { exit, type Outcome, ToolError, UsageError, type World, writeText } from '@ts/cli';
import { encode, type LiveSys } from '@ts/sys';

/** All that the fresh process is told. */
export interface Finish {
  /** Folders of the groups that the program was in. */
  readonly groups: readonly string[];
  /** Folders that are removed, the innermost first, after what is in them was killed. */
  readonly remove: readonly string[];
  readonly stat?: { readonly file?: string; readonly json: boolean };
  /** When the run began: ms since 1970, as time(1) counts; not every runtime's other clocks begin at the same time in two processes. */
  readonly began: number;
}

const STDERR = 2;

const isTexts = (list: unknown) => Array.isArray(list) && list.every((each) => typeof each === 'string');

/** Of the tool's own making; whoever writes one by hand is told that it is not for that. */
export function finishOf(text: string): Finish {
  try {
    const told = JSON.parse(text) as Partial<Finish> | null;
    if (told && isTexts(told.groups) && isTexts(told.remove) && typeof told.began === 'number') return told as Finish;
  } catch {
    // no JSON
  }
  throw new UsageError('--finish is used by this tool itself');
}

const seconds = (usec: number) => `${(usec / 1e6).toFixed(usec < 1e7 ? 3 : 1)} s`;

/** Lines "what: how much"; what nobody has counted is left out. */
export function statisticsText(statistics: Statistics, elapsedMs: number): string {
  const { cpuUsec, userUsec, systemUsec, throttledPeriods, throttledUsec, io, stalledUsec } = statistics;
  const parts =
    userUsec === null || systemUsec === null ? '' : ` (user ${seconds(userUsec)}, system ${seconds(systemUsec)})`;
  const stalled = Object.entries(stalledUsec).flatMap(([kind, total]) =>
    total ? [`${kind} ${seconds(total.some)}`] : [],
  );
  const lines: readonly (readonly [string, string | null])[] = [
    ['elapsed', seconds(elapsedMs * 1000)],
    ['CPU time', cpuUsec === null ? null : `${seconds(cpuUsec)}${parts}`],
    ['throttled', throttledPeriods === null ? null : `${throttledPeriods} periods, ${seconds(throttledUsec ?? 0)}`],
    ['peak memory', statistics.peakMemory === null ? null : humanSize(statistics.peakMemory)],
    ['OOM kills', statistics.oomKills === null ? null : String(statistics.oomKills)],
    ['memory limit met', statistics.memoryLimitHits === null ? null : `${statistics.memoryLimitHits} times`],
    [
      'block I/O',
      io && `read ${humanSize(io.readBytes)} in ${io.reads}, written ${humanSize(io.writtenBytes)} in ${io.writes}`,
    ],
    ['peak tasks', statistics.peakTasks === null ? null : String(statistics.peakTasks)],
    ['stalled', stalled.length ? stalled.join(', ') : null],
  ];
  return lines.flatMap(([what, value]) => (value === null ? [] : [`${what}: ${value}\n`])).join('');
}

function report({ groups, stat, began }: Finish, world: World): void {
  if (!stat) return;
  const elapsedMs = Math.max(0, Date.now() - began);
  const statistics = readStatistics(
    groups.map((directory) => ({ directory })),
    world,
  );
  const { tasks, memory, ...ofRun } = statistics;
  const text = stat.json ? `${JSON.stringify({ elapsedMs, ...ofRun })}\n` : statisticsText(statistics, elapsedMs);
  if (stat.file === undefined) writeText(STDERR, text, true);
  else {
    try {
      writeFileSync(encode(stat.file), encode(text));
    } catch (error) {
      throw new ToolError(`cannot write to ${stat.file}: ${(error as NodeJS.ErrnoException).code}`);
    }
  }
}

export function act(finish: Finish, sys: LiveSys, world: World): Outcome {
  try {
    report(finish, world);
  } finally {
    for (const directory of finish.remove)
      killAndRemove(
        sys.or(`cannot remove ${directory}`).explaining(`cgroup-rmdir ${word(directory)}`),
        directory,
        world,
      );
  }
  return exit(0);
}
