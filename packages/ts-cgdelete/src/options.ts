import type { Option } from '@ts/cli';

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
  { long: 'help', short: 'h', help: 'display this help' },
  { long: 'version', help: 'display version', ours: true },
] as const satisfies readonly Option[];
