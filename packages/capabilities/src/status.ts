/** The capability lines of /proc/PID/status, proc_pid_status(5). */
import { has } from './names.ts';

type SetName = 'Inh' | 'Prm' | 'Eff' | 'Bnd' | 'Amb';

/** A set of a status text; undefined where the text is missing or has no such line. */
export function setInStatus(status: string | undefined, name: SetName): bigint | undefined {
  const digits = new RegExp(`^Cap${name}:\\s*([0-9a-f]{1,16})$`, 'm').exec(status ?? '')?.[1];
  return digits === undefined ? undefined : BigInt(`0x${digits}`);
}

/**
 * Whether this process is known to lack a capability. Where that cannot be read, nothing is known: false.
 *
 * @param read Text of a file, undefined where it cannot be read.
 */
export function lacks(read: (path: string) => string | undefined, capability: number, name: SetName = 'Eff'): boolean {
  const set = setInStatus(read('/proc/self/status'), name);
  return set !== undefined && !has(set, capability);
}
