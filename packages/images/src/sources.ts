/** Images in local files: OCI layouts, in a folder or an archive, and what docker save writes. */
import { createHash } from 'node:crypto';
import { abortable, type Content, counted, decompressed, hashed, LayerError, limited } from '@ts/layers';
import type { LiveSys } from '@ts/sys';
import { type Files, openFiles, parseJson, readSmall } from './files.ts';
import {
  type Candidate,
  type Descriptor,
  digestAs,
  type Image,
  type Layer,
  MANIFEST,
  parseDigest,
  REF_NAME,
  type Source,
  sha256,
} from './image.ts';
import { checkLayers, configIn, indexIn, isListed, manifestIn, platformOf, type Saved, savedIn } from './shapes.ts';

const blobPath = (digest: string) => {
  const { algorithm, hex } = parseDigest(digest);
  return `blobs/${algorithm}/${hex}`;
};

/** As skopeo(1) names them in `dir:`. */
const plainPath = (digest: string) => parseDigest(digest).hex;

function check(bytes: Buffer, digest: string, what: string): Buffer {
  if (digestAs(digest, bytes) !== digest) throw new LayerError(`${what} is not what its digest says: ${digest}`);
  return bytes;
}

const isIndex = ({ mediaType }: Descriptor) => /image\.index|manifest\.list/.test(mediaType);
const isManifest = ({ mediaType }: Descriptor) => /image\.manifest|distribution\.manifest\.v2/.test(mediaType);

/** Indexes that lead from one to the next. */
const DEEPEST = 4;
/** Entries of indexes that are looked at. */
const MOST_ENTRIES = 100_000;

/** Where a source that names content by its digest keeps it. */
interface Shelf {
  /** Path of a blob, and of an index or a manifest. */
  readonly blob: (digest: string) => string;
  readonly described: (digest: string) => string;
}

const LAYOUT: Shelf = { blob: blobPath, described: blobPath };
const PLAIN: Shelf = { blob: plainPath, described: (digest) => `${plainPath(digest)}.manifest.json` };

/** All content is named by its digest, and an index leads to manifests: a layout as image-spec has it, or `dir:`. */
class DigestSource implements Source {
  readonly #files: Files;
  readonly #shelf: Shelf;
  readonly #top: () => Promise<readonly Descriptor[]>;
  /** Indexes that were read: each once, however often it is named. */
  readonly #indexes = new Map<string, readonly Descriptor[]>();

  /** @param top What leads to all else. */
  constructor(files: Files, shelf: Shelf, top: () => Promise<readonly Descriptor[]>) {
    this.#files = files;
    this.#shelf = shelf;
    this.#top = top;
  }

