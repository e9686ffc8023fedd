/** Capabilities that are to outlive an execve. */
import { PR_CAP_AMBIENT_RAISE, type Sys } from '@ts/sys';

/** Puts all capabilities into the ambient set, which an execve leaves alone. `count`: how many there are. */
export function keepCapabilities(sys: Sys, count: number): void {
  const all = (1n << BigInt(count)) - 1n;
  sys.or('capset failed').capset({ effective: all, permitted: all, inheritable: all });
  for (let capability = 0; capability < count; capability++)
    sys.or('prctl failed').changeAmbient(PR_CAP_AMBIENT_RAISE, capability);
}
