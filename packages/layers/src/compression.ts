/**
 * gzip and zstd: by Node where it has them, zstd on older Nodes (before 22.15) by a reader in JavaScript.
 *
 * xz and bzip2, which few layers have, are read by the programs of these names, as tar(1) does it: they are on most hosts, they are
 * fast, and no code has to be trusted and kept up to date for what is so rare.
 */
import { pipeline, type Transform } from 'node:stream';
import zlib from 'node:zlib';
import { Decompress } from 'fzstd';
import { LayerError } from './errors.ts';
import type { Content } from './tar.ts';

export type Compression = 'none' | 'gzip' | 'zstd';

type Detected = Compression | 'xz' | 'bzip2';

const PACKAGES = { xz: 'xz-utils', bzip2: 'bzip2' } as const;

const MAGICS: readonly (readonly [name: Detected, bytes: readonly number[]])[] = [
  ['gzip', [0x1f, 0x8b]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
  // A frame to be skipped, with which pzstd(1) begins.
  ['zstd', [0x50, 0x2a, 0x4d, 0x18]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a]],
  ['bzip2', [0x42, 0x5a, 0x68]],
];

/** What data is compressed with, by its first bytes. */
export const detectCompression = (start: Uint8Array): Detected =>
  MAGICS.find(([, bytes]) => bytes.every((byte, index) => start[index] === byte))?.[0] ?? 'none';

/** Programs that read what Node cannot, with arguments. A damaged archive may ask xz(1) for any amount of memory. */
const PROGRAMS = {
  xz: ['-dc', '--memlimit-decompress=512MiB'],
  bzip2: ['-dc'],
} as const;

/** Errors of writing to a program that has ended: what it says is of more use. */
const ENDED = ['EPIPE', 'ERR_STREAM_PREMATURE_CLOSE', 'ECONNRESET'];

/** Data as a program of the host makes it of what is given to it. */
async function* byProgram(name: keyof typeof PROGRAMS, source: Content): AsyncGenerator<Uint8Array> {
  const { spawn } = process.getBuiltinModule('node:child_process');
  // Nothing but the search path: options of these programs can stand in the environment, too.
  const child = spawn(name, PROGRAMS[name], { env: { PATH: process.env.PATH, LC_ALL: 'C' }, stdio: 'pipe' });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    if (said.length < 1000) said += text;
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  ended.catch(() => undefined); // awaited below
  let failure: Error | undefined;
  pipeline(source, child.stdin, (error) => {
    if (error && !ENDED.includes((error as NodeJS.ErrnoException).code ?? '')) failure = error;
  });
  try {
    yield* child.stdout as AsyncIterable<Uint8Array>;
    const status = await ended;
    if (failure) throw failure;
    if (status !== 0) throw new LayerError(`the ${name} data is damaged: ${said.split('\n')[0]}`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new LayerError(
      `compressed with ${name}, and there is no program ${name} here`,
      `install it: ${PACKAGES[name]}`,
    );
  } finally {
    child.kill();
  }
}

/** Bytes that a compressor hands over at once. */
const CHUNK = 128 * 1024;

/** Not in the types of the oldest Node that is supported. */
interface Zstd {
  createZstdCompress?(options: { chunkSize: number; params?: Record<number, number> }): Transform;
  createZstdDecompress?(options: { chunkSize: number }): Transform;
}
const { createZstdCompress, createZstdDecompress } = zlib as unknown as Zstd;

async function* through(source: Content, transform: Transform): AsyncGenerator<Uint8Array> {
  // An error of the source destroys the transform, and is what reading from that throws.
  pipeline(source, transform, () => undefined);
  yield* transform as AsyncIterable<Uint8Array>;
}

async function* unzstd(source: Content): AsyncGenerator<Uint8Array> {
  const chunks: Uint8Array[] = [];
  // Its buffer is written to again: what is handed on is a copy.
  const reader = new Decompress((chunk) => chunks.push(Uint8Array.from(chunk)));
  for await (const chunk of source) {
    reader.push(chunk);
    yield* chunks.splice(0);
  }
  reader.push(new Uint8Array(0), true);
  yield* chunks.splice(0);
}

async function* explained(name: Compression, source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* source;
  } catch (error) {
    const { code } = error as { code?: unknown };
    const isOfCompression = typeof code === 'number' || /^(Z_|ZSTD_|ERR_ZLIB|ERR_ZSTD)/.test(String(code));
    throw isOfCompression ? new LayerError(`the ${name} data is damaged: ${(error as Error).message}`) : error;
  }
}

/** The first chunk, and all of them. */
async function peek(source: Content): Promise<{ start: Uint8Array; all: AsyncIterable<Uint8Array> }> {
  const chunks = (async function* () {
    yield* source;
  })();
  const held: Uint8Array[] = [];
  for (let size = 0; size < 8; ) {
    const { done, value } = await chunks.next();
    if (done) break;
    held.push(value);
    size += value.length;
  }
  return {
    start: Buffer.concat(held).subarray(0, 8),
    all: (async function* () {
      yield* held.splice(0);
      yield* chunks;
    })(),
  };
}

/** Bytes as they were before they were compressed, if they were. */
export async function* decompressed(source: Content): AsyncGenerator<Uint8Array> {
  const { start, all } = await peek(source);
  const compression = detectCompression(start);
  if (compression === 'gzip') yield* explained('gzip', through(all, zlib.createGunzip({ chunkSize: CHUNK })));
  else if (compression === 'none') yield* all;
  else if (compression === 'xz' || compression === 'bzip2') yield* byProgram(compression, all);
  else if (createZstdDecompress) yield* explained('zstd', through(all, createZstdDecompress({ chunkSize: CHUNK })));
  else yield* explained('zstd', unzstd(all));
}

/** Bytes compressed. The header says neither when nor where: the same bytes give the same bytes. */
export function compressed(
  source: Content,
  compression: Compression,
): AsyncIterable<Uint8Array> | Iterable<Uint8Array> {
  if (compression === 'none') return source;
  if (compression === 'gzip') return through(source, zlib.createGzip({ chunkSize: CHUNK }));
  if (!createZstdCompress)
    throw new LayerError(
      `this Node (${process.version}) cannot compress with zstd`,
      'Node 22.15 and 23.8 can; gzip every one can',
    );
  return through(source, createZstdCompress({ chunkSize: CHUNK }));
}
