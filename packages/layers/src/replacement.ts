/**
 * A folder that comes into being whole: filled under another name beside it, and renamed when it is complete.
 *
 * Whatever ends the process before, kill -9 included, leaves what was there. What such an end leaves behind is removed by the next
 * run for the same name: it is locked while its maker lives.
 */
import { randomBytes } from 'node:crypto';
import { basename, dirname } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { parseMountinfo, realPath } from '@ts/mounts';
import {
  AT_REMOVEDIR,
  entries,
  Failure,
  fstat,
  isBelow,
  type LiveSys,
  LOCK_EX,
  LOCK_NB,
  list,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  O_WRONLY,
  RENAME_EXCHANGE,
  RENAME_NOREPLACE,
  readText,
} from '@ts/sys';
import { writeBytes } from './contents.ts';
import { isCode, LayerError, reading } from './errors.ts';
import type { Content } from './tar.ts';
import { empty, isSame, linkOf, openToEmpty, pathOf } from './walk.ts';

/** Does something with what a name stands for, held by a descriptor and neither followed nor opened; undefined where there is nothing. */
function lookAt<T>(sys: LiveSys, parent: number, name: string, use: (handle: number) => T): T | undefined {
  let handle: number;
  try {
    handle = sys.openat(parent, name, O_PATH | O_NOFOLLOW);
  } catch (error) {
    if (isCode(error, 'ENOENT')) return undefined;
    throw error;
  }
  try {
    return use(handle);
  } finally {
    sys.close(handle);
  }
}

type State = 'nothing' | 'empty' | 'full';

/** What is there: nothing, an empty folder, a folder with something in it. */
const stateOf = (sys: LiveSys, parent: number, name: string, shown: string): State =>
  lookAt(sys.or(`cannot open '${shown}'`), parent, name, (handle): State => {
    if (fstat(handle).type !== 'directory') throw new LayerError(`'${shown}' is there already and is not a folder`);
    return !reading(shown, () => entries(pathOf(handle)).next()).done ? 'full' : 'empty';
  }) ?? 'nothing';

const occupied = (target: string) =>
  new LayerError(`'${target}' is there already`, '--replace puts the new one in its place');

const prefixOf = (name: string) => `.${name.slice(0, 100)}.ts-new-`;

/** A name that no other run uses, for what will be called `name`. */
const temporaryFor = (name: string) => prefixOf(name) + randomBytes(6).toString('hex');

/** The folder that a path names something in, as a descriptor: from here on no path is looked up again. */
const openParent = (sys: LiveSys, path: string): number =>
  sys.or(`cannot open '${dirname(path)}'`).open(dirname(path), O_PATH | O_DIRECTORY);

/** File systems without locks. */
const NO_LOCKS = ['ENOLCK', 'EOPNOTSUPP', 'ENOSYS'];

const STICKY = 0o1000;

/** Whether nobody else, but root, can give away or take a name of the caller's in a folder. */
function isGuarded(folder: number): boolean {
  const { mode, uid } = fstat(folder);
  return [0, process.geteuid?.()].includes(uid) && ((mode & 0o022) === 0 || (mode & STICKY) !== 0);
}

/** Removes a name and what it stands for, which is open. What somebody else has removed meanwhile is gone as well. */
function remove(sys: LiveSys, parent: number, name: string, fd: number): void {
  try {
    const isFolder = fstat(fd).type === 'directory';
    if (isFolder) empty(sys, fd);
    sys.or(`cannot remove '${name}'`).unlinkat(parent, name, isFolder ? AT_REMOVEDIR : 0);
  } catch (error) {
    if (!isCode(error, 'ENOENT')) throw error;
  } finally {
    sys.close(fd);
  }
}

