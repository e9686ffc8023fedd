/** The steps that remove a group: its processes move up first, then the directories go, the innermost first. */
import { entryFile } from './create.ts';
import type { Reader } from './hierarchies.ts';
import type { Group } from './spec.ts';
import type { Step } from './steps.ts';
import { groupsBelow } from './tree.ts';

/** A process that forks all the time can stay ahead of its mover this often. */
const ROUNDS = 20;

/** Made step by step: with `now`, what is still there is read when it comes to it; otherwise (on a tape) once. */
export function* removeSteps(
  group: Group,
  above: Group,
  recursive: boolean,
  world: Reader,
  now: boolean,
): Generator<Step> {
  const name = entryFile(group).slice(group.directory.length);
  const target = entryFile(above);
  for (const directory of [...(recursive ? groupsBelow(group.directory).reverse() : []), group.directory]) {
    for (let round = 0; round < (now ? ROUNDS : 1); round++) {
      const members = world.read(`${directory}${name}`)?.split('\n').filter(Boolean) ?? [];
      if (!members.length) break;
      // It may have ended by now.
      for (const member of members) yield { do: 'write', path: target, value: member, mayFail: 'ESRCH' };
    }
    yield { do: 'rmdir', path: directory };
  }
}
