/** Images in local files: OCI layouts, in a folder or an archive, and what docker save writes. */
import { createHash } from 'node:crypto';
import { abortable, type Content, counted, decompressed, hashed, limited } from '@ts/layers';
import type { LiveSys } from '@ts/sys';
import { type Files, openFiles, parseJson, readSmall } from './files.ts';
import {
  type Candidate,
  type Config,
  type Descriptor,
  digestAs,
  type Image,
  ImageError,
  type Index,
  type Layer,
  type Manifest,
  parseDigest,
  REF_NAME,
  type Source,
  sha256,
} from './image.ts';

const blobPath = (digest: string) => {
  const { algorithm, hex } = parseDigest(digest);
  return `blobs/${algorithm}/${hex}`;
};

function check(bytes: Buffer, digest: string, what: string): Buffer {
  if (digestAs(digest, bytes) !== digest) throw new ImageError(`${what} is not what its digest says: ${digest}`);
  return bytes;
}

const isDescriptor = (value: unknown): value is Descriptor =>
  isObject(value) &&
  ['mediaType', 'digest'].every((key) => typeof (value as Record<string, unknown>)[key] === 'string');

const isIndex = ({ mediaType }: Descriptor) => /image\.index|manifest\.list/.test(mediaType);
const isManifest = ({ mediaType }: Descriptor) => /image\.manifest|distribution\.manifest\.v2/.test(mediaType);

const isText = (value: unknown) => value === undefined || value === null || typeof value === 'string';
const isTexts = (value: unknown) =>
  value === undefined || value === null || (Array.isArray(value) && value.every((each) => typeof each === 'string'));
const isObject = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value);
const isMap = (value: unknown) => value === undefined || value === null || isObject(value);

/** What anybody may have written is of the shape that all else relies on. */
function checkConfig(config: Config, layers: number): void {
  const ids: unknown = config.rootfs?.diff_ids;
  if (!Array.isArray(ids)) throw new ImageError('the configuration does not say which layers there are');
  for (const id of ids) parseDigest(id);
  if (ids.length !== layers) throw new ImageError(`the configuration has ${ids.length} layers, the manifest ${layers}`);
  const { os, architecture, variant, created, author, history, config: run } = config;
  const given = isMap(run) ? (run ?? {}) : {};
  const isRight =
    [os, architecture, variant, created, author, given.User, given.WorkingDir, given.StopSignal].every(isText) &&
    [given.Env, given.Entrypoint, given.Cmd].every(isTexts) &&
    [run, given.ExposedPorts, given.Volumes, given.Labels].every(isMap) &&
    (history === undefined || history === null || (Array.isArray(history) && history.every(isObject)));
  if (!isRight) throw new ImageError('the configuration is not of the form that it must have');
}

/** A layout as image-spec has it: index.json leads to manifests, all content is named by its digest. */
class LayoutSource implements Source {
  readonly #files: Files;

  constructor(files: Files) {
    this.#files = files;
  }

