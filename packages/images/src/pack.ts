/** From layers to an image. */
import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import {
  abortable,
  type Compression,
  type Content,
  checked,
  compressed,
  counted,
  decompressed,
  exported,
  hashed,
  LayerError,
  limited,
  openArchive,
  writeTar,
} from '@ts/layers';
import { type LiveSys, statIfThere } from '@ts/sys';
import {
  CONFIG,
  type Config,
  type Descriptor,
  type History,
  hostPlatform,
  type Image,
  LAYER,
  MANIFEST,
  type Manifest,
  type Platform,
} from './image.ts';
import { type Layout, writeLayout } from './layout.ts';
import { platformOf } from './shapes.ts';
import { verify } from './sources.ts';

export interface PackOptions {
  /** What the new layers are put upon. */
  readonly base?: Image;
  /** The layout is an archive. */
  readonly isArchive: boolean;
  /** Folders or archives, lowest first. */
  readonly layers: readonly string[];
  readonly name?: string;
  readonly platform?: Platform;
  readonly compression: Compression;
  /** Time that the image says it was made, in seconds since 1970. */
  readonly created: number;
  /** Latest time of files in new layers. */
  readonly latest?: number;
  readonly author?: string;
  readonly comment?: string;
  /** How it is run: what is said here takes the place of what the base says. */
  readonly run: NonNullable<Config['config']>;
  /** Most bytes of a layer that comes as an archive. */
  readonly maxSize: number;
  readonly skipped: (path: string) => void;
  readonly signal?: AbortSignal;
  readonly advance?: (bytes: number) => void;
}

const SUFFIXES: Readonly<Record<Compression, string>> = { none: '', gzip: '+gzip', zstd: '+zstd' };

interface Added {
  readonly descriptor: Descriptor;
  readonly diffId: string;
  readonly history: History;
}

/** Bytes of a layer that are not compressed. */
function archiveOf(sys: LiveSys, path: string, { latest, maxSize, skipped, advance }: PackOptions): Content {
  if (statIfThere(path)?.type !== 'directory')
    return checked(
      limited(decompressed(counted(openArchive(sys, path).source, advance ?? (() => undefined))), maxSize),
    );
  return writeTar(exported(sys, path, { latest, sparse: false, skipped, advance }));
}

async function store(layout: Layout, archive: Content, { compression, signal }: PackOptions) {
  const hash = createHash('sha256');
  const stored = await layout.add(compressed(hashed(abortable(archive, signal), hash), compression));
  const descriptor: Descriptor = { mediaType: LAYER + SUFFIXES[compression], ...stored };
  return { descriptor, diffId: `sha256:${hash.digest('hex')}` };
}

const timeText = (seconds: number) => new Date(seconds * 1000).toISOString().replace('.000Z', 'Z');

/** Layers of the base as they are; those that have no digest of their own are stored as new ones. */
async function* ofBase(layout: Layout, image: Image, options: PackOptions): AsyncGenerator<Omit<Added, 'history'>> {
  for (const layer of image.layers)
    if (layer.digest === undefined || layer.mediaType === undefined)
      yield await store(layout, decompressed(layer.open()), options);
    else {
      const { mediaType, diffId } = layer;
      const stored = await layout.add(abortable(layer.open(), options.signal));
      if (layer.digest.startsWith('sha256:') && stored.digest !== layer.digest)
        throw new LayerError(`a layer has changed while it was read: ${layer.digest}`);
      yield {
        descriptor: {
          mediaType: mediaType.replace(/^application\/vnd\.docker.*\.tar\.gzip$/, `${LAYER}+gzip`),
          ...stored,
        },
        diffId,
      };
    }
}

type Run = NonNullable<Config['config']>;

const nameOf = (entry: string) => entry.slice(0, entry.indexOf('='));

/** How the new image is run: variables, labels, ports and volumes add up; a new entry point does not take the base's arguments. */
export function runOf(base: Run = {}, own: Run): Run {
  const names = (own.Env ?? []).map(nameOf);
  const kept = (base.Env ?? []).filter((entry) => !names.includes(nameOf(entry)));
  const together: Run = {
    ...base,
    ...(own.Entrypoint ? { Cmd: undefined } : {}),
    ...own,
    Env: [...kept, ...(own.Env ?? [])],
    Labels: { ...base.Labels, ...own.Labels },
    ExposedPorts: { ...base.ExposedPorts, ...own.ExposedPorts },
    Volumes: { ...base.Volumes, ...own.Volumes },
  };
  const isThere = (value: unknown) => value !== undefined && value !== null && Object.keys(value).length > 0;
  return Object.fromEntries(
    Object.entries(together).filter(([, value]) => (typeof value !== 'object' ? value !== undefined : isThere(value))),
  );
}

/** Makes an image in a layout: a folder, or an archive. Result: digest of its manifest. */
export async function pack(sys: LiveSys, target: string, options: PackOptions): Promise<string> {
  const { base, layers, name, author, comment, created, run } = options;
  if (base) await verify(base, options);
  let digest = '';
  await writeLayout(sys, target, options.isArchive, created, async (layout) => {
    const added: Omit<Added, 'history'>[] = [];
    if (base) for await (const each of ofBase(layout, base, options)) added.push(each);
    const history: History[] = [];
    for (const path of layers) {
      added.push(await store(layout, archiveOf(sys, path, options), options));
      history.push({ created: timeText(created), created_by: `ts-image pack ${basename(path)}`, author, comment });
    }
    const config: Config = {
      ...base?.config,
      ...(options.platform ?? (base ? {} : hostPlatform())),
      ...(author === undefined ? {} : { author }),
      created: timeText(created),
      config: runOf(base?.config.config ?? {}, run),
      rootfs: { type: 'layers', diff_ids: added.map(({ diffId }) => diffId) },
      history: [...(base?.config.history ?? []), ...history],
    } as Config;
    const manifest: Manifest = {
      schemaVersion: 2,
      mediaType: MANIFEST,
      config: await layout.describe(CONFIG, config),
      layers: added.map(({ descriptor }) => descriptor),
    };
    const descriptor = await layout.describe(MANIFEST, manifest);
    await layout.name({ ...descriptor, platform: platformOf(config) }, name, options.signal);
    digest = descriptor.digest;
  });
  return digest;
}
