/** lsns(8): lists namespaces. */

import {
  defineTool,
  exit,
  INT_MAX,
  isUtf8,
  type Outcome,
  type Parsed,
  parseInteger,
  terminalWidth,
  valuesOf,
  type World,
} from '@ts/cli';
import {
  KINDS,
  liveReader,
  mountNamespaces,
  type Namespace,
  nsfsMounts,
  type Survey,
  surveyNamespaces,
} from '@ts/namespaces';
import { Failure, type LiveSys, stat, unlessRefused } from '@ts/sys';
import {
  type Column,
  type Filter,
  formatJson,
  formatRaw,
  formatTable,
  type Layout,
  parseFilter,
  type Row,
} from '@ts/tables';
import {
  COLUMNS,
  columnNamed,
  DEFAULT,
  DEFAULT_NET,
  DEFAULT_PROCESSES,
  type Details,
  type LsnsColumn,
  type Subject,
} from './columns.ts';
import { options } from './options.ts';

type Tree = 'owner' | 'parent' | 'process';

export interface Plan {
  /** Empty where the list of columns had an empty name: the original ends without a word. */
  readonly columns: readonly LsnsColumn[];
  readonly format: 'table' | 'raw' | 'json';
  readonly headings: boolean;
  readonly truncate: boolean;
  readonly wrap: boolean;
  readonly tree?: Tree;
  readonly kinds?: ReadonlySet<string>;
  readonly pid?: number;
  readonly namespace?: number;
  readonly persistent: boolean;
  readonly filter?: Filter;
  /** The columns themselves are asked for. */
  readonly listColumns: boolean;
}

const parsePid = (text: string) => parseInteger(text, 'invalid PID argument', 1, INT_MAX);
const parseNamespace = (text: string) => parseInteger(text, 'invalid namespace argument', 0, Number.MAX_SAFE_INTEGER);

function parseKind(text: string): string {
  if (!KINDS.some(({ file }) => file === text)) throw new Failure(`unknown namespace type: ${text}`);
  return text;
}

function parseTree(text: string | true): Tree {
  const word = text === true ? 'owner' : text.replace(/^=/, '');
  if (word === 'owner' || word === 'parent' || word === 'process') return word;
  throw new Failure(`unknown tree type: ${word}`);
}

/** The columns of a list; none where one of its names is empty. */
function parseColumns(text: string, others: readonly LsnsColumn[]): readonly LsnsColumn[] {
  const isAdded = text.startsWith('+');
  const columns: LsnsColumn[] = isAdded ? [...others] : [];
  for (let rest = isAdded ? text.slice(1) : text; ; ) {
    const comma = rest.indexOf(',');
    // A comma at the end is part of the last name, as the original reads it.
    const isLast = comma < 0 || comma === rest.length - 1;
    const name = isLast ? rest : rest.slice(0, comma);
    if (!name) return [];
    const column = columnNamed(name);
    if (!column) throw new Failure(`unknown column: ${rest}`);
    columns.push(column);
    if (isLast) return columns;
    rest = rest.slice(comma + 1);
  }
}

