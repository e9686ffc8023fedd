/** The script of the executable: all tools in one, for the engine. */
import { resolve } from 'node:path';
import { build, type Plugin } from 'esbuild';

/** Modules of Node that @ts/engine has. */
const SERVED = ['assert', 'os', 'path', 'timers/promises', 'url', 'util'];

/** Those that nothing serves yet, and what is taken from them: they can be loaded, and say so when they are used. */
const ABSENT: Readonly<Record<string, readonly string[]>> = {
  child_process: ['spawn', 'spawnSync'],
  crypto: ['createHash', 'randomBytes'],
  stream: ['pipeline'],
  zlib: ['default'],
};

/** What yargs takes: it looks for its translations, finds none, and speaks English. */
const OF_YARGS: Readonly<Record<string, readonly string[]>> = {
  fs: ['openSync', 'readFileSync', 'readdirSync', 'statSync', 'writeFile'],
  module: ['createRequire'],
};

const bare = (name: string) => name.replace(/^node:/, '');

const exported = (name: string, value: string) =>
  name === 'default' ? `export default ${value};` : `export const ${name} = ${value};`;

const absentText = (module: string): string =>
  [
    "import { Failure } from '@ts/sys';",
    "const absent = () => { throw new Failure('this executable cannot compress, decompress or hash', undefined, 'use the tools that run on Node for that'); };",
    ...(ABSENT[module] ?? []).map((name) => exported(name, name === 'default' ? '{}' : 'absent')),
  ].join('\n');

const yargsText = (module: string): string =>
  [
    "const missing = () => { throw Object.assign(new Error('there are no files for it'), { code: 'ENOENT' }); };",
    ...(OF_YARGS[module] ?? []).map((name) => exported(name, name === 'createRequire' ? '() => missing' : 'missing')),
  ].join('\n');

const modules = (generated: Readonly<Record<string, string>>): Plugin => ({
  name: 'modules',
  setup({ onResolve, onLoad }) {
    const all = [...SERVED, ...Object.keys(ABSENT), ...Object.keys(OF_YARGS)].join('|');
    onResolve({ filter: new RegExp(`^(node:)?(${all})$`) }, ({ path, importer }) => {
      const name = bare(path);
      if (name === 'fs' && importer === resolve('packages/namespaces/src/reader.ts'))
        return { path: resolve('tools/engine/start/fs.ts') };
      if (SERVED.includes(name))
        return { path: resolve(`packages/engine/src/${name === 'timers/promises' ? 'timers' : name}.ts`) };
      return { path: name, namespace: name in ABSENT ? 'absent' : 'yargs' };
    });
    onResolve({ filter: /^string-width$/ }, () => ({ path: resolve('tools/engine/start/string-width.ts') }));
    onLoad({ filter: /.*/, namespace: 'absent' }, ({ path }) => ({
      contents: absentText(path),
      resolveDir: process.cwd(),
      loader: 'js',
    }));
    onLoad({ filter: /.*/, namespace: 'yargs' }, ({ path }) => ({ contents: yargsText(path), loader: 'js' }));
    onResolve({ filter: /^generated:/ }, ({ path }) => ({
      path: bare(path).replace(/^generated:/, ''),
      namespace: 'generated',
    }));
    onLoad({ filter: /.*/, namespace: 'generated' }, ({ path }) => ({
      contents: generated[path],
      resolveDir: process.cwd(),
      loader: 'ts',
    }));
  },
});

/** Stands for the build's id until the script is known, of which it is made. */
const ID = '@BUILD@'.padEnd(32, '@');

/**
 * @param tools Names of the packages.
 * @param names The tool that each name means.
 * @param only The tool that the file is alone.
 * @param hash Of a text, in at least 32 digits.
 */
export async function engineScript(
  tools: readonly string[],
  names: Readonly<Record<string, string>>,
  only: string | undefined,
  version: string,
  hash: (text: string) => string,
): Promise<{ script: string; id: string }> {
  const list = tools.map((name) => `'${name}': () => require('${name}').tool`).join(', ');
  const { outputFiles } = await build({
    entryPoints: ['tools/engine/start/tools.ts'],
    bundle: true,
    write: false,
    platform: 'neutral',
    mainFields: ['module', 'main'],
    conditions: ['node', 'import'],
    format: 'iife',
    target: 'es2022',
    // Said here: of a file that a plugin has found, the bundler may or may not know the project's own.
    tsconfigRaw: { compilerOptions: { strict: true, verbatimModuleSyntax: true } },
    charset: 'ascii',
    minify: true,
    plugins: [
      modules({
        tools: `export const tools = { ${list} }; export const names = ${JSON.stringify(names)}; export const only = ${JSON.stringify(only)};`,
      }),
    ],
    define: { 'import.meta.url': '"file:///"', VERSION: JSON.stringify(version), BUILD: JSON.stringify(ID) },
    legalComments: 'none',
    logLevel: 'error',
  });
  const text = outputFiles[0]?.text ?? '';
  const id = hash(text).slice(0, 32);
  return { script: text.replaceAll(ID, id), id };
}
