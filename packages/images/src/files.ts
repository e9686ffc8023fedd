/** Files of an image, in a folder or in an archive of tar(5): whole or in part, in any order. */
import { closeSync, createReadStream, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, posix } from 'node:path';
import {
  abortable,
  type Content,
  decompressed,
  detectCompression,
  limited,
  openArchive,
  readTar,
  writeBytes,
} from '@ts/layers';
import { encode, type LiveSys, O_RDWR, O_TMPFILE } from '@ts/sys';
import { ImageError } from './image.ts';

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
  if (!files.has(path)) throw new ImageError(`'${path}' is missing`);
  if (files.size(path) > MOST_TEXT) throw new ImageError(`'${path}' is too large`);
  const chunks: Uint8Array[] = [];
  for await (const chunk of limited(files.open(path), MOST_TEXT)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

export function parseJson<T>(bytes: Buffer, what: string): T {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    if (typeof value === 'object' && value !== null) return value as T;
  } catch {
    // said below
  }
  throw new ImageError(`'${what}' cannot be read: it is no JSON`);
}

const CHUNK = 256 * 1024;

class FolderFiles implements Files {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  /** An image may say any path: what leads out of the folder is not there. */
  #stat(path: string) {
    if (path.split('/').includes('..')) return undefined;
    try {
      return statSync(encode(join(this.#root, path)));
    } catch {
      return undefined; // that it is missing is said by whoever needs it
    }
  }

  has(path: string): boolean {
    return this.#stat(path)?.isFile() ?? false;
  }

  size(path: string): number {
    return this.#stat(path)?.size ?? 0;
  }

  open(path: string): Content {
    // By descriptor: Bun's streams take no path in bytes.
    return createReadStream('', { fd: openSync(encode(join(this.#root, path)), 'r'), highWaterMark: CHUNK });
  }

  close(): void {}
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
    if (!place) throw new ImageError(`'${path}' is missing`);
    if (place.size === 0) return [];
    return createReadStream('', {
      fd: this.#fd,
      autoClose: false,
      start: place.offset,
      end: place.offset + place.size - 1,
      highWaterMark: CHUNK,
    });
  }

  close(): void {
    closeSync(this.#fd);
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
    closeSync(fd);
    throw error;
  }
}

const fromStart = (fd: number): Content =>
  createReadStream('', { fd, autoClose: false, start: 0, highWaterMark: CHUNK });

/** Opens a folder, an archive, or standard input for "-". @param maxSize Most bytes that a compressed archive may have in it. */
export async function openFiles(sys: LiveSys, path: string, maxSize: number, signal?: AbortSignal): Promise<Files> {
  if (path !== '-' && statSync(encode(path), { throwIfNoEntry: false })?.isDirectory()) return new FolderFiles(path);
  let fd: number;
  if (path === '-') fd = await unpackedCopy(sys, abortable(openArchive(sys, '-').source, signal), maxSize);
  else {
    sys.close(sys.or(`cannot open '${path}'`).open(path, 0));
    fd = openSync(encode(path), 'r');
    const start = Buffer.alloc(8);
    const isSeekable = fstatSync(fd).isFile();
    if (isSeekable) readSync(fd, start, 0, start.length, 0);
    if (!isSeekable || detectCompression(start) !== 'none') {
      const source = isSeekable ? fromStart(fd) : createReadStream('', { fd, autoClose: false });
      const copy = await unpackedCopy(sys, abortable(source, signal), maxSize);
      closeSync(fd);
      fd = copy;
    }
  }
  try {
    return new ArchiveFiles(fd, await placesIn(abortable(fromStart(fd), signal)));
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}
