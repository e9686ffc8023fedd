/** Why the kernel refuses a change of a hierarchy, read from the host before it is said. */
import { lacks } from '@ts/capabilities';
import { escapeOctal, inOwnUsers, unescapeOctal } from '@ts/mounts';
import { CAP_BPF, CAP_NET_ADMIN, CAP_SYS_ADMIN, type Cause, parseCBigInt, parseCNumber, U64_MAX } from '@ts/sys';
import type { Reader } from './hierarchies.ts';
import { readHierarchies } from './hierarchies.ts';
import { lacksPrograms } from './programs.ts';
import { bytesOf } from './table.ts';
import { contentOf, statOf } from './tree.ts';

const ANYBODY_MAY_WRITE = 0o222;

/** What a probe sees of the machine. */
type Host = Reader & { readonly euid: number };

/** What an explainer is asked about: what was done, to which path, with which value. */
export const subjectOf = (
  what: 'open' | 'open-fresh' | 'write' | 'mkdir' | 'rmdir' | 'own' | 'devices',
  ...texts: readonly string[]
): string => [`cgroup-${what}`, ...texts.map(escapeOctal)].join(' ');

const text = (written = '') => unescapeOctal(written);

const folderOf = (path: string) => path.slice(0, path.lastIndexOf('/')) || '/';
const nameOf = (path: string) => path.slice(path.lastIndexOf('/') + 1);

const isEntry = (path: string) => ['tasks', 'cgroup.procs', 'cgroup.threads'].includes(nameOf(path));

/** The hierarchy that a path lies in. */
const hierarchyOf = (path: string, world: Reader) =>
  readHierarchies(world).mounted.find(({ mount }) => path === mount || path.startsWith(`${mount}/`));

/** `cpu:/a/b` of a directory, as the tools take it. */
function specOf(directory: string, world: Reader): string {
  const hierarchy = hierarchyOf(directory, world);
  if (!hierarchy) return directory;
  const { controllers, mount } = hierarchy;
  return `${controllers.join(',')}:${directory.slice(mount.length) || '/'}`;
}

const isReadOnly = (path: string) => ((statOf(path)?.mode ?? ANYBODY_MAY_WRITE) & ANYBODY_MAY_WRITE) === 0;

const notYours = (path: string, world: Reader & { readonly euid: number }, remedy: string) => {
  const owner = statOf(path)?.uid;
  if (owner === undefined || owner === world.euid || world.euid === 0) return undefined;
  return `${path} belongs to user ${owner}: ${remedy}`;
};

const delegate = (group: string, world: Reader) =>
  `be root, or have root give you the group: cgcreate -t USER:GROUP -a USER:GROUP -g ${specOf(group, world)}`;

const OPENING = ['cgroup-open', 'cgroup-open-fresh', 'cgroup-mkdir', 'cgroup-rmdir', 'cgroup-own'];
const each = (kinds: readonly string[], errors: readonly string[], probe: Cause<Host>['probe']): Cause<Host>[] =>
  kinds.map((of) => ({ of, errors, probe }));

/** The group in the v2 tree that lies above this one and that of a process; undefined where that one cannot be seen. */
function commonAbove(directory: string, process: string, world: Reader): string | undefined {
  const hierarchy = hierarchyOf(directory, world);
  const place = /^0::(.*)$/m.exec(world.read(`/proc/${process}/cgroup`) ?? '')?.[1];
  if (!hierarchy || place === undefined || place.startsWith('/..')) return undefined;
  const prefix = hierarchy.root === '/' ? '' : hierarchy.root;
  if (prefix && !`${place}/`.startsWith(`${prefix}/`)) return undefined;
  const [one, other] = [directory.slice(hierarchy.mount.length), place.slice(prefix.length)].map((path) =>
    path.split('/').filter(Boolean),
  ) as [string[], string[]];
  const differs = one.findIndex((name, index) => name !== other[index]);
  return [hierarchy.mount, ...one.slice(0, differs < 0 ? one.length : differs)].join('/');
}

/** Text of the file of that name in the nearest group above that has it. */
function readAbove(path: string, world: Reader): string | undefined {
  const name = nameOf(path);
  for (let folder = folderOf(folderOf(path)); folder !== '/' && hierarchyOf(folder, world); folder = folderOf(folder)) {
    const text = world.read(`${folder}/${name}`)?.trim();
    if (text !== undefined) return text;
  }
  return undefined;
}

