/** Why the kernel does not take a filter. */
import type { Cause } from '@ts/cli';

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
    errors: ['ENOMEM'],
    probe: (_, world) => {
      const [, count] = /^Seccomp_filters:\s*(\d+)$/m.exec(world.read('/proc/self/status') ?? '') ?? [];
      return count && `${count} filters are in force already: all of a process may come to 32768 instructions`;
    },
  },
];
