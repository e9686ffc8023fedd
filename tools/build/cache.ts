/** V8's code cache of a script, with the functions that runs of some of its tools compile. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NODE_FLAGS } from './file.ts';
import { CACHE_KEY, SCRIPT_NAME } from './loader.ts';

/**
 * Compiles the script as the loader does, rehearses a run of each tool up to where it would act, and takes the cache then.
 * It is valid for this build of Node and these flags; any other only starts slower.
 */
const MAKER = `
const fs = require('fs'), vm = require('vm');
const [, state, script, out, library, ...names] = process.argv;
const compiled = new vm.Script(fs.readFileSync(script, 'latin1'), { filename: '${SCRIPT_NAME}' });
compiled.runInThisContext()(require, {}).rehearse(names, state, library);
fs.writeFileSync(out, compiled.createCachedData());
process.stdout.write(${CACHE_KEY});
`;

export interface CodeCache {
  readonly bytes: Buffer;
  /** What the cache is valid for. */
  readonly key: string;
}

/** No cache: for a platform that this build does not run on. */
export const NO_CACHE: CodeCache = { bytes: Buffer.alloc(0), key: '' };

/** What a launcher would have noted: all as it is. */
const STATE = '0:0-2:0:0::';

export function codeCache(code: string, names: readonly string[], library: string): CodeCache {
  const work = mkdtempSync(join(tmpdir(), 'ts-cache-'));
  try {
    const script = join(work, 'script');
    const out = join(work, 'cache');
    writeFileSync(script, code, 'latin1');
    const key = execFileSync(process.execPath, [...NODE_FLAGS, '-e', MAKER, STATE, script, out, library, ...names], {
      encoding: 'utf8',
    });
    return { bytes: readFileSync(out), key };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