export const causes: readonly Cause<Host>[] = [
  ...each(OPENING, ['EROFS', 'EACCES', 'EPERM'], ([file], world) => {
    const hierarchy = hierarchyOf(text(file), world);
    return hierarchy?.readOnly
      ? `${hierarchy.mount} is mounted read-only: mount -o remount,rw ${hierarchy.mount}`
      : undefined;
  }),
  ...each(['cgroup-open', 'cgroup-write'], ['EACCES', 'EPERM', 'EINVAL'], ([file]) =>
    isReadOnly(text(file)) ? `${nameOf(text(file))} can only be read` : undefined,
  ),
  ...each(['cgroup-open'], ['EACCES', 'EPERM'], ([file, value], world) => {
    const path = text(file);
    if (nameOf(path) !== 'cgroup.subtree_control' || notYours(path, world, '') === undefined) return undefined;
    const wanted = text(value).replaceAll('+', '');
    const remedies = `have root do it (echo '${text(value)}' > ${path}; under systemd Delegate=${wanted} in user@.service), or have root give you the group: cgcreate -t USER:GROUP -a USER:GROUP -g ${wanted.replaceAll(' ', ',')}:GROUP`;
    return `the controllers ${wanted} are not handed down to groups of yours: ${remedies}`;
  }),
  ...each(['cgroup-open'], ['EACCES', 'EPERM'], ([file], world) =>
    notYours(text(file), world, delegate(folderOf(text(file)), world)),
  ),
  ...each(['cgroup-mkdir', 'cgroup-rmdir'], ['EACCES', 'EPERM'], ([file], world) =>
    notYours(folderOf(text(file)), world, delegate(text(file), world)),
  ),
  ...each(['cgroup-own'], ['EPERM'], ([file], world) => notYours(text(file), world, 'be its owner or root')),
  ...each(['cgroup-open-fresh'], ['ENOENT'], ([file], world) => {
    const path = text(file);
    const controllers = hierarchyOf(path, world)?.controllers.join(',') ?? '';
    return `a new group has no ${nameOf(path)} here: cgget -g ${controllers} GROUP lists what one has`;
  }),
  ...each(['cgroup-open'], ['ENOENT'], ([file], world) => {
    const path = text(file);
    const directory = folderOf(path);
    if (!world.exists(directory)) return `there is no such group: cgcreate -g ${specOf(directory, world)}`;
    const controller = nameOf(path).split('.')[0] as string;
    const given = world.read(`${directory}/cgroup.controllers`)?.split(/\s+/);
    if (given && controller !== 'cgroup' && !given.includes(controller))
      return `the group has no controller '${controller}': echo +${controller} > ${folderOf(directory)}/cgroup.subtree_control`;
    return `this kernel has no ${nameOf(path)} in this group: ls ${directory}`;
  }),
  ...each(['cgroup-write'], ['EACCES', 'EPERM'], ([file, value], world) => {
    const path = text(file);
    if (!isEntry(path) || world.euid === 0) return undefined;
    const process = value === '0' ? 'self' : text(value);
    if (hierarchyOf(path, world)?.version === 1) {
      const owner = statOf(`/proc/${process}`)?.uid;
      return owner !== undefined && owner !== world.euid
        ? `process ${process} belongs to user ${owner}, and only processes of your own can be moved: be root`
        : undefined;
    }
    const above = commonAbove(folderOf(path), process, world);
    const owner = above === undefined ? undefined : statOf(`${above}/cgroup.procs`)?.uid;
    return owner !== undefined && owner !== world.euid
      ? `on cgroup v2 a move needs write permission for cgroup.procs of the group above both places, and that of ${above} belongs to user ${owner}: start from a group of your own (systemd-run --user --scope -p Delegate=yes …)`
      : undefined;
  }),
  ...each(['cgroup-write'], ['EBUSY', 'EOPNOTSUPP'], ([file], world) => {
    const path = text(file);
    const directory = folderOf(path);
    const type = world.read(`${directory}/cgroup.type`)?.trim();
    if (isEntry(path) && type === 'domain invalid')
      return `${directory} lies below a threaded group and is none itself: cgset -r cgroup.type=threaded ${specOf(directory, world).split(':')[1]}`;
    if (isEntry(path) && type === 'threaded' && nameOf(path) === 'cgroup.threads')
      return 'only threads of processes in the same threaded domain can be moved into it: move the process to the domain first';
    if (nameOf(path) === 'cgroup.subtree_control')
      return world.read(`${directory}/cgroup.procs`)?.trim()
        ? `${directory} has processes of its own, and on cgroup v2 only a group without any can hand controllers down: move them into a group below it (cgcreate --leaf NAME does; or cgclassify -g :LEAF PID)`
        : undefined;
    const handed = world.read(`${directory}/cgroup.subtree_control`)?.trim();
    if (isEntry(path) && handed)
      return `${directory} hands the controllers ${handed} down, and on cgroup v2 such a group holds no processes: use a group below it (cgexec --leaf NAME does)`;
    return undefined;
  }),
  ...each(['cgroup-write'], ['EBUSY'], ([file], world) => {
    const usage = world.read(`${folderOf(text(file))}/memory.usage_in_bytes`)?.trim();
    return usage && /^memory\.(memsw\.)?limit_in_bytes$/.test(nameOf(text(file)))
      ? `the group uses ${usage} bytes, and the kernel could not free enough of them: end processes of it first`
      : undefined;
  }),
  ...each(['cgroup-write'], ['EINVAL'], ([file], world) => {
    const directory = folderOf(text(file));
    const isLimit = /^memory\..*limit_in_bytes$|^cpu\.(shares|cfs_)/.test(nameOf(text(file)));
    return isLimit && world.exists(`${directory}/cgroup.sane_behavior`)
      ? `${directory} is the top of its hierarchy, which has no limits: name a group below it`
      : undefined;
  }),
  ...each(['cgroup-write'], ['EINVAL'], ([file, value], world) => {
    const directory = folderOf(text(file));
    const name = nameOf(text(file));
    const isLimit = name === 'memory.limit_in_bytes';
    if (!isLimit && name !== 'memory.memsw.limit_in_bytes') return undefined;
    const wanted = text(value) === '-1' ? U64_MAX : bytesOf(text(value).trim());
    if (wanted === undefined) return `${name} takes bytes, with K, M or G behind them, or -1 for no limit`;
    const other = isLimit ? 'memory.memsw.limit_in_bytes' : 'memory.limit_in_bytes';
    const bound = parseCBigInt(world.read(`${directory}/${other}`)?.trim() ?? '');
    return bound !== undefined && (isLimit ? wanted > bound : wanted < bound)
      ? `memory.limit_in_bytes must not be above memory.memsw.limit_in_bytes: set ${other} (${bound}) first`
      : undefined;
  }),
  ...each(['cgroup-write'], ['ENOSPC'], ([file], world) => {
    const directory = folderOf(text(file));
    const empty = ['cpuset.cpus', 'cpuset.mems'].filter((name) => world.read(`${directory}/${name}`)?.trim() === '');
    if (!isEntry(text(file)) || !empty.length || world.exists(`${directory}/cgroup.subtree_control`)) return undefined;
    const group = specOf(directory, world).split(':')[1];
    return `${empty.join(' and ')} of the group are empty: cgset ${empty.map((name) => `-r ${name}=0`).join(' ')} ${group}`;
  }),
  ...each(['cgroup-write'], ['ESRCH'], ([file, value], world) =>
    isEntry(text(file)) && !world.exists(`/proc/${text(value)}`) ? `there is no process ${text(value)}` : undefined,
  ),
  ...each(['cgroup-write'], ['EINVAL'], ([file, value], world) => {
    const path = text(file);
    const number = parseCNumber(text(value));
    const now = world.read(path)?.trim();
    // Where the group was made for this and is gone again, one above it shows as much.
    const like = now ?? readAbove(path, world) ?? '';
    if (/^-?\d+$/.test(like) && !/^-?\d+[kKmMgGtT]?$/.test(text(value).trim()))
      return `${nameOf(path)} takes a number (${now === undefined ? 'such as' : 'it is'} ${like}${now === undefined ? '' : ' now'})`;
    if (nameOf(path) === 'cpu.cfs_quota_us') {
      if (number !== undefined && number < 1000) return 'a quota is at least 1000 µs; -1 takes it away';
      const read = (folder: string, name: string) => parseCNumber(world.read(`${folder}/${name}`)?.trim() ?? '');
      const [folder, upper] = [folderOf(path), folderOf(folderOf(path))];
      const above = read(upper, 'cpu.cfs_quota_us');
      const share = (quota: number | undefined, of: string) => (quota ?? NaN) / (read(of, 'cpu.cfs_period_us') ?? NaN);
      return share(number, folder) > share(above, upper)
        ? `the group above has a quota of ${above} µs itself, and none below it may have a larger share`
        : undefined;
    }
    if (nameOf(path) === 'cpu.cfs_period_us' && number !== undefined && (number < 1000 || number > 1_000_000))
      return 'a period is 1000 to 1000000 µs';
    return undefined;
  }),
  ...each(['cgroup-devices'], ['EPERM', 'EACCES'], (_, world) => {
    if (world.euid !== 0) return 'only root may attach a BPF program, also to a group of your own';
    const held = (capability: number) => lacks(world.read, capability) !== true;
    const may = held(CAP_SYS_ADMIN) || (held(CAP_BPF) && held(CAP_NET_ADMIN));
    return may && !inOwnUsers(world.read)
      ? undefined
      : 'a BPF program needs CAP_BPF and CAP_NET_ADMIN in the first user namespace';
  }),
  ...each(['cgroup-devices'], ['ENOSYS', 'EINVAL'], ([directory]) =>
    lacksPrograms(text(directory)) ? 'this kernel attaches no BPF programs to groups: CONFIG_CGROUP_BPF' : undefined,
  ),
  ...each(['cgroup-rmdir'], ['EBUSY'], ([directory], world) => {
    const path = text(directory);
    const below = contentOf(path)?.groups ?? [];
    if (below.length)
      return `there are groups below it (${below.slice(0, 3).join(', ')}${below.length > 3 ? ' …' : ''}): cgdelete -r removes them too`;
    const inside = world.read(`${path}/cgroup.procs`)?.trim().split('\n').filter(Boolean) ?? [];
    return inside.length ? `there are processes in it: ${inside.slice(0, 5).join(' ')}` : undefined;
  }),
];
