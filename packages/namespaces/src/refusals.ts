/** What can be read of why the kernel refuses a mount in a user namespace. ioctl_ns(2), mount_namespaces(7), user_namespaces(7). */
import { type Mount, parseMountinfo } from '@ts/mounts';
import { AT_FDCWD, errnoOf, live, NS_GET_USERNS, O_CLOEXEC, O_RDONLY } from '@ts/sys';

/**
 * Whether the namespace that this process is in belongs to its own user namespace or to one below that, so that its rights there count.
 *
 * @param file Its file in /proc/self/ns. @returns undefined where that cannot be known.
 */
export function ownsNamespace(file: string): boolean | undefined {
  const sys = live().ignoring();
  const fd = sys.look('openat', AT_FDCWD, `/proc/self/ns/${file}`, O_RDONLY | O_CLOEXEC, 0);
  if (fd < 0) return undefined;
  // The kernel does not show an owner that lies above.
  const owner = sys.look('ioctl', fd, NS_GET_USERNS);
  sys.look('close', fd);
  if (owner < 0) return owner === -errnoOf('EPERM') ? false : undefined;
  sys.look('close', owner);
  return true;
}

/** Directories that are always empty: what lies over them hides nothing. */
const EMPTY: Readonly<Record<string, readonly string[]>> = {
  proc: ['sys/fs/binfmt_misc', 'fs/nfsd', 'openprom'],
  sysfs: [
    ...['cgroup', 'pstore', 'bpf', 'fuse/connections', 'selinux', 'smackfs'].map((name) => `fs/${name}`),
    ...['debug', 'security', 'config', 'tracing'].map((name) => `kernel/${name}`),
  ],
};

const isWhole = ({ root, superOptions }: Mount) => root === '/' && !superOptions.includes('subset=pid');

/** What lies over parts of a mount. */
const covers = ({ id, target, type }: Mount, mounts: readonly Mount[]): string[] =>
  mounts
    .filter((other) => other.parent === id && !EMPTY[type]?.some((name) => other.target === `${target}/${name}`))
    .map((other) => other.target);

const SHOWN = 3;
const some = (names: readonly string[]) =>
  names.slice(0, SHOWN).join(', ') + (names.length > SHOWN ? ` and ${names.length - SHOWN} more` : '');

/**
 * Why a process with all rights in its own user namespace may not mount proc or sysfs: a new mount would show what is hidden in those
 * that are seen.
 *
 * @param mountinfo Text of /proc/self/mountinfo, where it can be read.
 * @param isReadOnly Whether the new one is to be read-only; undefined where that cannot be asked for.
 * @returns undefined where that is not why, or cannot be read.
 */
export function whyNotVisible(type: string, mountinfo: string | undefined, isReadOnly?: boolean): string | undefined {
  const mounts = parseMountinfo(mountinfo ?? '');
  // In a chroot most mounts are out of sight.
  if (!EMPTY[type] || !mounts.some(({ target }) => target === '/')) return undefined;
  const seen = mounts
    .filter((mount) => mount.type === type && isWhole(mount))
    .map((mount) => ({ ...mount, hidden: covers(mount, mounts) }));
  const must = `in a user namespace ${type} can be mounted only where another mount of it is fully visible`;
  const [first] = seen;
  if (!first) return `${must}, and none is here`;
  const uncovered = seen.filter(({ hidden }) => !hidden.length);
  if (!uncovered.length) return `${must}, and ${first.target} has parts covered (${some(first.hidden)})`;
  if (isReadOnly || uncovered.some(({ options }) => !options.includes('ro'))) return undefined;
  return `${must}, and ${uncovered[0]?.target} is read-only${isReadOnly === false ? ', so add -o ro' : ''}`;
}

/**
 * The same for proc, where the PID namespace may be another's, too.
 *
 * @param owns Of the PID namespace, as `ownsNamespace` tells.
 */
export function whyNoProc(owns: boolean | undefined, mountinfo: string | undefined): string | undefined {
  if (owns === false)
    return 'proc can be mounted only by an owner of the PID namespace: make one of your own with unshare --pid --fork';
  return owns && whyNotVisible('proc', mountinfo);
}
