/** A tool and what is fused behind it as a tape: to be played now, or to be kept in a file. */
import { Failure, giveBack, recording } from '@ts/sys';
import { type Call, type Session, speaker } from './call.ts';
import { type Emission, recordUserCheck } from './emit.ts';
import { conclude, dependsOnUser, momentary } from './fusing.ts';
import type { World } from './world.ts';

/**
 * The calls of a chain, to be played now. `texts`: with what each call is called in words, for --trace and --dry-run. `prologue`:
 * first what gives the runtime's changes back.
 */
export function record(call: Call, plan: unknown, world: World, session: Session, texts: boolean, prologue: boolean) {
  const { tool } = call;
  const asking = `${tool.name} ${world.prog}`;
  const sys = recording(tool.status ?? 1, texts).speakFor(speaker(call), asking, tool.status ?? 1);
  if (prologue) giveBack(sys, session.inherited, world.prog);
  const outcome = tool.apply(plan, sys, world);
  conclude(outcome, { sys, changed: new Set(), mounted: [] }, call, session);
  return sys.finish();
}

/** The calls of a chain for a file, without what gives a runtime's changes back: there was none. */
export function recordEmission(
  call: Call,
  plan: unknown,
  world: World,
  session: Session,
  texts: boolean,
  emission: Emission,
) {
  const { tool } = call;
  const status = tool.status ?? 1;
  const reason = tool.becomes(plan) ? momentary(tool, plan) : 'it ends in no program, or prints before';
  if (reason) throw new Failure(`${tool.name} cannot be emitted: ${reason}`);
  const sys = recording(status, texts).speakFor(speaker(call), `${tool.name} ${world.prog}`, status);
  if (emission.fixed.has('user') || dependsOnUser(tool, plan)) recordUserCheck(sys, world, status);
  conclude(tool.apply(plan, sys, world), { sys, changed: new Set(), mounted: [], emission }, call, session);
  return sys.finish();
}
