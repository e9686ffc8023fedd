/** ts-rootfs: a root file system out of the host's own programs. */
import { posix } from 'node:path';
import {
  defineTool,
  exit,
  HELP_OPTIONS,
  MAGIC,
  MULTICALL,
  type Option,
  type Outcome,
  type Parsed,
  RUNTIME_OFFSET,
  trailer,
  UsageError,
  type World,
} from '@ts/cli';
import {
  ElfError,
  type Entry,
  findExecutable,
  MissingLibrary,
  PathError,
  Programs,
  type Search,
  writeTree,
} from '@ts/rootfs';
import {
  encode,
  errnoOf,
  Failure,
  fstat,
  type LiveSys,
  O_NONBLOCK,
  O_RDONLY,
  readInto,
  type Sys,
  strerror,
  unlessRefused,
  withFile,
} from '@ts/sys';

/** What a small system needs to be looked around in, and to show what a container is. */
const DEFAULT_PROGRAMS =
  'sh bash ls cat id ps mount umount hostname uname ip grep awk sleep yes df env true false head tail wc stat touch mkdir rm ln capsh ping kill tty stty test dd'.split(
    ' ',
  );

/** Programs of the administrator are not in the PATH of everybody. */
const MORE_FOLDERS = ['/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/local/bin', '/usr/bin', '/bin'];

const FOLDERS: readonly (readonly [path: string, mode: number])[] = [
  ['/proc', 0o555],
  ['/sys', 0o555],
  ['/dev', 0o755],
  ['/dev/pts', 0o755],
  ['/dev/shm', 0o1777],
  ['/etc', 0o755],
  ['/tmp', 0o1777],
  ['/root', 0o700],
];

const options = [
  ...HELP_OPTIONS,
  { long: 'json', help: 'print what was put there, and why, as JSON', group: 'Ours', ours: true },
  { long: 'verbose', short: 'v', help: 'print what was put there, and why', group: 'Ours', ours: true },
] as const satisfies readonly Option[];

interface Plan {
  readonly directory: string;
  readonly entries: readonly Entry[];
  readonly report: 'nothing' | 'lines' | 'json';
  readonly unique: string;
}

/** Name of the tool of ours that a file is. */
function ownName(path: string): string | undefined {
  const size = trailer('', '').length;
  const bytes = Buffer.alloc(size);
  // What cannot be read is said when it is to be copied.
  unlessRefused(() =>
    withFile(path, O_RDONLY | O_NONBLOCK, (fd) => readInto(fd, bytes, Math.max(0, fstat(fd).size - size))),
  );
  if (bytes.toString('latin1', 0, MAGIC.length) !== MAGIC) return undefined;
  return bytes.toString('latin1', MAGIC.length + 32).replace(/\0.*/s, '');
}

/** The host's own programs are wanted: ours under the name of an original are not. */
const isStandIn = (path: string) => {
  const name = ownName(path);
  if (name === MULTICALL) return !posix.basename(path).startsWith('ts-');
  return name !== undefined && name !== posix.basename(path);
};

const programOffset = (path: string) => (ownName(path) === MULTICALL ? RUNTIME_OFFSET : 0);

/** Names out of files of anybody's make no lines of their own. */
const visible = (text: string) => text.replace(/\p{Cc}/gu, '?');

function add(programs: Programs, name: string, search: Search, world: World): void {
  const path = findExecutable(name, search);
  if (path === undefined)
    throw new Failure(`${name}: ${name.includes('/') && world.exists(name) ? 'not executable' : 'program not found'}`);
  try {
    programs.add(path);
    // A tool of ours runs in Node, unless it is the executable that has its runtime inside.
    const own = ownName(path);
    if (own !== undefined && own !== MULTICALL) programs.add(process.execPath, 'runtime', path);
  } catch (error) {
    if (error instanceof MissingLibrary) throw new Failure(`${name}: ${visible(error.message)}`);
    if (error instanceof ElfError) throw new Failure(`${name}: ${path}: ${error.message}`);
    if (error instanceof PathError)
      throw new Failure(`${name}: cannot read ${visible(error.path)}: ${strerror(errnoOf(error.code))}`);
    throw error;
  }
}

function addDefaults(programs: Programs, search: Search, world: World): void {
  for (const name of DEFAULT_PROGRAMS) {
    try {
      add(programs, name, search, world);
    } catch (error) {
      if (!(error instanceof Failure)) throw error; // a host without that program
    }
  }
}

