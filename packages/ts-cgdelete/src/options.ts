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
  ...HELP_AND_OUR_VERSION,
] as const satisfies readonly Option[];
