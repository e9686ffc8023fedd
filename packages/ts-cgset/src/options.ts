import { IGNORE_DEFAULT, VERSIONS } from '@ts/cgroups';
import { HELP_AND_OUR_VERSION, type Option } from '@ts/cli';

export const options = [
  {
    long: 'variable',
    short: 'r',
    arg: 'name=value',
    repeat: true,
    help: 'define parameter to set',
    details:
      'The file and its new value; several are written in the order given. Names of cgroup v1 work on v2 and the reverse.',
  },
  { long: 'rule', arg: 'name=value', repeat: true, help: 'the same as --variable', hidden: true },
  {
    long: 'copy-from',
    arg: 'source_path',
    help: 'control group whose parameters will be copied',
    details:
      'In each hierarchy that has both groups. What is no setting, what the other group has not and files of which the kernel takes nothing are passed over; a limit or a weight that it refuses is an error.',
  },
  {
    long: 'recursive',
    short: 'R',
    shortOnly: true,
    help: 'set the parameters of all groups below, too',
    details:
      'The upper ones first. A group below that has not the controller is left as it is; cgroup.subtree_control is written only where there are groups below, and what is taken back is taken from the lowest first.',
  },
  ...VERSIONS,
  IGNORE_DEFAULT,
  {
    long: 'limit',
    arg: 'name=value',
    repeat: true,
    help: 'set a limit in units of people',
    details:
      'cpu=50% (of one CPU) or cpu=1.5 (CPUs), weight=200, cpus=0-2, memory=500M, memory-low=, memory-high=, swap=1G, pids=100, read-bps=8:0:10M, write-bps=, read-iops=8:0:100, write-iops=. On v1 and on v2.',
    group: 'Ours',
    ours: true,
  },
  ...HELP_AND_OUR_VERSION,
] as const satisfies readonly Option[];
