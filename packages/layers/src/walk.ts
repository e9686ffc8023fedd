/** Reads a tree by descriptors of its folders: whoever renames folders meanwhile leads nobody astray. */
import { type BigIntStats, lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { AT_REMOVEDIR, decode, encode, type LiveSys, O_DIRECTORY, O_NOFOLLOW, O_RDONLY } from '@ts/sys';

/** An entry of a folder that is open. */
export interface Found {
  /** Below the top of the tree: "etc/passwd". */
  readonly path: string;
  readonly name: string;
  /** The open folder that it is in. */
  readonly folder: number;
  /** A path to it that stays the same while the folder is open. */
  readonly at: string;
  readonly stat: BigIntStats;
}

/** A path to an open folder itself, for calls that do not follow links. */
export const pathOf = (fd: number): string => `/proc/self/fd/${fd}/.`;

const join = (path: string, name: string) => (path ? `${path}/${name}` : name);

export const openFolder = (sys: LiveSys, path: string): number =>
  sys.or(`cannot open '${path}'`).open(path, O_RDONLY | O_DIRECTORY);

export const statOfFolder = (fd: number): BigIntStats => lstatSync(pathOf(fd), { bigint: true });

export const openFolderIn = (sys: LiveSys, folder: number, name: string, shown: string): number =>
  sys.or(`cannot open '${shown}'`).openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);

/** Entries of an open folder, sorted by the bytes of their names. */
export function entriesOf(folder: number, path: string): Found[] {
  return readdirSync(pathOf(folder), { encoding: 'buffer' })
    .sort(Buffer.compare)
    .map((bytes) => {
      const name = decode(bytes);
      const at = `/proc/self/fd/${folder}/${name}`;
      return { path: join(path, name), name, folder, at, stat: lstatSync(encode(at), { bigint: true }) };
    });
}

/** Target of a symbolic link. */
export const targetOf = ({ at }: Found): string => decode(readlinkSync(encode(at), { encoding: 'buffer' }));

/** What is walked over next: below a folder, or past it. */
export type Visit<T> = (found: Found) => Generator<T, boolean | undefined>;

/** Walks over a tree, folders before what is in them. `visit` returns false to leave out what is below. */
export function* walk<T>(sys: LiveSys, folder: number, visit: Visit<T>, path = ''): Generator<T> {
  for (const found of entriesOf(folder, path)) {
    const isEntered = yield* visit(found);
    if (!found.stat.isDirectory() || isEntered === false) continue;
    const below = openFolderIn(sys, folder, found.name, found.path);
    try {
      yield* walk(sys, below, visit, found.path);
    } finally {
      sys.close(below);
    }
  }
}

/** Removes all that is in an open folder. */
export function empty(sys: LiveSys, folder: number): void {
  // Not 'buffer': Bun gives no types of entries then.
  for (const entry of readdirSync(pathOf(folder), { encoding: 'latin1', withFileTypes: true })) {
    const name = decode(Buffer.from(entry.name, 'latin1'));
    if (!entry.isDirectory()) {
      sys.unlinkat(folder, name);
      continue;
    }
    const below = openToEmpty(sys, folder, name);
    empty(sys, below);
    sys.close(below);
    sys.unlinkat(folder, name, AT_REMOVEDIR);
  }
}

/** Its owner may lack the right to look into it, or to take something out. */
function openToEmpty(sys: LiveSys, folder: number, name: string): number {
  const { mode } = lstatSync(encode(`/proc/self/fd/${folder}/${name}`));
  if ((mode & 0o700) !== 0o700) sys.fchmodat(folder, name, 0o700);
  return openFolderIn(sys, folder, name, name);
}
