/**
 * `npm run build`: for every tool one executable file dist/bin/ts-NAME.
 *
 *     npm run build -- [--platform linux-x64|linux-arm64|linux-x64-musl|linux-arm64-musl] [--out DIR]
 *
 * A file is koffi's shared library with a segment and a payload added (tools/build/file.ts), so the kernel can execute it,
 * Node can load it, and it needs nothing beside it but Node.
 */
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { bundle } from './build/bundle.ts';
import { type CodeCaches, codeCaches } from './build/cache.ts';
import { behindParts, nodeFlags, singleFile } from './build/file.ts';
import { hostPlatform, koffiLibrary, parsePlatform } from './build/platform.ts';
import { cacheMakerText, loaderText } from './build/start.ts';

const { values } = parseArgs({
  options: {
    platform: { type: 'string' },
    out: { type: 'string', default: 'dist/bin' },
    quiet: { type: 'boolean' },
    // For the benchmark of start-up alone: files that tell a clock when a part of it is over.
    phases: { type: 'boolean', default: false },
  },
});

const platform = values.platform === undefined ? hostPlatform() : parsePlatform(values.platform);
const tools = readdirSync('packages')
  .filter((name) => name.startsWith('ts-'))
  .sort();
const isHost = platform.name === hostPlatform().name;
const libraryPath = resolve(koffiLibrary(platform));
const library = readFileSync(libraryPath);
const hash = (text: string) => createHash('sha256').update(text).update(library).digest('hex').slice(0, 32);
const { id, alone, behind, whole } = await bundle(tools, hash, values.phases);
type Tail<List extends readonly unknown[]> = List extends readonly [unknown, ...infer Rest] ? Rest : never;

/** Node's code caches are for the machine that makes them. */
const NONE: CodeCaches = { bytes: new Map(), key: '' };
const [maker, loader] = await Promise.all([cacheMakerText(), loaderText(values.phases)]);
const cachesOf = (...scripts: Tail<Parameters<typeof codeCaches>>) => (isHost ? codeCaches(maker, ...scripts) : NONE);
const [first] = alone;
if (!first) throw new Error('no tools in packages/ts-*');
const othersFor = (flags: readonly string[]) => behindParts(behind, cachesOf(first, libraryPath, flags, behind).bytes);
const others = { usual: othersFor(nodeFlags(false)), takingArchives: othersFor(nodeFlags(true)) };

const dependsOn = (tool: string, library: string) => {
  const { dependencies = {} } = JSON.parse(readFileSync(join('packages', tool, 'package.json'), 'utf8')) as {
    dependencies?: Record<string, string>;
  };
  return library in dependencies;
};

mkdirSync(values.out, { recursive: true });
for (const [name, code] of alone) {
  const takesArchives = dependsOn(name, '@ts/layers') || dependsOn(name, '@ts/images');
  const { bytes, key } = cachesOf([name, code], libraryPath, nodeFlags(takesArchives));
  const parts = {
    name,
    id,
    arch: platform.arch,
    library,
    script: Buffer.from(code, 'latin1'),
    cache: bytes.get(name) ?? Buffer.alloc(0),
    wholeScript: Buffer.from(whole, 'latin1'),
    ...(takesArchives ? others.takingArchives : others.usual),
    key,
    takesArchives,
    node: isHost ? process.execPath : '',
    nodeSize: isHost ? statSync(process.execPath).size : 0,
  };
  const file = singleFile(parts, loader);
  const path = join(values.out, name);
  // Renamed into place: a file that is being executed cannot be written to, and nobody sees half of one.
  writeFileSync(`${path}.${process.pid}`, file);
  chmodSync(`${path}.${process.pid}`, 0o755);
  renameSync(`${path}.${process.pid}`, path);
}
if (!values.quiet)
  process.stdout.write(
    `${tools.length} tools of build ${id.slice(0, 8)} for ${platform.name} in ${values.out}: ${tools.map((name) => basename(name)).join(' ')}\n`,
  );
