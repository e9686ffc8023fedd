/**
 * Reads a tree by descriptors of its folders: whoever renames folders meanwhile leads nobody astray. However deep a tree is, it
 * takes few descriptors and no stack.
 */
import {
  AT_FDCWD,
  AT_REMOVEDIR,
  entries,
  type FileStatus,
  fstat,
  type LiveSys,
  list,
  lstatIn,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_PATH,
  O_RDONLY,
  RESOLVE_NO_XDEV,
  readLink,
  SysError,
} from '@ts/sys';
import { LayerError, reading } from './errors.ts';

/** An entry of a folder that is open. */
export interface Found {
  /** Below the top of the tree: "etc/passwd". */
  readonly path: string;
  readonly name: string;
  /** The open folder that it is in. */
  readonly folder: number;
  /** A path to it that stays the same while the folder is open. */
  readonly at: string;
  readonly stat: FileStatus;
}

/** A path to an open folder itself, for calls that do not follow links. */
export const pathOf = (fd: number): string => `/proc/self/fd/${fd}/.`;

/** A path to what is open, whatever it is; calls must follow it. */
export const linkOf = (fd: number): string => `/proc/self/fd/${fd}`;

const join = (path: string, name: string) => (path ? `${path}/${name}` : name);

export const openFolder = (sys: LiveSys, path: string): number =>
  sys.or(`cannot open '${path}'`).open(path, O_RDONLY | O_DIRECTORY);

export const isSame = (one: FileStatus, other: FileStatus): boolean => one.dev === other.dev && one.ino === other.ino;

/** Target of a symbolic link. */
export const targetOf = ({ at, path }: Found): string => reading(path, () => readLink(at));

/** Folders on the way from the top that stay open. Others are opened again from below, by "..", and must be the same. */
const KEPT = 32;

interface Folder {
  readonly path: string;
  readonly stat: FileStatus;
  /** -1 where it is closed for the time being. */
  fd: number;
}

/** A folder of a tree, and the way back to the top. */
export class Place {
  readonly #sys: LiveSys;
  readonly #way: [Folder, ...Folder[]];

  /** @param top Descriptor, which stays open. @param path What the top is called in messages and paths. */
  constructor(sys: LiveSys, top: number, path = '') {
    this.#sys = sys;
    this.#way = [{ path, stat: fstat(top), fd: top }];
  }

