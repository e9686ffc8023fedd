/** cgdelete(1): removes control groups. */

import {
  BAD_ARGUMENTS,
  causes,
  killAndRemove,
  NOT_EXISTING,
  OTHER,
  performAll,
  removeSteps,
  subjectOf,
  wrongInput,
} from '@ts/cgroups';
import { defineTool, exit, type Outcome, type World } from '@ts/cli';
import type { LiveSys, Sys } from '@ts/sys';
import { Failure } from '@ts/sys';
import { options } from './options.ts';
import { type Plan, plan } from './plan.ts';

function apply({ removals, recursive, program }: Plan, sys: Sys, world: World): Outcome {
  const jobs = removals.map(({ name, group, above }) => ({
    steps: removeSteps(group, above, recursive, world, sys.live),
    failing: { says: `cannot remove group '${name}'`, status: OTHER.status },
  }));
  performAll(sys, jobs, world.warn);
  return program.length ? { become: program, changes: ['cgroups'] } : exit(0);
}

/** What is there shows only while it is done, so this is never on a tape. */
function act(plan: Plan, sys: LiveSys, world: World): Outcome {
  if (!plan.kill) return apply(plan, sys, world);
  for (const { name, group } of plan.removals) {
    const says = `cannot remove group '${name}'`;
    if (!world.exists(group.directory))
      throw new Failure(`${says}: No such file or directory`, OTHER.status, NOT_EXISTING.text);
    killAndRemove(sys.or(says).explaining(subjectOf('rmdir', group.directory)), group.directory, world);
  }
  return exit(0);
}

export const tool = defineTool({
  name: 'ts-cgdelete',
  replaces: ['cgdelete'],
  section: 1,
  summary: 'Remove control groups.',
  synopsis: ['[-br] [--kill] [-g] <controllers>:<path>... [-- <program> [<argument>...]]'],
  options,
  grammar: { permute: true },
  status: OTHER.status,
  usageStatus: BAD_ARGUMENTS,
  usageLine: wrongInput("--help'"),
  causes,
  reads: ['cgroups', 'root'],
  description:
    'Moves the processes of each group to the group above, then removes it; with -r also the groups below it, their processes going to the same place.',
  differences: [
    'Every hierarchy that is named is seen to, also when the group is missing in one of them, and with -r (the original stops at the first).',
    'A controller that is not mounted is an error with status 93 (the original returns 0 where another one was right).',
    'A group that is named several times, on cgroup v2 by several controllers, is removed once (the original returns 96 for what is gone by then).',
    'The top of a hierarchy is refused; nothing to remove is wrong usage (the original returns 0 for both).',
    'A program may follow behind -- after the groups.',
  ],
  exitStatuses: [
    ['93', 'a controller is not mounted'],
    ['96', 'a group does not exist, is not empty or is not yours'],
    ['129', 'wrong usage'],
  ],
  examples: [{ command: 'ts-cgdelete -r -g cpu,memory:job', says: 'removes the group and all below it' }],
  plan,
  becomes: ({ program }) => program.length > 0,
  apply,
  act,
});
