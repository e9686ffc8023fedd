import { IGNORE_DEFAULT } from '@ts/cgroups';
import { HELP_AND_OUR_VERSION, type Option } from '@ts/cli';

export const options = [
  {
    long: 'group',
    short: 'g',
    shortOnly: true,
    arg: 'controllers:path',
    repeat: true,
    help: 'control group to be displayed (-g is optional)',
  },
  IGNORE_DEFAULT,
  { long: 'json', help: 'print as JSON', group: 'Ours', ours: true },
  ...HELP_AND_OUR_VERSION,
] as const satisfies readonly Option[];
