/** Whether a process may mount at all, as /proc tells it. `read`: text of a file, undefined where it cannot be read. */
import { CAP_SYS_ADMIN, parseCBigInt } from '@ts/sys';

type Read = (path: string) => string | undefined;

/** Whether the right to mount is known to be missing; without /proc nothing is known. */
export function lacksSysAdmin(read: Read): boolean {
  const [, digits] = /^CapEff:\s*([\da-f]+)$/m.exec(read('/proc/self/status') ?? '') ?? [];
  const effective = digits === undefined ? undefined : parseCBigInt(`0x${digits}`);
  return effective !== undefined && (effective & (1n << BigInt(CAP_SYS_ADMIN))) === 0n;
}

/** Whether the user namespace is known not to be the first one. */
export function inOwnUsers(read: Read): boolean {
  const map = read('/proc/self/uid_map');
  return map !== undefined && map.trim().split(/\s+/).join(' ') !== '0 0 4294967295';
}
