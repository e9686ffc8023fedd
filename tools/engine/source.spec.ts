import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { cacheFolder } from '../workspace.ts';
import { checkSum, EngineSourceError, engineSource, missingForEngine } from './source.ts';

let cache: string;
beforeEach(() => {
  cache = mkdtempSync(join(tmpdir(), 'source-'));
});
afterEach(() => rmSync(cache, { recursive: true }));

/** Puts an archive where the download would. */
function downloaded(content: Uint8Array): void {
  mkdirSync(join(cache, 'source-2025.04.26'));
  writeFileSync(join(cache, 'source-2025.04.26/quickjs_2025.04.26.orig.tar.xz'), content);
}

test('what is missing is said with the package that has it', () => {
  expect(missingForEngine(() => true)).toEqual([]);
  expect(missingForEngine((program) => !['gcc', 'musl-gcc'].includes(program))).toEqual([
    'gcc is missing: apt-get install gcc',
    'musl-gcc is missing: apt-get install musl-tools',
  ]);
});

test('a sum that is right, and one that is not', () => {
  const abc = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
  expect(() => checkSum(Buffer.from('abc'), abc)).not.toThrow();
  expect(() => checkSum(Buffer.from('abd'), abc)).toThrow(EngineSourceError);
});

test('an archive that is another one is not unpacked, and nothing is left of it', () => {
  downloaded(Buffer.from('another'));
  expect(() => engineSource(cache)).toThrow(/^quickjs_\S+ is not the file that is known: its SHA-256 is [0-9a-f]{64}$/);
  expect(readdirSync(cache)).toEqual(['source-2025.04.26']);
});

const archive = join(cacheFolder, 'engine/source-2025.04.26/quickjs_2025.04.26.orig.tar.xz');
const known = (() => {
  try {
    return readFileSync(archive);
  } catch {
    return undefined; // nobody has built the engine here
  }
})();

test.runIf(known)('the archive is unpacked once', () => {
  downloaded(known as Buffer);
  const folder = engineSource(cache);
  expect(readdirSync(folder)).toEqual(expect.arrayContaining(['quickjs.c', 'quickjs.h', 'libregexp.c', 'LICENSE']));
  writeFileSync(join(folder, 'mark'), '');
  expect(engineSource(cache)).toBe(folder);
  expect(readdirSync(folder)).toContain('mark');
  expect(readdirSync(cache).sort()).toEqual([folder.slice(cache.length + 1), 'source-2025.04.26'].sort());
});
