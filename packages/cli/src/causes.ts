/**
 * Why a system call failed: each cause with a probe that reads it before it is named.
 *
 * A failure is explained afterwards, in its own process and state; a run that succeeds pays nothing.
 */
import type { World } from './world.ts';

export interface Cause {
  /** First word of the subject that a call was recorded with (`explaining('unshare user mnt')`). */
  readonly of: string;
  /** Error names. */
  readonly errors: readonly string[];
  /** The line that names cause and remedy, or undefined where this is not the cause. `words`: the rest of the subject. */
  probe(words: readonly string[], world: World): string | undefined;
}

/** First cause that a probe confirms. */
export function explain(causes: readonly Cause[], subject: string, error: string, world: World): string | undefined {
  const [of, ...words] = subject.split(' ');
  for (const cause of causes) {
    if (cause.of !== of || !cause.errors.includes(error)) continue;
    const line = cause.probe(words, world);
    if (line) return line;
  }
  return undefined;
}
