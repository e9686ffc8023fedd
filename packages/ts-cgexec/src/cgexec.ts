/** cgexec(1): runs a program in control groups. */
import {
  BAD_ARGUMENTS,
  causes,
  momentary,
  NO_SUCH_PARAMETER,
  NOT_ALLOWED,
  NOT_EXISTING,
  OTHER,
  perform,
  wrongInput,
} from '@ts/cgroups';
import { defineTool, exit, type Outcome } from '@ts/cli';
import { type Recording, SIGTERM, type Sys } from '@ts/sys';
import { act } from './finish.ts';
import { options } from './options.ts';
import { type Plan, plan as planOf } from './plan.ts';
import { waitForEnd } from './wait.ts';

/** What the kernel takes for "whoever writes this", in whatever PID namespace that is. */
const MYSELF = '0';

const CHANGING = 'cgroup change of group failed';

function enter(sys: Sys, { entries, backs }: Plan, bornInLast: boolean): void {
  // A group that was made here can be taken back only when we have left it again.
  const steps = entries
    .slice(0, bornInLast ? -1 : undefined)
    .map((path, index) => ({ do: 'move', path, pid: MYSELF, from: backs[index] }) as const);
  perform(sys, steps, {
    says: CHANGING,
    status: OTHER.status,
    statusOpen: NOT_ALLOWED.status,
    statusMissing: NOT_EXISTING.status,
  });
}

function apply(plan: Plan, sys: Recording): Outcome {
  const { steps, born, idle, ending, program, ids } = plan;
  // Ids that a set-id copy has brought are given up before anything is done, as the original does.
  sys.or('cannot give up the effective user id').setresuid(ids.uid, ids.uid, ids.uid);
  sys.or('cannot give up the effective group id').setresgid(ids.gid, ids.gid, ids.gid);

  perform(sys, steps, {
    says: '',
    status: OTHER.status,
    statusOpen: NOT_ALLOWED.status,
    statusMissing: NO_SUCH_PARAMETER.status,
  });

  // Whoever waits stays outside. Where there is a v2 group, the program's process is born in it.
  const isBorn = ending !== undefined && waitForEnd(sys, ending, born);
  enter(sys, plan, isBorn);
  for (const pid of idle) sys.ignoring().kill(pid, SIGTERM);

  return {
    become: program,
    changes: ending ? ['cgroups', 'pid'] : ['cgroups'],
    failure: { message: `failed to execute ${program[0]}`, status: 255 },
  };
}

export const tool = defineTool({
  name: 'ts-cgexec',
  replaces: ['cgexec'],
  section: 1,
  summary: 'Run the task in given control group(s).',
  synopsis: [
    '[-br] [--sticky] -g <controllers>:<path> [-g ...] <program> [<argument>...]',
    '--create [--set <name>=<value>] [--limit <name>=<value>] [--remove] [--stat[=<file>] [--json]] -g <controllers>:<path> [-g ...] <program> [<argument>...]',
  ],
  options,
  status: OTHER.status,
  usageStatus: BAD_ARGUMENTS,
  usageLine: wrongInput('--help'),
  causes,
  reads: ['cgroups', 'root', 'ids'],
  description:
    'Moves itself into the groups, one in each hierarchy, and becomes the program. Other hierarchies stay as they are. With --remove or --stat it stays outside, waits for the program, passes signals on, and ends as the program has ended; on cgroup v2 the program is then born in its group. An ordinary user of cgroup v2 may enter a group only from one with which it shares a group above whose cgroup.procs it may write: start a shell in a delegated group of your own, as in the last example; --leaf moves the shell out of the way.',
  differences: [
    'Errors name the file; a line more says what to do.',
    'Every group is looked up before the first move.',
    'Rules of /etc/cgrules.conf are not read: without -g nothing is run.',
    'The systemd hierarchy can be named (name=systemd).',
  ],
  exitStatuses: [
    ['81', 'on cgroup v2: the controllers are not handed down to the group'],
    ['82', 'a group does not exist'],
    ['84', 'the controller of a parameter is not mounted'],
    ['87', 'not allowed, or a controller is not mounted'],
    ['95', 'there is no such parameter'],
    ['96', 'the kernel has refused a step'],
    ['99', 'no group was given'],
    ['129', 'wrong usage'],
    ['255', 'the program cannot be executed'],
    ['else', 'that of the program'],
  ],
  examples: [
    { command: 'ts-cgexec -g cpu:/ cat /proc/self/cgroup', says: 'in the topmost group of the cpu controller' },
    { command: 'ts-cgexec -g cpu,memory:job make', says: 'under the limits that were set for the group' },
    {
      command: 'ts-cgexec --create --limit memory=500M --limit cpu=50% --remove --stat -g cpu,cpuacct,memory:job make',
      says: 'in groups that are there for this run alone; prints what it has used',
    },
    {
      command: `systemd-run --user --scope -p Delegate=yes sh -c 'ts-cgexec --leaf shell --create --remove --limit memory=500M -g "memory:$(sed -n s/^0:://p /proc/self/cgroup)/job" make'`,
      says: 'as an ordinary user on cgroup v2, without root',
    },
  ],
  momentary: ({ ending, idle, steps }) =>
    ending || idle.length
      ? 'what follows the start of the program is done by the tool itself, or to processes of now'
      : momentary(steps),
  plan: planOf,
  becomes: ({ finish }) => finish === undefined,
  apply,
  act: ({ finish }, sys, world) => (finish ? act(finish, sys, world) : exit(1)),
});
