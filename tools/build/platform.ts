/** Where a single file runs: architecture and C library, and koffi's shared library for it. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

export interface Platform {
  readonly name: string;
  readonly arch: 'x64' | 'arm64';
  readonly libc: 'linux' | 'musl';
}

export function parsePlatform(name: string): Platform {
  const [, arch, musl] = /^linux-(x64|arm64)(-musl)?$/.exec(name) ?? [];
  if (!arch) throw new Error(`unknown platform '${name}': linux-x64, linux-arm64, linux-x64-musl or linux-arm64-musl`);
  return { name, arch: arch as Platform['arch'], libc: musl ? 'musl' : 'linux' };
}

export function hostPlatform(): Platform {
  const report = process.report.getReport() as unknown as { header: { glibcVersionRuntime?: string } };
  return parsePlatform(`linux-${process.arch}${report.header.glibcVersionRuntime === undefined ? '-musl' : ''}`);
}

/** Path of the library; a package for another architecture is fetched from the npm registry once. */
export function koffiLibrary({ arch, libc }: Platform): string {
  const name = `@koromix/koffi-linux-${arch}`;
  const file = `${libc}_${arch}/koffi.node`;
  try {
    return createRequire(import.meta.url).resolve(`${name}/${file}`);
  } catch {
    return join(fetched(name), file);
  }
}

function fetched(name: string): string {
  const manifest = createRequire(import.meta.url)
    .resolve('koffi')
    .replace(/koffi\/(?!.*koffi\/).*$/, 'koffi/package.json');
  const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string };
  const folder = join('node_modules/.cache/koffi', `${name.replace('/', '-')}-${version}`);
  if (existsSync(folder)) return join(folder, 'package');
  const work = `${folder}.${process.pid}`;
  mkdirSync(work, { recursive: true });
  try {
    const archive = execFileSync('npm', ['pack', '--silent', '--pack-destination', work, `${name}@${version}`], {
      encoding: 'utf8',
    }).trim();
    execFileSync('tar', ['-xzf', join(work, archive), '-C', work]);
    mkdirSync(dirname(folder), { recursive: true });
    renameSync(work, folder);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return join(folder, 'package');
}
