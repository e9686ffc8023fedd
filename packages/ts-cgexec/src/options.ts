import { HELP_AND_OUR_VERSION, type Option } from '@ts/cli';

export const options = [
  {
    long: 'group',
    short: 'g',
    shortOnly: true,
    arg: 'controllers:path',
    repeat: true,
    help: 'control group which should be added',
    details: 'Controllers are separated by commas; * stands for all, none for the cgroup v2 tree alone.',
  },
  {
    long: 'sticky',
    help: 'cgred daemon does not change pidlist and children tasks',
    details: 'Accepted and without effect: there is no daemon.',
  },
  ...HELP_AND_OUR_VERSION,
] as const satisfies readonly Option[];
