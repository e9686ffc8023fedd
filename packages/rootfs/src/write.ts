/**
 * Puts a tree into a folder: every path is resolved inside the folder, whatever links lie there already.
 *
 * A file is written under a name of its own and renamed into place, so that nobody sees half of one, and what was there,
 * a link to somewhere else included, is replaced and not followed.
 */
import { posix } from 'node:path';
import {
  AT_FDCWD,
  AT_REMOVEDIR,
  encode,
  type Int,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_PATH,
  O_RDONLY,
  O_WRONLY,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
  type Sys,
  SysError,
} from '@ts/sys';
import type { Entry } from './tree.ts';

/** linux/fs.h: shares the blocks of one file with another. */
const FICLONE = 0x40049409;

/** Errors that say that a way of copying is not available here. */
const NO_SUCH_WAY = ['EOPNOTSUPP', 'EXDEV', 'EINVAL', 'ENOSYS', 'ENOTTY', 'EPERM', 'EBADF'];

interface Made {
  readonly folder: Int;
  readonly name: string;
  readonly isFolder: boolean;
}

class Writer {
  readonly #sys: Sys;
  readonly #root: string;
  readonly #folders = new Map<string, Int>();
  readonly #made: Made[] = [];
  readonly #temporary: string;

  constructor(sys: Sys, root: string, temporary: string) {
    this.#sys = sys;
    this.#root = root;
    this.#temporary = temporary;
  }

