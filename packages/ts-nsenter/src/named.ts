/** Namespaces and targets by other names than a file or a PID: ids, names of ip-netns(8), control groups. */
import { groupsBelow, readHierarchies } from '@ts/cgroups';
import type { World } from '@ts/cli';
import { hasNsids, type Kind, liveReader, mountNamespaces, nsfsMounts, openNamespaceById } from '@ts/namespaces';
import { errnoOf, Failure, live, parseDecimal, readLink, strerror, unlessRefused } from '@ts/sys';
import { holdTarget, type Target } from './target.ts';

const ESTALE = errnoOf('ESTALE');

/** Opens the namespace with that id, as column NSID of lsns shows it. */
export function holdNamespace(text: string, world: World): number {
  const id = parseDecimal(text);
  if (id === undefined) throw new Failure(`failed to parse nsid: ${text}`);
  const sys = live();
  const { fd, byInode } = openNamespaceById(sys, id, nsfsMounts(world.read, mountNamespaces(liveReader(sys))));
  if (fd !== undefined) return fd;
  const why = !hasNsids(sys)
    ? 'this kernel gives namespaces no ids: mount namespaces have one since Linux 6.11, all since 6.18'
    : byInode
      ? `that is the inode number of a ${byInode.kind.file} namespace, whose id is ${byInode.nsid}: ids are in column NSID of ts-lsns`
      : 'no namespace that you can see has this id: ts-lsns -o +NSID lists them';
  throw new Failure(`cannot open namespace of id ${text}: ${strerror(ESTALE)}`, undefined, why);
}

/** Where ip-netns(8) binds network namespaces. */
export const NETNS = '/run/netns/';

/** The file of a network namespace's name. */
export function fileOfNetns(name: string): string {
  if (!name || name.includes('/') || name === '.' || name === '..')
    throw new Failure(`invalid name of a network namespace: '${name}'`);
  return `${NETNS}${name}`;
}

/** Directories of a control group: one that was named itself, or the group of that path in each hierarchy that has it. */
function directoriesOf(path: string, world: World): string[] {
  const { mounted } = readHierarchies(world);
  const mounts = mounted.map(({ mount }) => mount);
  const isDirectory = mounts.some((mount) => path === mount || path.startsWith(`${mount}/`));
  const candidates = isDirectory ? [path] : mounts.map((mount) => `${mount}/${path.replace(/^\/+/, '')}`);
  const found = candidates
    .map((each) => each.replace(/\/+$/, ''))
    .filter((each) => world.exists(`${each}/cgroup.procs`));
  if (!found.length)
    throw new Failure(
      `no such control group: ${path}`,
      undefined,
      isDirectory || mounts.length
        ? `it was looked for as ${candidates.join(', ')}`
        : 'no hierarchy of control groups is mounted here',
    );
  return found;
}

/** Processes in a group; where it has none of its own, those of the groups below. */
function membersOf(directory: string, world: World): number[] {
  const procs = (folder: string) =>
    (world.read(`${folder}/cgroup.procs`) ?? '')
      .split('\n')
      .flatMap((line) => parseDecimal(line) ?? [])
      .filter((pid) => pid > 0);
  const own = procs(directory);
  return own.length ? own : groupsBelow(directory).flatMap((below) => procs(below));
}

/** Undefined where it has ended, or is not ours to look at. */
const linkOf = (pid: number, file: string): string | undefined =>
  unlessRefused(() => readLink(`/proc/${pid}/ns/${file}`));

/** One that has made a PID or time namespace for its children only waits for them: it is not in what it has made. */
const isInside = (pid: number) =>
  linkOf(pid, 'pid') === linkOf(pid, 'pid_for_children') && linkOf(pid, 'time') === linkOf(pid, 'time_for_children');

/**
 * A process of a control group, held by a descriptor. All that could be meant must be in the same namespaces of the kinds
 * that are entered.
 *
 * @param path A directory of a mounted hierarchy, or the group's path in whichever hierarchies have it.
 */
export function targetOfGroup(path: string, kinds: readonly Kind[], world: World): Target {
  const directories = directoriesOf(path, world);
  const members = new Set(directories.flatMap((directory) => membersOf(directory, world)));
  const visible = [...members].filter((pid) => linkOf(pid, 'user') !== undefined).sort((a, b) => a - b);
  const inside = visible.filter(isInside);
  const [first] = inside.length ? inside : visible;
  if (first === undefined)
    throw new Failure(
      members.size ? `cannot look at the processes of control group ${path}` : `no process in control group ${path}`,
      undefined,
      members.size
        ? 'they belong to another user, or have ended: be that user, or root'
        : `empty: ${directories.join(', ')}`,
    );
  for (const { file } of kinds) {
    const other = inside.find((pid) => linkOf(pid, file) !== linkOf(first, file));
    if (other !== undefined)
      throw new Failure(
        `processes of control group ${path} are in different ${file} namespaces`,
        undefined,
        `${[first, other].map((pid) => `process ${pid} is in ${linkOf(pid, file)}`).join(', ')}${directories.length > 1 ? `; the group is in ${directories.length} hierarchies, of which you can name one: ${directories.join(', ')}` : ''}; choose with --target`,
      );
  }
  const target = holdTarget(first);
  // Held, and still there: it is that process that is entered, not one that got its number meanwhile.
  if (!directories.some((directory) => membersOf(directory, world).includes(first)))
    throw new Failure(`process ${first} has left control group ${path}`);
  return target;
}
