/** Why unshare(2) and its company refuse, read from the host before it is said. */
import { lacks } from '@ts/capabilities';
import type { Cause, World } from '@ts/cli';
import { type Mount, parseMountinfo, realPath } from '@ts/mounts';
import { liveReader, ownsNamespace, parseIdMap, whyNoProc } from '@ts/namespaces';
import { CAP_SYS_ADMIN, live, parseDecimal } from '@ts/sys';

/** Where newuidmap(1) and newgidmap(1) are looked for: not in PATH, since they have rights. */
export const MAPPER_FOLDERS = ['/usr/bin', '/bin', '/usr/local/bin', '/usr/sbin', '/sbin'];

/** A number that the kernel tells; undefined where it tells none. */
const number = (world: World, path: string) => parseDecimal(world.read(path)?.trim() ?? '');

const lacksAdmin = (world: World): boolean => lacks(world.read, CAP_SYS_ADMIN);

/** The root of this process is seen not to be the root of its mount namespace. One that is a mount point looks like it. */
function inChroot(world: World): boolean {
  const mountinfo = world.read('/proc/self/mountinfo');
  return mountinfo !== undefined && !parseMountinfo(mountinfo).some(({ target }) => target === '/');
}

/** The user that this process runs as is none of those that its user namespace knows. */
function isUnmapped(world: World): boolean {
  const [users, groups] = [world.read('/proc/self/uid_map'), world.read('/proc/self/gid_map')];
  const knows = (map: string, id: number) =>
    parseIdMap(map).some(({ inner, count }) => id >= inner && id < inner + count);
  return users !== undefined && groups !== undefined && !(knows(users, world.euid) && knows(groups, world.egid));
}

/** Kinds whose namespaces lie in one another, at most 32 deep. */
const NESTED = ['user', 'pid'];

/** A kind whose number of namespaces is used up. Of several with room here, which it was cannot be known. */
function limitOf(kinds: readonly string[], world: World): string | undefined {
  const file = (kind: string) => `/proc/sys/user/max_${kind}_namespaces`;
  const none = kinds.find((kind) => number(world, file(kind)) === 0);
  if (none) return `user.max_${none}_namespaces is 0 here: raise it with sysctl -w`;
  const [kind, ...others] = kinds;
  const limit = kind === undefined || others.length ? undefined : number(world, file(kind));
  if (kind === undefined || limit === undefined) return undefined;
  const used = `all of user.max_${kind}_namespaces (${limit} here, or what user namespaces above allow) are in use`;
  return NESTED.includes(kind) ? `either ${used}, or these namespaces are nested 32 deep` : used;
}

/** Most forks between whoever explains and the process that has made the namespace. */
const GENERATIONS = 4;

/** Whether the mount namespace that a process above us has made is older, by its id, than our own: the kernel binds no such one. */
function isOlderThanOwn(world: World): boolean {
  const reader = liveReader(live());
  const idAt = (path: string) => {
    const namespace = reader.open(path);
    const id = namespace?.nsid();
    namespace?.close();
    return id;
  };
  const own = reader.link('/proc/self/ns/mnt');
  let pid = 'self';
  for (let up = 0; up < GENERATIONS; up++) {
    pid = /^PPid:\s+(\d+)$/m.exec(world.read(`/proc/${pid}/status`) ?? '')?.[1] ?? '0';
    const link = reader.link(`/proc/${pid}/ns/mnt`);
    if (link === undefined) return false;
    if (link === own) continue;
    const [theirs, ours] = [idAt(`/proc/${pid}/ns/mnt`), idAt('/proc/self/ns/mnt')];
    return theirs !== undefined && ours !== undefined && theirs <= ours;
  }
  return false;
}

