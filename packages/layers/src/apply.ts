/** From an archive to a layer. */
import { fstat, type LiveSys, O_NONBLOCK, O_PATH, O_RDONLY } from '@ts/sys';
import { decompressed } from './compression.ts';
import { arriving, bytesOf, closing } from './contents.ts';
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

/** Bytes of a file, or of standard input for "-", and how many there are where that is known. */
export function openArchive(sys: LiveSys, path: string): { source: Content; size?: number } {
  if (path === '-') return { source: arriving(0, 'standard input') };
  const opening = sys.or(`cannot open '${path}'`);
  const handle = opening.open(path, O_PATH);
  try {
    const { type, size } = fstat(handle);
    if (type === 'directory') throw new LayerError(`'${path}' is a folder, not an archive`);
    // Not to wait here for who writes into a fifo: no signal would be heard.
    const fd = opening.open(linkOf(handle), O_RDONLY | O_NONBLOCK);
    if (type === 'file') return { source: closing(sys, fd, bytesOf(fd, path)), size };
    return { source: closing(sys, fd, arriving(fd, path)) };
  } finally {
    sys.close(handle);
  }
}
