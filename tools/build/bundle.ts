/**
 * The scripts of a build: two a tool, with that tool alone and to be loaded behind another one's, and one with all tools and what
 * readers ask for. ASCII, minified.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { build, type Plugin } from 'esbuild';
import { sharedModules, sharedTable, takeShared } from './shared.ts';

/**
 * What a build takes in the place of other modules, by conditions of packages/sys/package.json. Each has to earn it: minima of 200 runs
 * of `ts-hostname` and of 150 of a chain of two tools on Node 20, in turns, with and without it.
 *
 * | condition | in | instead | gain |
 * |---|---|---|---|
 * | no-traces | the scripts of one tool: who asks for a trace gets the script of all tools | src/trace.ts, which names constants out of all tables | 0.9 ms, 1.9 ms in a chain; 59 KB a file |
 * | phases | `npm run bench -- startup` alone | src/phase.ts, which does nothing | it is what is measured |
 *
 * Not worth their lines, with less than 0.3 ms of a tool, which is what two runs of one build differ by: numbers of system calls without
 * their operands, the wrappers of system calls as one plain object, yargs' parser without node:module. Scripts that are loaded behind another one's take
 * its modules (./shared.ts), because their classes must be the same.
 */
type Condition = 'no-traces' | 'phases';

/** Stands for the build's id until all scripts are known, from which it is made. */
const ID = '@BUILD@'.padEnd(32, '@');

/** Modules that the entries in ./start name `generated:…`, by the rest of that name. */
const generated = (modules: Readonly<Record<string, string>>): Plugin => ({
  name: 'generated',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^generated:/ }, ({ path }) => ({
      path: path.replace(/^generated:/, ''),
      namespace: 'generated',
    }));
    onLoad({ filter: /.*/, namespace: 'generated' }, ({ path }) => ({
      contents: modules[path],
      resolveDir: process.cwd(),
      loader: 'ts',
    }));
  },
});

/** A new tool is a new folder, nothing to register. */
const toolModule = (tool: string) => `export { tool } from '${tool}'; export const name = '${tool}';`;
const toolsModule = (tools: readonly string[]) =>
  `export const tools = { ${tools.map((name) => `'${name}': () => require('${name}').tool`).join(', ')} };`;

/** yargs' parser could read configuration files, with node:module; loading that and node:util takes Bun longer than the parser itself. */
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
const standaloneEntry = (tools: readonly string[], names: Readonly<Record<string, string>>) => `
import { multicall } from '@ts/cli';
import { live, readLink, unlessRefused, useNative } from '@ts/sys';
import { handedOver } from '@ts/sys/bun';
const tools = { ${tools.map((name) => `'${name}': () => require('${name}').tool`).join(', ')} };
const build = { version: VERSION, id: BUILD, tools, help: () => require('@ts/cli/help'), names: ${JSON.stringify(names)} };
const { inherited, executed, native, directory } = handedOver(Bun.FFI, process.argv[2]);
useNative(native);
if (directory !== undefined) {
  live().fchdir(directory);
  live().close(directory);
}
const file = unlessRefused(() => readLink('/proc/self/fd/' + inherited.file));
multicall(build, inherited, executed, file);
`;

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

type Source = { entry: string } | { text: string };

async function bundled(source: Source, conditions: Condition[], plugins: Plugin[] = []): Promise<string> {
  const { outputFiles } = await build({
    ...('entry' in source
      ? { entryPoints: [`tools/build/start/${source.entry}.ts`] }
      : { stdin: { contents: source.text, resolveDir: process.cwd(), sourcefile: 'tools.ts', loader: 'ts' as const } }),
    bundle: true,
    write: false,
    platform: 'node',
    format: 'cjs',
    target: 'node20.19',
    charset: 'ascii',
    minify: true,
    conditions,
    plugins,
    define: {
      'import.meta.url': '"file:///"',
      VERSION: JSON.stringify(ownVersion()),
      BUILD: JSON.stringify(ID),
    },
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
  const shared = await sharedModules('tools/build/start/core.ts');
  const sharedModule = sharedTable(shared);
  const clock: Condition[] = phases ? ['phases'] : [];
  const each = async (text: (name: string) => Promise<string>) =>
    new Map(await Promise.all(tools.map(async (name) => [name, await text(name)] as const)));
  const [whole, alone, behind] = await Promise.all([
    bundled({ entry: 'whole' }, clock, [generated({ tools: toolsModule(tools) })]).then((code) =>
      asFunction(code, 'run'),
    ),
    each(async (name) => {
      const modules = generated({ tool: toolModule(name), shared: sharedModule });
      return asFunction(await bundled({ entry: 'tool' }, ['no-traces', ...clock], [modules]), 'run');
    }),
    each(async (name) =>
      asFunction(
        await bundled({ text: `export { tool } from '${name}';` }, ['no-traces'], [takeShared(shared)]),
        'tool',
      ),
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
  const text = await bundled({ text: standaloneEntry(tools, names) }, [], [slimParser, carefulPaths, lateFiles]);
  const id = hash(text);
  return { script: text.replaceAll(ID, id), id };
}
