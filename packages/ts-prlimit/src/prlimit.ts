/** prlimit(1): shows and changes resource limits; command-line interface for prlimit(2). */
import { lacks } from '@ts/capabilities';
import {
  type Cause,
  defineTool,
  exit,
  INT_MAX,
  isTerminal,
  type Outcome,
  type Parsed,
  parseInteger,
  terminalWidth,
  type World,
} from '@ts/cli';
import {
  CAP_SYS_RESOURCE,
  closeFile,
  Failure,
  fstat,
  Journal,
  type LiveSys,
  live,
  parseCBigInt,
  parseDecimal,
  type Recording,
  RLIM_INFINITY,
  type Sys,
  SysError,
} from '@ts/sys';
import { type Column, formatJson, formatRaw, formatTable, type Row } from '@ts/tables';
import { formatLimit, type Limit, parseLimit, RESOURCES, type Resource } from './limits.ts';
import { options } from './options.ts';

interface Plan {
  /** 0 is the tool's own, and so the program's. */
  readonly pid: number;
  readonly target: Target;
  readonly changes: readonly Change[];
  /** Resources to show, in order. */
  readonly shown: readonly Resource[];
  readonly columns: readonly LimitColumn[];
  readonly format: 'table' | 'raw' | 'json';
  readonly headings: boolean;
  readonly verbose: boolean;
  readonly program: readonly string[];
  /** A limit was given in part, and filled up by what it is now. */
  readonly partial: boolean;
}

interface Current {
  readonly soft: bigint;
  readonly hard: bigint;
}

interface Change extends Current {
  readonly resource: Resource;
}

interface LimitColumn extends Column {
  value(resource: Resource, limit: Current): string | undefined;
}

const COLUMNS: readonly LimitColumn[] = [
  { name: 'DESCRIPTION', truncate: true, value: ({ says }) => says },
  { name: 'RESOURCE', truncate: true, value: ({ name }) => name },
  { name: 'SOFT', right: true, value: (_, { soft }) => formatLimit(soft) },
  { name: 'HARD', right: true, value: (_, { hard }) => formatLimit(hard) },
  { name: 'UNITS', truncate: true, value: ({ unit }) => unit },
];

const DEFAULT = 'RESOURCE,DESCRIPTION,SOFT,HARD,UNITS';

function parseColumns(text: string): LimitColumn[] {
  return text.split(',').map((name) => {
    const column = COLUMNS.find((each) => each.name === name.toUpperCase());
    if (!column)
      throw new Failure(`unknown column: ${name}`, 1, `columns: ${COLUMNS.map((each) => each.name).join(', ')}`);
    return column;
  });
}

/** A process by its number, and the inode that its pidfd must have, which no other process will ever have. */
interface Target {
  readonly pid: number;
  readonly inode?: bigint;
}

function parseTarget(text: string): Target {
  const [, number = text, inode] = /^(.*):(\d+)$/s.exec(text) ?? [];
  const wanted = inode === undefined ? undefined : parseCBigInt(inode.replace(/^0+(?=.)/, ''));
  if (inode !== undefined && wanted === undefined) throw new Failure(`invalid PID argument: '${text}'`);
  return { pid: parseInteger(number, 'invalid PID argument', -INT_MAX - 1, INT_MAX), inode: wanted };
}

/** Throws where the process is another one, or none. */
function checkTarget({ pid, inode }: Target): void {
  if (inode === undefined) return;
  const pidfd = live().or(`cannot open process ${pid}`).look('pidfd_open', pid, 0);
  try {
    const { ino } = fstat(pidfd);
    if (ino !== inode) throw new Failure(`pidfd inode ${inode} not found for pid ${pid}`, 1, `it has ${ino} now`);
  } finally {
    closeFile(pidfd);
  }
}

/** Limits as the program would find them: those that Node has raised for itself are what they were. */
function readLimit(sys: LiveSys, pid: number, { number }: Resource, world: World): Current {
  const own = pid === 0 ? world.limits?.find(([resource]) => resource === number)?.[1] : undefined;
  const { cur, max } = sys.getrlimit(pid, number);
  return { soft: own ?? cur, hard: max };
}

