/** Whose mounts a process sees, as /proc tells it. `read`: text of a file, undefined where it cannot be read. */
type Read = (path: string) => string | undefined;

/** Whether the user namespace is known not to be the first one. */
export function inOwnUsers(read: Read): boolean {
  const map = read('/proc/self/uid_map');
  return map !== undefined && map.trim().split(/\s+/).join(' ') !== '0 0 4294967295';
}