/** Opens a file or a folder of the caller's that nobody has locked, and locks it; undefined for anything else. Never waits. */
const openLeftover = (sys: LiveSys, parent: number, name: string): number | undefined =>
  lookAt(sys, parent, name, (handle) => {
    const stat = fstat(handle);
    if (stat.uid !== process.geteuid?.() || !(stat.type === 'directory' || stat.type === 'file')) return undefined;
    const fd = sys.open(linkOf(handle), O_RDONLY | O_NONBLOCK);
    try {
      sys.flock(fd, LOCK_EX | LOCK_NB);
      return fd;
    } catch (error) {
      sys.close(fd);
      throw error;
    }
  });

/**
 * Removes what runs of the caller's that were killed have left in a folder: what begins so, belongs to the caller and is not locked.
 * Where others could have put it under that name, it stays.
 */
export function sweep(sys: LiveSys, folder: number, prefix: string): void {
  if (!isGuarded(folder)) return;
  let names: string[];
  try {
    names = list(pathOf(folder));
  } catch {
    return; // that nothing can be made there is said when it is tried
  }
  for (const name of names.filter((each) => each.startsWith(prefix)))
    try {
      const fd = openLeftover(sys, folder, name);
      if (fd !== undefined) remove(sys, folder, name, fd);
    } catch (error) {
      // Another run is at work; or what is left is more than this run can remove, which keeps nobody from going on.
      if (!(error instanceof Failure)) throw error;
    }
}

/**
 * Something new that is locked, under a name out of `name`. Between the two steps another run may take it for something left behind, and
 * remove it: then there is another one.
 *
 * @param parent Descriptor of the folder that it is in. @param make Makes and opens it; undefined where it is gone already.
 */
function makeLocked(
  sys: LiveSys,
  parent: number,
  name: () => string,
  make: (name: string) => number | undefined,
): [name: string, fd: number] {
  for (;;) {
    const last = name();
    const fd = make(last);
    if (fd === undefined) continue;
    try {
      lock(sys, fd);
      const stat = fstat(fd);
      if (lookAt(sys, parent, last, (handle) => isSame(stat, fstat(handle)))) return [last, fd];
    } catch (error) {
      if (!isCode(error, 'EAGAIN')) throw error;
    }
    sys.close(fd);
  }
}

