import { IGNORE_DEFAULT } from '@ts/cgroups';
import { HELP_AND_OUR_VERSION, type Option } from '@ts/cli';

export const options = [
  {
    long: 'group',
    short: 'g',
    shortOnly: true,
    arg: 'controllers:path',
    repeat: true,
    help: 'control group to be removed (-g is optional)',
  },
  { long: 'recursive', short: 'r', help: 'recursively remove all subgroups' },
  IGNORE_DEFAULT,
  {
    long: 'kill',
    help: 'kill the processes instead of moving them',
    details:
      'On cgroup v2 all at once by cgroup.kill; frozen ones are thawed. With it the groups below are removed, too.',
    group: 'Ours',
    ours: true,
  },
  ...HELP_AND_OUR_VERSION,
] as const satisfies readonly Option[];
