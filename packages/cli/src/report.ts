/** What a failure looks like to the user: its lines and its exit status. */
import { basename } from 'node:path';
import { Failure, type Inherited } from '@ts/sys';
import type { Build } from './build.ts';
import { type Call, end } from './call.ts';
import { fileFailure, UsageError } from './errors.ts';
import { causeOf } from './explaining.ts';
import { writeText } from './output.ts';
import { variableOf, type World } from './world.ts';

/** Prints what went wrong; gives the exit status. */
export function report(call: Call, world: World, error: unknown): number {
  const { tool } = call;
  const usageStatus = tool.usageStatus ?? 1;
  if (error instanceof UsageError) {
    const what = `${error.asGetopt ? call.argv[0] : world.prog}: ${error.message}\n`;
    const line = tool.usageLine?.(call.argv[0] as string) ?? `Try '${world.prog} --help' for more information.`;
    const own = tool.usageLine && !error.asGetopt;
    writeText(2, own ? `${line}\n${what}` : `${what}${line}\n`, true);
    if (error.remedy) world.warn(error.remedy);
    return usageStatus;
  }
  if (error instanceof Failure) {
    world.warn(error.said);
    const remedy = world.variable('TS_HINTS') === '0' ? undefined : (error.remedy ?? causeOf(error, tool, world));
    if (remedy) world.warn(remedy);
    return error.status ?? tool.status ?? 1;
  }
  // A reader that has gone, where SIGPIPE is ignored: util-linux's tools end as if they had been read.
  if ((error as NodeJS.ErrnoException | undefined)?.code === 'EPIPE') return 0;
  const failure = fileFailure(error);
  if (failure === error) throw error;
  return report(call, world, failure);
}

/** What nobody foresaw, on one line. With TS_TOOLS_STACK=1 the stack follows. */
export function crash(build: Build, name: string, { argv, environment }: Inherited, error: unknown): never {
  const message = error instanceof Error ? error.message || error.name : String(error);
  const prog = basename(argv[0] || name);
  writeText(2, `${prog}: internal error: ${message.replaceAll(/\s*\n\s*/g, ' ')}\n`, true);
  if (variableOf(environment, 'TS_TOOLS_STACK') === '1' && error instanceof Error)
    writeText(2, `${error.stack}\n`, true);
  let status: number | undefined;
  try {
    status = build.tools[name]?.().status;
  } catch {
    // it is what cannot be loaded: then it has no status of its own
  }
  end(status ?? 1);
}
