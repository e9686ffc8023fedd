/** Whose mounts a process sees, as /proc tells it. `read`: text of a file, undefined where it cannot be read. */
type Read = (path: string) => string | undefined;

/** Whether a process with this /proc/self/uid_map is known not to be in the first user namespace. */
export const isOwnMap = (uidMap: string | undefined): boolean =>
  uidMap !== undefined && uidMap.trim().split(/\s+/).join(' ') !== '0 0 4294967295';

/** Whether the caller's user namespace is known not to be the first one. */
export const inOwnUsers = (read: Read): boolean => isOwnMap(read('/proc/self/uid_map'));