/** Accounts and names that say nothing of the host. */
function configuration(world: World, shell: string): readonly (readonly [path: string, text: string])[] {
  return [
    ['/etc/passwd', `root:x:0:0:root:/root:${shell}\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n`],
    ['/etc/group', 'root:x:0:\ntty:x:5:\nnogroup:x:65534:\n'],
    ['/etc/hosts', '127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n'],
    ['/etc/hostname', 'localhost\n'],
    [
      '/etc/nsswitch.conf',
      'passwd: files\ngroup: files\nshadow: files\nhosts: files dns\nnetworks: files\nprotocols: files\nservices: files\n',
    ],
    ['/etc/resolv.conf', world.read('/etc/resolv.conf') ?? ''],
  ];
}

function plan({ operands, values }: Parsed<typeof options>, world: World): Plan {
  const [directory, ...names] = operands;
  if (!directory) throw new UsageError('no directory specified');
  const path = world.variable('PATH')?.split(':') ?? [];
  const search: Search = {
    folders: [...path, ...MORE_FOLDERS],
    directory: process.cwd(),
    isSkipped: isStandIn,
    programOffset,
  };
  const programs = new Programs(search);
  for (const name of names) add(programs, name, search, world);
  if (!names.length) addDefaults(programs, search, world);
  programs.finish();
  for (const [folder, mode] of FOLDERS) programs.tree.folder(folder, mode);
  const shell = ['/bin/bash', '/usr/bin/bash'].find((each) => programs.tree.has(each)) ? '/bin/bash' : '/bin/sh';
  for (const [file, text] of configuration(world, shell)) if (!programs.tree.has(file)) programs.tree.text(file, text);
  return {
    directory,
    entries: programs.tree.entries,
    report: values.json ? 'json' : values.verbose ? 'lines' : 'nothing',
    unique: String(world.pid),
  };
}

const sizeOf = (entry: Entry) =>
  entry.kind === 'copy' ? entry.size : entry.kind === 'text' ? encode(entry.text).length : 0;

function report({ directory, entries, report: form }: Plan): string {
  if (form === 'lines')
    return entries
      .map((entry) => `${entry.path}\t${entry.why}${'by' in entry && entry.by !== undefined ? `\t${entry.by}` : ''}\n`)
      .join('');
  const rows = entries.map((entry) => ({
    path: entry.path,
    kind: entry.kind === 'copy' || entry.kind === 'text' ? 'file' : entry.kind,
    size: sizeOf(entry),
    why: entry.why,
    by: 'by' in entry ? entry.by : undefined,
    target: entry.kind === 'link' ? entry.target : undefined,
  }));
  return `${JSON.stringify({ root: directory, size: rows.reduce((sum, { size }) => sum + size, 0), entries: rows }, null, 3)}\n`;
}

function apply({ directory, entries, unique }: Plan, sys: Sys): Outcome {
  writeTree(sys, directory, entries, unique);
  return exit(0);
}

function act(plan: Plan, sys: LiveSys, world: World): Outcome {
  const outcome = apply(plan, sys);
  if (plan.report !== 'nothing') world.print(report(plan));
  return outcome;
}

export const tool = defineTool({
  name: 'ts-rootfs',
  replaces: [],
  section: 8,
  summary: "Make a root file system out of the host's own programs.",
  synopsis: ['[options] <directory> [<program>...]'],
  options,
  grammar: { permute: true },
  description:
    'Copies programs with the shared libraries and the loader that they need, scripts with their interpreters, each to the path that it has on the host, with the symbolic links on the way. ' +
    'Adds /proc, /sys, /dev, /tmp, /root and the files of /etc that name accounts and hosts. Without programs, a small set to look around with. ' +
    'A folder that has something in it keeps it; files of the same path are refreshed, those of /etc are left alone.',
  exitStatuses: [
    ['0', 'success'],
    ['1', 'a program or a library is missing, or the folder cannot be written: what was made is removed again'],
  ],
  examples: [
    { command: 'ts-rootfs root', says: 'a root file system to look around in' },
    { command: 'ts-rootfs root bash ls ./server', says: 'three programs and what they need' },
  ],
  plan,
  becomes: () => false,
  describe: (plan) => report({ ...plan, report: 'lines' }),
  apply,
  act,
});
