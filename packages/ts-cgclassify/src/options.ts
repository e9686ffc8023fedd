import { IGNORE_DEFAULT, REPLACE_IDLE } from '@ts/cgroups';
import { HELP_AND_OUR_VERSION, type Option } from '@ts/cli';

export const options = [
  {
    long: 'group',
    short: 'g',
    shortOnly: true,
    arg: 'controllers:path',
    repeat: true,
    help: 'control group to be used as target',
    details: 'Controllers are separated by commas; * stands for all, none for the cgroup v2 tree alone.',
  },
  {
    long: 'cancel-sticky',
    help: 'cgred daemon changes pidlist and children tasks',
    details: 'Accepted and without effect: there is no daemon.',
    ignored: true,
  },
  {
    long: 'sticky',
    help: 'cgred daemon does not change pidlist and children tasks',
    details: 'Accepted and without effect: there is no daemon.',
    ignored: true,
  },
  IGNORE_DEFAULT,
  REPLACE_IDLE,
  {
    long: 'threads',
    help: 'move the threads with these ids alone, not their processes',
    details: 'On cgroup v2 into a threaded group of the same domain.',
    group: 'Ours',
    ours: true,
  },
  ...HELP_AND_OUR_VERSION,
] as const satisfies readonly Option[];
