/** Bytes on their way: counted, limited, hashed. */
import type { Hash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { LayerError } from './errors.ts';
import type { Content } from './tar.ts';

/** Passes bytes on and tells how many. */
export async function* counted(source: Content, count: (bytes: number) => void): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    count(chunk.length);
    yield chunk;
  }
}

/** Passes bytes on and adds them to a digest. */
export async function* hashed(source: Content, hash: Hash): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    hash.update(chunk);
    yield chunk;
  }
}

async function* iterated(source: Content): AsyncGenerator<Uint8Array> {
  yield* source;
}

/** Bytes, or pieces, that may be worked on before signals are heard. */
const TURN = { bytes: 4 * 1024 * 1024, pieces: 256 };

/**
 * Passes bytes on until they are asked to stop: at once then, though the source may be waiting for somebody who never writes, or
 * never wait at all.
 */
export async function* abortable(source: Content, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
  const chunks = iterated(source);
  let stop: (reason: unknown) => void = () => undefined;
  const listen = () => stop(signal?.reason);
  signal?.addEventListener('abort', listen);
  let bytes = 0;
  try {
    for (let pieces = 0; ; pieces++) {
      if (bytes >= TURN.bytes || pieces >= TURN.pieces) {
        await setImmediate();
        bytes = pieces = 0;
      }
      signal?.throwIfAborted();
      const next = await new Promise<IteratorResult<Uint8Array>>((resolve, reject) => {
        stop = reject;
        chunks.next().then(resolve, reject);
      });
      if (next.done) return;
      bytes += next.value.length;
      yield next.value;
    }
  } finally {
    signal?.removeEventListener('abort', listen);
    const returned = chunks.return(undefined);
    if (signal?.aborted) returned.catch(() => undefined);
    else await returned;
  }
}

/** Passes on as many bytes as allowed; throws LayerError at the first one more. */
export async function* limited(source: Content, most: number): AsyncGenerator<Uint8Array> {
  let left = most;
  for await (const chunk of source) {
    left -= chunk.length;
    if (left < 0)
      throw new LayerError(`the archive grows beyond ${most} bytes`, '--max-size allows more, where it can be trusted');
    yield chunk;
  }
}
