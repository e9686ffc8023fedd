/** setcap(8): sets, compares and removes the capabilities of files. */
import {
  Bearer,
  capabilityNumber,
  encodeFileCapabilities,
  FILE_CAPABILITIES,
  type FileCapabilities,
  fitsFile,
  formatCapabilitySets,
  kernelCapabilities,
  lacking,
  licenseText,
  makesSense,
  NO_CAPABILITIES,
  nearestCapability,
  parseCapabilitySets,
  readCredentials,
  readFileCapabilities,
} from '@ts/capabilities';
import { type Cause, defineTool, exit, type Outcome, type Parsed, UsageError, type World, writeText } from '@ts/cli';
import {
  CAP_SETFCAP,
  decode,
  errnoOf,
  Failure,
  ID_MAX,
  Journal,
  type LiveSys,
  live,
  lstat,
  lstatIfThere,
  parseCNumber,
  parseDecimal,
  type Recording,
  readInto,
  type Sys,
  SysError,
  saying,
  U32_MAX,
} from '@ts/sys';
import { CAPABILITIES, FILE, options, split } from './options.ts';

/** One file and what it is to have; undefined for nothing. */
interface Assignment {
  readonly file: string;
  readonly wanted: FileCapabilities | undefined;
  readonly verify: boolean;
  readonly quiet: boolean;
  /** Nonsense is set, too; nothing to remove is no error. */
  readonly force: boolean;
}

interface Plan {
  /** Shown behind what stands before it; the rest is not looked at. */
  readonly license: boolean;
  readonly assignments: readonly Assignment[];
  readonly program: readonly string[];
  readonly json: boolean;
}

const NOTE =
  'a file has no effective set of its own: it must be empty, or hold all that is permitted or inheritable (+ep, +eip)';

/** The text that standard input holds, to the first empty line. */
function readInput(quiet: boolean): string {
  if (!quiet) writeText(2, 'Please enter caps for file [empty line to end]:\n');
  const chunk = Buffer.alloc(4096);
  let text = '';
  while (!/^\n|\n\n/.test(text)) {
    const length = readInto(0, chunk);
    if (!length) break;
    text += decode(chunk.subarray(0, length));
  }
  const [lines = ''] = text.split(/^\n|\n\n/);
  if (!lines) throw new UsageError('no capabilities on standard input');
  return lines;
}

function parseText(text: string, count: number): FileCapabilities['sets'] {
  if (/^[\t-\r ]*$/.test(text)) throw new Failure('empty space is an invalid capability, did you mean -r?');
  const sets = parseCapabilitySets(text, count);
  if (!sets) {
    const word = text
      .split(/[\s,=+-]+/)
      .find((each) => each.startsWith('cap_') && capabilityNumber(each) === undefined);
    const near = word && nearestCapability(word);
    throw new UsageError(
      `unable to interpret capabilities '${text}'`,
      false,
      near && `unknown capability ${word}: did you mean '${near}'?`,
    );
  }
  return sets;
}

function parseRootId(text: string | undefined): number {
  if (text === undefined) throw new UsageError("option requires an argument -- 'n'");
  const id = parseCNumber(text.replace(/^[\t-\r ]*\+?/, ''), U32_MAX);
  if (!id) throw new Failure(`bad ns rootid: want positive integer, got "${text}"`);
  if (id > ID_MAX) throw new Failure(`bad ns rootid: ${text} is no user`);
  return id;
}

