/** From an image to folders that an overlay stacks. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import {
  type ApplyOptions,
  addOmitted,
  counted,
  decompressed,
  hashed,
  LayerError,
  nothingOmitted,
  type Omitted,
  replaced,
  unpackInto,
  writeBytes,
} from '@ts/layers';
import { type LiveSys, O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_RDONLY, O_WRONLY } from '@ts/sys';
import { type Image, parseDigest } from './image.ts';
import { verify } from './sources.ts';

/** What lies beside the layers. */
export interface Record {
  readonly names: readonly string[];
  readonly digest?: string;
  /** Folders, lowest first. */
  readonly layers: readonly { readonly path: string; readonly digest?: string; readonly diffId?: string }[];
  readonly config: unknown;
}

export interface UnpackOptions extends ApplyOptions {
  readonly isReplacing: boolean;
  readonly advance?: (bytes: number) => void;
}

async function unpackLayer(
  sys: LiveSys,
  layer: Image['layers'][number],
  folder: number,
  { advance = () => undefined, ...options }: UnpackOptions,
): Promise<Omitted> {
  const { algorithm } = parseDigest(layer.diffId);
  const hash = createHash(algorithm);
  const source = hashed(decompressed(counted(layer.open(), advance)), hash);
  const omitted = await unpackInto(sys, source, folder, options);
  if (`${algorithm}:${hash.digest('hex')}` !== layer.diffId)
    throw new LayerError(`a layer is not what the configuration says: ${layer.diffId}`);
  return omitted;
}

function writeRecord(sys: LiveSys, folder: number, record: Record): void {
  const writing = sys.or('cannot write image.json');
  const fd = writing.openat(folder, 'image.json', O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW, 0o644);
  writeBytes(writing, fd, Buffer.from(`${JSON.stringify(record, null, 3)}\n`));
  sys.close(fd);
}

/**
 * Unpacks every layer into a folder of its own, DIR/1 the lowest, and says in DIR/image.json what they are. All content is checked
 * before; DIR is there complete or not at all.
 */
export async function unpack(
  sys: LiveSys,
  image: Image,
  names: readonly string[],
  target: string,
  options: UnpackOptions,
): Promise<{ layers: readonly string[]; omitted: Omitted }> {
  await verify(image, options);
  const sum = nothingOmitted();
  // An image without layers is one empty folder.
  const paths = Array.from({ length: Math.max(1, image.layers.length) }, (_, index) => String(index + 1));
  await replaced(sys, target, options.isReplacing, async (folder) => {
    for (const [index, name] of paths.entries()) {
      const layer = image.layers[index];
      sys.or(`cannot create '${join(target, name)}'`).mkdirat(folder, name, 0o700);
      const fd = sys.openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
      try {
        if (layer) addOmitted(sum, await unpackLayer(sys, layer, fd, options));
        else sys.fchmod(fd, 0o755);
      } finally {
        sys.close(fd);
      }
    }
    writeRecord(sys, folder, {
      names,
      digest: image.digest,
      layers: paths.map((path, index) => ({
        path,
        digest: image.layers[index]?.digest,
        diffId: image.layers[index]?.diffId,
      })),
      config: image.config,
    });
    sys.fchmod(folder, 0o755);
  });
  return { layers: paths.map((path) => join(target, path)), omitted: sum };
}
