/** What an image is, in words and as JSON. Pure. */
import { type Candidate, formatPlatform, type Image } from './image.ts';

/** What `inspect --json` prints of one image. */
export function summary({ names }: Candidate, { digest, configDigest, config, layers }: Image): object {
  return {
    names,
    digest,
    configDigest,
    platform: { os: config.os, architecture: config.architecture, variant: config.variant },
    created: config.created,
    author: config.author,
    config: config.config ?? {},
    layers: layers.map(({ mediaType, digest: stored, size, diffId }) => ({ mediaType, digest: stored, size, diffId })),
    history: config.history ?? [],
  };
}

const words = (list: readonly string[] | null | undefined) => (list?.length ? JSON.stringify(list) : undefined);

/** Lines of `inspect`. */
export function describeImage({ names }: Candidate, { digest, configDigest, config, layers }: Image): string {
  const run = config.config ?? {};
  const rows: readonly (readonly [string, string | undefined])[] = [
    ['Name', names.join(', ') || undefined],
    ['Digest', digest],
    ['Config', configDigest],
    ['Platform', formatPlatform(config)],
    ['Created', config.created],
    ['Author', config.author],
    ['User', run.User],
    ['WorkingDir', run.WorkingDir],
    ['Entrypoint', words(run.Entrypoint)],
    ['Cmd', words(run.Cmd)],
    ...(run.Env ?? []).map((entry) => ['Env', entry] as const),
    ...Object.entries(run.Labels ?? {}).map(([key, value]) => ['Label', `${key}=${value}`] as const),
    ...Object.keys(run.ExposedPorts ?? {}).map((port) => ['Port', port] as const),
    ...Object.keys(run.Volumes ?? {}).map((path) => ['Volume', path] as const),
    ...layers.map(
      ({ digest: stored, diffId, size }, index) => ['Layer', `${index + 1} ${stored ?? diffId} ${size} bytes`] as const,
    ),
    ...(config.history ?? []).map(
      (each) =>
        ['History', `${each.created ?? '-'} ${each.created_by ?? ''}${each.empty_layer ? ' (no layer)' : ''}`] as const,
    ),
  ];
  // An image may say anything: nothing of it moves the cursor.
  const shown = rows.flatMap(([name, value]) => (value ? [`${`${name}:`.padEnd(12)}${printable(value)}\n`] : []));
  return shown.join('');
}

const printable = (text: string) =>
  text.replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
