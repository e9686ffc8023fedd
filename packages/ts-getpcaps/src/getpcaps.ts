/** getpcaps(8): shows the capabilities of processes. */
import {
  capabilityName,
  formatCapabilitySets,
  formatIab,
  kernelCapabilities,
  licenseText,
  members,
  setInStatus,
} from '@ts/capabilities';
import {
  defineTool,
  exit,
  HELP_AND_OUR_VERSION,
  INT_MAX,
  type Option,
  type Outcome,
  type Parsed,
  type Split,
  type Step,
  UsageError,
  type World,
  writeText,
} from '@ts/cli';
import { errnoOf, Failure, type LiveSys, parseSigned, SysError, strerror } from '@ts/sys';

/** Key of a word that is no option. */
const PID = 'pid';

const options = [
  ...HELP_AND_OUR_VERSION,
  { long: 'usage', help: 'the same as --help' },
  { long: 'verbose', help: 'write more words around the capabilities' },
  { long: 'legacy', help: 'write as old versions did, to standard error' },
  { long: 'ugly', help: 'the same as --legacy' },
  { long: 'iab', help: 'show the inheritable, ambient and bounding vectors, too' },
  { long: 'license', help: 'show the licence, and end' },
  { long: 'json', help: 'print a list of objects', group: 'Ours', ours: true },
  { long: PID, arg: 'pid', help: 'a process', hidden: true },
] as const satisfies readonly Option[];

/** A word is an option by its exact name, anywhere, for the processes behind it; every other word is a process. */
function split(table: readonly Option[], argv: readonly string[]): Split {
  const row = (long: string) => table.find((option) => option.long === long);
  const steps: Step[] = [];
  for (let at = 0; at < argv.length; ) {
    const word = argv[at++] as string;
    const [, name = '', value] = /^--([\w-]+)(?:=(.*))?$/s.exec(word) ?? [];
    const option = row(word === '-h' || word === '--usage' ? 'help' : name);
    if (!option || option.hidden || (value !== undefined && option.arg === undefined))
      steps.push({ option: row(PID) as Option, value: word });
    else steps.push({ option, value: option.arg === undefined ? undefined : (value ?? argv[at++]) });
  }
  return { steps, operands: [], beforeDashes: 0 };
}

type Form = 'plain' | 'verbose' | 'legacy';

/** How a process is shown. */
interface Shown {
  readonly form: Form;
  readonly vectors: boolean;
}

interface Plan {
  readonly processes: readonly (Shown & { readonly word: string })[];
  readonly json: boolean;
  /** What stands behind it is not looked at. */
  readonly license: boolean;
}

const FORMS: Readonly<Record<string, Form>> = { verbose: 'verbose', legacy: 'legacy', ugly: 'legacy' };

function plan({ steps, values }: Parsed<typeof options>): Plan {
  const processes: (Shown & { word: string })[] = [];
  let shown: Shown = { form: 'plain', vectors: false };
  const end = steps.findIndex(({ option }) => option.long === 'license');
  for (const { option, value } of end < 0 ? steps : steps.slice(0, end)) {
    if (option.long === PID) processes.push({ word: value ?? '', ...shown });
    else shown = { form: FORMS[option.long] ?? shown.form, vectors: shown.vectors || option.long === 'iab' };
  }
  if (!processes.length && end < 0) throw new UsageError('no process is named');
  return { processes, json: Boolean(values.json), license: end >= 0 };
}

/** Number of a process, or the error of a word that is none. No digits mean 0, the caller. */
function parsePid(word: string): { pid: number } | { error: string } {
  if (/^[\t-\r ]*$/.test(word)) return { pid: 0 };
  const number = parseSigned(word, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY);
  if (number === undefined) return { error: strerror(errnoOf('EINVAL')) };
  if (Math.abs(number) >= 2 ** 63) return { error: strerror(errnoOf('ERANGE')) };
  return number >= 0 && number <= INT_MAX ? { pid: number } : { error: strerror(errnoOf('EOVERFLOW')) };
}

interface State {
  readonly sets: ReturnType<LiveSys['capget']>;
  readonly ambient: bigint;
  readonly bounding: bigint;
}

