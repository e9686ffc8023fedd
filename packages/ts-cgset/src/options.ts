import type { Option } from '@ts/cli';

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
  { long: 'help', short: 'h', help: 'display this help' },
  { long: 'version', help: 'display version', ours: true },
] as const satisfies readonly Option[];
