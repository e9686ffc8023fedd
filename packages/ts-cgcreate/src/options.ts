import { IGNORE_DEFAULT } from '@ts/cgroups';
import { HELP_AND_OUR_VERSION, type Option } from '@ts/cli';

export const options = [
  {
    long: 'admin',
    short: 'a',
    arg: 'uid:gid',
    help: 'owner of the group and all its files',
    details:
      'Names or numbers; one of the two may be left out. Who owns a group may set its values and make groups below it.',
  },
  { long: 'dperm', short: 'd', arg: 'mode', help: 'group directory permissions', details: 'Octal.' },
  {
    long: 'fperm',
    short: 'f',
    arg: 'mode',
    help: 'group file permissions',
    details: 'Octal; nobody gets a right on a file that its owner does not have.',
  },
  {
    long: 'group',
    short: 'g',
    shortOnly: true,
    arg: 'controllers:path',
    repeat: true,
    help: 'control group which should be added',
    details: 'Controllers are separated by commas; * stands for all, none for the cgroup v2 tree alone.',
  },
  { long: 'tperm', short: 's', arg: 'mode', help: 'tasks file permissions', details: 'Octal, as --fperm.' },
  {
    long: 'task',
    short: 't',
    arg: 'uid:gid',
    help: 'owner of the tasks file',
    details: 'Who owns it may move processes into the group. On cgroup v2 the file is cgroup.procs.',
  },
  IGNORE_DEFAULT,
  {
    long: 'leaf',
    arg: 'name',
    help: 'on cgroup v2, move processes that are in the way into a group of that name',
    details:
      'A group that hands controllers down holds no processes: those of such a group go into a group of that name below it.',
    group: 'Ours',
    ours: true,
  },
  ...HELP_AND_OUR_VERSION,
] as const satisfies readonly Option[];
