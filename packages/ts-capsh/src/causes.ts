/** Why the kernel refuses, as far as it was known when the call was planned or can be read. */
import { lacking } from '@ts/capabilities';
import type { Cause } from '@ts/cli';

export const causes: readonly Cause[] = [
  lacking('be root, or do it in a user namespace of your own: ts-unshare --map-root-user ts-capsh …'),
  {
    of: 'ambient',
    errors: ['EPERM'],
    probe: ([name, ...missing]) => {
      if (missing.includes('permitted')) return `${name} is not permitted, so it cannot become ambient`;
      return missing.length ? `${name} must be inheritable first: --inh=${name} before --addamb` : undefined;
    },
  },
];