/** The mount that a path lies in. */
function mountOf(path: string, world: World): Mount | undefined {
  const holds = ({ target }: Mount) => path === target || path.startsWith(target === '/' ? '/' : `${target}/`);
  return parseMountinfo(world.read('/proc/self/mountinfo') ?? '')
    .filter(holds)
    .sort((one, other) => one.target.length - other.target.length)
    .at(-1);
}

export const causes: readonly Cause[] = [
  {
    of: 'unshare',
    errors: ['EPERM'],
    probe: (kinds, world) =>
      kinds.includes('user') && number(world, '/proc/sys/kernel/unprivileged_userns_clone') === 0 && lacksAdmin(world)
        ? 'user namespaces are for root only here: sysctl -w kernel.unprivileged_userns_clone=1 allows them'
        : undefined,
  },
  {
    of: 'unshare',
    errors: ['EPERM', 'EACCES'],
    probe: (kinds, world) =>
      kinds.includes('user') &&
      number(world, '/proc/sys/kernel/apparmor_restrict_unprivileged_userns') === 1 &&
      world.euid !== 0
        ? 'AppArmor restricts unprivileged user namespaces here: give the program a profile with "userns," or sysctl -w kernel.apparmor_restrict_unprivileged_userns=0'
        : undefined,
  },
  {
    of: 'unshare',
    errors: ['EPERM'],
    probe: (kinds, world) =>
      kinds.includes('user') && inChroot(world)
        ? 'a process in a chroot cannot make user namespaces: change the root by pivot_root instead, ts-unshare --root DIR --pivot'
        : undefined,
  },
  {
    of: 'unshare',
    errors: ['EPERM'],
    probe: (kinds, world) =>
      kinds.includes('user') && isUnmapped(world)
        ? 'who makes a user namespace must be known in the one it is in: user and group id are not mapped there (/proc/self/uid_map, gid_map)'
        : undefined,
  },
  {
    of: 'unshare',
    errors: ['EPERM'],
    probe: (kinds, world) =>
      !kinds.includes('user') && lacksAdmin(world)
        ? 'this needs CAP_SYS_ADMIN: be root, or add --map-root-user to do it in a user namespace of your own'
        : undefined,
  },
  {
    of: 'unshare',
    errors: ['ENOSPC', 'EUSERS'],
    probe: limitOf,
  },
  {
    of: 'unshare',
    errors: ['EINVAL'],
    probe: (kinds, world) => {
      const missing = kinds.find((kind) => world.exists('/proc/self/ns') && !world.exists(`/proc/self/ns/${kind}`));
      return missing && `this kernel has no ${missing} namespaces`;
    },
  },
  {
    of: 'bind',
    errors: ['ENOENT'],
    probe: ([, ...words], world) => {
      const file = words.join(' ');
      return file === '' || world.exists(file) ? undefined : `the file must be there already: touch ${file}`;
    },
  },
  {
    of: 'bind',
    errors: ['EINVAL'],
    probe: ([kind, ...words], world) => {
      const under = kind === 'mnt' ? mountOf(realPath(words.join(' ')), world) : undefined;
      if (under?.propagation.some((word) => word.startsWith('shared:')))
        return `a mount namespace can be bound only where the mount (${under.target}) has private propagation: mount --bind DIR DIR; mount --make-private DIR`;
      return kind === 'mnt' && isOlderThanOwn(world)
        ? 'a mount namespace can be bound only in one that is older by its id, and Linux 6.18 gives ids out of order on several processors: try again, or pin all to one: taskset -c 0'
        : undefined;
    },
  },
  {
    of: 'newidmap',
    errors: ['ENOENT'],
    probe: ([program], world) =>
      MAPPER_FOLDERS.some((folder) => world.exists(`${folder}/${program}`))
        ? undefined
        : `${program} is not installed: it is in the package uidmap (shadow-utils)`,
  },
  {
    of: 'mount-proc',
    errors: ['EPERM'],
    probe: (_, world) => whyNoProc(ownsNamespace('pid'), world.read('/proc/self/mountinfo')),
  },
];
