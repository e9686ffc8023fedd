/**
 * Puts entries of an archive that nobody vouches for into a folder.
 *
 * Every name is resolved inside the folder by the kernel (openat2(2), RESOLVE_IN_ROOT), whatever links the archive itself has
 * brought; nothing that is there is written through, followed or replaced: a name comes once.
 */
import { posix } from 'node:path';
import {
  type FileStatus,
  fstat,
  type LiveSys,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_PATH,
  O_RDONLY,
  O_WRONLY,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
  S_IFBLK,
  S_IFCHR,
  S_IFIFO,
  SEEK_CUR,
  type Time,
} from '@ts/sys';
import { escapeCell } from '@ts/tables';
import { writeBytes } from './contents.ts';
import { isCode, LayerError } from './errors.ts';
import { isMark, markOpaque, type Space } from './marks.ts';
import { give } from './owner.ts';
import type { Content, Entry } from './tar.ts';
import { linkOf, pathOf, setMode } from './walk.ts';

export interface Rules {
  /** Files get the owner that the archive says, or else belong to the caller. */
  readonly sameOwner: boolean;
  /** Device nodes are made, refused, or left out and counted: an ordinary user can make none. */
  readonly devices: 'make' | 'refuse' | 'skip';
  /** Where marks are kept. */
  readonly space: Space;
}

const WHITEOUT = '.wh.';
const OPAQUE = '.wh..wh..opq';
/** Files that aufs kept for itself. */
const OF_AUFS = '.wh..wh.';

/** Open folders that are kept. */
const KEPT = 64;

/** Parts of a name; it begins at the folder, wherever it says that it does. */
function partsOf(path: string): string[] {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) throw new LayerError(`'${path}' would lead out of the folder`);
  if (path.includes('\0')) throw new LayerError(`the name '${path.replaceAll('\0', '\\0')}' cannot be that of a file`);
  return parts;
}

/** As mknod(2) takes it. */
const makedev = (major: number, minor: number) => (minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12);

/** What is left to be done with a folder when all that is in it is there: until then nobody but the caller can look into it. */
interface Pending {
  readonly mode: number;
  readonly mtime?: Time;
  readonly owner?: Pick<Entry, 'uid' | 'gid'>;
}

/** What an archive has and the folder has not. */
export interface Omitted {
  /** Attributes that could not be set, and on how many files. */
  readonly unset: Map<string, number>;
  /** Attributes that mean something to mounted layers alone. */
  marks: number;
  /** Device nodes. */
  devices: number;
}

export const nothingOmitted = (): Omitted => ({ unset: new Map(), marks: 0, devices: 0 });

/** Adds what one archive leaves out to what others do. */
export function addOmitted(sum: Omitted, { unset, marks, devices }: Omitted): void {
  for (const [name, count] of unset) sum.unset.set(name, (sum.unset.get(name) ?? 0) + count);
  sum.marks += marks;
  sum.devices += devices;
}

const counted = (count: number, one: string, more: string) => `${count} ${count === 1 ? one : more}`;

/** The same in words, a line each. */
export const formatOmitted = ({ unset, marks, devices }: Omitted): string[] => [
  ...[...unset].map(([name, count]) => `the attribute ${name} could not be set on ${counted(count, 'file', 'files')}`),
  ...(marks ? [`${counted(marks, 'attribute', 'attributes')} of mounted layers (overlay.*) left out`] : []),
  ...(devices ? [`${counted(devices, 'device node', 'device nodes')} left out`] : []),
];

const ZEROS = Buffer.alloc(16 * 1024);

/** Parts of bytes that are not zeros throughout, as large as they come. */
function* data(bytes: Uint8Array): Generator<{ offset: number; part: Uint8Array }> {
  let start = -1;
  for (let at = 0; at < bytes.length; at += ZEROS.length) {
    const piece = bytes.subarray(at, at + ZEROS.length);
    const isZero = piece.length >= 4096 && Buffer.compare(piece, ZEROS.subarray(0, piece.length)) === 0;
    if (!isZero && start < 0) start = at;
    if (isZero && start >= 0) {
      yield { offset: start, part: bytes.subarray(start, at) };
      start = -1;
    }
  }
  if (start >= 0) yield { offset: start, part: bytes.subarray(start) };
}

/** Something is to be put where something else than a folder is. */
class NoFolder extends LayerError {}

