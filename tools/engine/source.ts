/**
 * The engine's source: QuickJS as Debian has it, the file of its author, known by its sum. It is kept in the cache; nothing of it is in
 * this repository.
 *
 * To take in a newer release: set VERSION, SUITE and SUM (Checksums-Sha256 in the package's .dsc), build, and look at each rule of the
 * change that does not match any more.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { debianMirror, downloadFromDebian } from '../debian.ts';
import { cacheFolder } from '../workspace.ts';

const SUITE = 'trixie';
const VERSION = '2025.04.26';
const ARCHIVE = `quickjs_${VERSION}.orig.tar.xz`;
const SUM = 'ec81da5b3249ed648dbc7df4a1654988910e66a118d9b71cb63534216efcfbbe';

/** Programs that a build needs, and the packages of Debian that have them. */
const NEEDED = {
  'apt-get': 'apt',
  tar: 'tar',
  xz: 'xz-utils',
  gcc: 'gcc',
  'musl-gcc': 'musl-tools',
} as const;

/** The engine cannot be built here; the message says what to do. */
export class EngineSourceError extends Error {}

const isThere = (program: string) => spawnSync(program, ['--version'], { stdio: 'ignore' }).error === undefined;

/** What is missing for a build, a line each that says how to get it; none where all is there. */
export function missingForEngine(has: (program: string) => boolean = isThere): string[] {
  return Object.entries(NEEDED)
    .filter(([program]) => !has(program))
    .map(([program, name]) => `${program} is missing: apt-get install ${name}`);
}

/** @throws EngineSourceError where the archive is not the one that is known. */
export function checkSum(archive: Uint8Array, expected: string = SUM): void {
  const sum = createHash('sha256').update(archive).digest('hex');
  if (sum !== expected) throw new EngineSourceError(`${ARCHIVE} is not the file that is known: its SHA-256 is ${sum}`);
}

/** Where the source is when it has been unpacked. */
export const unpackedIn = (cache: string = join(cacheFolder, 'engine')): string =>
  join(cache, `quickjs-${VERSION}-${SUM.slice(0, 12)}`);

/**
 * The source, downloaded where it is not in the cache yet.
 *
 * @returns Folder with quickjs.c, as its author wrote it.
 * @throws EngineSourceError where it cannot be had, or is not what it should be.
 */
export function engineSource(cache: string = join(cacheFolder, 'engine')): string {
  const unpacked = unpackedIn(cache);
  if (existsSync(unpacked)) return unpacked;
  const archive = readFileSync(archiveIn(cache));
  checkSum(archive);
  // Unpacked from the bytes that were checked, and named when it is whole.
  const folder = mkdtempSync(`${unpacked}.`);
  try {
    execFileSync('tar', ['-xJ', '--strip-components=1', '--no-same-owner', '-C', folder], {
      input: archive,
      stdio: ['pipe', 'ignore', 'inherit'],
    });
    if (!existsSync(join(folder, 'quickjs.c'))) throw new EngineSourceError(`${ARCHIVE} has no quickjs.c`);
    renameSync(folder, unpacked);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return unpacked;
}

/** Path of the archive in the cache. */
function archiveIn(cache: string): string {
  const folder = join(cache, `source-${VERSION}`);
  const path = join(folder, ARCHIVE);
  if (existsSync(path)) return path;
  const mirror = debianMirror();
  if (!mirror)
    throw new EngineSourceError('no Debian mirror in the lists of packages: NEWEST_MIRROR=http://… names one');
  mkdirSync(cache, { recursive: true });
  rmSync(folder, { recursive: true, force: true });
  try {
    downloadFromDebian('deb-src', mirror, SUITE, ['source', '--download-only', `quickjs=${VERSION}-1`], folder);
  } catch {
    // apt-get has written on standard error what it is about.
    throw new EngineSourceError(`the source of quickjs ${VERSION} cannot be downloaded from ${mirror}`);
  }
  return path;
}
