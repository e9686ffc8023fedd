/** Why the kernel does not take a filter. */
import type { Cause } from '@ts/cli';

/** Mode 2 of /proc/PID/status: filters are in force. */
const FILTERED = /^Seccomp:\s*2$/m;

export const causes: readonly Cause[] = [
  {
    of: 'filter',
    errors: ['EINVAL', 'ENOSYS'],
    probe: (_, world) =>
      world.exists('/proc/sys/kernel/seccomp/actions_avail')
        ? undefined
        : 'this kernel has no seccomp filters (CONFIG_SECCOMP_FILTER), or /proc is not mounted',
  },
  {
    of: 'filter',
    errors: ['EPERM', 'ENOSYS'],
    probe: (_, world) =>
      FILTERED.test(world.read('/proc/self/status') ?? '')
        ? 'a filter that is in force already refuses seccomp(2), or prctl(2)'
        : undefined,
  },
  {
    of: 'filter',
    errors: ['ENOMEM'],
    probe: (_, world) => {
      const [, count] = /^Seccomp_filters:\s*(\d+)$/m.exec(world.read('/proc/self/status') ?? '') ?? [];
      return count && `${count} filters are in force already: all of a process may come to 32768 instructions`;
    },
  },
];
