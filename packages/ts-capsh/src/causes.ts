/** Why the kernel refuses, as far as it was known when the call was planned or can be read. */
import { has, setInStatus } from '@ts/capabilities';
import type { Cause } from '@ts/cli';
import { CAP_SYS_CHROOT } from '@ts/sys';

export const causes: readonly Cause[] = [
  {
    of: 'ambient',
    errors: ['EPERM'],
    probe: ([name, ...missing]) => {
      if (missing.includes('permitted')) return `${name} is not permitted, so it cannot become ambient`;
      return missing.length ? `${name} must be inheritable first: --inh=${name} before --addamb` : undefined;
    },
  },
  {
    of: 'chroot',
    errors: ['EPERM'],
    probe: (_, world) =>
      has(setInStatus(world.read('/proc/self/status'), 'Eff'), CAP_SYS_CHROOT)
        ? undefined
        : 'this needs CAP_SYS_CHROOT: be root, or do it in a user namespace of your own: ts-unshare --map-root-user ts-capsh …',
  },
];
