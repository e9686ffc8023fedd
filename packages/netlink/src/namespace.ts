/** Other network namespaces, without staying in them. */
import { AT_FDCWD, CLONE_NEWNET, type LiveSys, O_CLOEXEC, O_RDONLY } from '@ts/sys';

const HOME = '/proc/self/ns/net';

/** A descriptor of the caller's own network namespace. */
export const ownNamespace = (sys: LiveSys): number => openNamespace(sys, HOME);

/** A descriptor of a namespace by its file. The call is made even where calls are only shown. */
export function openNamespace(sys: LiveSys, path: string): number {
  return sys.look('openat', AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
}

/** Goes, does something there, and comes back whatever happens. */
function away<T>(sys: LiveSys, go: () => void, act: () => T): T {
  const home = ownNamespace(sys);
  try {
    go();
    try {
      return act();
    } finally {
      sys.look('setns', home, CLONE_NEWNET);
    }
  } finally {
    sys.look('close', home);
  }
}

/**
 * Makes a network namespace, does something with the calling thread in it, and comes back. It lives as long as something
 * keeps it: a descriptor, a mount, a process.
 *
 * @param kernel Says what is said where the namespace cannot be made: EPERM without CAP_SYS_ADMIN, ENOSPC at the user's limit.
 */
export const inNewNamespace = <T>(sys: LiveSys, act: () => T, kernel = sys): T =>
  away(sys, () => kernel.unshare(CLONE_NEWNET), act);

/**
 * Does something with the calling thread in another network namespace, and comes back. What is opened meanwhile (sockets,
 * files of /proc/sys/net) belongs to that namespace for good.
 *
 * @param namespace A descriptor of it; undefined for the caller's own.
 * @throws EPERM without CAP_SYS_ADMIN in one's own user namespace and in that which owns the network namespace.
 */
export const inNamespace = <T>(sys: LiveSys, namespace: number | undefined, act: () => T): T =>
  namespace === undefined ? act() : away(sys, () => sys.look('setns', namespace, CLONE_NEWNET), act);
