/** cgexec(1): runs a program in control groups. */
import { BAD_ARGUMENTS, causes, NOT_ALLOWED, NOT_EXISTING, OTHER, perform } from '@ts/cgroups';
import { defineTool, type Outcome } from '@ts/cli';
import type { Sys } from '@ts/sys';
import { options } from './options.ts';
import { type Plan, plan } from './plan.ts';

/** What the kernel takes for "whoever writes this", in whatever PID namespace that is. */
const MYSELF = '0';

function apply({ entries, program, ids }: Plan, sys: Sys): Outcome {
  // Ids that a set-id copy has brought are given up before anything is done, as the original does.
  sys.or('cannot give up the effective user id').setresuid(ids.uid, ids.uid, ids.uid);
  sys.or('cannot give up the effective group id').setresgid(ids.gid, ids.gid, ids.gid);

  const steps = entries.map((path) => ({ do: 'write', path, value: MYSELF }) as const);
  perform(sys, steps, {
    says: 'cgroup change of group failed',
    status: OTHER.status,
    statusOpen: NOT_ALLOWED.status,
    statusMissing: NOT_EXISTING.status,
  });
  return {
    become: program,
    changes: ['cgroups'],
    failure: { message: `failed to execute ${program[0]}`, status: 255 },
  };
}

export const tool = defineTool({
  name: 'ts-cgexec',
  replaces: ['cgexec'],
  section: 1,
  summary: 'Run a program in given control groups.',
  synopsis: ['[--sticky] -g <controllers>:<path> [-g ...] <program> [<argument>...]'],
  options,
  status: OTHER.status,
  usageStatus: BAD_ARGUMENTS,
  causes,
  reads: ['cgroups', 'root', 'ids'],
  description:
    'Moves itself into the groups, one in each hierarchy, and becomes the program. Other hierarchies stay as they are.',
  differences: [
    'Errors name the file; a line more says what to do.',
    'Every group is looked up before the first move.',
    'Rules of /etc/cgrules.conf are not read: without -g nothing is run.',
    'The systemd hierarchy can be named (name=systemd).',
  ],
  exitStatuses: [
    ['82', 'a group does not exist'],
    ['84', 'a controller is not mounted'],
    ['87', 'not allowed'],
    ['96', 'the kernel has refused the move'],
    ['99', 'no group was given'],
    ['129', 'wrong usage'],
    ['255', 'the program cannot be executed'],
    ['else', 'that of the program'],
  ],
  examples: [
    { command: 'ts-cgexec -g cpu:/ cat /proc/self/cgroup', says: 'in the topmost group of the cpu controller' },
    { command: 'ts-cgexec -g cpu,memory:job make', says: 'under the limits that were set for the group' },
  ],
  plan,
  becomes: () => true,
  apply,
});
