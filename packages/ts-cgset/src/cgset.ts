/** cgset(1): sets parameters of control groups. */
import { BAD_ARGUMENTS, causes, momentary, NO_SUCH_PARAMETER, OTHER, perform, wrongInput } from '@ts/cgroups';
import { defineTool, exit, type Outcome } from '@ts/cli';
import type { Sys } from '@ts/sys';
import { options } from './options.ts';
import { type Plan, plan } from './plan.ts';

function apply({ steps, program }: Plan, sys: Sys): Outcome {
  perform(sys, steps, { says: 'cgroup modify error', status: OTHER.status, statusOpen: NO_SUCH_PARAMETER.status });
  return program.length ? { become: program, changes: ['cgroups'] } : exit(0);
}

export const tool = defineTool({
  name: 'ts-cgset',
  replaces: ['cgset', 'cgxset'],
  section: 1,
  summary: 'Set the parameters of given control groups.',
  synopsis: [
    '[-1 | -2] [-i] [-R] -r <name>=<value> [-r ...] [--limit <name>=<value>] <path>... [-- <program> [<argument>...]]',
    '--copy-from <source_path> <path>... [-- <program> [<argument>...]]',
  ],
  options,
  grammar: { permute: true },
  exclusive: [['v1', 'v2']],
  status: OTHER.status,
  usageStatus: BAD_ARGUMENTS,
  usageLine: wrongInput("--help'"),
  causes,
  reads: ['cgroups', 'root'],
  description:
    'Writes each value to the file of that name in each group. Where only the other version of control groups has the setting, it is translated: cpu.shares is cpu.weight, cpu.cfs_quota_us and cpu.cfs_period_us are cpu.max, memory.limit_in_bytes is memory.max. memory.soft_limit_in_bytes is memory.low: under pressure v1 takes memory first from groups above their soft limit, v2 from those above memory.low, while memory.high slows a group down at any time. On cgroup v2 devices.allow and devices.deny change a BPF program that decides on devices; it is attached to the group and goes with it, or by devices.allow=a.',
  differences: [
    'Errors name the file and the value.',
    'All names are looked up before the first value is written.',
    '`-r NAME` without a value is an error with status 129 (the original crashes); so is a name without a dot, and a value that cannot be set (the original returns 0).',
    'The same name may be given several times: the last one counts.',
    'A missing group of --copy-from is an error with status 82 (the original returns 0); where one hierarchy alone lacks it, the others are copied (the original stops there with 95).',
    'A value that the version of its name would refuse is an error with status 96 before anything is written: -10 is no limit, 1e3 no number (the original takes the digits in front, or passes such a period over). Only -1 takes a limit away, for cpu.cfs_quota_us max too.',
    'A program may follow behind -- after the groups.',
    'devices.allow and devices.deny work on cgroup v2.',
    'Names are translated also without -1 or -2, and with them when called as cgset. memory.soft_limit_in_bytes is memory.low: cgxset has memory.high, which slows a group down also where memory is plenty.',
    'With -R a group below that lacks the controller is no error.',
  ],
  exitStatuses: [
    ['82', 'a group of --copy-from does not exist'],
    ['84', 'a controller is not mounted'],
    ['91', 'with -1 or -2: there is no parameter of that name in that version'],
    ['95', 'there is no such group or parameter, or it cannot be opened'],
    ['96', 'the kernel has refused the value'],
    ['111', 'with -1 or -2: a parameter has no counterpart in the version that is in use'],
    ['129', 'wrong usage'],
  ],
  examples: [
    { command: 'ts-cgset -r cpu.cfs_period_us=1000000 -r cpu.cfs_quota_us=300000 job', says: '30 % of one CPU' },
    { command: 'ts-cgset --limit cpu=30% --limit memory=500M job', says: 'the same in other units, and memory' },
    { command: "ts-cgset -r devices.deny=a -r 'devices.allow=c 1:3 rw' job", says: '/dev/null and no other device' },
  ],
  momentary: ({ steps }) => momentary(steps),
  plan,
  becomes: ({ program }) => program.length > 0,
  both: apply,
});
