/** Files of an image, in a folder or in an archive of tar(5): whole or in part, in any order. */
import { tmpdir } from 'node:os';
import { posix } from 'node:path';
import {
  abortable,
  bytesOf,
  type Content,
  closing,
  decompressed,
  detectCompression,
  LayerError,
  limited,
  openArchive,
  reading,
  readTar,
  writeBytes,
} from '@ts/layers';
import {
  closeFile,
  fstat,
  type LiveSys,
  O_DIRECTORY,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  O_RDWR,
  O_TMPFILE,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
  readInto,
  SysError,
  statIfThere,
} from '@ts/sys';

export interface Files {
  has(path: string): boolean;
  /** Bytes. */
  size(path: string): number;
  open(path: string): Content;
  close(): void;
}

/** Bytes of the largest text that describes an image. */
const MOST_TEXT = 16 * 1024 * 1024;

/** All of a file that is small. */
export async function readSmall(files: Files, path: string): Promise<Buffer> {
  if (!files.has(path)) throw new LayerError(`'${path}' is missing`);
  if (files.size(path) > MOST_TEXT) throw new LayerError(`'${path}' is too large`);
  const chunks: Uint8Array[] = [];
  for await (const chunk of limited(files.open(path), MOST_TEXT)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** What describes an image is nested less than ten deep. */
const DEEPEST = 64;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** How deep JSON is nested, as far as `most`. */
function depthOf(bytes: Buffer, most: number): number {
  let depth = 0;
  let deepest = 0;
  let isText = false;
  for (let at = 0; at < bytes.length && deepest <= most; at++) {
    const byte = bytes[at] as number;
    if (byte === QUOTE) isText = !isText;
    else if (isText) at += byte === BACKSLASH ? 1 : 0;
    else if (byte === 0x5b || byte === 0x7b) deepest = Math.max(deepest, ++depth);
    else if (byte === 0x5d || byte === 0x7d) depth--;
  }
  return deepest;
}

/** An object or a list out of JSON of anybody's: what is in it has yet to be checked. */
export function parseJson(bytes: Buffer, what: string): unknown {
  if (depthOf(bytes, DEEPEST) > DEEPEST)
    throw new LayerError(`'${what}' cannot be read: it is nested more than ${DEEPEST} deep`);
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    if (typeof value === 'object' && value !== null) return value;
  } catch {
    // said below
  }
  throw new LayerError(`'${what}' cannot be read: it is no JSON`);
}

/** What says that there is no such file, or none that an image could mean. */
const MISSING = ['ENOENT', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG', 'ENXIO'];

/** An image may say any path, and the folder be anybody's: every path is resolved inside of it, and nothing but a file is read. */
class FolderFiles implements Files {
  readonly #sys: LiveSys;
  readonly #root: number;

  constructor(sys: LiveSys, root: string) {
    this.#sys = sys;
    this.#root = sys.or(`cannot open '${root}'`).open(root, O_PATH | O_DIRECTORY);
  }

  /** Opens a file; undefined where there is none. It may be a fifo by now: that would not keep anybody waiting. */
  #open(path: string, flags: number): number | undefined {
    if (path.includes('\0')) return undefined;
    let fd: number;
    try {
      fd = this.#sys
        .or(`cannot open '${path}'`)
        .openat2(this.#root, path, { flags, resolve: RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS });
    } catch (error) {
      if (error instanceof SysError && MISSING.includes(error.code)) return undefined;
      throw error;
    }
    if (fstat(fd).type === 'file') return fd;
    this.#sys.close(fd);
    return undefined;
  }

  #sizeOf(path: string): number | undefined {
    const fd = this.#open(path, O_PATH);
    if (fd === undefined) return undefined;
    const { size } = fstat(fd);
    this.#sys.close(fd);
    return size;
  }

  has(path: string): boolean {
    return this.#sizeOf(path) !== undefined;
  }

  size(path: string): number {
    return this.#sizeOf(path) ?? 0;
  }

  open(path: string): Content {
    const fd = this.#open(path, O_RDONLY | O_NONBLOCK);
    if (fd === undefined) throw new LayerError(`'${path}' is missing`);
    return closing(this.#sys, fd, bytesOf(fd, path));
  }

  close(): void {
    this.#sys.close(this.#root);
  }
}

interface Place {
  readonly offset: number;
  readonly size: number;
}

class ArchiveFiles implements Files {
  readonly #fd: number;
  readonly #places: ReadonlyMap<string, Place>;

  constructor(fd: number, places: ReadonlyMap<string, Place>) {
    this.#fd = fd;
    this.#places = places;
  }

  has(path: string): boolean {
    return this.#places.has(path);
  }

  size(path: string): number {
    return this.#places.get(path)?.size ?? 0;
  }

  open(path: string): Content {
    const place = this.#places.get(path);
    if (!place) throw new LayerError(`'${path}' is missing`);
    return bytesOf(this.#fd, path, place.offset, place.size);
  }

  close(): void {
    closeFile(this.#fd);
  }
}

/** Where the files of an archive are. Links, which old docker save has for layers that are there already, mean what they lead to. */
async function placesIn(source: Content): Promise<Map<string, Place>> {
  const places = new Map<string, Place>();
  const links: (readonly [path: string, target: string])[] = [];
  for await (const { entry, offset } of readTar(source)) {
    const path = posix.normalize(entry.path).replace(/^\/+|\/+$/g, '');
    const target = entry.target ?? '';
    if (entry.type === 'file' && !entry.extents) places.set(path, { offset, size: entry.size });
    else if (entry.type === 'link') links.push([path, posix.normalize(target)]);
    else if (entry.type === 'symlink') links.push([path, posix.join(posix.dirname(path), target)]);
  }
  for (const [path, target] of links) {
    const place = places.get(target);
    if (place) places.set(path, place);
  }
  return places;
}

/** An unnamed file with what a compressed archive, or one that cannot be read twice, has in it. */
async function unpackedCopy(sys: LiveSys, source: Content, maxSize: number): Promise<number> {
  const folder = process.env.TMPDIR ?? tmpdir();
  const fd = sys.or(`cannot write to '${folder}'`).open(folder, O_TMPFILE | O_RDWR, 0o600);
  try {
    const writing = sys.or(`cannot write to '${folder}'`);
    for await (const chunk of limited(decompressed(source), maxSize)) writeBytes(writing, fd, chunk);
    return fd;
  } catch (error) {
    closeFile(fd);
    throw error;
  }
}

/** Opens a folder, an archive, or standard input for "-". @param maxSize Most bytes that a compressed archive may have in it. */
export async function openFiles(sys: LiveSys, path: string, maxSize: number, signal?: AbortSignal): Promise<Files> {
  const stat = path === '-' ? undefined : reading(path, () => statIfThere(path));
  if (stat?.type === 'directory') return new FolderFiles(sys, path);
  const copied = (source: Content) => unpackedCopy(sys, abortable(source, signal), maxSize);
  let fd: number;
  if (stat?.type !== 'file') fd = await copied(openArchive(sys, path).source);
  else {
    fd = sys.or(`cannot open '${path}'`).open(path, O_RDONLY | O_NONBLOCK);
    const start = Buffer.alloc(8);
    readInto(fd, start, 0, path);
    if (detectCompression(start) !== 'none') {
      const file = fd;
      fd = await copied(bytesOf(file, path)).finally(() => closeFile(file));
    }
  }
  try {
    return new ArchiveFiles(fd, await placesIn(abortable(bytesOf(fd, path), signal)));
  } catch (error) {
    closeFile(fd);
    throw error;
  }
}
