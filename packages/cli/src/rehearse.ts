/** What the build does before it takes V8's code cache: runs of the tools, up to the call that would act. */
import { Failure, type Inherited, stopBefore } from '@ts/sys';
import type { Build } from './build.ts';
import { tableOf } from './call.ts';
import { parse } from './parse.ts';
import { start } from './run.ts';
import { realWorld } from './world.ts';

const STOPPED = new Error('the rehearsal ends here');

const silent = () => {};

/**
 * Runs a tool with the first command line of its own examples: one that ends in a program up to its execve, any other one as
 * far as its plan. The functions that have run are then in the code cache.
 */
export function rehearse(build: Build, name: string, inherited: Inherited): void {
  const tool = build.tools[name]?.();
  if (!tool) throw new Error(`no such tool in this build: ${name}`);
  const example = tool.examples?.find(({ command }) => command.startsWith(name))?.command ?? name;
  const argv = example.split(' ');
  try {
    const plan = tool.plan(
      parse(tableOf(tool), argv.slice(1), tool.grammar),
      realWorld(inherited, name, silent, silent),
    );
    if (!tool.becomes(plan) || tool.prepares?.(plan)) return;
    stopBefore(['execve', 'execveat', 'exit_group'], STOPPED);
    start(build, name, { ...inherited, argv }, '/proc/self/exe', (error) => {
      throw error;
    });
  } catch (error) {
    // The example may name what is not there while building: then so much less is in the cache.
    if (error !== STOPPED && !(error instanceof Failure)) throw error;
  }
}
