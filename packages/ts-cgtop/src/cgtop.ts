/** ts-cgtop(1): shows what control groups use, as top(1) does for processes. */
import {
  humanSize,
  normalPath,
  readHierarchies,
  surveyGroups,
  type Usage,
  usageBetween,
  whyMissing,
} from '@ts/cgroups';
import { defineTool, exit, isUtf8, type Outcome, type Parsed, terminalSize, UsageError, type World } from '@ts/cli';
import { Failure, type LiveSys, parseDecimal } from '@ts/sys';
import { formatTable } from '@ts/tables';
import { options } from './options.ts';

const SORTS = ['cpu', 'memory', 'io', 'tasks', 'path'] as const;
type Sort = (typeof SORTS)[number];

interface Plan {
  readonly top: string;
  readonly sort: Sort;
  readonly delayMs: number;
  readonly iterations: number;
  readonly depth: number;
  readonly all: boolean;
  readonly json: boolean;
}

const USAGE = 129;
/** Of the terminal: to its first line, and what is below cleared. */
const HOME = '\x1b[H\x1b[J';

const LONGEST_DELAY_MS = 0x7fff_ffff;

/** Seconds with a fraction, as ms. */
const delayOf = (text: string): number | undefined =>
  /^\d{1,9}(\.\d{1,9})?$/.test(text) ? Math.min(LONGEST_DELAY_MS, Number(text) * 1000) : undefined;

function numberOf(
  text: string | undefined,
  what: string,
  otherwise: number,
  least: number,
  parse: (text: string) => number | undefined = parseDecimal,
): number {
  if (text === undefined) return otherwise;
  const number = parse(text);
  if (number === undefined || number < least) throw new Failure(`wrong ${what}: '${text}'`, USAGE);
  return number;
}

function plan({ values, operands }: Parsed<typeof options>, world: World): Plan {
  const [text = '/', extra] = operands;
  if (extra !== undefined) throw new UsageError(`extra operand '${extra}'`);
  const top = normalPath(text);
  if (top === undefined) throw new Failure(`there is no group '${text}'`);
  const hierarchies = readHierarchies(world);
  if (!hierarchies.mounted.length) throw new Failure('no control groups', 1, whyMissing(hierarchies, 'any'));
  const sort = (values.sort ?? 'cpu') as Sort;
  if (!SORTS.includes(sort)) throw new Failure(`wrong column: '${sort}'`, USAGE, `one of ${SORTS.join(', ')}`);
  return {
    top,
    sort,
    delayMs: numberOf(values.delay, 'delay', 1000, 10, delayOf),
    iterations: values.once ? 1 : numberOf(values.iterations, 'count', Number.POSITIVE_INFINITY, 1),
    depth: numberOf(values.depth, 'depth', 3, 0),
    all: Boolean(values.all),
    json: Boolean(values.json),
  };
}

const VALUES: Readonly<Record<Exclude<Sort, 'path'>, (usage: Usage) => number>> = {
  cpu: ({ cpuPercent }) => cpuPercent ?? -1,
  memory: ({ statistics }) => statistics.memory ?? -1,
  io: ({ readBytesPerSecond, writtenBytesPerSecond }) => (readBytesPerSecond ?? -1) + (writtenBytesPerSecond ?? -1),
  tasks: ({ statistics }) => statistics.tasks ?? -1,
};

const byPath = (a: Usage, b: Usage) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0);

/** The largest first, equal ones by path. */
function sorted(usages: readonly Usage[], sort: Sort): Usage[] {
  if (sort === 'path') return [...usages].sort(byPath);
  const value = VALUES[sort];
  return [...usages].sort((a, b) => value(b) - value(a) || byPath(a, b));
}

const COLUMNS = [
  { name: 'CONTROL GROUP', truncate: true },
  { name: 'TASKS', right: true },
  { name: '%CPU', right: true },
  { name: 'MEMORY', right: true },
  { name: 'READ/S', right: true },
  { name: 'WRITTEN/S', right: true },
];

const orDash = (value: number | null, format: (value: number) => string) => (value === null ? '-' : format(value));

const rowOf = ({ path, statistics, cpuPercent, readBytesPerSecond, writtenBytesPerSecond }: Usage) => ({
  cells: [
    path,
    orDash(statistics.tasks, String),
    orDash(cpuPercent, (value) => value.toFixed(1)),
    orDash(statistics.memory, humanSize),
    orDash(readBytesPerSecond, humanSize),
    orDash(writtenBytesPerSecond, humanSize),
  ],
});

const objectOf = ({ path, statistics, cpuPercent, readBytesPerSecond, writtenBytesPerSecond }: Usage) => ({
  path,
  cpuPercent,
  readBytesPerSecond,
  writtenBytesPerSecond,
  ...statistics,
});

function textOf(usages: readonly Usage[], plan: Plan, world: World): string {
  if (plan.json) return `${JSON.stringify(usages.map(objectOf))}\n`;
  const size = terminalSize(1);
  const terminal = size && { rows: size.rows || 24, columns: size.columns || 80 };
  const layout = { headings: true, utf8: isUtf8(world), terminal: terminal?.columns };
  const live = terminal && plan.iterations > 1;
  const rows = usages.map(rowOf);
  const table = formatTable(COLUMNS, live ? rows.slice(0, Math.max(1, terminal.rows - 2)) : rows, layout);
  return live ? HOME + table : table;
}

const wait = (ms: number) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
const now = () => Number(process.hrtime.bigint()) / 1e6;

function act(plan: Plan, _sys: LiveSys, world: World): Outcome {
  const { top, depth, sort, all, delayMs, iterations } = plan;
  const look = () => surveyGroups(readHierarchies(world), top, depth, world, now);
  let before = look();
  if (!before.length) throw new Failure(`there is no group '${top}'`, 1, 'lscgroup lists all');
  for (let round = 0; round < iterations; round++) {
    wait(delayMs);
    const after = look();
    const usages = usageBetween(before, after).filter(({ statistics }) => all || (statistics.tasks ?? 0) > 0);
    world.print(textOf(sorted(usages, sort), plan, world));
    before = after;
  }
  return exit(0);
}

export const tool = defineTool({
  name: 'ts-cgtop',
  replaces: [],
  section: 1,
  summary: 'Show what control groups use.',
  synopsis: ['[-a] [-d <seconds>] [-n <count>] [--depth <levels>] [--sort <column>] [--once] [--json] [<path>]'],
  options,
  grammar: { permute: true },
  status: 1,
  usageStatus: USAGE,
  reads: ['cgroups', 'root'],
  description:
    'Prints the groups at and below a path, one line for all hierarchies that have it: tasks, CPU time in percent of one CPU, memory, and bytes read from and written to block devices a second. On a terminal the table is drawn anew after each delay, until Ctrl-C; elsewhere the tables follow each other. With --json there is one line for each look. What no controller counts is - (null).',
  exitStatuses: [
    ['1', 'there is no such group'],
    ['129', 'wrong usage'],
  ],
  examples: [
    { command: 'ts-cgtop', says: 'live, the largest users of CPU time first' },
    { command: 'ts-cgtop --once --json --sort memory /job', says: 'one line for a script' },
  ],
  plan,
  act,
});
