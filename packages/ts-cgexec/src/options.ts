import { IGNORE_DEFAULT, LIMIT_NAMES, REPLACE_IDLE } from '@ts/cgroups';
import { HELP_AND_OUR_VERSION, type Option } from '@ts/cli';

const OURS = { group: 'Ours', ours: true } as const;

export const options = [
  {
    long: 'group',
    short: 'g',
    shortOnly: true,
    arg: 'controllers:path',
    repeat: true,
    help: 'control group which should be added',
    details: 'Controllers are separated by commas; * stands for all, none for the cgroup v2 tree alone.',
  },
  {
    long: 'sticky',
    help: 'cgred daemon does not change pidlist and children tasks',
    details: 'Accepted and without effect: there is no daemon.',
    ignored: true,
  },
  IGNORE_DEFAULT,
  REPLACE_IDLE,
  {
    long: 'create',
    help: 'make the groups that are missing',
    details:
      'On cgroup v2 controllers are handed down along the way; a new cpuset group of v1 gets the CPUs and memory nodes of the group above. When a later step fails, all of it is taken back.',
    ...OURS,
  },
  {
    long: 'set',
    arg: 'name=value',
    repeat: true,
    help: 'set a parameter of the groups before the program starts',
    details: 'As cgset -r, with the names of either version.',
    ...OURS,
  },
  {
    long: 'limit',
    arg: 'name=value',
    repeat: true,
    help: 'set a limit in units of people',
    details: `As cgset --limit: ${LIMIT_NAMES.map((name) => `${name}=`).join(', ')}.`,
    ...OURS,
  },
  {
    long: 'remove',
    help: 'remove the groups when the program has ended',
    details:
      'Those that --create has made; what is left in them is killed. Also when the program or this tool is killed: a small process outside of the groups sees to that. It lives in the PID namespace that this tool was started in and ends with it: in a chain, write this tool before ts-unshare --pid; inside of a container that is killed as a whole, the groups stay.',
    ...OURS,
  },
  {
    long: 'stat',
    arg: 'file',
    optional: true,
    attached: true,
    help: 'print what was used, to standard error or a file',
    details:
      'CPU time, throttling, peak of memory, OOM kills, block I/O and tasks, as far as a controller of the groups counts them, since the groups were made.',
    ...OURS,
  },
  { long: 'json', help: 'print it as JSON', ...OURS },
  {
    long: 'leaf',
    arg: 'name',
    help: 'on cgroup v2, move processes that are in the way into a group of that name',
    details:
      'A group that hands controllers down holds no processes: those of such a group go into a group below it. The program does, too, where a group is named that hands controllers down.',
    ...OURS,
  },
  { long: 'finish', arg: 'json', help: 'used by this tool itself', hidden: true, ours: true },
  ...HELP_AND_OUR_VERSION,
] as const satisfies readonly Option[];
