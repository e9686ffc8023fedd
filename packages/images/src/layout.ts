/** Writes OCI layouts: content by its digest, index.json last. */
import { createHash, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import {
  bytesOf,
  type Content,
  closing,
  hashed,
  LayerError,
  lockInTurn,
  makeFile,
  replaced,
  sweep,
  type Written,
  withScratch,
  writeBytes,
  writeTar,
  writeWhole,
} from '@ts/layers';
import {
  entries,
  fstat,
  isThere,
  type LiveSys,
  list,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  O_WRONLY,
  statIfThere,
} from '@ts/sys';
import { openFiles, readSmall } from './files.ts';
import { type Descriptor, INDEX, type Index, REF_NAME } from './image.ts';
import { indexIn } from './shapes.ts';

/** Names of blobs that are not complete begin so. */
const PARTIAL = '.new-';

const openBlobs = (sys: LiveSys, root: string) => sys.open(join(root, 'blobs/sha256'), O_PATH | O_DIRECTORY);

/** A folder that a layout is written into. */
export class Layout {
  readonly #sys: LiveSys;
  readonly #root: string;

  /** @param root Path of a folder that is there. */
  constructor(sys: LiveSys, root: string) {
    this.#sys = sys;
    this.#root = root;
  }

  /** Makes the folders of an empty layout. */
  begin(): void {
    for (const path of ['blobs', 'blobs/sha256']) this.#sys.mkdir(join(this.#root, path), 0o755);
    this.#write('oci-layout', Buffer.from('{"imageLayoutVersion":"1.0.0"}'));
  }

  #write(path: string, bytes: Uint8Array): void {
    const writing = this.#sys.or(`cannot write '${path}'`);
    const fd = writing.open(join(this.#root, path), O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW, 0o644);
    writeBytes(writing, fd, bytes);
    this.#sys.close(fd);
  }

  /** Adds content; it gets its name when all of it is there. */
  async add(source: Content): Promise<{ digest: string; size: number }> {
    const writing = this.#sys.or('cannot write a blob');
    const blobs = openBlobs(writing, this.#root);
    const hash = createHash('sha256');
    let size = 0;
    let temporary: string | undefined;
    let fd = -1;
    try {
      [temporary, fd] = makeFile(writing, blobs, () => `${PARTIAL}${randomBytes(6).toString('hex')}`, 0o644);
      for await (const chunk of hashed(source, hash)) {
        writeBytes(writing, fd, chunk);
        size += chunk.length;
      }
      const hex = hash.digest('hex');
      writing.renameat2(blobs, temporary, blobs, hex);
      return { digest: `sha256:${hex}`, size };
    } catch (error) {
      if (temporary !== undefined) this.#sys.unlinkat(blobs, temporary);
      throw error;
    } finally {
      if (fd >= 0) this.#sys.close(fd);
      this.#sys.close(blobs);
    }
  }

  /** Adds a text that describes something. */
  async describe(mediaType: string, value: object): Promise<Descriptor> {
    return { mediaType, ...(await this.add([Buffer.from(JSON.stringify(value))])) };
  }

  /** Names an image; one that had the name before loses it. From here on the layout has it. */
  async name(manifest: Descriptor, name: string | undefined, signal?: AbortSignal): Promise<void> {
    // Somebody else may be adding to the layout, too.
    const fd = this.#sys.open(join(this.#root, 'oci-layout'), O_RDONLY | O_NONBLOCK);
    try {
      await lockInTurn(this.#sys, fd, signal);
      await this.#name(manifest, name);
    } finally {
      this.#sys.close(fd);
    }
  }

  async #index(): Promise<Index | undefined> {
    const files = await openFiles(this.#sys, this.#root, 0);
    try {
      return files.has('index.json') ? indexIn(await readSmall(files, 'index.json'), 'index.json') : undefined;
    } finally {
      files.close();
    }
  }

  async #name(manifest: Descriptor, name: string | undefined): Promise<void> {
    const before = await this.#index();
    const others = (before?.manifests ?? []).filter(({ digest, annotations }) => {
      const other = annotations?.[REF_NAME];
      return other === undefined ? digest !== manifest.digest : other !== name;
    });
    const annotations = name === undefined ? manifest.annotations : { ...manifest.annotations, [REF_NAME]: name };
    const index: Index = {
      ...before,
      schemaVersion: 2,
      mediaType: INDEX,
      manifests: [...others, { ...manifest, annotations }],
    };
    await writeWhole(this.#sys, join(this.#root, 'index.json'), [Buffer.from(JSON.stringify(index))]);
  }
}

const isLayout = (path: string) => isThere(join(path, 'oci-layout'));

/** A finished layout as an archive. */
function* archived(sys: LiveSys, root: string, time: number): Generator<Written> {
  const common = { uid: 0, gid: 0, mtime: { seconds: BigInt(time), nanoseconds: 0 }, xattrs: new Map<string, never>() };
  for (const path of ['blobs', 'blobs/sha256'])
    yield { entry: { ...common, path, type: 'directory', mode: 0o755, size: 0 } };
  const blobs = list(join(root, 'blobs/sha256'));
  for (const path of [...blobs.map((name) => `blobs/sha256/${name}`), 'index.json', 'oci-layout']) {
    const fd = sys.open(join(root, path), O_RDONLY);
    const { size } = fstat(fd);
    const content = closing(sys, fd, bytesOf(fd, path));
    yield { entry: { ...common, path, type: 'file', mode: 0o644, size }, content };
  }
}

/**
 * Makes a layout, or adds to one. A new one, or an archive, is there complete or not at all; in one that is there, the new image can
 * be seen when all of it is.
 *
 * @param time Seconds since 1970 that files in an archive have.
 */
export async function writeLayout(
  sys: LiveSys,
  target: string,
  isArchive: boolean,
  time: number,
  write: (layout: Layout) => Promise<void>,
): Promise<void> {
  const begun = async (root: string) => {
    const layout = new Layout(sys, root);
    layout.begin();
    await write(layout);
  };
  if (isArchive) {
    await withScratch(sys, target, async (root) => {
      await begun(root);
      await writeWhole(sys, target, writeTar(archived(sys, root, time)));
    });
    return;
  }
  if (isLayout(target)) {
    const blobs = openBlobs(sys.or(`cannot open the blobs of '${target}'`), target);
    try {
      sweep(sys, blobs, PARTIAL);
    } finally {
      sys.close(blobs);
    }
    await write(new Layout(sys, target));
    return;
  }
  if (statIfThere(target)?.type === 'directory' && !entries(target).next().done)
    throw new LayerError(
      `'${target}' is there already and is no OCI layout`,
      'a new folder, or one that pack has made',
    );
  await replaced(sys, target, false, async (folder) => {
    await begun(`/proc/self/fd/${folder}`);
    sys.fchmod(folder, 0o755);
  });
}
