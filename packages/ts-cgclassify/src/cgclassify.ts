/** cgclassify(1): moves running processes into control groups. */
import { BAD_ARGUMENTS, causes, NO_IDLE, performAll, wrongInput } from '@ts/cgroups';
import { defineTool, exit, type Outcome, type World } from '@ts/cli';
import { SIGTERM, type Sys } from '@ts/sys';
import { options } from './options.ts';
import { type Plan, plan } from './plan.ts';

function apply({ moves, program, idle }: Plan, sys: Sys, world: World): Outcome {
  const jobs = moves.map(({ pid, writes }) => ({
    steps: writes.map((write) => ({ do: 'write', ...write }) as const),
    failing: { says: `Error changing group of pid ${pid}`, status: 1 },
  }));
  performAll(sys, jobs, world.warn);
  if (idle && !idle.length) world.warn(NO_IDLE);
  for (const pid of idle ?? []) sys.ignoring().kill(pid, SIGTERM);
  return program.length ? { become: program, changes: ['cgroups'] } : exit(0);
}

export const tool = defineTool({
  name: 'ts-cgclassify',
  replaces: ['cgclassify'],
  section: 1,
  summary: 'Move running processes to given control groups.',
  synopsis: [
    '[-br] [--threads] [--sticky | --cancel-sticky] -g <controllers>:<path> [-g ...] <pid>... [-- <program> [<argument>...]]',
  ],
  options,
  grammar: { permute: true },
  status: 1,
  usageStatus: BAD_ARGUMENTS,
  usageLine: wrongInput("'-h'"),
  causes,
  reads: ['cgroups', 'root', 'pid'],
  description: 'Moves each process, with all its threads, to the groups, one in each hierarchy.',
  differences: [
    'All process ids and groups are looked at before the first move.',
    'Options may stand behind process ids.',
    'Rules of /etc/cgrules.conf are not read.',
    'A program may follow behind -- after the process ids.',
  ],
  exitStatuses: [
    ['1', 'a process was not moved'],
    ['2', 'a process id is no number'],
    ['129', 'wrong usage'],
  ],
  examples: [{ command: 'ts-cgclassify -g cpu,memory:job 1234 1240', says: 'moves two processes' }],
  momentary: ({ idle }) => (idle?.length ? 'it ends a process that is there now' : undefined),
  plan,
  becomes: ({ program }) => program.length > 0,
  both: apply,
});
