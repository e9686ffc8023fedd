/** What can be read of why the kernel refuses to mount proc. ioctl_ns(2), user_namespaces(7). */
import { statSync } from 'node:fs';
import { type Mount, parseMountinfo } from '@ts/mounts';
import { AT_FDCWD, errnoOf, live, NS_GET_USERNS, O_CLOEXEC, O_RDONLY } from '@ts/sys';

const inodeOf = (path: string): number | undefined => {
  try {
    return statSync(path).ino;
  } catch {
    return undefined; // no /proc: then nothing is known
  }
};

/**
 * Whether the namespace that this process is in belongs to its own user namespace, so that its rights there count.
 *
 * @param file Its file in /proc/self/ns. @returns undefined where that cannot be known.
 */
export function ownsNamespace(file: string): boolean | undefined {
  const sys = live().ignoring();
  const fd = sys.look('openat', AT_FDCWD, `/proc/self/ns/${file}`, O_RDONLY | O_CLOEXEC, 0);
  if (fd < 0) return undefined;
  const owner = sys.look('ioctl', fd, NS_GET_USERNS);
  sys.look('close', fd);
  // The kernel does not show what lies above.
  if (owner < 0) return owner === -errnoOf('EPERM') ? false : undefined;
  const [theirs, ours] = [inodeOf(`/proc/self/fd/${owner}`), inodeOf('/proc/self/ns/user')];
  sys.look('close', owner);
  return theirs === undefined || ours === undefined ? undefined : theirs === ours;
}

/** Directories of proc that are always empty: what lies over them hides nothing. */
const EMPTY = ['sys/fs/binfmt_misc', 'fs/nfsd', 'openprom'];

const isWhole = ({ type, root, superOptions }: Mount) =>
  type === 'proc' && root === '/' && !superOptions.includes('subset=pid');

/** What lies over parts of a mount. */
const covers = ({ id, target }: Mount, mounts: readonly Mount[]): string[] =>
  mounts
    .filter((other) => other.parent === id && !EMPTY.some((name) => other.target === `${target}/${name}`))
    .map((other) => other.target);

const SHOWN = 3;
const some = (names: readonly string[]) =>
  names.slice(0, SHOWN).join(', ') + (names.length > SHOWN ? ` and ${names.length - SHOWN} more` : '');

/**
 * Why a process with all rights in its own user namespace may not mount proc: the PID namespace is another's, or a new /proc would
 * show what is hidden in those that are seen.
 *
 * @param owns Of the PID namespace, as `ownsNamespace` tells. @param mountinfo Text of /proc/self/mountinfo, where it can be read.
 * @returns undefined where neither can be read.
 */
export function whyNoProc(owns: boolean | undefined, mountinfo: string | undefined): string | undefined {
  if (owns === false)
    return 'proc can be mounted only by an owner of the PID namespace: make one of your own with unshare --pid --fork';
  const mounts = parseMountinfo(mountinfo ?? '');
  // In a chroot most mounts are out of sight.
  if (owns === undefined || !mounts.some(({ target }) => target === '/')) return undefined;
  const seen = mounts.filter(isWhole).map((mount) => ({ mount, hidden: covers(mount, mounts) }));
  const [first] = seen;
  if (!first) return 'proc can be mounted only where a whole /proc is seen already, and none is here';
  if (seen.some(({ mount, hidden }) => !hidden.length && !mount.options.includes('ro'))) return undefined;
  const why = first.hidden.length
    ? `${first.mount.target} has parts covered (${some(first.hidden)})`
    : `${first.mount.target} is read-only`;
  return `proc can be mounted only where a whole /proc is seen already, and ${why}: whoever has set that up must take it away`;
}
