/** Why the kernel refuses what needs a capability. */
import { capabilityNumber, has } from './names.ts';
import { setInStatus } from './status.ts';

interface Reader {
  read(path: string): string | undefined;
}

/** The cause of `lacks NAME`: the capability is not permitted. `remedy`: what helps, behind a colon. */
export const lacking = (remedy: string) => ({
  of: 'lacks',
  errors: ['EPERM'],
  probe: ([name = '']: readonly string[], world: Reader): string | undefined => {
    const capability = capabilityNumber(name);
    const status = world.read('/proc/self/status');
    return capability === undefined || status === undefined || has(setInStatus(status, 'Prm'), capability)
      ? undefined
      : `this needs ${name.toUpperCase()}: ${remedy}`;
  },
});
