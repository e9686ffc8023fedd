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
  isLive,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_PATH,
  O_RDONLY,
  O_WRONLY,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
  type Steps,
  type Sys,
  SysError,
  together,
  writeAll,
} from '@ts/sys';
import type { Entry } from './tree.ts';

/** linux/fs.h: shares the blocks of one file with another. */
const FICLONE = 0x40049409;

/** Errors that say that a way of copying is not available here. */
const NO_SUCH_WAY = ['EOPNOTSUPP', 'EXDEV', 'EINVAL', 'ENOSYS', 'ENOTTY', 'EPERM', 'EBADF'];

class Writer {
  readonly #sys: Steps;
  readonly #root: string;
  readonly #folders: Map<string, Int>;
  readonly #temporary: string;

  /** @param folders Is given the descriptors of folders by their paths inside; to be closed behind the last step. */
  constructor(sys: Steps, root: string, temporary: string, folders: Map<string, Int>) {
    this.#sys = sys;
    this.#root = root;
    this.#temporary = temporary;
    this.#folders = folders;
  }

  /** The folder itself, made if it is missing; those above it must be there. */
  open(): void {
    const { live } = this.#sys;
    const made =
      !live || isMade(() => this.#sys.or(`cannot create directory '${this.#root}'`).mkdir(this.#root, 0o755));
    const fd = this.#sys.or(`cannot open directory '${this.#root}'`).open(this.#root, O_PATH | O_DIRECTORY);
    this.#folders.set('/', fd);
    if (made) this.#undo(AT_FDCWD, this.#root, AT_REMOVEDIR);
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
    if (made) this.#undo(parent, name, AT_REMOVEDIR);
  }

  #makeLink({ path, target }: Entry & { kind: 'link' }, parent: Int, name: string): void {
    const message = `cannot create symbolic link '${this.#inside(path)}'`;
    if (isMade(() => this.#sys.or(message).do('symlinkat', target, parent, name))) {
      this.#undo(parent, name);
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
    this.#replace(parent, name, message, () => {
      if (entry.kind === 'text') writeBytes(this.#sys.or(message), to, encode(entry.text));
      else this.#copy(entry, to);
      this.#sys.close(to);
    });
    if (isNew) this.#undo(parent, name);
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

  /** Puts what has been made under the temporary name into the place of what has that name. @param fill What comes before that. */
  #replace(parent: Int, name: string, message: string, fill: () => void = () => undefined): void {
    this.#sys.undoing(
      (back) => back.do('unlinkat', parent, this.#temporary, 0),
      () => {
        fill();
        this.#sys.or(message).do('renameat2', parent, this.#temporary, parent, name, 0);
      },
    );
  }

  /** It has been made here: a later failure removes it. */
  #undo(folder: Int, name: string, flags = 0): void {
    this.#sys.undo((back) => back.do('unlinkat', folder, name, flags));
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

function writeBytes(sys: Sys, to: Int, bytes: Uint8Array): void {
  if (isLive(sys)) writeAll(Number(to), bytes, (fd, rest) => sys.write(fd, rest));
  else sys.write(to, bytes);
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
    writeBytes(sys, to, buffer.subarray(0, length));
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
  const folders = new Map<string, Int>();
  const mask = sys.umask(0);
  try {
    together(sys, (steps) => {
      const writer = new Writer(steps, root, `.ts-rootfs-${unique}`, folders);
      writer.open();
      for (const entry of entries) writer.write(entry);
    });
  } finally {
    for (const fd of folders.values()) sys.close(fd);
    if (typeof mask === 'number') sys.umask(mask);
  }
}
