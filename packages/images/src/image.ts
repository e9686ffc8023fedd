/**
 * What an image is (Open Container Initiative, image-spec), wherever it comes from.
 *
 * `Source` is the seam: a folder and an archive are sources; a registry would be one more, with requests for `open`.
 */
import { createHash } from 'node:crypto';
import { type Content, LayerError } from '@ts/layers';

/** Points to content by its digest. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  /** Bytes. */
  readonly size: number;
  readonly platform?: Platform;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}

export interface Manifest {
  readonly schemaVersion: 2;
  readonly mediaType?: string;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface Index {
  readonly schemaVersion: 2;
  readonly mediaType?: string;
  readonly manifests: readonly Descriptor[];
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface History {
  readonly created?: string;
  readonly created_by?: string;
  readonly author?: string;
  readonly comment?: string;
  readonly empty_layer?: boolean;
}

/** What is known of how to run it; whatever else it says is kept. */
export interface Config extends Platform {
  readonly created?: string;
  readonly author?: string;
  readonly config?: {
    readonly User?: string;
    readonly ExposedPorts?: Readonly<Record<string, object>>;
    readonly Env?: readonly string[];
    readonly Entrypoint?: readonly string[] | null;
    readonly Cmd?: readonly string[] | null;
    readonly Volumes?: Readonly<Record<string, object>>;
    readonly WorkingDir?: string;
    readonly Labels?: Readonly<Record<string, string>> | null;
    readonly StopSignal?: string;
  };
  readonly rootfs: { readonly type: 'layers'; readonly diff_ids: readonly string[] };
  readonly history?: readonly History[];
}

/** One layer of an image: an archive, compressed or not. */
export interface Layer {
  /** Of the archive as it is stored; without a digest where the source has none. */
  readonly mediaType?: string;
  readonly digest?: string;
  /** Bytes, as it is stored. */
  readonly size: number;
  /** Digest of the archive when it is not compressed. */
  readonly diffId: string;
  /** Its bytes, as it is stored. */
  open(): Content;
}

export interface Image {
  /** Digest of the manifest; without one where the source has none. */
  readonly digest?: string;
  readonly config: Config;
  readonly configDigest: string;
  readonly configBytes: Buffer;
  /** Lowest first. */
  readonly layers: readonly Layer[];
}

/** An image that a source has, not yet read. */
export interface Candidate {
  readonly names: readonly string[];
  readonly digest: string;
  /** Digests of the indexes that lead to it. */
  readonly within?: readonly string[];
  readonly platform?: Platform;
  /** Reads what describes it, and checks that against its digests. Layers are not read. */
  load(): Promise<Image>;
}

/** Where images come from. */
export interface Source {
  candidates(): Promise<readonly Candidate[]>;
  close(): void;
}

export const INDEX = 'application/vnd.oci.image.index.v1+json';
export const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
export const CONFIG = 'application/vnd.oci.image.config.v1+json';
export const LAYER = 'application/vnd.oci.image.layer.v1.tar';
export const REF_NAME = 'org.opencontainers.image.ref.name';

/** Length in hexadecimal digits, by algorithm. */
const ALGORITHMS: Readonly<Record<string, number>> = { sha256: 64, sha512: 128 };

/** Splits a digest, "sha256:…"; throws for one that is none, so that it can be part of a path. */
export function parseDigest(digest: unknown): { algorithm: string; hex: string } {
  const [, algorithm = '', hex = ''] = /^([a-z0-9]+):([0-9a-f]+)$/.exec(String(digest)) ?? [];
  if (ALGORITHMS[algorithm] !== hex.length) throw new LayerError(`'${String(digest)}' is no digest`);
  return { algorithm, hex };
}

export const sha256 = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** Digest of the same kind as another one. */
export const digestAs = (digest: string, bytes: Uint8Array): string => {
  const { algorithm } = parseDigest(digest);
  return `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`;
};

/** The platform of this host, as image-spec names it. */
export function hostPlatform(): Platform {
  const names: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };
  return { os: 'linux', architecture: names[process.arch] ?? process.arch };
}

export const formatPlatform = ({ os, architecture, variant }: Platform): string =>
  [os, architecture, variant].filter(Boolean).join('/');

/** Other names of architectures, with the variant that they mean. */
const ARCHITECTURES: Readonly<Record<string, readonly [architecture: string, variant?: string]>> = {
  x86_64: ['amd64'],
  'x86-64': ['amd64'],
  aarch64: ['arm64'],
  i386: ['386'],
  armhf: ['arm', 'v7'],
  armel: ['arm', 'v6'],
};

/** Variants that are meant where none is named. */
const PLAIN: Readonly<Record<string, string>> = { amd64: 'v1', arm64: 'v8', arm: 'v7' };

/** A platform by the names that all others are compared by. */
function normalized({ os, architecture, variant }: Platform): Required<Platform> {
  const lower = architecture.toLowerCase();
  const [name = lower, implied] = ARCHITECTURES[lower] ?? [];
  const said = (variant || implied || PLAIN[name] || '').toLowerCase();
  return { os: os.toLowerCase(), architecture: name, variant: /^\d/.test(said) ? `v${said}` : said };
}

/** Lowest variant of an architecture whose variants run all that was made for lower ones. */
const LOWEST: Readonly<Record<string, number>> = { amd64: 1, arm: 5 };

/**
 * How well a platform suits, 0 the best: the variant itself, then lower ones, which it runs, too; undefined where it does not. What says
 * nothing suits all.
 */
export function suits(platform: Platform | undefined, wanted: Platform): number | undefined {
  if (platform === undefined) return 0;
  const [has, wants] = [normalized(platform), normalized(wanted)];
  if (has.os !== wants.os || has.architecture !== wants.architecture) return undefined;
  if (has.variant === wants.variant) return 0;
  const [own = 0, most = 0] = [has, wants].map(({ variant }) => Number(/^v(\d)$/.exec(variant)?.[1] ?? 0));
  const lowest = LOWEST[has.architecture];
  return lowest !== undefined && own >= lowest && own < most ? most - own : undefined;
}

/** "latest" is the end of "debian:latest". */
const isNamed = (names: readonly string[], wanted: string) =>
  names.some((name) => name === wanted || name.endsWith(`:${wanted}`) || name.endsWith(`/${wanted}`));

/** The one image that is meant. @param name Its name, the end of that, or a digest: of itself or of an index that leads to it. */
export function choose(candidates: readonly Candidate[], name: string | undefined, platform: Platform): Candidate {
  if (!candidates.length) throw new LayerError('there is no image in it');
  const itself = candidates.find(({ digest }) => digest === name);
  if (itself) return itself;
  const named =
    name === undefined
      ? candidates
      : candidates.filter(({ names, within = [] }) => within.includes(name) || isNamed(names, name));
  const known = [...new Set(candidates.flatMap(({ names }) => names))].join(', ') || 'none has a name';
  if (!named.length) throw new LayerError(`there is no image '${name}' in it`, `there are: ${known}`);
  const ranked = named.map((each) => ({ each, rank: suits(each.platform, platform) }));
  const best = ranked.reduce<number | undefined>(
    (least, { rank }) => (rank !== undefined && (least === undefined || rank < least) ? rank : least),
    undefined,
  );
  const fitting = ranked.filter(({ rank }) => best !== undefined && rank === best).map(({ each }) => each);
  if (!fitting.length) {
    const platforms = [...new Set(named.map((each) => formatPlatform(each.platform as Platform)))].join(', ');
    throw new LayerError(
      `there is no image for ${formatPlatform(platform)} in it`,
      `--platform chooses another one: ${platforms}`,
    );
  }
  const [one, ...others] = fitting as [Candidate, ...Candidate[]];
  if (others.some(({ digest }) => digest !== one.digest))
    throw new LayerError('there are several images in it', `--name says which one: ${known}`);
  return one;
}
