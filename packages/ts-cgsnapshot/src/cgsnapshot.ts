/** cgsnapshot(1): the control groups that there are, as a configuration file. */
import {
  attachedTo,
  BAD_ARGUMENTS,
  contentOf,
  controllerOf,
  entryFile,
  findHome,
  type Group,
  groupAt,
  groupsBelow,
  listRules,
  readHierarchies,
  statOf,
  wrongInput,
} from '@ts/cgroups';
import { defineTool, exit, type Outcome, type Parsed, type World } from '@ts/cli';
import { encode, type LiveSys, O_CREAT, O_TRUNC, O_WRONLY, readText, saying } from '@ts/sys';
import { options } from './options.ts';

interface Owner {
  readonly uid: string;
  readonly gid: string;
}

interface Snapshot {
  readonly group: string;
  readonly controller: string;
  /** Owners of its files, and of the one that takes processes; where one of them is not root. */
  readonly perm?: { readonly admin: Owner; readonly task: Owner };
  readonly settings: readonly { readonly name: string; readonly value: string }[];
}

interface Plan {
  readonly mounts: readonly { readonly controller: string; readonly mount: string }[];
  readonly snapshots: readonly Snapshot[];
  readonly warnings: readonly string[];
  readonly file?: string;
  readonly json: boolean;
}

/** The first one that is there; the second is that of older versions. */
const DEFAULT_DENYLISTS = ['/etc/cgsnapshot_denylist.conf', '/etc/cgsnapshot_blacklist.conf'] as const;
const ANYBODY_MAY_WRITE = 0o222;
const NO_OUTPUT = 96;

/** Names of a list file; the word that begins each line. */
function namesOf(file: string | undefined): ReadonlySet<string> {
  if (file === undefined) return new Set();
  const text = saying(`Failed to open file ${file}`, () => readText(file), BAD_ARGUMENTS);
  const lines = text.split('\n').filter((line) => line && !line.startsWith('#'));
  return new Set(lines.flatMap((line) => line.trim().split(/\s+/)[0] ?? []));
}

/** What is only shown is no setting; the group at the top tells, since there nobody has changed modes. */
const isSetting = (top: Group, name: string) =>
  ((statOf(`${top.directory}/${name}`)?.mode ?? ANYBODY_MAY_WRITE) & ANYBODY_MAY_WRITE) !== 0;

function ownersOf(group: Group, files: readonly string[], world: World): Snapshot['perm'] {
  const owner = (path: string): Owner & { readonly isRoot: boolean } => {
    const { uid, gid } = statOf(path) ?? { uid: 0, gid: 0 };
    return {
      uid: world.user(uid)?.name ?? String(uid),
      gid: world.group(gid)?.name ?? String(gid),
      isRoot: !uid && !gid,
    };
  };
  const entry = entryFile(group);
  const { isRoot: rootAdmin, ...admin } = owner(files.length ? `${group.directory}/${files[0]}` : group.directory);
  const { isRoot: rootTask, ...task } = owner(entry);
  return rootAdmin && rootTask ? undefined : { admin, task };
}

/** v1's allowed devices are written as what brings them about. */
function deviceSettings(list: string): Snapshot['settings'] {
  return [
    { name: 'devices.deny', value: 'a *:* rwm' },
    { name: 'devices.allow', value: list },
  ];
}

