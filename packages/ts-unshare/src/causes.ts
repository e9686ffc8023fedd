/** Why unshare(2) and its company refuse, read from the host before it is said. */
import type { Cause, World } from '@ts/cli';
import { parseMountinfo, realPath } from '@ts/mounts';

const number = (world: World, path: string) => {
  const text = world.read(path)?.trim();
  return text === undefined || text === '' ? undefined : Number(text);
};

/** Bit of CAP_SYS_ADMIN in the Cap lines of /proc/self/status. */
const SYS_ADMIN = 1n << 21n;

const effective = (world: World) =>
  BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(world.read('/proc/self/status') ?? '')?.[1] ?? '0'}`);

/** The root of this process is not the root of its mount namespace. */
const inChroot = (world: World) =>
  !(world.read('/proc/self/mountinfo') ?? '').split('\n').some((line) => line.split(' ')[4] === '/');

export const causes: readonly Cause[] = [
  {
    of: 'unshare',
    errors: ['EPERM'],
    probe: (kinds, world) =>
      kinds.includes('user') && number(world, '/proc/sys/kernel/unprivileged_userns_clone') === 0 && world.euid !== 0
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
      !kinds.includes('user') && (effective(world) & SYS_ADMIN) === 0n
        ? 'this needs CAP_SYS_ADMIN: be root, or add --map-root-user to do it in a user namespace of your own'
        : undefined,
  },
  {
    of: 'unshare',
    errors: ['ENOSPC', 'EUSERS'],
    probe: (kinds, world) => {
      const full = kinds.find((each) => number(world, `/proc/sys/user/max_${each}_namespaces`) === 0);
      const kind = full ?? (kinds.length === 1 ? kinds[0] : undefined);
      if (!kind) return undefined;
      const limit = number(world, `/proc/sys/user/max_${kind}_namespaces`);
      return limit === undefined
        ? undefined
        : `user.max_${kind}_namespaces is ${limit}, or namespaces are nested 32 deep: raise it with sysctl -w`;
    },
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
      return world.exists(file) ? undefined : `the file must be there already: touch ${file}`;
    },
  },
  {
    of: 'bind',
    errors: ['EINVAL'],
    probe: ([kind, ...words], world) => {
      if (kind !== 'mnt') return undefined;
      const mounts = parseMountinfo(world.read('/proc/self/mountinfo') ?? '');
      const holds = ({ target }: { target: string }, path: string) =>
        path === target || path.startsWith(target === '/' ? '/' : `${target}/`);
      const under = mounts.filter((mount) => holds(mount, realPath(words.join(' ')))).at(-1);
      return under?.propagation.some((word) => word.startsWith('shared:'))
        ? `a mount namespace can be bound only where the mount (${under.target}) has private propagation: mount --bind DIR DIR; mount --make-private DIR`
        : 'a mount namespace can be bound only in one that is older by its id, and Linux 6.18 gives ids out of order on several processors: try again, or pin all to one: taskset -c 0';
    },
  },
  {
    of: 'newidmap',
    errors: ['ENOENT'],
    probe: ([program], world) =>
      world.exists(`/usr/bin/${program}`)
        ? undefined
        : `${program} is not installed: it is in the package uidmap (shadow-utils)`,
  },
  {
    of: 'mount-proc',
    errors: ['EPERM'],
    probe: () => 'proc can be mounted only by an owner of the PID namespace: add --pid --fork',
  },
];
