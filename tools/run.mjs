// Runs one of the TypeScript tools: node tools/run.mjs NAME [args]
//
// The oldest supported Node cannot load TypeScript, so the tool is bundled first. The bundle lies under node_modules,
// where its bare imports resolve as they would from tools/. Only what Node itself brings is imported at the top: this
// file is also what installs the dependencies in a fresh checkout.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(`Node 20.19 or newer is required, and this is ${process.version} (${process.execPath})\n`);
  process.exit(1);
}

const root = dirname(dirname(fileURLToPath(import.meta.url)));

function readLock(path) {
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')).packages : undefined;
}

// npm leaves out of node_modules the optional packages of other platforms, so only their absence is accepted.
function isInstalled(wanted, installed) {
  return Object.entries(wanted)
    .filter(([path]) => path.includes('node_modules/'))
    .every(([path, entry]) => {
      const found = installed[path];
      return found === undefined
        ? Boolean(entry.optional || entry.devOptional || entry.peer)
        : found.version === entry.version && found.resolved === entry.resolved;
    });
}

function installDependencies() {
  const installed = readLock(join(root, 'node_modules/.package-lock.json'));
  if (installed && isInstalled(readLock(join(root, 'package-lock.json')) ?? {}, installed)) return;
  process.stderr.write('node_modules does not match package-lock.json: running npm ci\n');
  const { status, error } = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

// Node cannot load the workspace's own packages, which are TypeScript: they go into the bundle (with what they name by "#"), all others stay outside.
const externalPackages = {
  name: 'external-packages',
  setup({ onResolve }) {
    onResolve({ filter: /^[^./]/ }, ({ path, kind }) =>
      kind === 'entry-point' || path.startsWith('#') || path.startsWith('@ts/') || path.startsWith('ts-')
        ? undefined
        : { path, external: true },
    );
  },
};

async function bundle(name, entry) {
  const { build } = await import('esbuild');
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    plugins: [externalPackages],
    platform: 'node',
    format: 'esm',
    target: 'node20.19',
    sourcemap: 'inline',
    sourcesContent: false,
    outfile: join(root, 'node_modules/.cache/tools', `${name}.mjs`),
    logLevel: 'error',
  });
  const { contents } = outputFiles[0];
  const hash = createHash('sha256').update(contents).digest('hex').slice(0, 16);
  const file = join(root, 'node_modules/.cache/tools', `${name}-${hash}.mjs`);
  mkdirSync(dirname(file), { recursive: true });
  // Renamed into place, so that another run never imports a half-written bundle.
  writeFileSync(`${file}.${process.pid}`, contents);
  renameSync(`${file}.${process.pid}`, file);
  return file;
}

const [name, ...args] = process.argv.slice(2);
const entry = join(root, 'tools', `${name}.ts`);
if (name === undefined || !existsSync(entry)) {
  process.stderr.write('usage: node tools/run.mjs NAME [args], where tools/NAME.ts is there\n');
  process.exit(2);
}
installDependencies();
process.setSourceMapsEnabled(true);
process.argv = [process.argv[0], entry, ...args];
await import(pathToFileURL(await bundle(name, entry)).href);