function plan({ values, operands }: Parsed<typeof options>, world: World): Plan {
  const given = values.denylist ?? values.blacklist;
  const denied = namesOf(given ?? DEFAULT_DENYLISTS.find((file) => world.exists(file)));
  const allowed = namesOf(values.allowlist ?? values.whitelist);
  const hierarchies = readHierarchies(world);
  const { known, mounted } = hierarchies;
  const all = [
    ...known.keys(),
    ...mounted
      .flatMap(({ controllers }) => controllers)
      .filter((name) => !known.has(name) && !name.startsWith('name=')),
  ];
  const chosen = (operands.length ? operands : all).flatMap((controller) => {
    const hierarchy = findHome(hierarchies, controller)?.hierarchy;
    const isHere =
      hierarchy?.controllers.includes(controller) || (hierarchy?.version === 2 && controller === 'devices');
    return hierarchy && isHere ? [{ controller, hierarchy }] : [];
  });
  const warnings = new Set<string>();
  const isShown = (name: string): boolean => {
    if (denied.has(name)) return false;
    if (allowed.has(name)) return true;
    if (values.strict) return false;
    warnings.add(`WARNING: variable ${name} is neither deny nor allow list`);
    return true;
  };
  const snapshots = chosen.flatMap(({ controller, hierarchy }) => {
    const top = groupAt(hierarchy, '/');
    return groupsBelow(top.directory).flatMap((directory): Snapshot[] => {
      const group = groupAt(hierarchy, directory.slice(hierarchy.mount.length));
      const files = contentOf(directory)?.files.filter((name) => controllerOf(name) === controller) ?? [];
      if (hierarchy.version === 2 && controller !== 'devices' && !files.length) return [];
      const read = (name: string) => world.read(`${directory}/${name}`)?.replace(/\n$/, '') ?? '';
      const settings =
        controller === 'devices'
          ? deviceSettings(hierarchy.version === 1 ? read('devices.list') : listRules(attachedTo(directory).rules))
          : files.filter((name) => isSetting(top, name)).map((name) => ({ name, value: read(name) }));
      return [
        {
          group: group.path.slice(1),
          controller,
          perm: ownersOf(group, files, world),
          settings: settings.filter(({ name }) => isShown(name)),
        },
      ];
    });
  });
  return {
    mounts: chosen.map(({ controller, hierarchy }) => ({ controller, mount: hierarchy.mount })),
    snapshots,
    warnings: values.silent || values.strict ? [] : [...warnings],
    file: values.file,
    json: Boolean(values.json),
  };
}

/** cgconfig.conf(5) has a `t` before the ids of `task`. */
const ownerText = (what: string, { uid, gid }: Owner, before = '') =>
  `\t\t${what} {\n\t\t\t${before}uid = ${uid};\n\t\t\t${before}gid = ${gid};\n\t\t}\n`;

const snapshotText = ({ group, controller, perm, settings }: Snapshot) =>
  `group ${group} {\n${perm ? `\tperm {\n${ownerText('admin', perm.admin)}${ownerText('task', perm.task, 't')}\t}\n` : ''}\t${controller} {\n${settings.map(({ name, value }) => `\t\t${name}="${value}";\n`).join('')}\t}\n}\n\n`;

function textOf({ mounts, snapshots, json }: Plan): string {
  if (json) return `${JSON.stringify({ mounts, groups: snapshots }, undefined, 2)}\n`;
  const lines = mounts.map(({ controller, mount }) => `\t${controller} = ${mount};\n`).join('');
  return `# Configuration file generated by cgsnapshot\nmount {\n${lines}}\n\n${snapshots.map(snapshotText).join('')}`;
}

function act(plan: Plan, sys: LiveSys, world: World): Outcome {
  for (const warning of plan.warnings) world.warn(warning);
  if (plan.file === undefined) world.print(textOf(plan));
  else {
    const fd = sys
      .or(`Failed to open file ${plan.file}`, { status: NO_OUTPUT })
      .open(plan.file, O_WRONLY | O_CREAT | O_TRUNC, 0o666);
    sys.or(`cannot write to ${plan.file}`, { status: NO_OUTPUT }).write(fd, encode(textOf(plan)));
    sys.close(fd);
  }
  return exit(0);
}

export const tool = defineTool({
  name: 'ts-cgsnapshot',
  replaces: ['cgsnapshot'],
  section: 1,
  summary: 'Generate the configuration file for given controllers.',
  synopsis: ['[-st] [-b <file>] [-w <file>] [-f <file>] [--json] [<controller>...]'],
  options,
  grammar: { permute: true },
  status: BAD_ARGUMENTS,
  usageStatus: BAD_ARGUMENTS,
  usageLine: wrongInput("-h'"),
  reads: ['cgroups', 'root'],
  description:
    'Prints the groups of the given controllers, or of all that are mounted, with their owners and settings, in the form of cgconfig.conf(5).',
  differences: [
    'A default list that is not there is no error; that of older versions is read in its place.',
    'Groups of the v2 tree are shown, with the rules of our BPF program as devices.allow.',
    'Warnings bear the name of the tool.',
  ],
  exitStatuses: [
    ['96', 'the output cannot be written'],
    ['129', 'wrong usage, or a list cannot be read'],
  ],
  examples: [{ command: 'ts-cgsnapshot -s cpu memory', says: 'the groups of two controllers' }],
  plan,
  act,
});
