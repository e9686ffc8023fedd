/** Capabilities that are to outlive an execve. */
import { CAP_CHECKPOINT_RESTORE, PR_CAP_AMBIENT_RAISE, type Sys } from '@ts/sys';

/** How many capabilities the kernel has, read without a call; where /proc is missing, as many as are known. */
export const kernelCapabilities = (world: { read(path: string): string | undefined }): number =>
  Number(world.read('/proc/sys/kernel/cap_last_cap') ?? CAP_CHECKPOINT_RESTORE) + 1;

/** Puts all capabilities into the ambient set, which an execve leaves alone. `count`: how many there are. */
export function keepCapabilities(sys: Sys, count: number): void {
  const all = (1n << BigInt(count)) - 1n;
  sys.or('capset failed').capset({ effective: all, permitted: all, inheritable: all });
  for (let capability = 0; capability < count; capability++)
    sys.or('prctl failed').changeAmbient(PR_CAP_AMBIENT_RAISE, capability);
}
