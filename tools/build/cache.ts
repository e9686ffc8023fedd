/** V8's code cache of a script, with the functions that a run of one tool compiles. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NODE_FLAGS } from './file.ts';
import { CACHE_KEY, SCRIPT_NAME } from './loader.ts';

/**
 * Compiles the script as the loader does, runs the tool up to where it would act (`--dry-run`), and takes the cache then.
 * It is valid for this build of Node and these flags; any other only starts slower.
 */
const MAKER = `
const fs = require('fs'), vm = require('vm');
const [, script, out, name] = process.argv;
const compiled = new vm.Script(fs.readFileSync(script, 'latin1'), { filename: '${SCRIPT_NAME}' });
compiled.runInThisContext()(require, {});
fs.writeFileSync(out, compiled.createCachedData());
process.stdout.write(${CACHE_KEY});
`;

export interface CodeCache {
  readonly bytes: Buffer;
  /** What the cache is valid for. */
  readonly key: string;
}

export function codeCache(code: string, name: string): CodeCache {
  const work = mkdtempSync(join(tmpdir(), 'ts-cache-'));
  try {
    const script = join(work, 'script');
    const out = join(work, 'cache');
    writeFileSync(script, code, 'latin1');
    const key = execFileSync(process.execPath, [...NODE_FLAGS, '-e', MAKER, script, out, name], { encoding: 'utf8' });
    return { bytes: readFileSync(out), key };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