/** What capget(2) does not tell stands in /proc, and is asked for only where it is shown. */
function readState(word: string, pid: number, vectors: boolean, sys: LiveSys, world: World): State {
  const sets = sys.capget(pid);
  if (!vectors) return { sets, ambient: 0n, bounding: 0n };
  const path = `/proc/${pid || 'self'}/status`;
  const status = world.read(path);
  if (status === undefined) throw new Failure(`no IAB value for ${word}: cannot read ${path}`);
  return { sets, ambient: setInStatus(status, 'Amb') ?? 0n, bounding: setInStatus(status, 'Bnd') ?? 0n };
}

const iabOf = ({ sets, ambient, bounding }: State, count: number) =>
  formatIab({ inheritable: sets.inheritable, ambient, blocked: ~bounding }, count);

/** Without a longer form, sets that are empty are not worth a word beside the vectors. */
function lineWithVectors(word: string, form: Form, text: string, iab: string): string {
  const sets = form === 'plain' && text === '=' ? '' : ` "${text}"`;
  return `${word}:${sets}${iab && ` [${iab}]`}\n`;
}

function lineOf(word: string, { form, vectors }: Shown, state: State, count: number): string {
  const text = formatCapabilitySets(state.sets, count);
  if (vectors) return lineWithVectors(word, form, text, iabOf(state, count));
  switch (form) {
    case 'verbose':
      return `Capabilities for '${word}': ${text}\n`;
    case 'legacy':
      return `Capabilities for \`${word}': ${text}\n`;
    default:
      return `${word}: ${text}\n`;
  }
}

const names = (set: bigint, count: number) =>
  members(set)
    .filter((capability) => capability < count)
    .map(capabilityName);

const objectOf = (pid: number, state: State, count: number) => ({
  pid,
  text: formatCapabilitySets(state.sets, count),
  iab: iabOf(state, count),
  effective: names(state.sets.effective, count),
  permitted: names(state.sets.permitted, count),
  inheritable: names(state.sets.inheritable, count),
  ambient: names(state.ambient, count),
  bounding: names(state.bounding, count),
});

/** Process and state, or why there is none, in words. */
function stateOf(word: string, vectors: boolean, sys: LiveSys, world: World): { pid: number; state: State } | string {
  const parsed = parsePid(word);
  if ('error' in parsed) return `cannot parse pid ${word}: ${parsed.error}`;
  try {
    return { pid: parsed.pid, state: readState(word, parsed.pid, vectors, sys, world) };
  } catch (error) {
    if (error instanceof SysError) return `failed to get the capabilities of process ${word}: ${strerror(error.errno)}`;
    if (error instanceof Failure) return error.said;
    throw error;
  }
}

function act({ processes, json, license }: Plan, sys: LiveSys, world: World): Outcome {
  const count = kernelCapabilities(world);
  const objects: object[] = [];
  let status = 0;
  for (const { word, ...shown } of processes) {
    const found = stateOf(word, json || shown.vectors, sys, world);
    if (typeof found === 'string') {
      world.warn(found);
      status = 1;
    } else if (json) objects.push(objectOf(found.pid, found.state, count));
    else if (shown.form === 'legacy' && !shown.vectors) writeText(2, lineOf(word, shown, found.state, count));
    else world.print(lineOf(word, shown, found.state, count));
  }
  if (json && !license) world.print(`${JSON.stringify(objects, undefined, 2)}\n`);
  if (license) world.print(licenseText(world.prog));
  return exit(license ? 0 : status);
}

export const tool = defineTool({
  name: 'ts-getpcaps',
  replaces: ['getpcaps'],
  section: 8,
  summary: 'Show the capabilities of processes.',
  synopsis: ['[--iab] [--verbose] [--legacy] [--json] <pid>...'],
  options,
  grammar: { split },
  description:
    'Prints the capability sets of each process as cap_to_text(3) writes them. 0 is the tool itself. An option holds for the processes behind it; with --iab the sets stand in double quotes, unless they are empty and no longer form is asked for, and the vectors of cap_iab(3) in square brackets.',
  differences: [
    'Failures are said with the name of the tool.',
    'The vectors of process 0 are shown (the original says there are none).',
    '-h, --help and --usage print to standard output.',
    '`--json`, `--dry-run`, `--trace` and `--version` are ours.',
  ],
  exitStatuses: [['1', 'a word is no process, or wrong usage']],
  examples: [
    { command: 'ts-getpcaps 1', says: 'what the first process may' },
    { command: 'ts-getpcaps --iab 1 $$', says: 'with the vectors that an execve goes by' },
  ],
  plan,
  act,
});