  /** The folder itself, made if it is missing; those above it must be there. */
  open(): void {
    const { live } = this.#sys;
    const made =
      !live || isMade(() => this.#sys.or(`cannot create directory '${this.#root}'`).mkdir(this.#root, 0o755));
    const fd = this.#sys.or(`cannot open directory '${this.#root}'`).open(this.#root, O_PATH | O_DIRECTORY);
    this.#folders.set('/', fd);
    if (made) this.#made.push({ folder: AT_FDCWD, name: this.#root, isFolder: true });
  }

  #inside(path: string): string {
    return posix.join(this.#root, path);
  }

  /** Descriptor of a folder inside. */
  #folder(path: string): Int {
    const known = this.#folders.get(path);
    if (known !== undefined) return known;
    const fd = this.#sys
      .or(`cannot open directory '${this.#inside(path)}'`)
      .openat2(this.#folders.get('/') as Int, path.slice(1), {
        flags: O_PATH | O_DIRECTORY,
        resolve: RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
      });
    this.#folders.set(path, fd);
    return fd;
  }

  write(entry: Entry): void {
    const parent = this.#folder(posix.dirname(entry.path));
    const name = posix.basename(entry.path);
    if (entry.kind === 'folder') this.#makeFolder(entry, parent, name);
    else if (entry.kind === 'link') this.#makeLink(entry, parent, name);
    else this.#makeFile(entry, parent, name);
  }

  #makeFolder({ path, mode }: Entry & { kind: 'folder' }, parent: Int, name: string): void {
    const made = isMade(() =>
      this.#sys.or(`cannot create directory '${this.#inside(path)}'`).do('mkdirat', parent, name, mode),
    );
    if (made) this.#made.push({ folder: parent, name, isFolder: true });
  }

  #makeLink({ path, target }: Entry & { kind: 'link' }, parent: Int, name: string): void {
    const message = `cannot create symbolic link '${this.#inside(path)}'`;
    if (isMade(() => this.#sys.or(message).do('symlinkat', target, parent, name))) {
      this.#made.push({ folder: parent, name, isFolder: false });
      return;
    }
    this.#sys.or(message).do('symlinkat', target, parent, this.#temporary);
    this.#replace(parent, name, message);
  }

  #makeFile(entry: Entry & { kind: 'copy' | 'text' }, parent: Int, name: string): void {
    const message = `cannot create '${this.#inside(entry.path)}'`;
    const isNew = this.#sys.live && !this.#exists(parent, name);
    // Files of configuration may have been changed by their owner since.
    if (this.#sys.live && entry.kind === 'text' && !isNew) return;
    const to = this.#sys
      .or(message)
      .openat(parent, this.#temporary, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW, entry.mode);
    try {
      if (entry.kind === 'text') writeText(this.#sys.or(message), to, entry.text);
      else this.#copy(entry, to);
      this.#sys.close(to);
    } catch (error) {
      this.#sys.ignoring().do('unlinkat', parent, this.#temporary, 0);
      throw error;
    }
    this.#replace(parent, name, message);
    if (isNew) this.#made.push({ folder: parent, name, isFolder: false });
  }

  #copy({ source, path, size }: Entry & { kind: 'copy' }, to: Int): void {
    const from = this.#sys.or(`cannot open '${source}'`).open(source, O_RDONLY);
    copy(this.#sys.or(`cannot copy '${source}' to '${this.#inside(path)}'`), from, to, size);
    this.#sys.close(from);
  }

  #exists(parent: Int, name: string): boolean {
    try {
      this.#sys.close(this.#sys.openat(parent, name, O_PATH | O_NOFOLLOW));
      return true;
    } catch (error) {
      if (error instanceof SysError && error.code === 'ENOENT') return false;
      throw error;
    }
  }

  #replace(parent: Int, name: string, message: string): void {
    try {
      this.#sys.or(message).do('renameat2', parent, this.#temporary, parent, name, 0);
    } catch (error) {
      this.#sys.ignoring().do('unlinkat', parent, this.#temporary, 0);
      throw error;
    }
  }

  /** Removes what has been made, the last one first. */
  takeBack(): void {
    for (const { folder, name, isFolder } of this.#made.reverse())
      this.#sys.ignoring().do('unlinkat', folder, name, isFolder ? AT_REMOVEDIR : 0);
  }

  close(): void {
    for (const fd of this.#folders.values()) this.#sys.close(fd);
  }
}

/** Whether this has made something: false where it is there already. */
function isMade(make: () => unknown): boolean {
  try {
    make();
    return true;
  } catch (error) {
    if (error instanceof SysError && error.code === 'EEXIST') return false;
    throw error;
  }
}

function writeText(sys: Sys, to: Int, text: string): void {
  const bytes = encode(text);
  for (let at = 0; at < bytes.length; ) {
    const written = sys.write(to, bytes.subarray(at));
    at += typeof written === 'number' ? written : bytes.length;
  }
}

/** Shares blocks where the file system can, lets the kernel copy where it can, else reads and writes. */
function copy(sys: Sys, from: Int, to: Int, size: number): void {
  if (!sys.live) {
    sys.do('copy_file_range', from, null, to, null, size, 0);
    return;
  }
  if (tryWay(() => sys.do('ioctl', to, FICLONE, from)) !== undefined) return;
  const ways = [
    () => sys.do('copy_file_range', from, null, to, null, 1 << 30, 0) as number,
    () => sys.do('sendfile', to, from, null, 1 << 30) as number,
  ];
  for (const way of ways) {
    let copied = tryWay(way);
    if (copied === undefined) continue;
    while (copied > 0) copied = way();
    return;
  }
  const buffer = Buffer.alloc(1 << 20);
  for (let length = sys.read(from, buffer) as number; length > 0; length = sys.read(from, buffer) as number)
    for (let at = 0; at < length; ) at += sys.write(to, buffer.subarray(at, length)) as number;
}

/** Result of the first try; undefined where this way is not available. */
function tryWay<T>(way: () => T): T | undefined {
  try {
    return way();
  } catch (error) {
    if (error instanceof SysError && NO_SUCH_WAY.includes(error.code)) return undefined;
    throw error;
  }
}

/**
 * Writes entries into `root`. What was made is removed if something fails.
 *
 * @param unique Part of a name that no other process uses at the same time.
 */
export function writeTree(sys: Sys, root: string, entries: readonly Entry[], unique: string): void {
  const writer = new Writer(sys, root, `.ts-rootfs-${unique}`);
  const mask = sys.umask(0);
  try {
    writer.open();
    for (const entry of entries) writer.write(entry);
  } catch (error) {
    writer.takeBack();
    throw error;
  } finally {
    writer.close();
    if (typeof mask === 'number') sys.umask(mask);
  }
}
