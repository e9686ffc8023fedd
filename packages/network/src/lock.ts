/** One change at a time of what we keep in a network namespace: bridges, pairs, rules. */
import { openNamespace } from '@ts/netlink';
import { LOCK_EX } from '@ts/sys';
import type { Network } from './network.ts';

/**
 * Does something while no other of our processes does such a thing in the same network namespace; waits for them. The lock is on
 * the namespace itself (flock(2) on its file): it needs no folder and no rights, and goes with the process that holds it. A
 * process takes it once only: a second time it would wait for itself.
 */
export function alone<T>({ sys, namespace }: Network, act: () => T): T {
  const fd = openNamespace(sys, namespace === undefined ? '/proc/self/ns/net' : `/proc/self/fd/${namespace}`);
  try {
    sys.look('flock', fd, LOCK_EX);
    return act();
  } finally {
    sys.look('close', fd);
  }
}

/** Signals by which a user or a terminal ends a process. */
const ENDING = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Does something that is to be finished or taken back: signals that come meanwhile come too late. Nothing in it may wait for long. */
export function uninterrupted<T>(act: () => T): T {
  // A handler runs between two turns of the event loop, and there is none before the end.
  const late = () => {};
  for (const signal of ENDING) process.on(signal, late);
  try {
    return act();
  } finally {
    for (const signal of ENDING) process.off(signal, late);
  }
}
