import { IGNORE_DEFAULT, VERSIONS } from '@ts/cgroups';
import { HELP_AND_OUR_VERSION, type Option } from '@ts/cli';

export const options = [
  { long: 'all', short: 'a', help: 'print info about all relevant controllers' },
  {
    long: 'group',
    short: 'g',
    shortOnly: true,
    arg: 'controllers[:path]',
    repeat: true,
    help: 'controllers, or with a path the control group, whose info is displayed',
  },
  {
    long: 'controllers',
    short: 'c',
    shortOnly: true,
    help: 'display the version of each controller',
    details: 'A heading, then a controller a line. Nothing else is printed.',
  },
  { long: 'mode', short: 'm', shortOnly: true, help: 'display the cgroup mode: legacy, hybrid or unified' },
  { long: 'no-headers', short: 'n', shortOnly: true, help: 'do not print headers' },
  {
    long: 'variable',
    short: 'r',
    arg: 'name',
    repeat: true,
    help: 'define parameter to display',
    details: 'Names of cgroup v1 work on v2 and the reverse.',
  },
  { long: 'values-only', short: 'v', help: 'print only values, not parameter names' },
  ...VERSIONS,
  IGNORE_DEFAULT,
  { long: 'json', help: 'print as JSON', group: 'Ours', ours: true },
  ...HELP_AND_OUR_VERSION,
] as const satisfies readonly Option[];
