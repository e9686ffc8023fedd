/** From an archive to a layer. */
import { createReadStream, fstatSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { type LiveSys, O_PATH, O_RDONLY } from '@ts/sys';
import { decompressed } from './compression.ts';
import { LayerError } from './errors.ts';
import { Folder, type Omitted, type Rules } from './folder.ts';
import { replaced } from './replacement.ts';
import { abortable, limited } from './streams.ts';
import type { Content } from './tar.ts';
import { readTar } from './untar.ts';
import { linkOf } from './walk.ts';

export interface ApplyOptions extends Rules {
  /** Most bytes that the archive may have when it is not compressed any more, and its files may pretend to have. */
  readonly maxSize: number;
  readonly signal?: AbortSignal;
}

/** What an entry takes on a disk, whatever is in it. */
const ENTRY = 4096;

/** Unpacks an archive that is not compressed into an empty folder. */
export async function unpackInto(
  sys: LiveSys,
  source: Content,
  folder: number,
  { maxSize, signal, ...rules }: ApplyOptions,
): Promise<Omitted> {
  const into = new Folder(sys, folder, rules);
  let left = maxSize;
  try {
    for await (const { entry, content } of readTar(limited(abortable(source, signal), maxSize))) {
      left -= entry.size + ENTRY;
      if (left < 0)
        throw new LayerError(
          `the archive's files take more than ${maxSize} bytes`,
          '--max-size allows more, where it can be trusted',
        );
      await into.add(entry, content);
    }
    into.finish();
    return into.omitted;
  } finally {
    into.close();
  }
}

/** Makes a layer of an archive, compressed or not: the whole folder, or nothing of it. */
export const apply = (
  sys: LiveSys,
  source: Content,
  target: string,
  { isReplacing, ...options }: ApplyOptions & { readonly isReplacing: boolean },
): Promise<Omitted> =>
  replaced(sys, target, isReplacing, (folder) => unpackInto(sys, decompressed(source), folder, options));

const CHUNK = 256 * 1024;

/** Bytes of a fifo. Opening it waits for somebody who writes: not here, where no signal would be heard, but when they are read. */
async function* ofFifo(sys: LiveSys, handle: number): AsyncGenerator<Uint8Array> {
  try {
    const file = await open(linkOf(handle), 'r');
    yield* file.createReadStream({ highWaterMark: CHUNK });
  } finally {
    sys.close(handle);
  }
}

/** Bytes of a file, or of standard input for "-", and how many there are where that is known. */
export function openArchive(sys: LiveSys, path: string): { source: AsyncIterable<Uint8Array>; size?: number } {
  if (path === '-') return { source: createReadStream('', { fd: 0, autoClose: false, highWaterMark: CHUNK }) };
  const opening = sys.or(`cannot open '${path}'`);
  const handle = opening.open(path, O_PATH);
  const stat = fstatSync(handle);
  if (stat.isFIFO()) return { source: ofFifo(sys, handle) };
  try {
    if (stat.isDirectory()) throw new LayerError(`'${path}' is a folder, not an archive`);
    const source = createReadStream('', { fd: opening.open(linkOf(handle), O_RDONLY), highWaterMark: CHUNK });
    return { source, size: stat.isFile() ? stat.size : undefined };
  } finally {
    sys.close(handle);
  }
}
