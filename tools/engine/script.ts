/** The script of the executable: all tools in one, for the engine. */
import { resolve } from 'node:path';
import { build, type Plugin } from 'esbuild';

/** Modules of Node that @ts/engine has. */
const SERVED = ['assert', 'os', 'path', 'timers/promises', 'url', 'util'];

/** Those that nothing serves yet, and what is taken from them: they can be loaded, and say so when they are used. */
const ABSENT: Readonly<Record<string, readonly string[]>> = {
  child_process: ['spawn', 'spawnSync'],
  crypto: ['createHash', 'randomBytes'],
  // Of yargs: it looks for its translations, finds none, and speaks English.
  fs: ['openSync', 'readFileSync', 'readdirSync', 'statSync', 'writeFile'],
  module: ['createRequire'],
  stream: ['pipeline'],
  zlib: ['default'],
};

const bare = (name: string) => name.replace(/^node:/, '');

const absentText = (module: string) =>
  [
    `const absent = (name) => () => { throw Object.assign(new Error('this executable has no ${module}.' + name), { code: 'ENOENT' }); };`,
    ...(ABSENT[module] ?? []).map((name) =>
      name === 'default'
        ? 'export default {};'
        : name === 'createRequire'
          ? `export const ${name} = () => absent('require');`
          : `export const ${name} = absent('${name}');`,
    ),
  ].join('\n');

const modules = (generated: Readonly<Record<string, string>>): Plugin => ({
  name: 'modules',
  setup({ onResolve, onLoad }) {
    const all = [...SERVED, ...Object.keys(ABSENT)].join('|');
    onResolve({ filter: new RegExp(`^(node:)?(${all})$`) }, ({ path, importer, resolveDir }) => {
      const name = bare(path);
      if (name === 'fs' && importer === resolve('packages/namespaces/src/reader.ts'))
        return { path: resolve('tools/engine/start/fs.ts') };
      if (SERVED.includes(name))
        return { path: resolve(`packages/engine/src/${name === 'timers/promises' ? 'timers' : name}.ts`) };
      return { path: name, namespace: 'absent', pluginData: resolveDir };
    });
    onResolve({ filter: /^string-width$/ }, () => ({ path: resolve('tools/engine/start/string-width.ts') }));
    onLoad({ filter: /.*/, namespace: 'absent' }, ({ path }) => ({ contents: absentText(path), loader: 'js' }));
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
 * @param tools Names of the packages. @param names The tool that each name means. @param only The one that the file is. @param hash Of a text, in at least 32 digits.
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
