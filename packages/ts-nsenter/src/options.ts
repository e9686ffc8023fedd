import { HELP_OPTIONS, type Option } from '@ts/cli';

const namespace = <const Long extends string, const Short extends string>(long: Long, short: Short, what: string) =>
  ({
    long,
    short,
    arg: 'file|:nsid',
    optional: true,
    help: `enter ${what}`,
    details:
      'With a file, the namespace that it is or that is bound to it, instead of the target’s; with a colon and a number, the namespace of that id (column NSID of lsns).',
  }) as const;

export const options = [
  { long: 'all', short: 'a', help: 'enter all namespaces' },
  {
    long: 'target',
    short: 't',
    arg: 'pid[:inode]',
    help: 'target process to get namespaces from',
    details: 'With the inode number of its pidfd, only that very process and no later one of the same number.',
  },
  namespace('mount', 'm', 'mount namespace'),
  namespace('uts', 'u', 'UTS namespace (hostname etc)'),
  namespace('ipc', 'i', 'System V IPC namespace'),
  namespace('net', 'n', 'network namespace'),
  {
    long: 'net-socket',
    short: 'N',
    arg: 'fd',
    help: 'enter the network namespace of a socket of the target',
  },
  namespace('pid', 'p', 'pid namespace'),
  namespace('cgroup', 'C', 'cgroup namespace'),
  namespace('user', 'U', 'user namespace'),
  {
    long: 'user-parent',
    help: 'enter the parent user namespace',
    details: 'That above the one that --user names, else above the user namespace of the target.',
  },
  namespace('time', 'T', 'time namespace'),
  { long: 'setuid', short: 'S', arg: 'uid|follow', help: 'set uid in entered namespace, or take that of the target' },
  { long: 'setgid', short: 'G', arg: 'gid|follow', help: 'set gid in entered namespace, or take that of the target' },
  { long: 'keep-caps', help: 'retain capabilities granted in user namespaces' },
  { long: 'preserve-credentials', help: 'do not touch uids or gids' },
  { long: 'root', short: 'r', arg: 'dir', optional: true, help: 'set the root directory' },
  { long: 'wd', short: 'w', arg: 'dir', optional: true, help: 'set the working directory' },
  {
    long: 'wdns',
    short: 'W',
    arg: 'dir',
    optional: true,
    shortArg: 'required',
    help: 'set the working directory in namespace',
  },
  { long: 'env', short: 'e', help: 'take the environment of the target process' },
  { long: 'no-fork', short: 'F', help: 'do not fork before executing <program>' },
  { long: 'join-cgroup', short: 'c', help: 'join the control groups of the target process' },
  { long: 'follow-context', short: 'Z', help: 'set the SELinux context of the target process' },
  ...HELP_OPTIONS,
  {
    long: 'target-cgroup',
    arg: 'path',
    help: 'a process of that control group is the target',
    details:
      'A directory, or the path of the group in the hierarchies that have it. Where the group is empty, those below it count. Its processes must be in the same namespaces of the kinds entered; one that only waits for a PID namespace that it has made does not count.',
    group: 'Ours',
    ours: true,
  },
  {
    long: 'netns',
    arg: 'name',
    help: 'enter the network namespace of that name, as ip-netns(8) keeps it',
    details: 'The same as --net=/run/netns/NAME.',
    group: 'Ours',
    ours: true,
  },
  { long: 'status-fd', arg: 'fd', help: 'write one JSON line an event to this descriptor', group: 'Ours', ours: true },
] as const satisfies readonly Option[];
