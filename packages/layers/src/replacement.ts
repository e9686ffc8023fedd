/**
 * A folder that comes into being whole: filled under another name beside it, and renamed when it is complete.
 *
 * Whatever ends the process before, kill -9 included, leaves what was there. What such an end leaves behind is removed by the next
 * run for the same name: it is locked while its maker lives.
 */
import { randomBytes } from 'node:crypto';
import { fstatSync, lstatSync, readdirSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { realPath } from '@ts/mounts';
import {
  AT_FDCWD,
  AT_REMOVEDIR,
  decode,
  encode,
  type LiveSys,
  LOCK_EX,
  LOCK_NB,
  O_CREAT,
  O_EXCL,
  O_NOFOLLOW,
  O_RDONLY,
  O_WRONLY,
  RENAME_EXCHANGE,
  RENAME_NOREPLACE,
  SysError,
} from '@ts/sys';
import { writeAll } from './contents.ts';
import { LayerError } from './errors.ts';
import type { Content } from './tar.ts';
import { empty } from './walk.ts';

const isCode = (error: unknown, ...codes: string[]) => error instanceof SysError && codes.includes(error.code);

/** What is there: nothing, an empty folder, a folder with something in it. */
function stateOf(path: string): 'nothing' | 'empty' | 'full' {
  try {
    if (!statSync(encode(path)).isDirectory()) throw new LayerError(`'${path}' is there already and is not a folder`);
    return readdirSync(encode(path)).length ? 'full' : 'empty';
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'nothing';
    throw error;
  }
}

const occupied = (target: string) =>
  new LayerError(`'${target}' is there already`, '--replace puts the new one in its place');

const prefixOf = (target: string) => `.${basename(target).slice(0, 100)}.ts-new-`;

/** File systems without locks. */
const NO_LOCKS = ['ENOLCK', 'EOPNOTSUPP', 'ENOSYS'];

/** Opens what nobody else has open so; EAGAIN where its maker is at work. */
function openLocked(sys: LiveSys, path: string): number {
  const fd = sys.or(`cannot open '${path}'`).open(path, O_RDONLY | O_NOFOLLOW);
  try {
    sys.flock(fd, LOCK_EX | LOCK_NB);
    return fd;
  } catch (error) {
    sys.close(fd);
    throw error;
  }
}

/** Removes a file or a folder that is open. What somebody else has removed meanwhile is gone as well. */
function remove(sys: LiveSys, path: string, fd: number): void {
  try {
    const isFolder = fstatSync(fd).isDirectory();
    if (isFolder) empty(sys, fd);
    sys.unlinkat(AT_FDCWD, path, isFolder ? AT_REMOVEDIR : 0);
  } catch (error) {
    if (!isCode(error, 'ENOENT') && (error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  } finally {
    sys.close(fd);
  }
}

/** Removes what runs that were killed have left in a folder: what begins so, and is not locked. */
export function sweep(sys: LiveSys, folder: string, prefix: string): void {
  let names: string[];
  try {
    names = readdirSync(encode(folder), { encoding: 'buffer' }).map(decode);
  } catch {
    return; // that nothing can be made there is said when it is tried
  }
  for (const name of names.filter((each) => each.startsWith(prefix)))
    try {
      const path = join(folder, name);
      remove(sys, path, openLocked(sys, path));
    } catch (error) {
      // Another run's that is at work, or another user's.
      if (!isCode(error, 'EAGAIN', 'EACCES', 'EPERM', 'ENOENT', ...NO_LOCKS)) throw error;
    }
}

/** A name that no other run uses, beside the final one. */
const temporaryFor = (target: string) => join(dirname(target), prefixOf(target) + randomBytes(6).toString('hex'));

/**
 * Something new that is locked, under a name out of `name`. Between the two steps another run may take it for something left behind, and
 * remove it: then there is another one.
 *
 * @param make Makes and opens it; undefined where it is gone already.
 */
function makeLocked(
  sys: LiveSys,
  name: () => string,
  make: (path: string) => number | undefined,
): [path: string, fd: number] {
  for (;;) {
    const path = name();
    const fd = make(path);
    if (fd === undefined) continue;
    try {
      lock(sys, fd);
      if (lstatSync(encode(path), { throwIfNoEntry: false })) return [path, fd];
    } catch (error) {
      if (!isCode(error, 'EAGAIN')) throw error;
    }
    sys.close(fd);
  }
}

function makeFolder(sys: LiveSys, shown: string, target: string): [path: string, fd: number] {
  return makeLocked(
    sys,
    () => temporaryFor(target),
    (path) => {
      sys.or(`cannot create '${shown}'`).mkdir(path, 0o700);
      try {
        return sys.or(`cannot open '${path}'`).open(path, O_RDONLY | O_NOFOLLOW);
      } catch (error) {
        if (isCode(error, 'ENOENT')) return undefined;
        throw error;
      }
    },
  );
}

/** A new file that is locked and to be written, under a name out of `name`. */
export const makeFile = (sys: LiveSys, name: () => string, mode: number): [path: string, fd: number] =>
  makeLocked(sys, name, (path) => sys.open(path, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW, mode));

export class Replacement {
  /** The new folder, to be filled. */
  readonly fd: number;
  readonly #sys: LiveSys;
  readonly #target: string;
  readonly #path: string;
  readonly #isAllowed: boolean;
  #hasOld = false;

  /** @param isAllowed Whether a folder with something in it may be replaced. */
  constructor(sys: LiveSys, target: string, isAllowed: boolean) {
    this.#sys = sys;
    this.#target = realPath(target.replace(/(?<=.)\/+$/, ''));
    this.#isAllowed = isAllowed;
    if (stateOf(this.#target) === 'full' && !isAllowed) throw occupied(target);
    sweep(sys, dirname(this.#target), prefixOf(this.#target));
    [this.#path, this.fd] = makeFolder(sys, target, this.#target);
  }

  #rename(flags: number): void {
    try {
      this.#sys
        .or(`cannot rename the new folder to '${this.#target}'`)
        .renameat2(AT_FDCWD, this.#path, AT_FDCWD, this.#target, flags);
    } catch (error) {
      throw isCode(error, 'EBUSY')
        ? new LayerError(
            `'${this.#target}' is a mount point, which no new folder can take the place of`,
            'name a folder in it',
          )
        : error;
    }
  }

  /** Gives it its name. */
  commit(): void {
    if (this.#isNamed()) return;
    // Something is there: it was before, or another run has been faster.
    if (!this.#isAllowed) throw occupied(this.#target);
    try {
      this.#rename(RENAME_EXCHANGE);
    } catch (error) {
      if (!isCode(error, 'EINVAL')) throw error;
      throw new LayerError(
        `the file system of '${this.#target}' cannot exchange two folders`,
        'remove the old one first, or choose another name',
      );
    }
    this.#hasOld = true;
  }

  /** Removes what had the name before. */
  finish(): void {
    this.#sys.close(this.fd);
    if (this.#hasOld) remove(this.#sys, this.#path, this.#sys.open(this.#path, O_RDONLY | O_NOFOLLOW));
  }

  /** Gives it a name that nothing has, or an empty folder, which rename(2) itself replaces. */
  #isNamed(): boolean {
    try {
      this.#rename(stateOf(this.#target) === 'nothing' ? RENAME_NOREPLACE : 0);
      return true;
    } catch (error) {
      if (isCode(error, 'EEXIST', 'ENOTEMPTY')) return false;
      if (!isCode(error, 'EINVAL')) throw error;
      this.#rename(0); // a file system without RENAME_NOREPLACE: it replaces nothing but an empty folder
      return true;
    }
  }

  /** Removes it; what was there before stays. */
  discard(): void {
    remove(this.#sys, this.#path, this.fd);
  }
}

/** Makes a folder by `fill`: whole, or not at all. */
export async function replaced<T>(
  sys: LiveSys,
  target: string,
  isAllowed: boolean,
  fill: (folder: number) => Promise<T>,
): Promise<T> {
  const replacement = new Replacement(sys, target, isAllowed);
  let result: T;
  try {
    result = await fill(replacement.fd);
    replacement.commit();
  } catch (error) {
    replacement.discard();
    throw error;
  }
  replacement.finish();
  return result;
}

/** Does something with an empty folder beside `target` that is gone afterwards. */
export async function withScratch(sys: LiveSys, target: string, use: (folder: string) => Promise<void>): Promise<void> {
  const scratch = new Replacement(sys, `${target}.scratch`, false);
  try {
    await use(`/proc/self/fd/${scratch.fd}`);
  } finally {
    scratch.discard();
  }
}

/**
 * Locks a file or a folder until it is closed, where its file system has locks.
 *
 * @param isWaiting Until somebody else has closed it; else EAGAIN then.
 */
export const lock = (sys: LiveSys, fd: number, isWaiting = false): void => {
  try {
    sys.flock(fd, isWaiting ? LOCK_EX : LOCK_EX | LOCK_NB);
  } catch (error) {
    if (!isCode(error, ...NO_LOCKS)) throw error;
  }
};

/** Writes a file: whole, or not at all. A file that is there is replaced. */
export async function writeWhole(sys: LiveSys, target: string, source: Content): Promise<void> {
  const path = realPath(target);
  sweep(sys, dirname(path), prefixOf(path));
  const writing = sys.or(`cannot write '${target}'`);
  const [temporary, fd] = makeFile(writing, () => temporaryFor(path), 0o666);
  try {
    for await (const chunk of source) writeAll(writing, fd, chunk);
    writing.renameat2(AT_FDCWD, temporary, AT_FDCWD, path);
  } catch (error) {
    sys.unlink(temporary);
    throw error;
  } finally {
    sys.close(fd);
  }
}
