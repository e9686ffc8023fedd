import type { Caller } from '../caller.ts';

/** The effective user id, as geteuid(2). */
export const geteuid = (sys: Caller) => sys.do('geteuid');

/** The effective group id, as getegid(2). */
export const getegid = (sys: Caller) => sys.do('getegid');

/** Sets all user ids (as CAP_SETUID), or the effective one, as setuid(2). Of the calling thread alone. */
export const setuid = (sys: Caller, uid: number) => sys.do('setuid', uid);

/** Sets all group ids (as CAP_SETGID), or the effective one, as setgid(2). */
export const setgid = (sys: Caller, gid: number) => sys.do('setgid', gid);

/** Sets real, effective and saved user id, as setresuid(2); -1 leaves one as it is. */
export const setresuid = (sys: Caller, real: number, effective: number, saved: number) =>
  sys.do('setresuid', real, effective, saved);

/** Sets real, effective and saved group id, as setresgid(2); -1 leaves one as it is. */
export const setresgid = (sys: Caller, real: number, effective: number, saved: number) =>
  sys.do('setresgid', real, effective, saved);

/** Replaces the supplementary groups, as setgroups(2). EPERM without CAP_SETGID or where a user namespace denies it. */
export const setgroups = (sys: Caller, groups: readonly number[]) => {
  const list = Buffer.alloc(4 * groups.length);
  groups.forEach((group, index) => {
    list.writeUInt32LE(group, 4 * index);
  });
  return sys.do('setgroups', groups.length, groups.length ? list : null);
};

/** The supplementary groups, as getgroups(2). */
export function getgroups(sys: Caller): number[] {
  const size = sys.look('getgroups', 0, null);
  const list = Buffer.alloc(4 * size);
  const count = sys.look('getgroups', size, list);
  return Array.from({ length: count }, (_, index) => list.readUInt32LE(4 * index));
}

/** Three capability sets as bit masks: bit n is capability n. */
export interface CapabilitySets {
  effective: bigint;
  permitted: bigint;
  inheritable: bigint;
}

const VERSION_3 = 0x20080522;

const header = (pid: number) => {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32LE(VERSION_3, 0);
  bytes.writeInt32LE(pid, 4);
  return bytes;
};

const ORDER = ['effective', 'permitted', 'inheritable'] as const;

/** Capability sets of a thread (0: the caller), as capget(2). ESRCH where there is none. */
export function capget(sys: Caller, pid = 0): CapabilitySets {
  const data = Buffer.alloc(24);
  sys.look('capget', header(pid), data);
  const half = (index: number, set: number) => BigInt(data.readUInt32LE(12 * index + 4 * set));
  const [effective, permitted, inheritable] = ORDER.map((_, set) => half(0, set) | (half(1, set) << 32n)) as [
    bigint,
    bigint,
    bigint,
  ];
  return { effective, permitted, inheritable };
}

/** Sets the capability sets of the calling thread, as capset(2). EPERM for what the rules of capabilities(7) refuse. */
export const capset = (sys: Caller, sets: CapabilitySets) => {
  const data = Buffer.alloc(24);
  ORDER.forEach((name, set) => {
    data.writeUInt32LE(Number(sets[name] & 0xffff_ffffn), 4 * set);
    data.writeUInt32LE(Number(sets[name] >> 32n), 12 + 4 * set);
  });
  return sys.do('capset', header(0), data);
};
