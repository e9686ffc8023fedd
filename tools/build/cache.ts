/** V8's code cache of a script, with the functions that runs of some of its tools compile. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CACHE_KEY, SCRIPT_NAME } from './loader.ts';

/**
 * Compiles the scripts as the loader does, rehearses a run of each tool up to where it would act, and takes the caches then.
 * They are valid for this build of Node and these flags; any other only starts slower.
 */
const MAKER = `
const fs = require('fs'), vm = require('vm');
const [, state, folder, library, first, ...behind] = process.argv;
const compile = (name) => new vm.Script(fs.readFileSync(folder + '/' + name, 'latin1'), { filename: '${SCRIPT_NAME}' });
const compiled = Object.fromEntries([first, ...behind].map((name) => [name, compile(name)]));
const run = compiled[first].runInThisContext()(require, {});
const loaded = behind.map((name) => [name, compiled[name].runInThisContext()]);
if (run.rehearse) run.rehearse(state, library, behind.length ? Object.fromEntries(loaded) : undefined);
for (const name of behind.length ? behind : [first]) fs.writeFileSync(folder + '/' + name + '.cache', compiled[name].createCachedData());
process.stdout.write(${CACHE_KEY});
`;

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
 * @param flags Those that Node is started with: those of V8 are part of what a cache is valid for.
 * @param library Path of koffi's library.
 */
export function codeCaches(
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
    const argv = [...flags, '-e', MAKER, STATE, work, library, first, ...behind.keys()];
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
