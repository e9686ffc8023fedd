import { HELP_OPTIONS, type Option } from '@ts/cli';

export const options = [
  { long: 'json', short: 'J', help: 'use JSON output format' },
  { long: 'list', short: 'l', help: 'use list output format' },
  { long: 'noheadings', short: 'n', help: "don't print headings" },
  {
    long: 'output',
    short: 'o',
    arg: 'list',
    help: 'which columns to print, separated by commas (see --list-columns)',
    details: 'With a + before the list the columns are added to those that are printed anyway.',
  },
  { long: 'output-all', help: 'print all columns of the original' },
  { long: 'persistent', short: 'P', help: 'namespaces without processes' },
  { long: 'task', short: 'p', arg: 'pid', help: 'namespaces of that process' },
  {
    long: 'filter',
    short: 'Q',
    arg: 'expr',
    help: 'print only rows of which the expression is true',
    details:
      'Columns, numbers, "strings" and true or false are compared with == != < <= > >= (or eq ne lt le gt ge) and =~ !~ (a regular expression), and joined by ! && || (or not and or) and parentheses.',
  },
  { long: 'raw', short: 'r', help: 'use the raw output format' },
  { long: 'notruncate', short: 'u', help: "don't truncate text in columns" },
  { long: 'nowrap', short: 'W', help: "don't use multi-line representation" },
  {
    long: 'type',
    short: 't',
    arg: 'name',
    repeat: true,
    help: 'namespaces of that type (mnt, net, ipc, user, pid, uts, cgroup, time)',
  },
  {
    long: 'tree',
    short: 'T',
    arg: 'rel',
    optional: true,
    help: 'use tree format (parent, owner, or process)',
    details: 'Without a word, by owner. By process is the default where neither --list nor --output-all is given.',
  },
  { long: 'list-columns', short: 'H', help: 'list the available columns' },
  ...HELP_OPTIONS,
] as const satisfies readonly Option[];