  async #described({ digest, size }: Descriptor, path: string, what: string): Promise<Buffer> {
    const bytes = check(await readSmall(this.#files, path), digest, what);
    if (bytes.length !== size)
      throw new LayerError(`${what} has ${bytes.length} bytes, what leads to it says ${size}: ${digest}`);
    return bytes;
  }

  /** What an index leads to. What belongs to another platform may be left out of a local copy. */
  async #inIndex(descriptor: Descriptor): Promise<readonly Descriptor[]> {
    const { digest } = descriptor;
    const path = this.#shelf.described(digest);
    let found = this.#indexes.get(digest);
    if (!found) {
      found = this.#files.has(path)
        ? indexIn(await this.#described(descriptor, path, 'an index'), 'an index').manifests
        : [];
      this.#indexes.set(digest, found);
    }
    return found;
  }

  async candidates(): Promise<Candidate[]> {
    const candidates: Candidate[] = [];
    let entries = 0;
    for (const top of await this.#top()) {
      const seen = new Set<string>();
      let level = [{ descriptor: top, names: [] as readonly string[], within: [] as readonly string[] }];
      for (let depth = 0; level.length; depth++) {
        if (depth > DEEPEST) throw new LayerError(`indexes lead to indexes, more than ${DEEPEST} in turn`);
        entries += level.length;
        if (entries > MOST_ENTRIES) throw new LayerError(`the indexes have more than ${MOST_ENTRIES} entries`);
        const next: typeof level = [];
        for (const { descriptor, names, within } of level) {
          const { annotations, digest } = descriptor;
          const own = [annotations?.['io.containerd.image.name'], annotations?.[REF_NAME]];
          const all = [...names, ...own.filter((name) => typeof name === 'string')];
          if (isManifest(descriptor)) candidates.push(this.#candidate(descriptor, all, within));
          if (!isIndex(descriptor) || seen.has(digest)) continue;
          seen.add(digest);
          for (const below of await this.#inIndex(descriptor))
            next.push({ descriptor: below, names: all, within: [...within, digest] });
        }
        level = next;
      }
    }
    // What is no image, such as an attestation, says that it is for nothing.
    return candidates.filter(({ platform }) => platform?.os !== 'unknown');
  }

  #candidate(descriptor: Descriptor, names: readonly string[], within: readonly string[]): Candidate {
    const { digest, platform } = descriptor;
    return { names, digest, within, platform: platform ?? undefined, load: () => this.#load(descriptor) };
  }

  async #load(descriptor: Descriptor): Promise<Image> {
    const path = this.#manifestPath(descriptor.digest);
    const manifest = manifestIn(await this.#described(descriptor, path, 'the manifest'), 'the manifest');
    const bytes = await this.#described(manifest.config, this.#shelf.blob(manifest.config.digest), 'the configuration');
    const config = configIn(bytes, 'the configuration');
    checkLayers(config, manifest.layers.length);
    const layers = manifest.layers.map(({ mediaType, digest, size }, index): Layer => {
      const path = this.#shelf.blob(digest);
      return {
        mediaType,
        digest,
        size,
        diffId: config.rootfs.diff_ids[index] as string,
        open: () => {
          if (!this.#files.has(path)) throw new LayerError(`layer ${digest} is missing`);
          return this.#files.open(path);
        },
      };
    });
    return { digest: descriptor.digest, config, configDigest: manifest.config.digest, configBytes: bytes, layers };
  }

  /** The only manifest of `dir:` has no digest for a name. */
  #manifestPath(digest: string): string {
    const path = this.#shelf.described(digest);
    return this.#shelf === PLAIN && !this.#files.has(path) ? 'manifest.json' : path;
  }

  close(): void {
    this.#files.close();
  }
}

const openLayout = (files: Files): Source =>
  new DigestSource(files, LAYOUT, async () => indexIn(await readSmall(files, 'index.json'), 'index.json').manifests);

/** A folder of skopeo's `dir:`: manifest.json is a manifest, or an index. */
const openPlain = (files: Files): Source =>
  new DigestSource(files, PLAIN, async () => {
    const bytes = await readSmall(files, 'manifest.json');
    const value = parseJson(bytes, 'manifest.json') as { manifests?: unknown };
    if (value.manifests !== undefined) return indexIn(bytes, 'manifest.json').manifests;
    return [{ mediaType: MANIFEST, digest: sha256(bytes), size: bytes.length }];
  });

/** What docker save writes: manifest.json names files; the digest of a configuration is its name, those of layers are in it. */
class DockerSource implements Source {
  readonly #files: Files;
  /** Configurations that were read: each once, however many images have it. */
  readonly #configs = new Map<string, Pick<Image, 'config' | 'configBytes' | 'configDigest'>>();

  constructor(files: Files) {
    this.#files = files;
  }

  async candidates(): Promise<Candidate[]> {
    const candidates: Candidate[] = [];
    for (const each of savedIn(await readSmall(this.#files, 'manifest.json'), 'manifest.json')) {
      const image = await this.#load(each);
      candidates.push({
        names: each.RepoTags ?? [],
        digest: image.configDigest,
        platform: platformOf(image.config),
        load: async () => image,
      });
    }
    return candidates;
  }

  async #config(path: string): Promise<Pick<Image, 'config' | 'configBytes' | 'configDigest'>> {
    const known = this.#configs.get(path);
    if (known) return known;
    const configBytes = await readSmall(this.#files, path);
    const configDigest = sha256(configBytes);
    const [named] = /[0-9a-f]{64}/.exec(path) ?? [];
    if (named !== undefined && configDigest !== `sha256:${named}`)
      throw new LayerError(`the configuration is not what its name says: ${path}`);
    const read = { config: configIn(configBytes, `'${path}'`), configBytes, configDigest };
    this.#configs.set(path, read);
    return read;
  }

  async #load({ Config: path, Layers }: Saved): Promise<Image> {
    const paths = Layers ?? [];
    const described = await this.#config(path);
    checkLayers(described.config, paths.length);
    const layers = paths.map((layer, index): Layer => {
      if (!this.#files.has(layer)) throw new LayerError(`layer '${layer}' is missing`);
      return {
        size: this.#files.size(layer),
        diffId: described.config.rootfs.diff_ids[index] as string,
        open: () => this.#files.open(layer),
      };
    });
    return { ...described, layers };
  }

  close(): void {
    this.#files.close();
  }
}

/** What a transport of skopeo(1) opens, and whether a name can stand behind the path. */
const TRANSPORTS: Readonly<Record<string, { open: (files: Files) => Source; needs: string; isNamed: boolean }>> = {
  oci: { open: openLayout, needs: 'index.json', isNamed: true },
  'oci-archive': { open: openLayout, needs: 'index.json', isNamed: true },
  'docker-archive': { open: (files) => new DockerSource(files), needs: 'manifest.json', isNamed: true },
  dir: { open: openPlain, needs: 'manifest.json', isNamed: false },
};

export interface Reference {
  readonly transport?: string;
  readonly path: string;
  /** Which image of those that are there. */
  readonly name?: string;
}

/** Splits "oci-archive:image.tar:name" as skopeo(1) writes it; a path alone is looked at. */
export function parseReference(text: string): Reference {
  const [, transport, rest] = /^([a-z-]+):(.+)$/s.exec(text) ?? [];
  if (transport === undefined || rest === undefined) return { path: text };
  const known = Object.hasOwn(TRANSPORTS, transport) ? TRANSPORTS[transport] : undefined;
  if (known) {
    const colon = known.isNamed ? rest.indexOf(':') : -1;
    if (colon <= 0) return { transport, path: rest };
    return { transport, path: rest.slice(0, colon), name: rest.slice(colon + 1) || undefined };
  }
  if (rest.startsWith('//') || ['docker-daemon', 'containers-storage'].includes(transport))
    throw new LayerError(
      `images are read from local files only, not from ${transport}:`,
      `skopeo copy ${text} oci:FOLDER brings one here`,
    );
  return { path: text };
}

/** What is there, by its files. */
async function detected(files: Files): Promise<((files: Files) => Source) | undefined> {
  if (files.has('index.json') && files.has('oci-layout')) return openLayout;
  if (!files.has('manifest.json')) return undefined;
  return isListed(await readSmall(files, 'manifest.json'), 'manifest.json') ? openPlain : (of) => new DockerSource(of);
}

/** Opens where images are. @param maxSize Most bytes of an archive of images that is compressed as a whole. */
export async function openSource(
  sys: LiveSys,
  { transport, path }: Reference,
  maxSize: number,
  signal?: AbortSignal,
): Promise<Source> {
  const files = await openFiles(sys, path, maxSize, signal);
  try {
    const known = transport === undefined ? undefined : TRANSPORTS[transport];
    if (known && !files.has(known.needs))
      throw new LayerError(`'${path}' is not what ${transport}: means: it has no ${known.needs}`);
    const open = known?.open ?? (await detected(files));
    if (open) return open(files);
    throw new LayerError(
      `'${path}' is no image: it has neither index.json nor manifest.json`,
      'an OCI layout, an archive of one, or what docker save writes is read',
    );
  } catch (error) {
    files.close();
    throw error;
  }
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
    if (length !== size) throw new LayerError(`layer ${digest} has ${length} bytes, the manifest says ${size}`);
    if (!isRight) throw new LayerError(`a layer is not what its digest says: ${digest}`);
    if (!isCompressed(layer)) return;
  }
  const { isRight } = await measured(limited(decompressed(open()), maxSize), diffId);
  if (!isRight) throw new LayerError(`a layer is not what the configuration says: ${diffId}`);
}

/** How many bytes are read to verify an image. */
export const bytesToVerify = ({ layers }: Image): number =>
  layers.reduce((sum, layer) => sum + layer.size * (isCompressed(layer) ? 2 : 1), 0);

/** Reads all layers before anything is made of them. */
export async function verify(image: Image, options: VerifyOptions): Promise<void> {
  const verified = new Set<string>();
  for (const layer of image.layers) {
    // Layers without a digest of their own may differ.
    const id = layer.digest && `${layer.digest} ${layer.diffId} ${layer.size}`;
    if (id !== undefined && verified.has(id)) options.advance?.(layer.size * (isCompressed(layer) ? 2 : 1));
    else await verifyLayer(layer, options);
    if (id !== undefined) verified.add(id);
  }
}
