import { HELP_OPTIONS, type Option } from '@ts/cli';
import { RESOURCES } from './limits.ts';

export const options: readonly Option[] = [
  {
    long: 'pid',
    short: 'p',
    arg: 'pid[:inode]',
    help: 'show or change the limits of this process',
    details:
      'With the inode of its pidfd (lsns and nsenter take it, too) it is an error where the number belongs to another process by now.',
  },
  { long: 'output', short: 'o', arg: 'list', help: 'the columns to show' },
  ...RESOURCES.map(
    ({ name, short, help }): Option => ({
      long: name.toLowerCase(),
      short,
      arg: 'limit',
      optional: true,
      help,
      group: 'Resources',
    }),
  ),
  ...HELP_OPTIONS,
  { long: 'noheadings', help: 'show no headings' },
  { long: 'raw', help: 'write words with one blank between them' },
  { long: 'verbose', help: 'say which limits are set' },
  { long: 'json', help: 'print the table as JSON', group: 'Ours', ours: true },
];
