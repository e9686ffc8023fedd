/** V8's code cache of a script, with the functions that a run of its tool compiles: ./start/cache-maker.ts takes it. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface CodeCaches {
  readonly bytes: ReadonlyMap<string, Buffer>;
  /** What the caches are valid for. */
  readonly key: string;
}

/** What a launcher would have noted: all as it is. */
const STATE = '0:0-2:0:0::';

/**
 * The cache of the one script; or, where there are scripts to be loaded behind it, those of these.
 *
 * They are valid for this build of Node and these flags; any other only starts slower.
 *
 * @param maker The text of ./start/cache-maker.ts.
 * @param flags Those that Node is started with: those of V8 are part of what a cache is valid for.
 * @param library Path of koffi's library.
 */
export function codeCaches(
  maker: string,
  [name, code]: readonly [string, string],
  library: string,
  flags: readonly string[],
  behind: ReadonlyMap<string, string> = new Map(),
): CodeCaches {
  const work = mkdtempSync(join(tmpdir(), 'ts-cache-'));
  try {
    // A tool's script may be loaded behind its own, too.
    const first = `first-${name}`;
    for (const [each, text] of [[first, code] as const, ...behind]) writeFileSync(join(work, each), text, 'latin1');
    const argv = [...flags, '-e', maker, STATE, work, library, first, ...behind.keys()];
    const key = execFileSync(process.execPath, argv, { encoding: 'utf8' });
    const made = (file: string) => readFileSync(join(work, `${file}.cache`));
    const bytes = behind.size
      ? new Map([...behind.keys()].map((each) => [each, made(each)] as const))
      : new Map([[name, made(first)]]);
    return { bytes, key };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
