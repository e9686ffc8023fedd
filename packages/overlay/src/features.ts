/** Features of an overlay mount, and which of them the kernel does not combine. Pure. */
import { has, setInStatus } from '@ts/capabilities';
import { isOwnMap } from '@ts/mounts';
import { CAP_SYS_ADMIN } from '@ts/sys';

/** What can be said of each: the kernel's own words. */
export const FEATURES = {
  redirect_dir: ['on', 'off', 'follow', 'nofollow'],
  index: ['on', 'off'],
  metacopy: ['on', 'off'],
  xino: ['on', 'off', 'auto'],
  nfs_export: ['on', 'off'],
} as const satisfies Readonly<Record<string, readonly string[]>>;

export type Feature = keyof typeof FEATURES;

const CONFLICTS: readonly (readonly [one: string, other: string, why: string])[] = [
  ['metacopy=on', 'redirect_dir=off', 'a file without its data is found by where it was'],
  ['metacopy=on', 'redirect_dir=nofollow', 'a file without its data is found by where it was'],
  ['metacopy=on', 'nfs_export=on', 'file handles cannot name a file without its data'],
  ['nfs_export=on', 'index=off', 'file handles are found by the index'],
  ['userxattr', 'redirect_dir=on', 'a user could redirect to what he may not read'],
  ['userxattr', 'metacopy=on', 'a user could name data that he may not read'],
];

/** Why these parameters exclude each other; undefined where they do not. */
export function conflictOf(parameters: readonly string[]): string | undefined {
  const clash = CONFLICTS.find(([one, other]) => parameters.includes(one) && parameters.includes(other));
  return clash && `${clash[0]} and ${clash[1]} cannot be combined: ${clash[2]}`;
}

/**
 * Where marks of a layer are to be kept: in `trusted.overlay.*`, which needs CAP_SYS_ADMIN of the first user namespace, or in
 * `user.overlay.*`, which mounts with userxattr read.
 *
 * @param uidMap Text of /proc/self/uid_map. @param status Text of /proc/self/status.
 */
export const spaceFor = (uidMap: string | undefined, status: string | undefined): 'trusted' | 'user' =>
  !isOwnMap(uidMap) && has(setInStatus(status, 'Eff') ?? 0n, CAP_SYS_ADMIN) ? 'trusted' : 'user';