  get #here(): Folder {
    return this.#way.at(-1) as Folder;
  }

  /** Descriptor of the folder, until another one is entered or this one is left. */
  get fd(): number {
    return this.#here.fd;
  }

  get path(): string {
    return this.#here.path;
  }

  /** What it was when it was entered. */
  get stat(): FileStatus {
    return this.#here.stat;
  }

  /** Names in the folder, sorted by their bytes. */
  names(): string[] {
    return reading(this.path || '.', () => list(pathOf(this.fd)));
  }

  find(name: string): Found {
    const path = join(this.path, name);
    const at = `${linkOf(this.fd)}/${name}`;
    return {
      path,
      name,
      folder: this.fd,
      at,
      stat: reading(path, () => lstatIn(this.fd, name, path)),
    };
  }

  /** Goes into a folder. @param seen What it was when it was looked at: another one is refused. */
  enter(name: string, seen?: FileStatus, open = openIn): void {
    const path = join(this.path, name);
    const fd = open(this.#sys, this.fd, name, path);
    const stat = fstat(fd);
    if (seen && !isSame(seen, stat)) {
      this.#sys.close(fd);
      throw moved(path);
    }
    this.#way.push({ path, stat, fd });
    const far = this.#way[this.#way.length - 1 - KEPT];
    if (far === undefined || far === this.#way[0]) return;
    this.#sys.close(far.fd);
    far.fd = -1;
  }

  /** Goes back to the folder above. @param last What is done with the one below before it is closed. */
  leave(last: (fd: number) => void = () => undefined): void {
    const below = this.#way.pop() as Folder;
    const here = this.#here;
    try {
      if (here.fd < 0) {
        here.fd = openIn(this.#sys, below.fd, '..', here.path);
        if (!isSame(here.stat, fstat(here.fd))) throw moved(below.path);
      }
      last(below.fd);
    } finally {
      this.#sys.close(below.fd);
    }
  }

  /** Closes all but the top. */
  close(): void {
    for (const { fd } of this.#way.splice(1)) if (fd >= 0) this.#sys.close(fd);
  }
}

const openIn = (sys: LiveSys, folder: number, name: string, shown: string): number =>
  sys.or(`cannot open '${shown}'`).openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);

export const moved = (path: string): LayerError => new LayerError(`'${path}' was moved or replaced meanwhile`);

/** Permission bits of an entry itself. By descriptor: a link that somebody puts in its place is not followed. */
export function setMode(sys: LiveSys, folder: number, name: string, mode: number): void {
  const handle = sys.openat(folder, name, O_PATH | O_NOFOLLOW);
  try {
    sys.fchmodat(AT_FDCWD, linkOf(handle), mode);
  } finally {
    sys.close(handle);
  }
}

/** What is walked over next: below a folder, or past it. */
export type Visit<T> = (found: Found) => Generator<T, boolean | undefined>;

/** Walks over a tree, folders before what is in them. `visit` returns false to leave out what is below. */
export function* walk<T>(sys: LiveSys, folder: number, visit: Visit<T>, path = ''): Generator<T> {
  const place = new Place(sys, folder, path);
  const left = [place.names().values()];
  try {
    for (let names = left.at(-1); names; names = left.at(-1)) {
      const { done, value: name } = names.next();
      if (done) {
        left.pop();
        if (left.length) place.leave();
        continue;
      }
      const found = place.find(name);
      const isEntered = yield* visit(found);
      if (found.stat.type !== 'directory' || isEntered === false) continue;
      place.enter(name, found.stat);
      left.push(place.names().values());
    }
  } finally {
    place.close();
  }
}

/** Removes all that is in an open folder. What is mounted there, and what others have moved away meanwhile, stays. */
export function empty(sys: LiveSys, folder: number): void {
  const place = new Place(sys, folder);
  const left = [removeFiles(sys, place)];
  try {
    for (let names = left.at(-1); names; names = left.at(-1)) {
      const name = names.at(-1);
      if (name !== undefined) {
        place.enter(name, undefined, openToEmpty);
        left.push(removeFiles(sys, place));
        continue;
      }
      left.pop();
      const done = left.at(-1)?.pop();
      if (done === undefined) continue;
      place.leave();
      sys.or(`cannot remove '${join(place.path, done)}'`).unlinkat(place.fd, done, AT_REMOVEDIR);
    }
  } finally {
    place.close();
  }
}

/** Removes what is no folder; result: names of folders. */
function removeFiles(sys: LiveSys, place: Place): string[] {
  const folders: string[] = [];
  for (const { name, type } of reading(place.path || '.', () => [...entries(pathOf(place.fd))])) {
    const isFolder = (type === 'unknown' ? lstatIn(place.fd, name, join(place.path, name)).type : type) === 'directory';
    if (isFolder) folders.push(name);
    else sys.or(`cannot remove '${join(place.path, name)}'`).unlinkat(place.fd, name);
  }
  return folders;
}

/** Opens a folder with the rights to look into it and to take something out, which its owner, if that is the caller, can give himself. */
export function openToEmpty(sys: LiveSys, folder: number, name: string, shown: string): number {
  const opening = sys.or(`cannot open '${shown}'`);
  const inside = { flags: O_DIRECTORY | O_NOFOLLOW, resolve: RESOLVE_NO_XDEV };
  const handle = (() => {
    try {
      return opening.openat2(folder, name, { ...inside, flags: inside.flags | O_PATH });
    } catch (error) {
      if (!(error instanceof SysError) || error.code !== 'EXDEV') throw error;
      throw new LayerError(`'${shown}' cannot be removed: something is mounted there`, 'unmount it first');
    }
  })();
  try {
    const { mode, uid } = fstat(handle);
    // By descriptor: whatever has the name by now is left alone.
    if ((mode & 0o700) !== 0o700 && uid === process.geteuid?.()) sys.fchmodat(AT_FDCWD, linkOf(handle), 0o700);
    return opening.openat(handle, '.', O_RDONLY | O_DIRECTORY);
  } finally {
    sys.close(handle);
  }
}
