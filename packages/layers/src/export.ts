/** From a layer to an archive in the form of the Open Container Initiative (image-spec, layer.md). */
import { mountDetached } from '@ts/overlay';
import {
  type FileStatus,
  fstat,
  type LiveSys,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_RDONLY,
  RESOLVE_BENEATH,
  type Time,
} from '@ts/sys';
import { extentsOf, openFile, read } from './contents.ts';
import { isWhiteout, kindOf } from './diff.ts';
import { LayerError } from './errors.ts';
import { attributesOf, isMark, type Marks, marksOf, WHOLE } from './marks.ts';
import type { Entry, EntryType, Extent, Written } from './tar.ts';
import { type Found, openFolder, pathOf, targetOf, walk } from './walk.ts';

export interface ExportOptions {
  /** Latest time that files may have, in seconds since 1970; times have no fractions then. */
  readonly latest?: number;
  /** Holes are left out. */
  readonly sparse: boolean;
  /** Is told of what no archive can have. */
  readonly skipped: (path: string) => void;
  /** Layers below, topmost first: what the layer only refers to (renamed folders, files without data) is taken from there. */
  readonly lowers?: readonly string[];
  /** Is told how many bytes of files have been read. */
  readonly advance?: (bytes: number) => void;
}

const WHITEOUT = '.wh.';

/** An attribute of this host, or one that says where its copy is. */
const isLocal = (name: string) => isMark(name) || name === 'security.selinux';

const TYPES: Readonly<Record<string, EntryType>> = {
  file: 'file',
  folder: 'directory',
  link: 'symlink',
  'character device': 'character-device',
  'block device': 'block-device',
  fifo: 'fifo',
};

function timeOf({ mtime }: FileStatus, latest: number | undefined): Time {
  if (latest === undefined) return mtime;
  return { seconds: mtime.seconds > BigInt(latest) ? BigInt(latest) : mtime.seconds, nanoseconds: 0 };
}

/** As stat(2) gives them: minor numbers have their higher bits behind the major one. */
const deviceOf = (rdev: number) => ({ major: (rdev >>> 8) & 0xfff, minor: (rdev & 0xff) | ((rdev >>> 12) & 0xfff00) });

class Exporter {
  readonly #sys: LiveSys;
  readonly #options: ExportOptions;
  /** First names of files with several. */
  readonly #names = new Map<string, string>();
  readonly #view: number | undefined;

  /** @param view Descriptor of what the layer shows together with those below. */
  constructor(sys: LiveSys, options: ExportOptions, view: number | undefined) {
    this.#sys = sys;
    this.#options = options;
    this.#view = view;
  }

  #entry(path: string, stat: FileStatus, type: EntryType, more: Partial<Entry> = {}): Entry {
    return {
      path,
      type,
      mode: stat.mode & 0o7777,
      uid: stat.uid,
      gid: stat.gid,
      mtime: timeOf(stat, this.#options.latest),
      size: 0,
      xattrs: new Map(),
      ...more,
    };
  }

