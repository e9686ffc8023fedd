import { HELP_AND_OUR_VERSION, type Option } from '@ts/cli';

export const options = [
  {
    long: 'denylist',
    short: 'b',
    arg: 'file',
    help: 'set the denylist configuration file',
    details:
      'One name a line, # begins a comment: parameters that are left out. Default: /etc/cgsnapshot_denylist.conf, or where that is not there /etc/cgsnapshot_blacklist.conf.',
  },
  { long: 'file', short: 'f', arg: 'file', help: 'redirect the output to a file' },
  { long: 'silent', short: 's', help: 'ignore all warnings' },
  { long: 'strict', short: 't', help: "don't show variables which are not on the allowlist" },
  {
    long: 'allowlist',
    short: 'w',
    arg: 'file',
    help: 'set the allowlist configuration file',
    details: 'Parameters that are shown without a warning. By default there is none.',
  },
  { long: 'blacklist', arg: 'file', help: 'the same as --denylist', hidden: true },
  { long: 'whitelist', arg: 'file', help: 'the same as --allowlist', hidden: true },
  { long: 'json', help: 'print as JSON', group: 'Ours', ours: true },
  ...HELP_AND_OUR_VERSION,
] as const satisfies readonly Option[];