function plan({ steps, values, operands }: Parsed<typeof options>, world: World): Plan {
  const count = kernelCapabilities(world);
  const assignments: Assignment[] = [];
  let [rootId, quiet, verify, force] = [0, false, false, false];
  const found = steps.findIndex(({ option }) => option.long === 'license');
  const license = found >= 0;
  for (let at = 0; at < (license ? found : steps.length); at++) {
    const { option, value = '' } = steps[at] as (typeof steps)[number];
    if (option.long === 'quiet') quiet = true;
    if (option.long === 'verify') verify = true;
    if (option.long === 'force') force = true;
    if (option.long === 'rootid') rootId = parseRootId(steps[at]?.value);
    if (option.long !== CAPABILITIES && option.long !== 'remove') continue;
    const text = value === '-' ? readInput(quiet) : value;
    const wanted = option.long === 'remove' ? undefined : { sets: parseText(text, count), rootId };
    const next = steps[++at];
    if (next?.option.long !== FILE || !next.value) throw new UsageError('a file is missing');
    if (wanted && !verify && !fitsFile(wanted.sets))
      throw new Failure(`invalid capabilities '${text}' for file '${next.value}'`, 1, NOTE);
    if (wanted && !verify && !force && !makesSense(wanted.sets, count))
      throw new Failure(
        `the kernel makes no sense of capabilities '${text}' for file '${next.value}'`,
        1,
        'what is effective must be permitted or inheritable, and known to the kernel; -f sets it all the same',
      );
    assignments.push({ file: next.value, wanted, verify, quiet, force });
  }
  if (!assignments.length && !steps.length) throw new UsageError('neither capabilities nor a file are named');
  return { assignments, program: license ? [] : operands, json: Boolean(values.json), license };
}

const failed = (file: string) => `failed to set capabilities on file '${file}'`;

/** What a file has now. A missing one is said before anything is changed, and so is what is no regular file. */
function readBefore({ file, wanted, force }: Assignment): FileCapabilities | undefined {
  if (saying(failed(file), () => lstat(file)).type !== 'file')
    throw new Failure(`invalid file '${file}' for capability operation`, 1, 'only regular files have capabilities');
  const before = readFileCapabilities(live(), file);
  if (!wanted && !before && !force) throw new Failure(`file '${file}' has no capability to remove`);
  return before;
}

function write(sys: Sys, file: string, capabilities: FileCapabilities | undefined): void {
  if (capabilities) sys.setxattr(file, FILE_CAPABILITIES, encodeFileCapabilities(capabilities));
  else sys.removexattr(file, FILE_CAPABILITIES);
}

/** Calls of all assignments, with CAP_SETFCAP effective. `changed` is told before each what the file had. */
function assign(
  assignments: readonly Assignment[],
  sys: Sys,
  world: World,
  changed: (file: string, before: FileCapabilities | undefined) => void,
): void {
  const before = assignments.map(readBefore);
  const bearer = new Bearer(sys, world.credentials ?? readCredentials(live()));
  bearer.with(CAP_SETFCAP, 'unable to set CAP_SETFCAP effective capability', () => {
    assignments.forEach(({ file, wanted, force }, index) => {
      const told = sys.or(failed(file)).explaining(`file ${file}`);
      write(force && !wanted ? told.ignoring(errnoOf('ENODATA')) : told, file, wanted);
      changed(file, before[index]);
    });
  });
}

const inRecording =
  (sys: Recording) =>
  (file: string, before: FileCapabilities | undefined): void =>
    sys.undo((takeBack) => write(takeBack, file, before));

/** Letters of the sets in which two differ, as the original names them. */
const differences = (a: FileCapabilities['sets'], b: FileCapabilities['sets']) =>
  (['permitted', 'inheritable', 'effective'] as const)
    .filter((set) => a[set] !== b[set])
    .map((set) => set[0])
    .join('');

function readForComparison(file: string): FileCapabilities {
  const none = { sets: NO_CAPABILITIES, rootId: 0 };
  try {
    return readFileCapabilities(live(), file) ?? none;
  } catch (error) {
    if (error instanceof SysError) return none; // a file that cannot be read has no capabilities to compare
    throw error;
  }
}

/** Compares in order; the first that differs ends it. */
function verify(plan: Plan, world: World): number {
  const count = kernelCapabilities(world);
  const objects: object[] = [];
  let status = 0;
  for (const { file, wanted = { sets: NO_CAPABILITIES, rootId: 0 }, quiet } of plan.assignments.filter(
    (each) => each.verify,
  )) {
    const got = readForComparison(file);
    const differs = differences(got.sets, wanted.sets);
    const isSame = differs === '' && got.rootId === wanted.rootId;
    if (plan.json)
      objects.push({ file, ok: isSame, differs, text: formatCapabilitySets(got.sets, count), rootid: got.rootId });
    else if (!quiet && isSame) world.print(`${file}: OK\n`);
    else if (!quiet) {
      const owner = got.rootId === wanted.rootId ? '' : `nsowner[got=${got.rootId | 0}, want=${wanted.rootId | 0}],`;
      world.print(`${owner}${file} differs in [${differs}]\n`);
    }
    if (!isSame) {
      status = 1;
      break;
    }
  }
  if (plan.json) world.print(`${JSON.stringify(objects, undefined, 2)}\n`);
  return status;
}

