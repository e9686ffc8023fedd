import type { Option } from '@ts/cli';

export const options = [
  {
    long: 'group',
    short: 'g',
    shortOnly: true,
    arg: 'controllers:path',
    repeat: true,
    help: 'control group to be displayed (-g is optional)',
  },
  { long: 'json', help: 'print as JSON', group: 'Ours', ours: true },
  { long: 'help', short: 'h', help: 'display this help' },
  { long: 'version', help: 'display version', ours: true },
] as const satisfies readonly Option[];
