/** One layer out of several: what a mount of all of them would show, or that and what it would hide below. */
import {
  type FileStatus,
  type LiveSys,
  O_CREAT,
  O_EXCL,
  O_NOFOLLOW,
  O_WRONLY,
  S_IFCHR,
  S_IFMT,
  SysError,
} from '@ts/sys';
import { copyData, openFile } from './contents.ts';
import { isWhiteout } from './diff.ts';
import { LayerError } from './errors.ts';
import { type Attributes, attributesOf, isMark, markOpaque, marksOf, type Space, WHOLE } from './marks.ts';
import { give } from './owner.ts';
import { replaced } from './replacement.ts';
import { type Found, openFolder, Place, pathOf, setMode, targetOf } from './walk.ts';

export interface StackOptions {
  /** What is deleted stays marked as such, since more layers lie below. */
  readonly keepsWhiteouts: boolean;
  readonly sameOwner: boolean;
  readonly space: Space;
  readonly signal?: AbortSignal;
  readonly advance?: (bytes: number) => void;
}

interface Layer {
  /** Files may be linked instead of copied: nobody else will use the layer. */
  readonly isTaken: boolean;
}

interface Part {
  readonly layer: Layer;
  readonly place: Place;
}

interface Candidate extends Part {
  readonly found: Found;
}

const modeOf = (stat: FileStatus) => stat.mode & 0o7777;

class Stack {
  readonly #sys: LiveSys;
  readonly #root: number;
  readonly #options: StackOptions;
  /** First names of files with several. */
  readonly #names = new Map<string, string>();

  constructor(sys: LiveSys, root: number, options: StackOptions) {
    this.#sys = sys;
    this.#root = root;
    this.#options = options;
  }

  /** Fills the folder that `to` is at with what the parts make together. */
  async folder(parts: readonly Part[], to: Place): Promise<void> {
    // Signals are heard between two folders; and a deep tree takes no stack.
    await new Promise((resolve) => setImmediate(resolve));
    this.#options.signal?.throwIfAborted();
    const having = new Map<string, Part[]>();
    for (const part of parts)
      for (const name of part.place.names()) {
        const known = having.get(name);
        if (known) known.push(part);
        else having.set(name, [part]);
      }
    for (const [name, those] of having) {
      const candidates = those.map((part): Candidate => ({ ...part, found: part.place.find(name) }));
      await this.#entry(candidates as [Candidate, ...Candidate[]], to);
    }
  }

  async #entry([top, ...others]: readonly [Candidate, ...Candidate[]], to: Place): Promise<void> {
    const { found } = top;
    const attributes = this.#attributes(found);
    if (isWhiteout(found.stat, marksOf(attributes))) {
      if (this.#options.keepsWhiteouts) this.#sys.mknodat(to.fd, found.name, S_IFCHR, 0);
    } else if (found.stat.type === 'directory') await this.#merge(top, others, attributes, to);
    else this.#copy(top, attributes, to.fd);
  }

  #attributes({ path, at, stat }: Found): Attributes {
    const attributes = attributesOf(this.#sys, at);
    const marks = marksOf(attributes);
    if (marks.redirect !== undefined && stat.type === 'directory')
      throw new LayerError(
        `'${path}' was renamed: most of it is elsewhere in a lower layer, at '${marks.redirect}'`,
        WHOLE,
      );
    if (marks.isWithoutData) throw new LayerError(`'${path}' has no data: that is in a lower layer`, WHOLE);
    return attributes;
  }

  /** A folder of the topmost layer with those below that it does not hide. */
  async #merge(top: Candidate, others: readonly Candidate[], attributes: Attributes, to: Place): Promise<void> {
    const together = [top];
    let hides = marksOf(attributes).isOpaque;
    for (const other of others) {
      if (hides) break;
      const marks = marksOf(this.#attributes(other.found));
      hides = other.found.stat.type !== 'directory' || marks.isOpaque;
      if (other.found.stat.type === 'directory') together.push(other);
    }
    const { name, path, stat } = top.found;
    this.#sys.or(`cannot create '${path}'`).mkdirat(to.fd, name, 0o700);
    to.enter(name);
    for (const { place, found } of together) place.enter(name, found.stat);
    await this.folder(together, to);
    for (const { place } of together) place.leave();
    to.leave((fd) => this.finish(fd, stat, attributes, hides, path));
  }

