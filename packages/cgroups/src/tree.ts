/** What is in a hierarchy: groups below a group, files of a group. In the kernel's own order, as the originals print it. */
import { opendirSync, type Stats, statSync } from 'node:fs';
import { decode, encode } from '@ts/sys';

interface Content {
  readonly files: readonly string[];
  readonly groups: readonly string[];
}

/** Names in a group's directory; undefined where it cannot be read. */
export function contentOf(directory: string): Content | undefined {
  const files: string[] = [];
  const groups: string[] = [];
  try {
    // Not 'buffer': Bun gives no types of entries then.
    const folder = opendirSync(encode(directory) as unknown as string, { encoding: 'latin1' });
    for (let entry = folder.readSync(); entry; entry = folder.readSync())
      (entry.isDirectory() ? groups : files).push(decode(Buffer.from(entry.name, 'latin1')));
    folder.closeSync();
  } catch {
    return undefined; // whoever asked says what it means
  }
  return { files, groups };
}

/** Owner and mode of a file; undefined where there is none, or where it cannot be looked at. */
export function statOf(path: string): Pick<Stats, 'mode' | 'uid' | 'gid'> | undefined {
  try {
    return statSync(encode(path));
  } catch {
    return undefined; // a group may go at any time
  }
}

/** Directories of all groups below a group, each before what is below it. */
export function groupsBelow(directory: string): string[] {
  return (contentOf(directory)?.groups ?? []).flatMap((name) => {
    const child = `${directory}/${name}`;
    return [child, ...groupsBelow(child)];
  });
}