const toSet = ({ assignments }: Plan) => assignments.filter((each) => !each.verify);

const after = ({ program }: Plan): Outcome => (program.length ? { become: program } : exit(0));

function apply(plan: Plan, sys: Recording, world: World): Outcome {
  assign(toSet(plan), sys, world, inRecording(sys));
  return after(plan);
}

function act(plan: Plan, sys: LiveSys, world: World): Outcome {
  const journal = new Journal();
  try {
    if (toSet(plan).length)
      assign(toSet(plan), sys, world, (file, before) => journal.add(() => write(sys.ignoring(), file, before)));
  } catch (error) {
    journal.run();
    throw error;
  }
  const status = verify(plan, world);
  if (plan.license && !status) world.print(licenseText(world.prog));
  return status ? exit(status) : after(plan);
}

/** What is not mapped shows as the overflow ids. */
function isUnmapped(file: string, world: World): boolean {
  // All users are mapped outside of user namespaces; there the overflow ids are those of an ordinary one.
  if (/^\s*0\s+0\s+4294967295\s*$/.test(world.read('/proc/self/uid_map') ?? '')) return false;
  const stats = lstatIfThere(file);
  const overflow = (name: string) => parseDecimal(world.read(`/proc/sys/kernel/overflow${name}`)?.trim() ?? '');
  return stats !== undefined && (stats.uid === overflow('uid') || stats.gid === overflow('gid'));
}

const causes: readonly Cause[] = [
  lacking(
    'be root, or root of a user namespace that maps the owner of the file: ts-unshare --map-root-user ts-setcap …',
  ),
  {
    of: 'file',
    errors: ['EPERM'],
    probe: (words, world) =>
      isUnmapped(words.join(' '), world)
        ? `the owner or the group of '${words.join(' ')}' is not mapped in this user namespace; only who may change the file may give it capabilities`
        : undefined,
  },
  {
    of: 'file',
    errors: ['EOPNOTSUPP'],
    probe: (words) => `the file system that '${words.join(' ')}' is on keeps no capabilities`,
  },
];

export const tool = defineTool({
  name: 'ts-setcap',
  replaces: ['setcap'],
  section: 8,
  summary: 'Set the capabilities of files.',
  synopsis: [
    '[-f] [-q] [-v] [-n <rootid>] {<capabilities>|-|-r} <file> [{<capabilities>|-|-r} <file>...] [-- <program> [<argument>...]]',
  ],
  options,
  grammar: { split },
  causes,
  // Which capability has to be made effective.
  reads: ['credentials', 'root'],
  momentary: () => 'what a file gets back when a later step fails is read now',
  files: ({ assignments }) => assignments.map(({ file }) => file),
  description:
    'Gives each file the capabilities before it, as cap_from_text(3) reads them; "-" reads them from standard input, to an empty line, and "-r" removes those that the file has. Only regular files have capabilities, and no links to them.',
  differences: [
    'All words are read, and all files looked at, before the first file is changed; when a later file fails, those before it get back what they had.',
    'Failures are said with the name of the tool, without the usage text.',
    'Nothing but options is wrong usage only where there is none at all, as with the original; -h prints to standard output.',
    '`-- PROGRAM`, `--json`, `--dry-run`, `--trace` and `--version` are ours.',
  ],
  exitStatuses: [
    ['1', 'a file could not be changed, differs (-v), or wrong usage'],
    ['else', 'that of the program'],
  ],
  examples: [
    { command: 'ts-setcap cap_net_raw+ep ./ping', says: 'an ordinary user can ping with it' },
    { command: 'ts-setcap -v cap_net_raw+ep ./ping', says: 'has it just these?' },
    { command: 'ts-setcap -n 100000 cap_net_raw+ep ./ping', says: 'only in user namespaces whose root is user 100000' },
    { command: 'ts-setcap -r ./ping', says: 'without any' },
  ],
  plan,
  becomes: (plan) => plan.program.length > 0 && plan.assignments.every((each) => !each.verify),
  apply,
  act,
});
