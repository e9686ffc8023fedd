/**
 * Compiles scripts as the loader does, rehearses a run of each tool up to where it would act, and takes their code caches then.
 *
 * `process.argv` is: node, state, folder of the scripts, path of koffi's library, the first script, those to be loaded behind it …
 */
import { builtin, cacheKey, SCRIPT_NAME } from './key.ts';
import type { Script } from './parts.ts';

/** Runs the tools of these scripts, or the script's own one. */
type Rehearse = (state: string, library: string, behind?: Readonly<Record<string, Script<unknown>>>) => void;

const { readFileSync, writeFileSync } = builtin('fs');
const { Script: Compiled } = builtin('vm');

const [, state, folder, library, first, ...behind] = process.argv as [string, string, string, string, string];

const scripts = new Map(
  [first, ...behind].map((name) => [
    name,
    new Compiled(readFileSync(`${folder}/${name}`, 'latin1'), { filename: SCRIPT_NAME }),
  ]),
);
const scriptOf = (name: string) => scripts.get(name) as InstanceType<typeof Compiled>;
const { rehearse } = (scriptOf(first).runInThisContext() as Script<{ rehearse: Rehearse }>)(builtin, {});
const loaded = behind.map((name) => [name, scriptOf(name).runInThisContext()]);
rehearse(state, library, behind.length ? Object.fromEntries(loaded) : undefined);
for (const name of behind.length ? behind : [first])
  writeFileSync(`${folder}/${name}.cache`, scriptOf(name).createCachedData());
process.stdout.write(cacheKey());
