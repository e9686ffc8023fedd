/** Why unshare(2) and its company refuse, read from the host before it is said. */
import type { Cause, World } from '@ts/cli';

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
    probe: ([, file], world) =>
      file !== undefined && !world.exists(file) ? `the file must be there already: touch ${file}` : undefined,
  },
  {
    of: 'bind',
    errors: ['EINVAL'],
    probe: ([kind]) =>
      kind === 'mnt'
        ? 'a mount namespace can be bound only where the mount has private propagation: mount --bind DIR DIR; mount --make-private DIR'
        : undefined,
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
