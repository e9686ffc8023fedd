/** Names of capabilities, as capabilities(7) lists them; the place in the list is the number. */
import { type LiveSys, PR_CAPBSET_READ, parseCNumber, parseDecimal } from '@ts/sys';

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

/** Number of a capability by name (in any case) or number below 64, as cap_from_name(3). */
export function capabilityNumber(text: string): number | undefined {
  const index = (CAPABILITY_NAMES as readonly string[]).indexOf(text.toLowerCase());
  return index < 0 ? parseCNumber(text, SET_SIZE - 1) : index;
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

/** The name that an unknown one may have meant: not less than half of it is right. */
export function nearestCapability(text: string): string | undefined {
  const wanted = text.toLowerCase().replace(/^cap_/, '');
  return nearestName(CAPABILITY_NAMES, `cap_${wanted}`, Math.min(3, wanted.length >> 1));
}

/** The number of the kernel's last capability; undefined where /proc does not have it. */
function lastCapability(read: (path: string) => string | undefined): number | undefined {
  return parseDecimal(read('/proc/sys/kernel/cap_last_cap')?.trim() ?? '', SET_SIZE - 1);
}

/** How many capabilities the kernel has, read without a call; where /proc is missing, as many as are known. */
export const kernelCapabilities = (world: { read(path: string): string | undefined }): number =>
  (lastCapability(world.read) ?? CAPABILITY_NAMES.length - 1) + 1;

/** The same; without /proc, the kernel is asked for each. */
export function capabilityCount(sys: LiveSys, read: (path: string) => string | undefined): number {
  const last = lastCapability(read);
  if (last !== undefined) return last + 1;
  let count = 0;
  while (count < SET_SIZE && (sys.ignoring().look('prctl', PR_CAPBSET_READ, count, 0, 0, 0) as number) >= 0) count++;
  return count;
}
