/** Names of capabilities, as capabilities(7) lists them; the place in the list is the number. */
import { type LiveSys, PR_CAPBSET_READ } from '@ts/sys';

export const CAPABILITY_NAMES = [
  'cap_chown',
  'cap_dac_override',
  'cap_dac_read_search',
  'cap_fowner',
  'cap_fsetid',
  'cap_kill',
  'cap_setgid',
  'cap_setuid',
  'cap_setpcap',
  'cap_linux_immutable',
  'cap_net_bind_service',
  'cap_net_broadcast',
  'cap_net_admin',
  'cap_net_raw',
  'cap_ipc_lock',
  'cap_ipc_owner',
  'cap_sys_module',
  'cap_sys_rawio',
  'cap_sys_chroot',
  'cap_sys_ptrace',
  'cap_sys_pacct',
  'cap_sys_admin',
  'cap_sys_boot',
  'cap_sys_nice',
  'cap_sys_resource',
  'cap_sys_time',
  'cap_sys_tty_config',
  'cap_mknod',
  'cap_lease',
  'cap_audit_write',
  'cap_audit_control',
  'cap_setfcap',
  'cap_mac_override',
  'cap_mac_admin',
  'cap_syslog',
  'cap_wake_alarm',
  'cap_block_suspend',
  'cap_audit_read',
  'cap_perfmon',
  'cap_bpf',
  'cap_checkpoint_restore',
] as const;

/** Bits that a set has; the kernel names fewer. */
export const SET_SIZE = 64;

/** The set with one capability. */
export const bit = (capability: number): bigint => 1n << BigInt(capability);

export const has = (set: bigint, capability: number): boolean => (set & bit(capability)) !== 0n;

/** The set of the first `count` capabilities. */
export const firstCapabilities = (count: number): bigint => bit(count) - 1n;

/** Numbers of a set, ascending. */
export const members = (set: bigint): number[] =>
  Array.from({ length: SET_SIZE }, (_, index) => index).filter((index) => has(set, index));

/** `cap_kill`, or the number where it has no name. */
export const capabilityName = (capability: number): string => CAPABILITY_NAMES[capability] ?? String(capability);

const NUMBER = /^(0x[\da-f]+|0[0-7]*|[1-9]\d*)$/i;

/** A number as C writes it: decimal, 0 before octal, 0x before hexadecimal. */
export function parseUnsigned(text: string): number | undefined {
  if (!NUMBER.test(text)) return undefined;
  return Number(/^0[0-7]+$/.test(text) ? `0o${text.slice(1)}` : text);
}

/** Number of a capability by name (in any case) or number below 64, as cap_from_name(3). */
export function capabilityNumber(text: string): number | undefined {
  const index = (CAPABILITY_NAMES as readonly string[]).indexOf(text.toLowerCase());
  const number = index < 0 ? parseUnsigned(text) : index;
  return number !== undefined && number < SET_SIZE ? number : undefined;
}

/** Least number of letters to insert, delete or replace. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}

/** The one of `names` that an unknown one may have meant: at most `far` letters away. */
export function nearestName(names: Iterable<string>, wanted: string, far = 3): string | undefined {
  let nearest: string | undefined;
  let least = far + 1;
  for (const name of names) {
    const away = Math.abs(name.length - wanted.length) < least ? distance(name, wanted) : least;
    if (away < least) [nearest, least] = [name, away];
  }
  return nearest;
}

/** The name that an unknown one may have meant. */
export function nearestCapability(text: string): string | undefined {
  const wanted = text.toLowerCase();
  return nearestName(CAPABILITY_NAMES, wanted.startsWith('cap_') ? wanted : `cap_${wanted}`);
}

const LAST_CAPABILITY = '/proc/sys/kernel/cap_last_cap';

/** How many capabilities this kernel has: cap_last_cap and one. Without /proc, the kernel is asked for each. */
export function capabilityCount(sys: LiveSys, read: (path: string) => string | undefined): number {
  const last = read(LAST_CAPABILITY)?.trim();
  if (last !== undefined && /^\d+$/.test(last)) return Number(last) + 1;
  let count = 0;
  while (count < SET_SIZE && (sys.ignoring().look('prctl', PR_CAPBSET_READ, count, 0, 0, 0) as number) >= 0) count++;
  return count;
}
