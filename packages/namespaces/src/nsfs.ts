/** Namespaces that are mounted: files of the file system nsfs. */
import { parseMountinfo } from '@ts/mounts';

export interface NamespaceMount {
  /** "net:[4026531833]" */
  readonly root: string;
  readonly target: string;
  /** Where it can be opened: below /proc/PID/root for mounts of another mount namespace. */
  readonly path: string;
}

/**
 * Mounted namespaces of our mount namespace and of those that `others` are in.
 *
 * @param read Text of a file; undefined where it cannot be read.
 */
export function nsfsMounts(read: (path: string) => string | undefined, others: readonly number[]): NamespaceMount[] {
  const mountsOf = (file: string, root: string) =>
    parseMountinfo(read(file) ?? '')
      .filter(({ type }) => type === 'nsfs')
      .map((mount) => ({ root: mount.root, target: mount.target, path: `${root}${mount.target}` }));
  return [
    ...mountsOf('/proc/self/mountinfo', ''),
    ...others.flatMap((pid) => mountsOf(`/proc/${pid}/mountinfo`, `/proc/${pid}/root`)),
  ];
}

/** A process of every mount namespace but our own. */
export function mountNamespaces({
  names,
  link,
}: {
  names(path: string): readonly string[];
  link(path: string): string | undefined;
}): number[] {
  const seen = new Map([[link('/proc/self/ns/mnt'), 0]]);
  for (const name of names('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const text = link(`/proc/${name}/ns/mnt`);
    if (text !== undefined && !seen.has(text)) seen.set(text, Number(name));
  }
  return [...seen.values()].filter(Boolean);
}
