/** A tool whose calls are made live, and the program that it may become at the end. */
import { giveBack, giveBackDescriptors, type LiveSys, SEARCH_GOES_ON, SysError } from '@ts/sys';
import type { Call, Session } from './call.ts';
import { type Becoming, programOf } from './fusing.ts';
import type { Outcome } from './tool.ts';
import type { World } from './world.ts';

export function act({ tool }: Call, plan: unknown, sys: LiveSys, world: World): Outcome | Promise<Outcome> {
  const outcome = tool.act?.(plan, sys, world) ?? tool.both?.(plan, sys, world);
  if (outcome === undefined) throw new Error(`${tool.name} makes no calls at once`);
  return outcome;
}

/** After calls made live, with no execve in between that would change credentials: give back and execute from this thread. */
export function becomeLive(outcome: Becoming, call: Call, sys: LiveSys, session: Session, world: World): number {
  const environment = outcome.environment ?? call.environment;
  const { argv, paths, failure } = programOf(outcome, environment);
  giveBack(sys, session.inherited, world.prog);
  giveBackDescriptors(sys, session.inherited);
  let last: SysError | undefined;
  for (const candidate of paths) {
    try {
      sys.or(failure.message, failure).execve(candidate, argv, environment);
    } catch (error) {
      if (!(error instanceof SysError)) throw error;
      if (error.code === 'ENOEXEC')
        sys.or(failure.message, failure).execve('/bin/sh', ['/bin/sh', candidate, ...argv.slice(1)], environment);
      if (last?.code !== 'EACCES') last = error;
      if (!SEARCH_GOES_ON.some((code) => code === error.code)) break;
    }
  }
  throw last;
}