/** What an entry makes: "file etc/hosts", "deleted etc/motd". */
export function formatEntry({ path, type, target }: Entry): string {
  const parts = partsOf(path);
  const name = parts.at(-1) ?? '';
  const shown = (all: readonly string[]) => escapeCell(all.join('/') || '.', { utf8: true });
  if (name === OPAQUE) return `opaque ${shown(parts.slice(0, -1))}`;
  if (name.startsWith(WHITEOUT)) return `deleted ${shown([...parts.slice(0, -1), name.slice(WHITEOUT.length)])}`;
  return `${type} ${shown(parts)}${target === undefined ? '' : ` -> ${escapeCell(target, { utf8: true })}`}`;
}

export class Folder {
  readonly #sys: LiveSys;
  readonly #root: number;
  readonly #rules: Rules;
  readonly #open = new Map<string, number>();
  readonly #pending = new Map<string, Pending>();
  readonly omitted = nothingOmitted();

  /** @param root Descriptor of an empty folder. */
  constructor(sys: LiveSys, root: number, rules: Rules) {
    this.#sys = sys;
    this.#root = root;
    this.#rules = rules;
    this.#pending.set('', { mode: 0o755 });
  }

  #find(path: string): number {
    return this.#sys.or(`cannot open '${path}'`).openat2(this.#root, path || '.', {
      flags: O_PATH | O_DIRECTORY,
      resolve: RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
    });
  }

  /** A folder by its name, made where it is missing. */
  #folder(path: string): number {
    const known = this.#open.get(path);
    if (known !== undefined) return known;
    let fd: number;
    try {
      fd = this.#find(path);
    } catch (error) {
      const isOther = isCode(error, 'ENOTDIR') || isCode(error, 'ELOOP');
      const isReplaced = isOther && this.#isReplaced(path);
      if (isOther && !isReplaced) throw new NoFolder(`something is to be put into '${path}', which is not a folder`);
      if (!(isReplaced || isCode(error, 'ENOENT')) || path === '') throw error;
      this.#makeFolder(path);
      fd = this.#find(path);
      if (isReplaced) markOpaque(this.#sys, pathOf(fd), this.#rules.space);
    }
    if (this.#open.size >= KEPT) {
      const [oldest, descriptor] = this.#open.entries().next().value as [string, number];
      this.#open.delete(oldest);
      this.#sys.close(descriptor);
    }
    this.#open.set(path, fd);
    return fd;
  }

  /** Takes away the mark that something is deleted, which is replaced then: what comes in its place hides all below. */
  #isReplaced(path: string): boolean {
    const folder = this.#folder(above(path));
    const name = posix.basename(path);
    const isMarked = this.#isWhiteout(folder, name);
    if (isMarked) this.#sys.unlinkat(folder, name);
    return isMarked;
  }

  #isWhiteout(folder: number, name: string): boolean {
    try {
      return this.#lookAt(folder, name, (stat) => stat.type === 'character' && stat.rdev === 0);
    } catch (error) {
      if (isCode(error, 'ENOENT')) return false;
      throw error;
    }
  }

  #lookAt(folder: number, name: string, is: (stat: FileStatus) => boolean): boolean {
    const handle = this.#sys.openat(folder, name, O_PATH | O_NOFOLLOW);
    try {
      return is(fstat(handle));
    } finally {
      this.#sys.close(handle);
    }
  }

  #makeFolder(path: string): void {
    const parent = this.#folder(above(path));
    try {
      this.#sys.or(`cannot create '${path}'`).mkdirat(parent, posix.basename(path), 0o700);
    } catch (error) {
      throw isCode(error, 'EEXIST')
        ? new LayerError(`something is to be put into '${path}', which leads nowhere`)
        : error;
    }
    this.#pending.set(path, { mode: 0o755 });
  }

  /** A name that is to be made: the open folder, and the last part. Throws where something has it. */
  #make(path: string, make: (folder: number, name: string, sys: LiveSys) => void): void {
    const making = () => make(this.#folder(above(path)), posix.basename(path), this.#sys.or(`cannot create '${path}'`));
    try {
      making();
    } catch (error) {
      if (!isCode(error, 'EEXIST')) throw error;
      if (!this.#isReplaced(path)) throw new LayerError(`'${path}' is in the archive twice`);
      making();
    }
  }

  async add(entry: Entry, content: Content): Promise<void> {
    const parts = partsOf(entry.path);
    const path = parts.join('/');
    const name = parts.at(-1) ?? '';
    const folders = parts.slice(0, -1);
    if (folders.some((part) => part.startsWith(OF_AUFS) && part !== OPAQUE)) return;
    if (name === OPAQUE) this.#mark(above(path), (folder) => markOpaque(this.#sys, pathOf(folder), this.#rules.space));
    else if (name.startsWith(OF_AUFS)) return;
    else if (name.startsWith(WHITEOUT)) this.#addWhiteout(path, name.slice(WHITEOUT.length));
    else if (folders.some((part) => part.startsWith(WHITEOUT)))
      throw new LayerError(`'${path}' is inside of what marks a deletion`);
    else if (path === '' || entry.type === 'directory') this.#addFolder(path, entry);
    else if (entry.type === 'file') await this.#addFile(path, entry, content);
    else this.#addOther(path, entry);
  }

  /** Marks something in a folder. Where the layer itself has put something else in its place, nothing is below that could be hidden. */
  #mark(path: string, mark: (folder: number) => void): void {
    let folder: number;
    try {
      if (path !== '' && this.#isWhiteout(this.#folder(above(path)), posix.basename(path))) return;
      folder = this.#folder(path);
    } catch (error) {
      if (error instanceof NoFolder) return;
      throw error;
    }
    mark(folder);
  }

  #addWhiteout(path: string, name: string): void {
    if (name === '' || name === '.' || name === '..')
      throw new LayerError(`'${path}' marks nothing that can be deleted`);
    this.#mark(above(path), (folder) => {
      try {
        this.#sys.or(`cannot create '${path}'`).mknodat(folder, name, S_IFCHR, 0);
      } catch (error) {
        if (!isCode(error, 'EEXIST')) throw error;
        // The layer replaces it: a folder of its own hides the one below, all else does so anyway.
        if (this.#lookAt(folder, name, (stat) => stat.type === 'directory'))
          markOpaque(this.#sys, `${linkOf(folder)}/${name}`, this.#rules.space);
      }
    });
  }

  #addFolder(path: string, entry: Entry): void {
    if (entry.type !== 'directory') throw new LayerError(`the archive has something else than a folder for its top`);
    const isReplaced = path !== '' && this.#isOnlyMarked(path);
    const fd = this.#openFolder(path);
    try {
      if (isReplaced) markOpaque(this.#sys, pathOf(fd), this.#rules.space);
      this.#setAttributes(pathOf(fd), path, entry);
    } finally {
      this.#sys.close(fd);
    }
    this.#pending.set(path, { mode: entry.mode, mtime: entry.mtime, owner: entry });
  }

  /** Makes a folder where there is none yet. Result: whether that is in the place of something deleted. */
  #isOnlyMarked(path: string): boolean {
    const make = () =>
      this.#sys.or(`cannot create '${path}'`).mkdirat(this.#folder(above(path)), posix.basename(path), 0o700);
    try {
      make();
      return false;
    } catch (error) {
      if (!isCode(error, 'EEXIST')) throw error;
      // Else it is known from what is in it, or there twice, as tar -r writes it.
      if (!this.#isReplaced(path)) return false;
      make();
      return true;
    }
  }

  /** A folder itself, not what a link leads to. */
  #openFolder(path: string): number {
    if (path === '') return this.#sys.openat(this.#root, '.', O_RDONLY | O_DIRECTORY);
    try {
      return this.#sys.openat(this.#folder(above(path)), posix.basename(path), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    } catch (error) {
      throw isCode(error, 'ENOTDIR') || isCode(error, 'ELOOP')
        ? new LayerError(`'${path}' is in the archive twice`)
        : error;
    }
  }

  async #addFile(path: string, entry: Entry, content: Content): Promise<void> {
    let fd = -1;
    this.#make(path, (folder, name, sys) => {
      fd = sys.openat(folder, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW, 0o600);
    });
    try {
      await this.#write(fd, path, entry, content);
      this.#setOwner(fd, path, entry);
      this.#sys.or(`cannot set permissions of '${path}'`).fchmod(fd, entry.mode);
      this.#setAttributes(linkOf(fd), path, entry);
      this.#sys.utimensat(fd, null, entry.mtime, entry.mtime);
    } finally {
      this.#sys.close(fd);
    }
  }

  /** Blocks of zeros become holes. */
  async #write(fd: number, path: string, { size, extents }: Entry, content: Content): Promise<void> {
    const sys = this.#sys.or(`cannot write '${path}'`);
    const parts = extents ?? [{ offset: 0, size }];
    let index = 0;
    let at = 0;
    let written = 0;
    let left = 0;
    for await (let chunk of content) {
      while (chunk.length) {
        if (left === 0) {
          const next = parts[index++];
          if (!next) throw new LayerError(`'${path}' is longer in the archive than it says`);
          at = next.offset;
          left = next.size;
        }
        const part = chunk.subarray(0, left);
        chunk = chunk.subarray(part.length);
        for (const { offset, part: piece } of data(part)) {
          if (written !== at + offset) sys.lseek(fd, at + offset - written, SEEK_CUR);
          writeBytes(sys, fd, piece);
          written = at + offset + piece.length;
        }
        at += part.length;
        left -= part.length;
      }
    }
    if (left > 0 || parts.slice(index).some((part) => part.size > 0))
      throw new LayerError(`'${path}' is cut off in the archive`);
    if (written !== size) sys.ftruncate(fd, size);
  }

  #addOther(path: string, entry: Entry): void {
    const { type, target = '', device } = entry;
    if (type === 'link') {
      this.#link(path, target);
      return;
    }
    // What tar(1) has made of a layer that is mounted elsewhere: the device that marks a deletion.
    const isWhiteout = type === 'character-device' && device?.major === 0 && device.minor === 0;
    if (isWhiteout) {
      this.#addWhiteout(path, posix.basename(path));
      return;
    }
    if (device && this.#rules.devices === 'skip') {
      this.omitted.devices++;
      return;
    }
    if (device && this.#rules.devices === 'refuse')
      throw new LayerError(`'${path}' is a device node`, '--devices makes such, where the archive can be trusted');
    this.#make(path, (folder, name, sys) => {
      if (type === 'symlink') sys.symlinkat(target, folder, name);
      else if (type === 'fifo') sys.mknodat(folder, name, S_IFIFO | 0o600, 0);
      else
        sys.mknodat(
          folder,
          name,
          (type === 'block-device' ? S_IFBLK : S_IFCHR) | 0o600,
          makedev(device?.major ?? 0, device?.minor ?? 0),
        );
    });
    const folder = this.#folder(above(path));
    const name = posix.basename(path);
    const { uid, gid } = entry;
    if (this.#rules.sameOwner) give(this.#sys, path, uid, gid, (sys) => sys.lchownat(folder, name, uid, gid));
    if (type !== 'symlink') setMode(this.#sys.or(`cannot set permissions of '${path}'`), folder, name, entry.mode);
    this.#setAttributes(`${linkOf(folder)}/${name}`, path, entry);
    this.#sys.utimensat(folder, name, entry.mtime, entry.mtime);
  }

  #link(path: string, target: string): void {
    const parts = partsOf(target);
    if (!parts.length) throw new LayerError(`'${path}' is a link to the folder itself`);
    const existing = parts.join('/');
    const from = this.#folder(above(existing));
    try {
      this.#make(path, (folder, name, sys) => sys.linkat(from, posix.basename(existing), folder, name));
    } catch (error) {
      if (isCode(error, 'ENOENT'))
        throw new LayerError(`'${path}' is a hard link to '${existing}', which the archive does not have before it`);
      throw error;
    }
  }

  #setOwner(fd: number, path: string, { uid, gid }: Pick<Entry, 'uid' | 'gid'>): void {
    if (this.#rules.sameOwner) give(this.#sys, path, uid, gid, (sys) => sys.fchown(fd, uid, gid));
  }

  #setAttributes(at: string, path: string, { xattrs, type }: Entry): void {
    for (const [name, value] of xattrs) {
      // Rootless engines archive what overlayfs has noted of their layers. It could hide or show what the archive does not say.
      if (isMark(name)) {
        this.omitted.marks++;
        continue;
      }
      try {
        const sys = this.#sys.or(`cannot set the attribute ${name} of '${path}'`);
        if (type === 'file' || type === 'directory') sys.setxattr(at, name, value);
        else sys.lsetxattr(at, name, value);
      } catch (error) {
        // Not every user and not every file system can have all of them.
        if (!isCode(error, 'EPERM') && !isCode(error, 'EOPNOTSUPP')) throw error;
        this.omitted.unset.set(name, (this.omitted.unset.get(name) ?? 0) + 1);
      }
    }
  }

  /** Gives folders their owners, permissions and times, those inside before those around them. */
  finish(): void {
    for (const [path, { mode, mtime, owner }] of [...this.#pending].reverse()) {
      const fd = this.#openFolder(path);
      if (owner) this.#setOwner(fd, path, owner);
      this.#sys.or(`cannot set permissions of '${path || '.'}'`).fchmod(fd, mode);
      if (mtime) this.#sys.utimensat(fd, null, mtime, mtime);
      this.#sys.close(fd);
    }
  }

  close(): void {
    for (const fd of this.#open.values()) this.#sys.close(fd);
    this.#open.clear();
  }
}

const above = (path: string) => (path.includes('/') ? posix.dirname(path) : '');
