/** Programs for a bare Node out of ./start, each as one text: the loader and the maker of code caches. */
import { build } from 'esbuild';
import type { Parts } from './start/parts.ts';

async function textOf(name: string, define: Readonly<Record<string, string>>): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [`tools/build/start/${name}.ts`],
    bundle: true,
    write: false,
    platform: 'node',
    format: 'iife',
    target: 'node20.19',
    charset: 'ascii',
    minify: true,
    define,
    legalComments: 'none',
    logLevel: 'error',
  });
  return (outputFiles[0] as { text: string }).text.trim();
}

export type Loader = (parts: Parts) => string;

/** @param phases Whether it tells the clock of the benchmark (tools/bench/startup.ts) where a part of the start-up is over. */
export async function loaderText(phases = false): Promise<Loader> {
  const text = await textOf('loader', { PHASES: String(phases) });
  return (parts) => `const PARTS=${JSON.stringify(parts)};${text}`;
}

export const cacheMakerText = (): Promise<string> => textOf('cache-maker', {});