function change(resource: Resource, text: string, pid: number, world: World) {
  const limit: Limit | undefined = parseLimit(text);
  if (!limit)
    throw new Failure(
      `failed to parse ${resource.name} limit`,
      1,
      'a limit is <both>, <soft>:<hard>, <soft>: or :<hard>; each a number or unlimited',
    );
  const isPartial = limit.soft === undefined || limit.hard === undefined;
  const old = isPartial
    ? readLimit(live().or(`failed to get old ${resource.name} limit`), pid, resource, world)
    : undefined;
  const { soft = old?.soft ?? 0n, hard = old?.hard ?? 0n } = limit;
  if (soft > hard && !(soft === RLIM_INFINITY && hard === RLIM_INFINITY))
    throw new Failure(
      `the soft limit ${resource.name} cannot exceed the hard limit`,
      1,
      `${formatLimit(soft)} exceeds ${formatLimit(hard)}`,
    );
  return { resource, soft, hard, isPartial };
}

function plan({ steps, values, operands }: Parsed<typeof options>, world: World): Plan {
  const pids = steps.filter(({ option }) => option.long === 'pid');
  if (pids.length > 1) throw new Failure('option --pid may be specified only once');
  const [pidStep] = pids;
  const target = pidStep ? parseTarget(pidStep.value ?? '') : { pid: 0 };
  const { pid } = target;
  checkTarget(target);
  if (pidStep && pid !== 0 && operands.length) throw new Failure('options --pid and COMMAND are mutually exclusive');
  const named = steps.flatMap(({ option, value }) => {
    const resource = RESOURCES.find(({ name }) => name.toLowerCase() === option.long);
    // A short option takes its limit behind a "=", too.
    return resource ? [{ resource, value: value?.replace(/^=/, '') }] : [];
  });
  const output = values.output as string | undefined;
  const changes = named.flatMap(({ resource, value }) =>
    value === undefined ? [] : [change(resource, value, pid, world)],
  );
  const shown = named.filter(({ value }) => value === undefined).map(({ resource }) => resource);
  return {
    pid,
    target,
    changes,
    shown: named.length ? shown : RESOURCES,
    columns: parseColumns(output ?? DEFAULT),
    format: values.json ? 'json' : values.raw ? 'raw' : 'table',
    headings: !values.noheadings,
    verbose: Boolean(values.verbose),
    program: operands,
    partial: changes.some(({ isPartial }) => isPartial),
  };
}

/** What --verbose says, and the table. Limits that are changed are shown as they will be. */
function textOf({ pid, changes, shown, columns, format, headings, verbose }: Plan, world: World): string {
  const rows = shown.map((resource): Row => {
    const after = changes.findLast((each) => each.resource === resource);
    const limit =
      after ?? readLimit(live().or(`failed to get the ${resource.name} resource limit`), pid, resource, world);
    return { cells: columns.map((column) => column.value(resource, limit)) };
  });
  const words = verbose
    ? changes.map(
        ({ resource, soft, hard }) =>
          `New ${resource.name} limit for pid ${pid || world.pid}: <${formatLimit(soft)}:${formatLimit(hard)}>\n`,
      )
    : [];
  const layout = { headings, utf8: false, terminal: terminalWidth(world) };
  if (format === 'json') return formatJson('limits', columns, rows);
  return words.join('') + (format === 'raw' ? formatRaw : formatTable)(columns, rows, layout);
}

const failed = ({ name }: Resource) => `failed to set the ${name} resource limit`;

/** The same calls, with the words of a failure to set. */
const setting = <Calls extends Sys>(sys: Calls, pid: number, { resource, hard }: Change): Calls =>
  sys.or(failed(resource)).explaining(`set ${resource.name} ${pid} ${hard}`);

function set(sys: Sys, pid: number, { resource, soft, hard }: Change): void {
  sys.setrlimit(pid, resource.number, { cur: soft, max: hard });
}

/** Without enough of these no runtime starts: once the tool's own have changed, nothing can be explained. */
const NEEDED = ['AS', 'CPU', 'DATA', 'FSIZE', 'NOFILE', 'NPROC', 'STACK'];

const changesOwn = ({ pid, changes }: Plan) => pid === 0 && changes.length > 0;

/** With a program the table goes to a terminal alone: what a caller reads is the program's. */
function apply(plan: Plan, sys: Recording, world: World): Outcome {
  const { program } = plan;
  const text = program.length && !isTerminal(1) ? '' : textOf(plan, world);
  plan.changes.forEach((each, index) => {
    const isBound =
      plan.pid === 0 && plan.changes.slice(0, index).some(({ resource }) => NEEDED.includes(resource.name));
    set(isBound ? sys.or(failed(each.resource)) : setting(sys, plan.pid, each), plan.pid, each);
  });
  if (text) sys.or('write error').print(1, [text]);
  return program.length ? { become: program, changes: changesOwn(plan) ? ['limits'] : [] } : exit(0);
}

