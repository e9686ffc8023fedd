/** What is in a hierarchy: groups below a group, files of a group. In the kernel's own order, as the originals print it. */
import { entries, type FileStatus, stat, unlessRefused } from '@ts/sys';

interface Content {
  readonly files: readonly string[];
  readonly groups: readonly string[];
}

/** Names in a group's directory; undefined where it cannot be read. */
export function contentOf(directory: string): Content | undefined {
  const files: string[] = [];
  const groups: string[] = [];
  return unlessRefused(() => {
    for (const { name, type } of entries(directory)) (type === 'directory' ? groups : files).push(name);
    return { files, groups };
  });
}

/** Owner and mode of a file; undefined where there is none, or where it cannot be looked at. */
export const statOf = (path: string): FileStatus | undefined => unlessRefused(() => stat(path));

/** Directories of all groups below a group, each before what is below it. */
export function groupsBelow(directory: string): string[] {
  return (contentOf(directory)?.groups ?? []).flatMap((name) => {
    const child = `${directory}/${name}`;
    return [child, ...groupsBelow(child)];
  });
}