  async #described<T>({ digest, size }: Descriptor, what: string): Promise<{ value: T; bytes: Buffer }> {
    const bytes = check(await readSmall(this.#files, blobPath(digest)), digest, what);
    if (bytes.length !== size)
      throw new ImageError(`${what} has ${bytes.length} bytes, what leads to it says ${size}: ${digest}`);
    return { value: parseJson<T>(bytes, what), bytes };
  }

  async candidates(): Promise<Candidate[]> {
    const index = parseJson<Index>(await readSmall(this.#files, 'index.json'), 'index.json');
    return this.#inIndex(index, [], 0);
  }

  async #inIndex({ manifests }: Index, names: readonly string[], depth: number): Promise<Candidate[]> {
    if (!Array.isArray(manifests) || !manifests.every(isDescriptor) || depth > 4)
      throw new ImageError('the index cannot be read');
    const candidates: Candidate[] = [];
    for (const descriptor of manifests as readonly Descriptor[]) {
      parseDigest(descriptor.digest);
      const own = [descriptor.annotations?.['io.containerd.image.name'], descriptor.annotations?.[REF_NAME]];
      const all = [...names, ...own.filter((name) => typeof name === 'string')];
      // What belongs to another platform may be left out of a local copy.
      if (isIndex(descriptor) && this.#files.has(blobPath(descriptor.digest)))
        candidates.push(
          ...(await this.#inIndex((await this.#described<Index>(descriptor, 'an index')).value, all, depth + 1)),
        );
      else if (isManifest(descriptor) && descriptor.platform?.os !== 'unknown')
        candidates.push({
          names: all,
          digest: descriptor.digest,
          platform: descriptor.platform,
          load: () => this.#load(descriptor),
        });
    }
    return candidates;
  }

  async #load(descriptor: Descriptor): Promise<Image> {
    const { value: manifest } = await this.#described<Manifest>(descriptor, 'the manifest');
    if (!isDescriptor(manifest.config) || !Array.isArray(manifest.layers) || !manifest.layers.every(isDescriptor))
      throw new ImageError('the manifest cannot be read');
    const { value: config, bytes } = await this.#described<Config>(manifest.config, 'the configuration');
    checkConfig(config, manifest.layers.length);
    const layers = manifest.layers.map(({ mediaType, digest, size }, index): Layer => {
      const path = blobPath(digest);
      return {
        mediaType,
        digest,
        size,
        diffId: config.rootfs.diff_ids[index] as string,
        open: () => {
          if (!this.#files.has(path)) throw new ImageError(`layer ${digest} is missing`);
          return this.#files.open(path);
        },
      };
    });
    return {
      digest: descriptor.digest,
      config,
      configDigest: manifest.config.digest,
      configBytes: bytes,
      layers,
    };
  }

  close(): void {
    this.#files.close();
  }
}

interface Saved {
  readonly Config: string;
  readonly RepoTags?: readonly string[] | null;
  readonly Layers: readonly string[];
}

/** What docker save writes: manifest.json names files; the digest of a configuration is its name, those of layers are in it. */
class DockerSource implements Source {
  readonly #files: Files;

  constructor(files: Files) {
    this.#files = files;
  }

  async candidates(): Promise<Candidate[]> {
    const saved = parseJson<readonly Saved[]>(await readSmall(this.#files, 'manifest.json'), 'manifest.json');
    const isRight = (each: Saved) =>
      isObject(each) &&
      isText(each.Config) &&
      isTexts(each.RepoTags) &&
      Array.isArray(each.Layers) &&
      isTexts(each.Layers);
    if (!Array.isArray(saved) || !saved.every(isRight)) throw new ImageError(`'manifest.json' cannot be read`);
    return Promise.all(
      (saved as readonly Saved[]).map(async (each): Promise<Candidate> => {
        const image = await this.#load(each);
        const { os, architecture, variant } = image.config;
        return {
          names: each.RepoTags ?? [],
          digest: image.configDigest,
          platform: { os, architecture, variant },
          load: async () => image,
        };
      }),
    );
  }

  async #load({ Config: path, Layers: paths }: Saved): Promise<Image> {
    const bytes = await readSmall(this.#files, String(path));
    const digest = sha256(bytes);
    const [named] = /[0-9a-f]{64}/.exec(String(path)) ?? [];
    if (named !== undefined && digest !== `sha256:${named}`)
      throw new ImageError(`the configuration is not what its name says: ${path}`);
    const config = parseJson<Config>(bytes, String(path));
    checkConfig(config, paths.length);
    const layers = paths.map((layer, index): Layer => {
      if (!this.#files.has(layer)) throw new ImageError(`layer '${layer}' is missing`);
      return {
        size: this.#files.size(layer),
        diffId: config.rootfs.diff_ids[index] as string,
        open: () => this.#files.open(layer),
      };
    });
    return { config, configDigest: digest, configBytes: bytes, layers };
  }

  close(): void {
    this.#files.close();
  }
}

const TRANSPORTS = ['oci', 'oci-archive', 'docker-archive'];

/** Splits "oci-archive:image.tar" as skopeo(1) writes it; a path alone is looked at. */
export function parseReference(text: string): { transport?: string; path: string } {
  const [, transport, path] = /^([a-z-]+):(.+)$/s.exec(text) ?? [];
  if (transport === undefined || path === undefined) return { path: text };
  if (TRANSPORTS.includes(transport)) return { transport, path };
  if (path.startsWith('//') || ['docker-daemon', 'containers-storage'].includes(transport))
    throw new ImageError(
      `images are read from local files only, not from ${transport}:`,
      `skopeo copy ${text} oci:FOLDER brings one here`,
    );
  return { path: text };
}

/** Opens where images are. @param maxSize Most bytes of an archive of images that is compressed as a whole. */
export async function openSource(
  sys: LiveSys,
  reference: string,
  maxSize: number,
  signal?: AbortSignal,
): Promise<Source> {
  const { path } = parseReference(reference);
  const files = await openFiles(sys, path, maxSize, signal);
  if (files.has('index.json') && files.has('oci-layout')) return new LayoutSource(files);
  if (files.has('manifest.json')) return new DockerSource(files);
  files.close();
  throw new ImageError(
    `'${path}' is no image: it has neither index.json nor manifest.json`,
    'an OCI layout, an archive of one, or what docker save writes is read',
  );
}

export interface VerifyOptions {
  /** Most bytes of a layer when it is not compressed any more. */
  readonly maxSize: number;
  readonly signal?: AbortSignal;
  readonly advance?: (bytes: number) => void;
}

/** Reads all of something, and tells its length and whether it is what a digest says. */
async function measured(source: Content, wanted: string): Promise<{ length: number; isRight: boolean }> {
  const { algorithm, hex } = parseDigest(wanted);
  const hash = createHash(algorithm);
  let length = 0;
  for await (const chunk of hashed(source, hash)) length += chunk.length;
  return { length, isRight: hash.digest('hex') === hex };
}

/** Content that is stored as it is has one digest for both. */
const isCompressed = ({ digest, diffId }: Layer) => digest !== undefined && digest !== diffId;

/** Reads all of a layer and throws where it is not what its digests say: as it is stored, and when it is not compressed. */
async function verifyLayer(layer: Layer, { maxSize, signal, advance = () => undefined }: VerifyOptions): Promise<void> {
  const { digest, diffId, size } = layer;
  const open = () => counted(abortable(layer.open(), signal), advance);
  if (digest !== undefined) {
    const { length, isRight } = await measured(open(), digest);
    if (length !== size) throw new ImageError(`layer ${digest} has ${length} bytes, the manifest says ${size}`);
    if (!isRight) throw new ImageError(`a layer is not what its digest says: ${digest}`);
    if (!isCompressed(layer)) return;
  }
  const { isRight } = await measured(limited(decompressed(open()), maxSize), diffId);
  if (!isRight) throw new ImageError(`a layer is not what the configuration says: ${diffId}`);
}

/** How many bytes are read to verify an image. */
export const bytesToVerify = ({ layers }: Image): number =>
  layers.reduce((sum, layer) => sum + layer.size * (isCompressed(layer) ? 2 : 1), 0);

/** Reads all layers before anything is made of them. */
export async function verify(image: Image, options: VerifyOptions): Promise<void> {
  for (const layer of image.layers) await verifyLayer(layer, options);
}
