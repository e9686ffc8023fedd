/** getcap(8): shows the capabilities of files. */
import {
  capabilityName,
  type FileCapabilities,
  formatCapabilitySets,
  kernelCapabilities,
  licenseText,
  members,
  readFileCapabilities,
} from '@ts/capabilities';
import {
  defineTool,
  exit,
  HELP_AND_OUR_VERSION,
  type Option,
  type Outcome,
  type Parsed,
  UsageError,
  type World,
} from '@ts/cli';
import {
  type DirectoryEntry,
  entries,
  type FileType,
  type LiveSys,
  live,
  lstat,
  SysError,
  strerror,
  unlessRefused,
} from '@ts/sys';

const options = [
  ...HELP_AND_OUR_VERSION,
  { long: 'license', short: 'l', shortOnly: true, help: 'show the licence' },
  { long: 'namespace', short: 'n', shortOnly: true, help: 'show the root id of capabilities of a user namespace' },
  { long: 'recursive', short: 'r', shortOnly: true, help: 'search the trees below folders, without following links' },
  { long: 'verbose', short: 'v', shortOnly: true, help: 'show files without capabilities, too' },
  { long: 'json', help: 'print a list of objects', group: 'Ours', ours: true },
] as const satisfies readonly Option[];

interface Plan {
  readonly license: boolean;
  readonly files: readonly string[];
  readonly namespace: boolean;
  readonly recursive: boolean;
  readonly verbose: boolean;
  readonly json: boolean;
}

function plan({ values, operands }: Parsed<typeof options>): Plan {
  if (!operands.length && !values.license) throw new UsageError('no file is named');
  return {
    license: Boolean(values.license),
    files: operands,
    namespace: Boolean(values.namespace),
    recursive: Boolean(values.recursive),
    verbose: Boolean(values.verbose),
    json: Boolean(values.json),
  };
}

/** What is found at a path: a file that may have capabilities, something that cannot, or nothing. */
type Found = { readonly path: string } & (
  | { readonly capabilities: FileCapabilities | undefined }
  | { readonly irregular: true }
  | { readonly error: number }
);

function lookAt(path: string, sys: LiveSys): Found {
  try {
    return { path, capabilities: readFileCapabilities(sys, path) };
  } catch (error) {
    if (error instanceof SysError) return { path, error: error.errno };
    throw error;
  }
}

/** Entries of a folder, in its own order: what can be read of it is all there is to see, as for the original. */
function* entriesOf(folder: string): Generator<DirectoryEntry> {
  try {
    yield* entries(folder);
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
  }
}

/** The type of an entry; some file systems do not say it. Undefined where it is gone, or may not be looked at. */
const typeOf = (path: string, { type }: DirectoryEntry): FileType | undefined =>
  ['file', 'directory', 'link'].includes(type) ? type : unlessRefused(() => lstat(path).type);

/** A path and, below it, all that a walk in the order of the folders meets. */
function* walk(path: string, type: FileType | undefined, sys: LiveSys): Generator<Found> {
  if (type === undefined || type === 'directory' || type === 'link') yield { path, irregular: true };
  else yield lookAt(path, sys);
  if (type !== 'directory') return;
  for (const entry of entriesOf(path)) {
    const below = path === '/' ? `/${entry.name}` : `${path}/${entry.name}`;
    yield* walk(below, typeOf(below, entry), sys);
  }
}

function* search({ files, recursive }: Plan, sys: LiveSys): Generator<Found> {
  for (const path of files) {
    try {
      const { type } = lstat(path);
      if (recursive) yield* walk(path.replace(/(?<=.)\/+$/, ''), type, sys);
      else if (type === 'file') yield lookAt(path, sys);
      else yield { path, irregular: true };
    } catch (error) {
      if (!(error instanceof SysError)) throw error;
      yield { path, error: error.errno };
    }
  }
}

/** The root id as the original prints it: a signed number. */
const shownRoot = (rootId: number) => (rootId !== 0 && rootId !== 0xffff_ffff ? ` [rootid=${rootId | 0}]` : '');

const objectOf = (path: string, { sets, rootId }: FileCapabilities, count: number) => ({
  file: path,
  text: formatCapabilitySets(sets, count),
  permitted: members(sets.permitted).map(capabilityName),
  inheritable: members(sets.inheritable).map(capabilityName),
  effective: sets.effective !== 0n,
  rootid: rootId,
});

function act(plan: Plan, _sys: LiveSys, world: World): Outcome {
  if (plan.license) {
    world.print(licenseText(world.prog));
    return exit(0);
  }
  const count = kernelCapabilities(world);
  const objects: object[] = [];
  let status = 0;
  for (const found of search(plan, live())) {
    const { path } = found;
    if ('error' in found) {
      world.warn(`${path}: ${strerror(found.error)}`);
      status = 1;
    } else if (plan.json) {
      if ('capabilities' in found && found.capabilities) objects.push(objectOf(path, found.capabilities, count));
      else if (plan.verbose && 'capabilities' in found) objects.push({ file: path, text: null });
    } else if ('irregular' in found) {
      if (plan.verbose) world.print(`${path} (Not a regular file)\n`);
    } else if (found.capabilities) {
      const { sets, rootId } = found.capabilities;
      world.print(`${path} ${formatCapabilitySets(sets, count)}${plan.namespace ? shownRoot(rootId) : ''}\n`);
    } else if (plan.verbose) world.print(`${path}\n`);
  }
  if (plan.json) world.print(`${JSON.stringify(objects, undefined, 2)}\n`);
  return exit(status);
}

export const tool = defineTool({
  name: 'ts-getcap',
  replaces: ['getcap'],
  section: 8,
  summary: 'Show the capabilities of files.',
  synopsis: ['[-n] [-r] [-v] [--json] <file>...', '-l'],
  options,
  grammar: { permute: true },
  description:
    'Prints the name of each file that has capabilities, and the capabilities as cap_to_text(3) writes them. Only regular files can have some.',
  differences: [
    'A file that cannot be looked at is said with the name of the tool, and the exit status is 1 (the original returns 0).',
    '-h prints to standard output.',
    '`--json`, `--dry-run` and `--trace` are ours.',
  ],
  exitStatuses: [['1', 'a file could not be looked at, or wrong usage']],
  examples: [
    { command: 'ts-getcap /usr/bin/ping', says: 'what ping may' },
    { command: 'ts-getcap -r /usr', says: 'all files below /usr with capabilities' },
  ],
  plan,
  act,
});
