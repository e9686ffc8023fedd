/**
 * The scripts of a build: two a tool, with that tool alone and to be loaded behind another one's, and one with all tools and what
 * readers ask for. ASCII, minified.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { build, type Plugin } from 'esbuild';
import { CALLS } from '../../packages/sys/src/calls.ts';
import { type Shared, sharedModules, sharedTable, takeShared } from './shared.ts';

/** Stands for the build's id until all scripts are known, from which it is made. */
const ID = '@BUILD@'.padEnd(32, '@');

const START = `
import { main, rehearse } from '@ts/cli';
import { inheritedFromLauncher, useLibrary } from '@ts/sys';
`;

/** The entry of a tool's script, generated: a new tool is a new folder, nothing to register. `behind(name)` gives the script of another tool. */
const entry = (tool: string, version: string, shared: Shared) => `
${START}
${sharedTable(shared)}
import { tool } from '${tool}';
const build = { version: '${version}', id: '${ID}', tools: { '${tool}': () => tool } };
export const run = (name, state, library, file, whole, behind) => {
  useLibrary(library);
  const loaded = {};
  const load = (other) => (loaded[other] ??= behind(other)?.(requireShared, {}));
  main({ ...build, whole, load }, name, inheritedFromLauncher(state), file);
};
run.rehearse = (state, library, behind) => {
  useLibrary(library);
  const tools = behind ? Object.fromEntries(Object.entries(behind).map(([name, script]) => [name, () => script(requireShared, {})])) : build.tools;
  for (const name of Object.keys(tools)) rehearse({ ...build, tools }, name, inheritedFromLauncher(state));
};
`;

/** What a script with all tools exports. */
const wholeEntry = (tools: readonly string[], version: string) => `
${START}
const tools = { ${tools.map((name) => `'${name}': () => require('${name}').tool`).join(', ')} };
const build = { version: '${version}', id: '${ID}', tools, help: () => require('@ts/cli/help') };
export const run = (name, state, library, file) => {
  useLibrary(library);
  main(build, name, inheritedFromLauncher(state), file);
};
`;

/** yargs' parser could read configuration files, with node:module, whose loading takes longer than the parser itself. */
const slimParser: Plugin = {
  name: 'slim-parser',
  setup({ onResolve }) {
    const instead = { 'node:module': resolve('tools/build/no-module.ts'), util: resolve('tools/build/late-util.ts') };
    onResolve({ filter: /^(node:module|util)$/ }, ({ path, importer }) =>
      importer.includes('/yargs-parser/') ? { path: instead[path as keyof typeof instead] } : undefined,
    );
  },
};

/** The entry of the stand-alone executable. Bun's arguments are its own path, the script's, and the address that the prelude hands over. */
const standaloneEntry = (tools: readonly string[], names: Readonly<Record<string, string>>, version: string) => `
import { multicall } from '@ts/cli';
import { live, readLink, unlessRefused, useNative } from '@ts/sys';
import { handedOver } from '@ts/sys/bun';
const tools = { ${tools.map((name) => `'${name}': () => require('${name}').tool`).join(', ')} };
const build = { version: '${version}', id: '${ID}', tools, help: () => require('@ts/cli/help'), names: ${JSON.stringify(names)} };
const { inherited, executed, native, directory } = handedOver(Bun.FFI, process.argv[2]);
useNative(native);
if (directory !== undefined) {
  live().fchdir(directory);
  live().close(directory);
}
const file = unlessRefused(() => readLink('/proc/self/fd/' + inherited.file));
multicall(build, inherited, executed, file);
`;

/** Another text in the place of a file of ours. */
const instead = (file: string, contents: string): Plugin => ({
  name: 'instead',
  setup({ onLoad }) {
    onLoad({ filter: /\.ts$/ }, ({ path }) => (path === resolve(file) ? { contents, loader: 'ts' } : undefined));
  },
});

/**
 * A trace names constants out of all tables. Who asks for one (--trace, --dry-run) gets the script of all tools (packages/cli/src/run.ts),
 * so that a tool's own script does without them.
 */
const noTraces = () => instead('packages/sys/src/trace.ts', readFileSync('tools/build/no-trace.ts', 'utf8'));

/** The numbers of the system calls, without what their operands are, which only a trace says: two in one word, since V8 makes many small arrays slowly. */
function fewerNumbers(): Plugin {
  const rows = Object.entries(CALLS).map(([name, [x64, arm64]]) => `${name}: ${x64 | (arm64 << 16)}`);
  return instead(
    'packages/sys/src/calls.ts',
    `const numbers: Record<string, number> = { ${rows.join(', ')} };
export const CALLS = {};
export const callNumber = (name: string, arch: string) =>
  numbers[name] === undefined ? undefined : arch === 'arm64' ? numbers[name] >> 16 : numbers[name] & 0xffff;`,
  );
}

/** What the scripts of a single tool do without. */
const slim = () => [noTraces(), fewerNumbers()];

