/** Other network namespaces, without staying in them. */
import { CLONE_NEWNET, type LiveSys, O_RDONLY } from '@ts/sys';

const HOME = '/proc/self/ns/net';

/** A descriptor of the caller's own network namespace. */
export const ownNamespace = (sys: LiveSys): number => openNamespace(sys, HOME);

/** A descriptor of a namespace by its file. The call is made even where calls are only shown. */
export function openNamespace(sys: LiveSys, path: string): number {
  return sys.look('openat', -100, path, O_RDONLY | 0o2000000, 0);
}

/**
 * Makes a network namespace, does something with the calling thread in it, and comes back. It lives as long as something
 * keeps it: a descriptor, a mount, a process.
 *
 * @param kernel Says what is said where the namespace cannot be made: EPERM without CAP_SYS_ADMIN, ENOSPC at the user's limit.
 */
export function inNewNamespace<T>(sys: LiveSys, act: () => T, kernel = sys): T {
  const home = ownNamespace(sys);
  try {
    kernel.unshare(CLONE_NEWNET);
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
 * Does something with the calling thread in another network namespace, and comes back. What is opened meanwhile (sockets,
 * files of /proc/sys/net) belongs to that namespace for good.
 *
 * @param namespace A descriptor of it; undefined for the caller's own.
 * @throws EPERM without CAP_SYS_ADMIN in one's own user namespace and in that which owns the network namespace.
 */
export function inNamespace<T>(sys: LiveSys, namespace: number | undefined, act: () => T): T {
  if (namespace === undefined) return act();
  const home = ownNamespace(sys);
  try {
    sys.look('setns', namespace, CLONE_NEWNET);
    try {
      return act();
    } finally {
      sys.look('setns', home, CLONE_NEWNET);
    }
  } finally {
    sys.look('close', home);
  }
}
