import { HELP_AND_OUR_VERSION, type Option } from '@ts/cli';

export const options = [
  { long: 'sort', arg: 'column', help: 'order by cpu (the default), memory, io, tasks or path' },
  { long: 'delay', short: 'd', arg: 'seconds', help: 'time between two looks, 1 where left out' },
  { long: 'iterations', short: 'n', arg: 'count', help: 'end after so many' },
  { long: 'depth', arg: 'levels', help: 'show groups so many levels below, 3 where left out' },
  { long: 'all', short: 'a', help: 'show groups without tasks, too' },
  { long: 'once', help: 'print once, and end' },
  { long: 'json', help: 'print as JSON' },
  ...HELP_AND_OUR_VERSION,
] as const satisfies readonly Option[];