const makeFolder = (sys: LiveSys, shown: string, parent: number, name: string): [name: string, fd: number] =>
  makeLocked(
    sys,
    parent,
    () => temporaryFor(name),
    (last) => {
      sys.or(`cannot create '${shown}'`).mkdirat(parent, last, 0o700);
      let fd: number;
      try {
        fd = sys.or(`cannot open '${last}'`).openat(parent, last, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
      } catch (error) {
        if (isCode(error, 'ENOENT')) return undefined;
        throw error;
      }
      if (fstat(fd).uid === process.geteuid?.()) return fd;
      sys.close(fd);
      throw new LayerError(`cannot create '${shown}': another user has put something else in its place`);
    },
  );

/** A new file that is locked and to be written, under a name out of `name`. @param parent Descriptor of the folder that it is in. */
export const makeFile = (sys: LiveSys, parent: number, name: () => string, mode: number): [name: string, fd: number] =>
  makeLocked(sys, parent, name, (last) => sys.openat(parent, last, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW, mode));

/** Throws where something is mounted in a folder, which could neither be removed nor be thrown away with it. */
function refuseMounts(path: string): void {
  const mount = parseMountinfo(readText('/proc/self/mountinfo')).find(
    ({ target }) => target !== path && isBelow(target, path),
  );
  if (mount)
    throw new LayerError(`'${path}' cannot be replaced: something is mounted at '${mount.target}'`, 'unmount it first');
}

export class Replacement {
  /** The new folder, to be filled. */
  readonly fd: number;
  readonly #sys: LiveSys;
  readonly #target: string;
  /** Last part of the target, and the name of the new folder until then: in the open folder `#parent`. */
  readonly #name: string;
  readonly #temporary: string;
  readonly #parent: number;
  readonly #isAllowed: boolean;
  #hasOld = false;

  /** @param isAllowed Whether a folder with something in it may be replaced. */
  constructor(sys: LiveSys, target: string, isAllowed: boolean) {
    this.#sys = sys;
    this.#target = realPath(target.replace(/(?<=.)\/+$/, ''));
    this.#name = basename(this.#target);
    this.#isAllowed = isAllowed;
    this.#parent = openParent(sys, this.#target);
    try {
      const state = this.#state();
      if (state === 'full' && !isAllowed) throw occupied(target);
      if (state === 'full') refuseMounts(this.#target);
      sweep(sys, this.#parent, prefixOf(this.#name));
      [this.#temporary, this.fd] = makeFolder(sys, target, this.#parent, this.#name);
    } catch (error) {
      sys.close(this.#parent);
      throw error;
    }
  }

  #state(): State {
    return stateOf(this.#sys, this.#parent, this.#name || '.', this.#target);
  }

  #rename(flags: number): void {
    try {
      this.#sys
        .or(`cannot rename the new folder to '${this.#target}'`)
        .renameat2(this.#parent, this.#temporary, this.#parent, this.#name, flags);
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
    try {
      if (this.#hasOld) this.#removeOld();
    } finally {
      this.#sys.close(this.#parent);
    }
  }

  #removeOld(): void {
    const old = `${dirname(this.#target)}/${this.#temporary}`;
    try {
      const fd = openToEmpty(this.#sys, this.#parent, this.#temporary, old);
      remove(this.#sys, this.#parent, this.#temporary, fd);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      throw new LayerError(
        `the new folder is in its place, but what was there before is left as '${old}': ${error.said}`,
      );
    }
  }

  /** Gives it a name that nothing has, or an empty folder, which rename(2) itself replaces. */
  #isNamed(): boolean {
    try {
      this.#rename(this.#state() === 'nothing' ? RENAME_NOREPLACE : 0);
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
    try {
      remove(this.#sys, this.#parent, this.#temporary, this.fd);
    } finally {
      this.#sys.close(this.#parent);
    }
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
  const path = realPath(target);
  const name = basename(path);
  const parent = openParent(sys, path);
  try {
    sweep(sys, parent, prefixOf(name));
    const [temporary, fd] = makeFolder(sys, target, parent, name);
    try {
      await use(linkOf(fd));
    } finally {
      remove(sys, parent, temporary, fd);
    }
  } finally {
    sys.close(parent);
  }
}

/** Locks a file or a folder until it is closed, where its file system has locks. EAGAIN where somebody else has. */
function lock(sys: LiveSys, fd: number): void {
  try {
    sys.flock(fd, LOCK_EX | LOCK_NB);
  } catch (error) {
    if (!isCode(error, ...NO_LOCKS)) throw error;
  }
}

const BETWEEN_TRIES = 50;

/** The same as soon as nobody else has it locked. Signals are heard meanwhile. */
export async function lockInTurn(sys: LiveSys, fd: number, signal: AbortSignal | undefined): Promise<void> {
  for (;;)
    try {
      signal?.throwIfAborted();
      lock(sys, fd);
      return;
    } catch (error) {
      if (!isCode(error, 'EAGAIN')) throw error;
      await setTimeout(BETWEEN_TRIES);
    }
}

/** Writes a file: whole, or not at all. A file that is there is replaced. */
export async function writeWhole(sys: LiveSys, target: string, source: Content): Promise<void> {
  const path = realPath(target);
  const name = basename(path);
  const parent = openParent(sys, path);
  const writing = sys.or(`cannot write '${target}'`);
  try {
    sweep(sys, parent, prefixOf(name));
    const [temporary, fd] = makeFile(writing, parent, () => temporaryFor(name), 0o666);
    try {
      for await (const chunk of source) writeBytes(writing, fd, chunk);
      writing.renameat2(parent, temporary, parent, name);
    } catch (error) {
      sys.unlinkat(parent, temporary);
      throw error;
    } finally {
      sys.close(fd);
    }
  } finally {
    sys.close(parent);
  }
}
