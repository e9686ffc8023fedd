/** The engine's source: Debian's source package, fetched once by its hash, and changed by ./freeze.ts. */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { debianMirror } from '../testing/originals.ts';
import { cacheFolder } from '../workspace.ts';
import { freeze } from './freeze.ts';

/** Another release: name, hash, and what the rules of ./freeze.ts find in it. */
export const RELEASE = {
  version: '2025-04-26',
  archive: 'pool/main/q/quickjs/quickjs_2025.04.26.orig.tar.xz',
  sha256: 'ec81da5b3249ed648dbc7df4a1654988910e66a118d9b71cb63534216efcfbbe',
} as const;

const CHANGED = ['quickjs.c', 'quickjs.h'] as const;

/** Programs that the build needs, and the packages of Debian that have them. */
const NEEDED = { 'musl-gcc': 'musl-tools', gcc: 'gcc', tar: 'tar', xz: 'xz-utils' } as const;

/** Packages that are missing. */
export const missingPackages = (): string[] =>
  Object.entries(NEEDED).flatMap(([program, name]) =>
    spawnSync(program, ['--version'], { stdio: 'ignore' }).error ? [name] : [],
  );

const hashOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

async function download(file: string): Promise<void> {
  const mirror = debianMirror();
  if (mirror === undefined) throw new Error('no Debian mirror in the lists of packages (NEWEST_MIRROR names one)');
  const response = await fetch(`${mirror.replace(/\/$/, '')}/${RELEASE.archive}`);
  if (!response.ok) throw new Error(`the engine's source cannot be fetched: ${response.status} of ${response.url}`);
  const bytes = Buffer.from(await response.arrayBuffer());
  if (hashOf(bytes) !== RELEASE.sha256) throw new Error("the engine's source is not what was expected: another hash");
  writeFileSync(`${file}.${process.pid}`, bytes);
  renameSync(`${file}.${process.pid}`, file);
}

/** A directory with the changed source. */
export async function engineSource(): Promise<string> {
  const folder = join(cacheFolder, 'engine');
  const archive = join(folder, `${RELEASE.sha256}.tar.xz`);
  mkdirSync(folder, { recursive: true });
  if (!existsSync(archive) || hashOf(readFileSync(archive)) !== RELEASE.sha256) await download(archive);
  const work = mkdtempSync(join(folder, 'source-'));
  try {
    execFileSync('tar', ['-xf', archive, '--strip-components=1', '-C', work]);
    for (const name of CHANGED)
      writeFileSync(join(work, name), freeze(name, readFileSync(join(work, name), 'utf8')));
    const target = join(folder, 'source');
    rmSync(target, { recursive: true, force: true });
    renameSync(work, target);
    return target;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
