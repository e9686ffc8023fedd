/** Why the kernel refuses what needs a capability. */
import type { CapabilitySets, Sys } from '@ts/sys';
import { capabilityName, capabilityNumber, has } from './names.ts';
import { lacks } from './status.ts';

interface Reader {
  read(path: string): string | undefined;
}

/**
 * The same calls, a failure explained by a capability that the caller lacks: where it does not, it fails for another reason.
 *
 * @param sets What the caller has when the call is made, which is not what is left when it is explained.
 */
export const lackingIn = <Calls extends Sys>(sys: Calls, { effective }: CapabilitySets, capability: number): Calls =>
  has(effective, capability) ? sys : sys.explaining(`lacks ${capabilityName(capability)}`);

/** The cause of `lacks NAME`: the capability is not permitted. `remedy`: what helps, behind a colon. */
export const lacking = (remedy: string) => ({
  of: 'lacks',
  errors: ['EPERM'],
  probe: ([name = '']: readonly string[], world: Reader): string | undefined => {
    const capability = capabilityNumber(name);
    return capability !== undefined && lacks(world.read, capability, 'Prm')
      ? `this needs ${name.toUpperCase()}: ${remedy}`
      : undefined;
  },
});
