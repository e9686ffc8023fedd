/** --dry-run: what a run would do, in words and calls, none made. */
import { dry, formatTape, quote } from '@ts/sys';
import type { Call, Session } from './call.ts';
import { record } from './recording.ts';
import type { Outcome } from './tool.ts';
import type { World } from './world.ts';

/** Prints it; gives the exit status. A tool that acts is run with calls that are printed and not made. */
export function dryRun(call: Call, plan: unknown, world: World, session: Session): number | Promise<number> {
  const { tool } = call;
  const words = tool.describe?.(plan, world) ?? '';
  if (tool.becomes(plan) || !tool.act) {
    world.print(words + formatTape(record(call, plan, world, session, true, false)));
    return 0;
  }
  world.print(words);
  const outcome = tool.act(
    plan,
    dry(tool.status ?? 1, (line) => world.print(`${line}\n`)),
    world,
  );
  const finish = (ended: Outcome): number => {
    if ('exit' in ended) return ended.exit;
    world.print(`execvp(${ended.become.map(quote).join(', ')})\n`);
    return 0;
  };
  return outcome instanceof Promise ? outcome.then(finish) : finish(outcome);
}
