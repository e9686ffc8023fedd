/** The capability lines of /proc/PID/status. */

/** A set of a status text, 0 where it has no such line. `name`: Inh, Prm, Eff, Bnd or Amb. */
export function setInStatus(status: string | undefined, name: 'Inh' | 'Prm' | 'Eff' | 'Bnd' | 'Amb'): bigint {
  const digits = new RegExp(`^Cap${name}:\\s*([0-9a-f]+)`, 'm').exec(status ?? '')?.[1];
  return BigInt(`0x${digits ?? '0'}`);
}