  /** An empty file whose name says all: its own time and owner mean nothing. */
  #marker(path: string): Written {
    const entry: Entry = {
      path,
      type: 'file',
      mode: 0,
      uid: 0,
      gid: 0,
      mtime: { seconds: 0n, nanoseconds: 0 },
      size: 0,
      xattrs: new Map(),
    };
    return { entry };
  }

  /** A folder, and the marker that it hides the one below. One that was renamed comes whole. */
  *folder(path: string, stat: FileStatus, xattrs: Entry['xattrs'], marks: Marks): Generator<Written> {
    const isRenamed = marks.redirect !== undefined;
    if (isRenamed && this.#view === undefined)
      throw new LayerError(`'${path}' was renamed: most of it is in a lower layer, at '${marks.redirect}'`, WHOLE);
    yield { entry: this.#entry(path || '.', stat, 'directory', { xattrs }) };
    if (marks.isOpaque || isRenamed) yield this.#marker(`${path ? `${path}/` : ''}.wh..wh..opq`);
    if (!isRenamed) return;
    const whole = this.#inView(path, O_RDONLY | O_DIRECTORY);
    try {
      yield* walk<Written>(this.#sys, whole, (found) => this.add(found), path);
    } finally {
      this.#sys.close(whole);
    }
  }

  #inView(path: string, flags: number): number {
    return this.#sys
      .or(`cannot open '${path}' in the layers together`)
      .openat2(this.#view as number, path, { flags: flags | O_NOFOLLOW, resolve: RESOLVE_BENEATH });
  }

  /** All of one entry of a folder. */
  *add(found: Found): Generator<Written, boolean | undefined> {
    const { path, name, stat, at } = found;
    if (name.startsWith(WHITEOUT)) throw new LayerError(`'${path}' has a name that means a deletion in an archive`);
    const kind = kindOf(stat);
    if (kind === 'socket') {
      this.#options.skipped(path);
      return;
    }
    const attributes = attributesOf(this.#sys, at);
    const marks = marksOf(attributes);
    if (isWhiteout(stat, marks)) {
      yield this.#marker(`${path.slice(0, path.length - name.length)}${WHITEOUT}${name}`);
      return;
    }
    const xattrs = new Map([...attributes].filter(([attribute]) => !isLocal(attribute)));
    if (kind === 'folder') {
      yield* this.folder(path, stat, xattrs, marks);
      return marks.redirect === undefined;
    }
    if (marks.isWithoutData && this.#view === undefined)
      throw new LayerError(`'${path}' has no data: that is in a lower layer`, WHOLE);
    const first = this.#first(stat, path);
    if (first !== undefined) yield { entry: this.#entry(path, stat, 'link', { target: first }) };
    else if (kind === 'file') yield* this.#file(found, xattrs, marks);
    else
      yield {
        entry: this.#entry(path, stat, TYPES[kind] as EntryType, {
          xattrs,
          target: kind === 'link' ? targetOf(found) : undefined,
          device: kind.endsWith('device') ? deviceOf(stat.rdev) : undefined,
        }),
      };
    return;
  }

  /** Another name of the same file that is in the archive already. */
  #first({ nlink, dev, ino }: FileStatus, path: string): string | undefined {
    if (nlink < 2n) return undefined;
    const id = `${dev}:${ino}`;
    const first = this.#names.get(id);
    if (first === undefined) this.#names.set(id, path);
    return first;
  }

  *#file(found: Found, xattrs: Entry['xattrs'], { isWithoutData }: Marks): Generator<Written> {
    const fd = isWithoutData ? this.#inView(found.path, O_RDONLY) : openFile(this.#sys, found);
    try {
      const { size } = found.stat;
      const data = extentsOf(this.#sys, fd, size);
      const isSparse = this.#options.sparse && data.reduce((sum, extent) => sum + extent.size, 0) < size;
      const all: readonly Extent[] = [{ offset: 0, size }];
      yield {
        entry: this.#entry(found.path, found.stat, 'file', { size, xattrs, extents: isSparse ? data : undefined }),
        content: this.#content(fd, isSparse ? data : all, found.path),
      };
    } finally {
      this.#sys.close(fd);
    }
  }

  *#content(fd: number, extents: readonly Extent[], path: string): Generator<Uint8Array> {
    for (const chunk of read(this.#sys, fd, extents, path)) {
      this.#options.advance?.(chunk.length);
      yield chunk;
    }
  }
}

/** Entries of the archive, sorted by name; the same files give the same entries. */
export function* exported(sys: LiveSys, layer: string, options: ExportOptions): Generator<Written> {
  const { lowers = [] } = options;
  const top = openFolder(sys, layer);
  let view: number | undefined;
  try {
    if (lowers.length) view = mountDetached(sys, [layer, ...lowers], ['metacopy=on', 'redirect_dir=follow']);
    const exporter = new Exporter(sys, options, view);
    const attributes = attributesOf(sys, pathOf(top));
    const xattrs = new Map([...attributes].filter(([name]) => !isLocal(name)));
    yield* exporter.folder('', fstat(top), xattrs, marksOf(attributes));
    yield* walk<Written>(sys, top, (found) => exporter.add(found));
  } finally {
    if (view !== undefined) sys.close(view);
    sys.close(top);
  }
}

/** Bytes of files in a folder, to know how long it will take. */
export function sizeOf(sys: LiveSys, layer: string): number {
  const top = openFolder(sys, layer);
  try {
    const sizes = walk<number>(sys, top, function* ({ stat }) {
      if (stat.type === 'file') yield stat.size;
      return true;
    });
    let sum = 0;
    for (const size of sizes) sum += size;
    return sum;
  } finally {
    sys.close(top);
  }
}
