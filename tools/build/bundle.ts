/** All tools as one script of ASCII characters; each tool's code runs only when it is asked for. */
import { build } from 'esbuild';
import { readFileSync } from 'node:fs';

const ID = '@BUILD@'.padEnd(32, '@');

/** The build's entry, generated: a new tool is a new folder, nothing to register. */
const entry = (tools: readonly string[], version: string) => `
import { main, rehearse } from '@ts/cli';
import { inheritedFromLauncher, useLibrary } from '@ts/sys';
const tools = { ${tools.map((name) => `'${name}': () => require('${name}').tool`).join(', ')} };
const build = { version: '${version}', id: '${ID}', tools };
export const run = (name, state, library, file) => {
  useLibrary(library);
  main(build, name, inheritedFromLauncher(state), file);
};
run.rehearse = (name, state, library) => {
  useLibrary(library);
  rehearse(build, name, inheritedFromLauncher(state));
};
`;

export async function bundle(tools: readonly string[], hash: (text: string) => string): Promise<{ code: string; id: string }> {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  const { outputFiles } = await build({
    stdin: { contents: entry(tools, version), resolveDir: process.cwd(), sourcefile: 'tools.ts', loader: 'ts' },
    bundle: true,
    write: false,
    platform: 'node',
    format: 'cjs',
    target: 'node20.19',
    charset: 'ascii',
    minify: true,
    keepNames: false,
    define: { 'import.meta.url': '"file:///"' },
    legalComments: 'none',
    logLevel: 'error',
  });
  // A function: nothing of it is global, and it gets what a module would.
  const text = `(function(require,module){${(outputFiles[0] as { text: string }).text}\nreturn module.exports.run})`;
  const id = hash(text);
  return { code: text.replaceAll(ID, id), id };
}
