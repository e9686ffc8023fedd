/** The same command line to an original and to ours, called by the same name: what a caller sees must be the same. */

import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { expect } from 'vitest';
import { compatPath, newest, type Result, type RunOptions, run } from './run.ts';

export interface Parity extends RunOptions {
  /** Words in which the two may differ for a reason: replaced before comparing. */
  readonly normalise?: (text: string) => string;
}

const withPath = (options: RunOptions, path: string): RunOptions => ({
  ...options,
  env: { ...options.env, PATH: path },
});
const INSTALLED = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** `newest`: those that the set-up has unpacked, or else what is installed. */
export type Version = 'newest' | 'installed';

/** PATH of the originals. */
export const originals = (version: Version = 'newest'): string =>
  version === 'newest' && existsSync(newest) ? newest + delimiter + INSTALLED : INSTALLED;

/** Path of an original: the newest, or else the one that is installed. */
export const newestOf = (name: string): string | undefined =>
  originals()
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find((path) => existsSync(path));

/** Results of the original and of ours. */
export function both(argv: readonly string[], options: Parity = {}): { original: Result; ours: Result } {
  const { normalise = (text: string) => text } = options;
  const clean = (result: Result): Result => ({
    ...result,
    stdout: normalise(result.stdout),
    stderr: normalise(result.stderr),
  });
  return {
    original: clean(run(argv, withPath(options, originals()))),
    ours: clean(run(argv, withPath(options, compatPath))),
  };
}

/** Ours does and says what the original does and says. Lines that only ours adds (remedies) may follow its messages. */
export function expectSame(argv: readonly string[], options: Parity = {}): void {
  const { original, ours } = both(argv, options);
  const extra = ours.stderr.startsWith(original.stderr) && original.status !== 0 ? original.stderr : ours.stderr;
  expect({ ...ours, stderr: extra }, argv.join(' ')).toEqual(original);
}

/** Ours says what the original says, and may name the file and the value in between. */
export function saysTheSame(original: string, ours: string): boolean {
  const end = original.lastIndexOf(': ');
  const [head, tail] = [original.slice(0, end + 1), original.slice(end + 1)];
  return (
    ours === original ||
    (original !== '' && ours.startsWith(`${original}:`)) ||
    (original !== '' && ours.endsWith(`: ${original}`)) ||
    (end > 0 && ours.startsWith(head) && ours.endsWith(tail))
  );
}