  /** A folder that is complete gets its owner, attributes, permissions and times. */
  finish(fd: number, stat: FileStatus, attributes: Attributes, hides: boolean, path: string): void {
    this.#give(path, stat, (sys, uid, gid) => sys.fchown(fd, uid, gid));
    this.#setAttributes(pathOf(fd), attributes, path);
    if (hides && this.#options.keepsWhiteouts) markOpaque(this.#sys, pathOf(fd), this.#options.space);
    this.#sys.fchmod(fd, modeOf(stat));
    this.#sys.utimensat(fd, null, stat.atime, stat.mtime);
  }

  #give(path: string, stat: FileStatus, change: (sys: LiveSys, uid: number, gid: number) => unknown): void {
    const { uid, gid } = stat;
    if (this.#options.sameOwner) give(this.#sys, path, uid, gid, (sys) => change(sys, uid, gid));
  }

  #setAttributes(at: string, attributes: Attributes, path: string): void {
    for (const [name, value] of attributes)
      if (!isMark(name)) this.#sys.or(`cannot set the attribute ${name} of '${path}'`).lsetxattr(at, name, value);
  }

  #copy({ layer, found }: Candidate, attributes: Attributes, to: number): void {
    const { name, path, folder, stat } = found;
    if (this.#isLinked(found, to) || (layer.isTaken && this.#link(folder, name, to, name))) return;
    if (stat.type === 'file') this.#copyFile(found, attributes, to);
    else {
      const making = this.#sys.or(`cannot create '${path}'`);
      if (stat.type === 'link') making.symlinkat(targetOf(found), to, name);
      else making.mknodat(to, name, stat.mode & (S_IFMT | 0o600), stat.rdev);
      this.#give(path, stat, (sys, uid, gid) => sys.lchownat(to, name, uid, gid));
      if (stat.type !== 'link') setMode(this.#sys, to, name, modeOf(stat));
      this.#setAttributes(`/proc/self/fd/${to}/${name}`, attributes, path);
      this.#sys.utimensat(to, name, stat.atime, stat.mtime);
    }
  }

  /** A further name of a file that is there already. */
  #isLinked({ stat, name, path }: Found, to: number): boolean {
    if (stat.nlink < 2) return false;
    const id = `${stat.dev}:${stat.ino}`;
    const first = this.#names.get(id);
    if (first === undefined) this.#names.set(id, path);
    return first !== undefined && this.#link(this.#root, first, to, name);
  }

  #link(from: number, name: string, to: number, as: string): boolean {
    try {
      this.#sys.linkat(from, name, to, as);
      return true;
    } catch (error) {
      if (error instanceof SysError && ['EPERM', 'EMLINK', 'EXDEV', 'ENAMETOOLONG'].includes(error.code)) return false;
      throw error;
    }
  }

  #copyFile(found: Found, attributes: Attributes, to: number): void {
    const { name, path, stat } = found;
    const from = openFile(this.#sys, found);
    const fd = this.#sys
      .or(`cannot create '${path}'`)
      .openat(to, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW, 0o600);
    try {
      copyData(this.#sys, from, fd, stat.size, path);
      this.#options.advance?.(stat.size);
      this.#give(path, stat, (sys, uid, gid) => sys.fchown(fd, uid, gid));
      this.#sys.fchmod(fd, modeOf(stat));
      this.#setAttributes(`/proc/self/fd/${to}/${name}`, attributes, path);
      this.#sys.utimensat(fd, null, stat.atime, stat.mtime);
    } finally {
      this.#sys.close(fd);
      this.#sys.close(from);
    }
  }
}

/** Fills an empty folder with what layers, topmost first, make together. */
async function stackInto(
  sys: LiveSys,
  layers: readonly (Layer & { readonly path: string })[],
  to: number,
  options: StackOptions,
): Promise<void> {
  const parts: Part[] = [];
  const place = new Place(sys, to);
  try {
    for (const layer of layers) parts.push({ layer, place: new Place(sys, openFolder(sys, layer.path)) });
    const hiding = parts.findIndex(({ place: { fd } }) => marksOf(attributesOf(sys, pathOf(fd))).isOpaque);
    const shown = hiding < 0 ? parts : parts.slice(0, hiding + 1);
    const stack = new Stack(sys, to, options);
    await stack.folder(shown, place);
    const top = (parts[0] as Part).place;
    stack.finish(to, top.stat, attributesOf(sys, pathOf(top.fd)), hiding >= 0, '.');
  } finally {
    place.close();
    for (const each of parts) {
      each.place.close();
      sys.close(each.place.fd);
    }
  }
}

/** Makes one new layer of several, topmost first; they stay as they are. */
export const squash = (
  sys: LiveSys,
  layers: readonly string[],
  target: string,
  isReplacing: boolean,
  options: StackOptions,
): Promise<void> =>
  replaced(sys, target, isReplacing, (folder) =>
    stackInto(
      sys,
      layers.map((path) => ({ path, isTaken: false })),
      folder,
      options,
    ),
  );

/** Brings the changes of a layer into the one below, at once: before, it is as it was, and then as a mount of both showed it. */
export const merge = (sys: LiveSys, upper: string, lower: string, options: StackOptions): Promise<void> =>
  replaced(sys, lower, true, (folder) =>
    stackInto(
      sys,
      [
        { path: upper, isTaken: false },
        { path: lower, isTaken: true },
      ],
      folder,
      options,
    ),
  );
