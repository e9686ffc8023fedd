/** Why the kernel refuses, as far as it was known when the call was planned or can be read. */
import { capabilityNumber, has, setInStatus } from '@ts/capabilities';
import type { Cause } from '@ts/cli';

const REMEDY = 'be root, or do it in a user namespace of your own: ts-unshare --map-root-user ts-capsh …';

export const causes: readonly Cause[] = [
  {
    of: 'lacks',
    errors: ['EPERM'],
    probe: ([name = ''], world) => {
      const capability = capabilityNumber(name);
      const permitted = setInStatus(world.read('/proc/self/status'), 'Prm');
      return capability === undefined || has(permitted, capability)
        ? undefined
        : `this needs ${name.toUpperCase()}: ${REMEDY}`;
    },
  },
  {
    of: 'ambient',
    errors: ['EPERM'],
    probe: ([name, ...missing]) => {
      if (missing.includes('permitted')) return `${name} is not permitted, so it cannot become ambient`;
      return missing.length ? `${name} must be inheritable first: --inh=${name} before --addamb` : undefined;
    },
  },
];
