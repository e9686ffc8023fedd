/** The process that keeps a delegated systemd scope alive until there is another one. Pure over a reader. */

import { parseDecimal } from '@ts/sys';
import type { Reader } from './hierarchies.ts';
import type { Group } from './spec.ts';

/** As libcgroup calls it; the kernel keeps 15 bytes of a process's name. */
const IDLE = 'libcgroup_systemd_idle_thread'.slice(0, 15);

export const NO_IDLE = 'Failed to find idle_thread task';

/** Its PIDs in these groups. */
export function idleIn(groups: readonly Group[], world: Reader): number[] {
  const pids = groups.flatMap(({ directory }) =>
    (world.read(`${directory}/cgroup.procs`) ?? '').split('\n').filter(Boolean),
  );
  return [...new Set(pids)]
    .filter((pid) => world.read(`/proc/${pid}/comm`)?.trim() === IDLE)
    .flatMap((pid) => parseDecimal(pid) ?? []);
}