/** All or none: what raises a limit comes first, since it may be refused, and can be taken back. */
function setAll({ pid, changes }: Plan, sys: LiveSys, world: World): void {
  const before = new Map(
    changes.map((each) => [each.resource, readLimit(setting(live(), pid, each), pid, each.resource, world)]),
  );
  const raises = ({ resource, hard }: Change) => hard > (before.get(resource) as Current).hard;
  const journal = new Journal();
  try {
    for (const each of [...changes.filter(raises), ...changes.filter((each) => !raises(each))]) {
      set(setting(sys, pid, each), pid, each);
      journal.add(() => set(sys.ignoring(), pid, { ...each, ...before.get(each.resource) }));
    }
  } catch (error) {
    journal.run();
    throw error;
  }
}

function act(plan: Plan, sys: LiveSys, world: World): Outcome {
  if (plan.changes.length) setAll(plan, sys, world);
  const text = textOf(plan, world);
  // What was read is that process's only where the number is still its own.
  checkTarget(plan.target);
  world.print(text);
  return exit(0);
}

/** Undefined where it cannot be read. */
function hardLimit(name: string, pid: string): bigint | undefined {
  const resource = RESOURCES.find((each) => each.name === name);
  try {
    return resource && live().getrlimit(parseDecimal(pid) ?? 0, resource.number).max;
  } catch (error) {
    if (error instanceof SysError) return undefined;
    throw error;
  }
}

const causes: readonly Cause[] = [
  {
    of: 'set',
    errors: ['EPERM'],
    probe: ([name = '', pid = '', hard = ''], world) => {
      const most = parseCBigInt(world.read('/proc/sys/fs/nr_open')?.trim() ?? '');
      if (name === 'NOFILE' && most !== undefined && BigInt(hard) > most)
        return `fs.nr_open allows no more than ${most} open files`;
      if (!lacks(world.read, CAP_SYS_RESOURCE)) return undefined;
      const owner = /^Uid:\s*(\d+)/m.exec(world.read(`/proc/${pid}/status`) ?? '')?.[1];
      if (pid !== '0' && owner !== undefined && parseDecimal(owner) !== world.uid)
        return `process ${pid} belongs to user ${owner}: this needs CAP_SYS_RESOURCE`;
      const now = hardLimit(name, pid);
      return now !== undefined && BigInt(hard) > now
        ? 'a hard limit can only be lowered: to raise it needs CAP_SYS_RESOURCE'
        : undefined;
    },
  },
];

export const tool = defineTool({
  name: 'ts-prlimit',
  replaces: ['prlimit'],
  section: 1,
  summary: 'Show and set resource limits, of a process or for a program.',
  synopsis: [
    '[options] [--<resource>=<limit>] [-p <pid>]',
    '[options] [--<resource>=<limit>] <program> [<argument>...]',
  ],
  options,
  causes,
  momentary: ({ partial }) => (partial ? 'half of a limit is taken from this process' : undefined),
  reads: ({ partial }) => (partial || isTerminal(1) ? ['limits'] : []),
  description:
    'A resource without a limit is shown, one with a limit is set; without any resource, all are shown. A limit is <soft>:<hard>, <soft>: or :<hard>, where the other one stays as it is, or one value for both; each is a number or "unlimited". Without a process the limits are those of the tool, and so of the program that it becomes.',
  differences: [
    'What stands behind a number is an error (the original takes "5x" for 5).',
    'Of several limits of another process either all are set or none.',
    'With a program, and where standard output is no terminal, no table is printed, even if the program cannot be executed.',
    'A limit that is both shown and set stands in the table as it is set, whatever the order.',
    '`--json`, `--dry-run` and `--trace` are ours.',
  ],
  exitStatuses: [
    ['1', 'a limit could not be read or set, or wrong usage'],
    ['126', 'the program cannot be executed'],
    ['127', 'the program was not found'],
    ['else', 'that of the program'],
  ],
  examples: [
    {
      command: 'ts-prlimit --nofile=1024:4096 --core=0 ls',
      says: 'a program with fewer open files, and without core files',
    },
    { command: 'ts-prlimit --pid 1 --nofile', says: 'the limit of open files of the first process' },
    { command: 'ts-prlimit --pid $$ --nproc=:500', says: 'a lower hard limit for a running shell' },
  ],
  plan,
  becomes: (plan) => plan.program.length > 0 || changesOwn(plan),
  apply,
  act,
});
