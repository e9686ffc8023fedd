import { HELP_AND_OUR_VERSION, type Option } from '@ts/cli';

export const options = [
  {
    long: 'blacklist',
    short: 'b',
    arg: 'file',
    help: 'set the blacklist configuration file',
    details:
      'One name a line, # begins a comment: parameters that are left out. Default: /etc/cgsnapshot_blacklist.conf.',
  },
  { long: 'file', short: 'f', arg: 'file', help: 'redirect the output to a file' },
  { long: 'silent', short: 's', help: 'ignore all warnings' },
  { long: 'strict', short: 't', help: "don't show variables which are not on the whitelist" },
  {
    long: 'whitelist',
    short: 'w',
    arg: 'file',
    help: 'set the whitelist configuration file',
    details: 'Parameters that are shown without a warning. By default there is none.',
  },
  { long: 'json', help: 'print as JSON', group: 'Ours', ours: true },
  ...HELP_AND_OUR_VERSION,
] as const satisfies readonly Option[];
