/** The kinds of namespaces: option name, flag, file below /proc/PID/ns. namespaces(7). */
import {
  CLONE_NEWCGROUP,
  CLONE_NEWIPC,
  CLONE_NEWNET,
  CLONE_NEWNS,
  CLONE_NEWPID,
  CLONE_NEWTIME,
  CLONE_NEWUSER,
  CLONE_NEWUTS,
} from '@ts/sys';

export interface Kind {
  /** As options and columns name it. */
  readonly name: 'mount' | 'uts' | 'ipc' | 'net' | 'pid' | 'user' | 'cgroup' | 'time';
  readonly flag: number;
  /** File of the namespace that a process is in. */
  readonly file: string;
  /** File of the namespace that its children will be in, where that is another. */
  readonly childrenFile: string;
}

const kind = (name: Kind['name'], flag: number, file: string, childrenFile = file): Kind => ({
  name,
  flag,
  file,
  childrenFile,
});

export const KINDS: readonly Kind[] = [
  kind('user', CLONE_NEWUSER, 'user'),
  kind('cgroup', CLONE_NEWCGROUP, 'cgroup'),
  kind('ipc', CLONE_NEWIPC, 'ipc'),
  kind('uts', CLONE_NEWUTS, 'uts'),
  kind('net', CLONE_NEWNET, 'net'),
  kind('pid', CLONE_NEWPID, 'pid', 'pid_for_children'),
  kind('mount', CLONE_NEWNS, 'mnt'),
  kind('time', CLONE_NEWTIME, 'time', 'time_for_children'),
];
