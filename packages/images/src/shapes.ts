/** What anybody may have written as JSON is of the shape that all else relies on, or refused. Pure. */
import { LayerError } from '@ts/layers';
import { parseJson } from './files.ts';
import { type Config, type Descriptor, type Index, type Manifest, type Platform, parseDigest } from './image.ts';

/** As many layers as the kernel stacks in one overlay. */
const MOST_LAYERS = 500;

type Shape = (value: unknown) => boolean;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
/** Left out, or null, as programs in Go write what is not there. */
const isNone: Shape = (value) => value === undefined || value === null;
const text: Shape = (value) => isNone(value) || typeof value === 'string';
const flag: Shape = (value) => isNone(value) || typeof value === 'boolean';
const listOf =
  (shape: Shape): Shape =>
  (value) =>
    isNone(value) || (Array.isArray(value) && value.every(shape));
const mapOf =
  (shape: Shape): Shape =>
  (value) =>
    isNone(value) || (isObject(value) && Object.values(value).every(shape));
const fields =
  (shapes: Readonly<Record<string, Shape>>): Shape =>
  (value) =>
    isNone(value) || (isObject(value) && Object.entries(shapes).every(([key, shape]) => shape(value[key])));
const given =
  (shape: Shape): Shape =>
  (value) =>
    !isNone(value) && shape(value);

const size: Shape = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const words = listOf(given(text));
const platform = fields({ os: given(text), architecture: given(text), variant: text });
const descriptor = given(
  fields({ mediaType: given(text), digest: given(text), size, annotations: mapOf(text), platform }),
);
const index = fields({ manifests: listOf(descriptor), annotations: mapOf(text) });
const manifest = fields({ config: descriptor, layers: listOf(descriptor), annotations: mapOf(text) });
const config = fields({
  os: text,
  architecture: text,
  variant: text,
  created: text,
  author: text,
  rootfs: given(fields({ diff_ids: words })),
  history: listOf(given(fields({ created: text, created_by: text, author: text, comment: text, empty_layer: flag }))),
  config: fields({
    User: text,
    WorkingDir: text,
    StopSignal: text,
    Env: words,
    Entrypoint: words,
    Cmd: words,
    Labels: mapOf(text),
    ExposedPorts: mapOf(fields({})),
    Volumes: mapOf(fields({})),
  }),
});
const saved = listOf(given(fields({ Config: given(text), RepoTags: words, Layers: words })));

/** An entry of what docker save writes as manifest.json. */
export interface Saved {
  readonly Config: string;
  readonly RepoTags?: readonly string[] | null;
  readonly Layers?: readonly string[] | null;
}

function read(bytes: Buffer, what: string, shape: Shape): unknown {
  const value = parseJson(bytes, what);
  if (!shape(value)) throw new LayerError(`${what} is not of the form that it must have`);
  return value;
}

const checkDigests = (descriptors: readonly Descriptor[]) => {
  for (const { digest } of descriptors) parseDigest(digest);
};

export function indexIn(bytes: Buffer, what: string): Index {
  const value = read(bytes, what, index) as Index;
  const manifests = value.manifests ?? [];
  checkDigests(manifests);
  return { ...value, manifests };
}

const checkCount = (count: number) => {
  if (count > MOST_LAYERS)
    throw new LayerError(`the image has ${count} layers: more than ${MOST_LAYERS} can not be stacked`);
};

export function manifestIn(bytes: Buffer, what: string): Manifest {
  const value = read(bytes, what, manifest) as Manifest;
  const layers = value.layers ?? [];
  checkCount(layers.length);
  checkDigests([value.config, ...layers]);
  return { ...value, layers };
}

export function configIn(bytes: Buffer, what: string): Config {
  const value = read(bytes, what, config) as Config;
  const ids = value.rootfs.diff_ids ?? [];
  checkCount(ids.length);
  for (const id of ids) parseDigest(id);
  return { ...value, rootfs: { ...value.rootfs, diff_ids: ids } };
}

export const checkLayers = ({ rootfs: { diff_ids: ids } }: Config, layers: number): void => {
  if (ids.length !== layers) throw new LayerError(`the configuration has ${ids.length} layers, the manifest ${layers}`);
};

export function savedIn(bytes: Buffer, what: string): readonly Saved[] {
  const value = read(bytes, what, saved);
  if (!Array.isArray(value)) throw new LayerError(`${what} is not of the form that it must have`);
  return value as readonly Saved[];
}

/** Whether JSON is a manifest or an index, as `dir:` has it, and not what docker save writes. */
export const isListed = (bytes: Buffer, what: string): boolean => !Array.isArray(parseJson(bytes, what));

/** What a configuration was made for; undefined where it does not say. */
export const platformOf = ({ os, architecture, variant }: Config): Platform | undefined =>
  os && architecture ? { os, architecture, variant } : undefined;
