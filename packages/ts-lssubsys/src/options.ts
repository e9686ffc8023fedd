import { HELP_AND_OUR_VERSION, type Option } from '@ts/cli';

export const options = [
  { long: 'all', short: 'a', help: 'display information about all controllers (including not mounted ones)' },
  { long: 'hierarchies', short: 'i', help: 'display information about hierarchies' },
  { long: 'mount-points', short: 'm', help: 'display mount points' },
  { long: 'all-mount-points', short: 'M', help: 'display all mount points' },
  { long: 'json', help: 'print as JSON', group: 'Ours', ours: true },
  ...HELP_AND_OUR_VERSION,
] as const satisfies readonly Option[];
