/** The Tool objects of tool packages, for scripts that read option tables. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import type { Tool } from '../../packages/cli/src/tool.ts';

export async function loadTools(names: readonly string[]): Promise<Tool[]> {
  const { outputFiles } = await build({
    stdin: {
      contents: `export const tools = [${names.map((name) => `require('${name}').tool`).join(', ')}];`,
      resolveDir: process.cwd(),
      loader: 'ts',
    },
    bundle: true,
    write: false,
    platform: 'node',
    format: 'cjs',
    target: 'node20.19',
    define: { 'import.meta.url': '"file:///"' },
    logLevel: 'error',
  });
  const folder = resolve('node_modules/.cache/tools');
  mkdirSync(folder, { recursive: true });
  const file = `${folder}/tools-${process.pid}.cjs`;
  writeFileSync(file, (outputFiles[0] as { text: string }).text);
  const module = (await import(pathToFileURL(file).href)) as { default: { tools: Tool[] } };
  return module.default.tools;
}
