import { HELP_AND_OUR_VERSION, type Option } from '@ts/cli';

export const options = [
  {
    long: 'variable',
    short: 'r',
    arg: 'name=value',
    repeat: true,
    help: 'define parameter to set',
    details:
      'The file and its new value; several are written in the order given. Names of cgroup v1 work on v2 and the reverse.',
  },
  { long: 'copy-from', arg: 'source_path', help: 'control group whose parameters will be copied' },
  ...HELP_AND_OUR_VERSION,
] as const satisfies readonly Option[];