/** Bun's node:path loses bytes of a name that are no UTF-8; this one is Node's own, in JavaScript. */
const carefulPaths: Plugin = {
  name: 'careful-paths',
  setup({ onResolve }) {
    const path = createRequire(import.meta.url).resolve('path-browserify');
    onResolve({ filter: /^(node:)?path$/ }, () => ({ path }));
  },
};

/** node:fs is loaded when it is needed, see there. */
const FILES = 'packages/sys/src/bun-fs.ts';
const lateFiles: Plugin = {
  name: 'late-files',
  setup({ onResolve }) {
    onResolve({ filter: /^node:fs$/ }, ({ importer }) =>
      importer.startsWith(resolve('packages')) && importer !== resolve(FILES) ? { path: resolve(FILES) } : undefined,
    );
  },
};

const WRAPPERS = 'packages/sys/src/man2/index.ts';

/** All wrappers as one object: what esbuild makes of `import *` has a getter of its own for each name, which every start would define. */
async function plainWrappers(): Promise<Plugin> {
  const { metafile } = await build({
    entryPoints: [WRAPPERS],
    bundle: true,
    format: 'esm',
    platform: 'node',
    write: false,
    metafile: true,
  });
  const names = Object.values(metafile.outputs)
    .flatMap((output) => output.exports)
    .join(', ');
  const file = 'packages/sys/src/sys.ts';
  const whole = "import * as man2 from './man2/index.ts';";
  const text = readFileSync(file, 'utf8');
  if (!text.includes(whole)) throw new Error(`${file} imports its wrappers otherwise`);
  return instead(file, text.replace(whole, `import { ${names} } from './man2/index.ts';\nconst man2 = { ${names} };`));
}

const wrappers = plainWrappers();

/** What the product leaves out: a global function `phase`, where there is one, is told. */
const withPhases = () =>
  instead('packages/sys/src/phase.ts', 'export const phase = (name: string) => (globalThis as any).phase?.(name);');

async function bundled(contents: string, plugins: Plugin[] = []): Promise<string> {
  const { outputFiles } = await build({
    stdin: {
      contents,
      resolveDir: process.cwd(),
      sourcefile: 'tools.ts',
      loader: 'ts',
    },
    bundle: true,
    write: false,
    platform: 'node',
    format: 'cjs',
    target: 'node20.19',
    charset: 'ascii',
    minify: true,
    plugins: [slimParser, await wrappers, ...plugins],
    define: { 'import.meta.url': '"file:///"' },
    legalComments: 'none',
    logLevel: 'error',
  });
  return (outputFiles[0] as { text: string }).text;
}

// A function: nothing of it is global, and it gets what a module would.
const asFunction = (code: string, result: string) =>
  `(function(require,module){${code}\nreturn module.exports.${result}})`;

const ownVersion = () => (JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }).version;

export interface Scripts {
  readonly id: string;
  /** A tool, with all that it needs. */
  readonly alone: ReadonlyMap<string, string>;
  /** A tool, to be loaded behind another one's script. */
  readonly behind: ReadonlyMap<string, string>;
  /** All tools, and what readers ask for. */
  readonly whole: string;
}

/** @param phases Whether the scripts tell `phase` (packages/sys/src/phase.ts). */
export async function bundle(
  tools: readonly string[],
  hash: (text: string) => string,
  phases = false,
): Promise<Scripts> {
  const version = ownVersion();
  const shared = await sharedModules(
    `${START}\nexport const used = [main, rehearse, inheritedFromLauncher, useLibrary];`,
  );
  const clock = phases ? [withPhases()] : [];
  const each = async (text: (name: string) => Promise<string>) =>
    new Map(await Promise.all(tools.map(async (name) => [name, await text(name)] as const)));
  const [whole, alone, behind] = await Promise.all([
    bundled(wholeEntry(tools, version), clock).then((code) => asFunction(code, 'run')),
    each(async (name) => asFunction(await bundled(entry(name, version, shared), [...slim(), ...clock]), 'run')),
    each(async (name) =>
      asFunction(await bundled(`export { tool } from '${name}';`, [takeShared(shared), ...slim()]), 'tool'),
    ),
  ]);
  const id = hash([whole, ...alone.values(), ...behind.values()].join('\0'));
  const withId = (text: string) => text.replaceAll(ID, id);
  return {
    id,
    whole: withId(whole),
    alone: new Map([...alone].map(([name, text]) => [name, withId(text)])),
    behind,
  };
}

/** The one script of the stand-alone executable. `names`: the tool that each name means. */
export async function standaloneScript(
  tools: readonly string[],
  names: Readonly<Record<string, string>>,
  hash: (text: string) => string,
): Promise<{ script: string; id: string }> {
  const text = await bundled(standaloneEntry(tools, names, ownVersion()), [carefulPaths, lateFiles]);
  const id = hash(text);
  return { script: text.replaceAll(ID, id), id };
}
