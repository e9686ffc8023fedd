/** The end of a run: what was used is printed, the groups are removed. A fresh process of this tool does it. */
import { humanSize, killAndRemove, OTHER, readStatistics, type Statistics, subjectOf } from '@ts/cgroups';
import { exit, type Outcome, UsageError, type World, writeText } from '@ts/cli';
import { encode, type LiveSys, O_CREAT, O_TRUNC, O_WRONLY } from '@ts/sys';

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
/** What the umask leaves of it. */
const FILE_MODE = 0o666;

type Fields = Readonly<Record<string, unknown>>;
const isObject = (value: unknown): value is Fields => typeof value === 'object' && value !== null;
const isFolders = (value: unknown) =>
  Array.isArray(value) &&
  value.every((each) => typeof each === 'string' && each.startsWith('/') && !each.split('/').includes('..'));
const isStat = (value: unknown) =>
  value === undefined ||
  (isObject(value) &&
    typeof value.json === 'boolean' &&
    (value.file === undefined || (typeof value.file === 'string' && !value.file.includes('\0'))));
const isFinish = (value: unknown): value is Finish =>
  isObject(value) &&
  isFolders(value.groups) &&
  isFolders(value.remove) &&
  isStat(value.stat) &&
  Number.isFinite(value.began);

/** Of the tool's own making; whoever writes one by hand is told that it is not for that. */
export function finishOf(text: string): Finish {
  let finish: unknown;
  try {
    finish = JSON.parse(text);
  } catch {} // it is none, and not of our making then
  if (!isFinish(finish)) throw new UsageError('--finish is used by this tool itself');
  return finish;
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

function report({ groups, stat, began }: Finish, sys: LiveSys, world: World): void {
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
    const writing = sys.or(`cannot write to ${stat.file}`, { status: OTHER.status });
    const fd = writing.open(stat.file, O_WRONLY | O_CREAT | O_TRUNC, FILE_MODE);
    writing.write(fd, encode(text));
    sys.close(fd);
  }
}

export function act(finish: Finish, sys: LiveSys, world: World): Outcome {
  try {
    report(finish, sys, world);
  } finally {
    for (const directory of finish.remove)
      killAndRemove(sys.or(`cannot remove ${directory}`).explaining(subjectOf('rmdir', directory)), directory, world);
  }
  return exit(0);
}
