/** The entry of a tool's script. */

import { shared } from 'generated:shared';
import { name as own, tool } from 'generated:tool';
import { main, rehearse, type Tool } from '@ts/cli';
import { inheritedFromLauncher, useLibrary } from '@ts/sys';
import type { Run, Script } from './parts.ts';

const build = { version: VERSION, id: BUILD, tools: { [own]: () => tool } as Readonly<Record<string, () => Tool>> };

/** For a script that is loaded behind this one. */
const requireShared = (name: string): unknown => (name in shared ? shared[name]?.() : require(name));

export const run: Run & {
  /** Plans an example of each tool and stops before anything is done: see ./cache-maker.ts. */
  rehearse(state: string, library: string, behind?: Readonly<Record<string, Script<Tool>>>): void;
} = (name, state, library, file, whole, behind) => {
  useLibrary(library);
  const loaded: Record<string, Tool | undefined> = {};
  const load = (other: string) => {
    loaded[other] ??= (behind?.(other) as Script<Tool> | undefined)?.(requireShared, {});
    return loaded[other];
  };
  main({ ...build, whole, load }, name, inheritedFromLauncher(state), file);
};

run.rehearse = (state, library, behind) => {
  useLibrary(library);
  const tools = behind
    ? Object.fromEntries(Object.entries(behind).map(([name, script]) => [name, () => script(requireShared, {})]))
    : build.tools;
  for (const name of Object.keys(tools)) rehearse({ ...build, tools }, name, inheritedFromLauncher(state));
};