/** An empty expression is none. */
function parseExpression(text: string): Filter | undefined {
  if (text === '') return undefined;
  let filter: Filter;
  try {
    filter = parseFilter(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new Failure(`failed to parse "${text}": ${error.message}`);
  }
  for (const name of filter.names) {
    if (!columnNamed(name)) throw new Failure(`unknown column: ${name}`, 1, 'failed to initialize filter');
  }
  return filter;
}

/** Long names of options of which at most one may be given. */
const EXCLUSIVE = [
  ['json', 'raw'],
  ['persistent', 'task'],
  ['list', 'tree'],
] as const;

const named = (names: readonly string[]) => names.map((name) => columnNamed(name) as LsnsColumn);

/** Reads the command line; whether what it asks for exists only the kernel knows. */
export function plan({ values: all, steps, operands }: Parsed<typeof options>): Plan {
  // What stands behind --list-columns is not looked at.
  const asked = steps.findIndex(({ option }) => option.long === 'list-columns');
  const listColumns = asked >= 0;
  const { output, ...values } = listColumns ? valuesOf<typeof options>(steps.slice(0, asked)) : all;
  for (const [one, other] of EXCLUSIVE)
    if (values[one] !== undefined && values[other] !== undefined)
      throw new Failure(`mutually exclusive arguments: --${one} --${other}`);
  const kinds = values.type?.length ? new Set(values.type.map(parseKind)) : undefined;
  const pid = values.task === undefined ? undefined : parsePid(values.task);
  const filter = values.filter === undefined ? undefined : parseExpression(values.filter);
  let tree = values.tree === undefined ? undefined : parseTree(values.tree);
  const [operand] = listColumns ? [] : operands;
  if (operand !== undefined && pid !== undefined) throw new Failure('--task is mutually exclusive with <namespace>');
  const namespace = operand === undefined ? undefined : parseNamespace(operand);
  if (!values.list && (namespace !== undefined || !values['output-all'])) tree ??= 'process';
  const usual = kinds?.has('net') ? DEFAULT_NET : DEFAULT;
  const others = values['output-all']
    ? COLUMNS.filter(({ ours }) => !ours)
    : named(namespace === undefined ? usual : DEFAULT_PROCESSES);
  return {
    columns: output === undefined || listColumns ? others : parseColumns(output, others),
    format: values.json ? 'json' : values.raw ? 'raw' : 'table',
    headings: !values.noheadings,
    truncate: !values.notruncate,
    wrap: !values.nowrap && !values.raw,
    tree,
    kinds,
    pid,
    namespace,
    persistent: Boolean(values.persistent),
    filter,
    listColumns,
  };
}

/** The layout of the columns: which of them shows the tree, what is cut and what wraps. */
function layoutOf({ columns, tree, truncate, wrap }: Plan): Column[] {
  const treeColumn = tree === 'process' ? 'COMMAND' : tree && 'NS';
  return columns.map((column) => ({
    ...column,
    tree: column.name === treeColumn,
    right: column.right && column.name !== treeColumn,
    truncate: column.truncate && truncate,
    wrap: column.wrap && wrap,
  }));
}

/** Rows in the order of the original: what stands above another comes before it. */
export function rowsOf(plan: Plan, { namespaces, pids }: Survey, details: Details): Row[] {
  const rows: Row[] = [];
  /** Rows that others may hang below: of a process, of a namespace. */
  const ofProcess = new Map<number, Row>();
  const ofNamespace = new Map<number, Row>();
  const byProcess = plan.tree === 'process';
  const separator = plan.wrap ? '\n' : ',';
  const cell = (column: LsnsColumn, subject: Subject) => column.value(subject, details, separator);
  const parentOf = (pid: number) => {
    const parent = details.ppid(pid);
    return parent !== undefined && pids.has(parent) ? parent : undefined;
  };
  const above = ({ namespace, pid }: Subject): Row | undefined => {
    if (byProcess) return pid === undefined ? undefined : ofProcess.get(parentOf(pid) ?? 0);
    return plan.tree && ofNamespace.get(namespace[plan.tree as 'owner' | 'parent']);
  };
  const add = (subject: Subject) => {
    const { namespace, pid } = subject;
    if (plan.filter && !plan.filter.matches((name) => cell(columnNamed(name) as LsnsColumn, subject))) return;
    const cells = plan.columns.map((column) => cell(column, subject)?.toString());
    const row = { cells, parent: above(subject) };
    rows.push(row);
    if (!byProcess) ofNamespace.set(namespace.id, row);
    else if (pid !== undefined) ofProcess.set(pid, row);
  };

  if (plan.namespace !== undefined) {
    const namespace = namespaces.get(plan.namespace) as Namespace;
    const members = new Set(namespace.pids);
    const shown = new Set<number>();
    const show = (pid: number) => {
      shown.add(pid);
      const parent = byProcess ? parentOf(pid) : undefined;
      if (parent !== undefined && members.has(parent) && !shown.has(parent)) show(parent);
      add({ namespace, pid });
    };
    for (const pid of namespace.pids) if (!shown.has(pid)) show(pid);
    return rows;
  }

  const shown = new Set<number>();
  const show = (namespace: Namespace) => {
    shown.add(namespace.id);
    const next = (id: number) => {
      const other = namespaces.get(id);
      if (other && !shown.has(id)) show(other);
      return other;
    };
    if (plan.tree === 'owner') next(namespace.owner);
    if (plan.tree === 'parent' && !next(namespace.parent)) next(namespace.owner);
    add({ namespace, pid: namespace.pids[0] });
  };
  for (const namespace of namespaces.values()) {
    if (plan.pid !== undefined && !namespace.pids.includes(plan.pid)) continue;
    if (plan.persistent && namespace.pids.length) continue;
    if (!shown.has(namespace.id)) show(namespace);
  }
  return rows;
}

/** Remembers what was read: a row asks several times for the same process. */
function remembering<Value>(read: (key: number) => Value): (key: number) => Value {
  const known = new Map<number, Value>();
  return (key) => {
    if (!known.has(key)) known.set(key, read(key));
    return known.get(key) as Value;
  };
}

/** Undefined where it has ended meanwhile: its cell stays empty. */
const uidOf = (pid: number): number | undefined => unlessRefused(() => stat(`/proc/${pid}`).uid);

/** Command line of a process, or its name where it has none. */
function commandOf(pid: number, world: World): string | undefined {
  const line = world.read(`/proc/${pid}/cmdline`)?.replace(/\0$/, '').replaceAll('\0', ' ');
  return line || world.read(`/proc/${pid}/comm`)?.trimEnd();
}

/** What /proc and the accounts say about processes. `self`: our own number there. */
const detailsFrom = (world: World, self: number): Details => ({
  ppid: remembering((pid) => {
    const stat = world.read(`/proc/${pid}/stat`);
    return stat === undefined ? undefined : Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  }),
  command: remembering((pid) => (pid === self && world.argv ? world.argv.join(' ') : commandOf(pid, world))),
  uid: remembering(uidOf),
  userName: remembering((uid) => world.user(uid)?.name ?? String(uid)),
});

function print(world: World, name: string, { format }: Plan, columns: Column[], rows: Row[], layout: Layout): Outcome {
  if (format === 'json') world.print(formatJson(name, columns, rows));
  else world.print((format === 'raw' ? formatRaw : formatTable)(columns, rows, layout));
  return exit(0);
}

function act(plan: Plan, sys: LiveSys, world: World): Outcome {
  if (!plan.columns.length) return exit(1);
  const layout = { headings: plan.headings, utf8: isUtf8(world), terminal: terminalWidth(world) };
  if (plan.listColumns) {
    const columns = [{ name: 'HOLDER', right: true }, { name: 'TYPE' }, { name: 'DESCRIPTION' }];
    const rows = COLUMNS.map(({ name, json, help }) => ({
      cells: [name, json === 'number' ? '<integer>' : '<string>', help],
    }));
    return print(world, 'lsns-columns', plan, columns, rows, { ...layout, headings: false });
  }
  const asked = new Set([
    ...plan.columns.map(({ name }) => name),
    ...(plan.filter?.names ?? []).map((name) => name.toUpperCase()),
  ]);
  const reader = liveReader(sys);
  const others = asked.has('HOLDERS') || plan.persistent ? mountNamespaces(reader) : [];
  const survey = surveyNamespaces(reader, {
    kinds: plan.kinds,
    mounts: nsfsMounts(world.read, others),
    netnsid: asked.has('NETNSID'),
    nsid: asked.has('NSID'),
  });
  if (plan.namespace !== undefined && !survey.namespaces.has(plan.namespace))
    throw new Failure(`not found namespace: ${plan.namespace}`);
  return print(
    world,
    'namespaces',
    plan,
    layoutOf(plan),
    rowsOf(plan, survey, detailsFrom(world, Number(reader.link('/proc/self')))),
    layout,
  );
}

export const tool = defineTool({
  name: 'ts-lsns',
  replaces: ['lsns'],
  section: 8,
  summary: 'List namespaces.',
  synopsis: ['[options] [<namespace>]'],
  options,
  grammar: { permute: true },
  reads: ['root', 'credentials', 'ids', 'pid'],
  description:
    'Prints the namespaces that can be seen in /proc: those of processes, and those that live by an open descriptor, a socket, a mount or a child namespace alone. With the number of a namespace its processes are listed. The column HOLDERS says who keeps a namespace alive: of each sort (process, fd as PID/descriptor, socket likewise where its process is in another network namespace, mount, child) the first one and how many more there are; mounts are then looked for in all mount namespaces.',
  differences: [
    'HOLDERS and NSID are columns of ours; --output-all leaves them out.',
    'A namespace that only lives by a child namespace is listed always (the original finds it with --tree=owner and --tree=parent).',
    'NETNSID of a namespace without processes is shown where it has one; the original leaves it empty.',
    'That no process has the number 0 or a negative one is said.',
    'An expression of --filter knows neither size suffixes nor functions.',
  ],
  exitStatuses: [['1', 'wrong usage, or a namespace that is not found']],
  examples: [
    { command: 'ts-lsns -p $$', says: 'the namespaces of the shell' },
    { command: 'ts-lsns -t net -o NS,NPROCS,HOLDERS', says: 'who keeps the network namespaces alive' },
  ],
  plan,
  act,
});
