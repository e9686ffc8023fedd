/** The columns: heading, layout and what they say. */
import { formatHolders, type Namespace } from '@ts/namespaces';
import type { Column } from '@ts/tables';

/** What a row is made of: a namespace and the process that stands for it. */
export interface Subject {
  readonly namespace: Namespace;
  readonly pid?: number;
}

/** What is read only for rows that are shown. */
export interface Details {
  /** PID of the parent process. */
  ppid(pid: number): number | undefined;
  command(pid: number): string | undefined;
  uid(pid: number): number | undefined;
  userName(uid: number): string;
}

export interface LsnsColumn extends Column {
  readonly help: string;
  /** Not in the original, and so not in --output-all. */
  readonly ours?: true;
  /** `separator` stands between several values. */
  value(subject: Subject, details: Details, separator: string): string | number | undefined;
}

const uidOf = ({ namespace, pid }: Subject, details: Details) =>
  pid === undefined ? namespace.ownerUid : details.uid(pid);

/** Of a namespace without processes the original shows none: that it has none needs no saying. */
function netnsidOf({ namespace: { netnsid }, pid }: Subject): string | undefined {
  if (netnsid === undefined) return undefined;
  if (netnsid >= 0) return String(netnsid);
  return pid === undefined ? undefined : 'unassigned';
}

const right = { right: true } as const;
const number = { right: true, json: 'number' } as const;

export const COLUMNS: readonly LsnsColumn[] = [
  {
    name: 'NS',
    width: 10,
    ...number,
    help: 'namespace identifier (inode number)',
    value: ({ namespace }) => namespace.id,
  },
  { name: 'TYPE', width: 5, help: 'kind of namespace', value: ({ namespace }) => namespace.kind.file },
  {
    name: 'PATH',
    help: 'path to the namespace',
    value: ({ namespace, pid }) => (pid === undefined ? undefined : `/proc/${pid}/ns/${namespace.kind.file}`),
  },
  {
    name: 'NPROCS',
    width: 5,
    ...number,
    help: 'number of processes in the namespace',
    value: ({ namespace }) => namespace.pids.length,
  },
  { name: 'PID', width: 5, ...number, help: 'lowest PID in the namespace', value: ({ pid }) => pid },
  {
    name: 'PPID',
    width: 5,
    ...number,
    help: 'PPID of the PID',
    value: ({ pid }, details) => (pid === undefined ? undefined : details.ppid(pid)),
  },
  {
    name: 'COMMAND',
    truncate: true,
    help: 'command line of the PID',
    value: ({ pid }, details) => (pid === undefined ? undefined : details.command(pid)),
  },
  { name: 'UID', ...number, help: 'UID of the PID', value: uidOf },
  {
    name: 'USER',
    help: 'username of the PID',
    value: (subject, details) => {
      const uid = uidOf(subject, details);
      return uid === undefined ? undefined : details.userName(uid);
    },
  },
  {
    name: 'NETNSID',
    ...right,
    help: 'namespace ID as used by network subsystem',
    value: netnsidOf,
  },
  {
    name: 'NSFS',
    wrap: true,
    help: 'nsfs mountpoint (usually used network subsystem)',
    value: ({ namespace }, _, separator) => namespace.mounts.join(separator),
  },
  {
    name: 'PNS',
    width: 10,
    ...number,
    help: 'parent namespace identifier (inode number)',
    value: ({ namespace }) => namespace.parent,
  },
  {
    name: 'ONS',
    width: 10,
    ...number,
    help: 'owner namespace identifier (inode number)',
    value: ({ namespace }) => namespace.owner,
  },
  {
    name: 'NSID',
    ...number,
    ours: true,
    help: 'id that the kernel gives no other namespace (nsenter --KIND=:NSID)',
    value: ({ namespace }) => namespace.nsid,
  },
  {
    name: 'HOLDERS',
    ours: true,
    help: 'what keeps the namespace alive (process, fd, socket, mount, child)',
    value: ({ namespace }) => formatHolders(namespace),
  },
];

/** A column by its name, in whatever case. */
export const columnNamed = (name: string): LsnsColumn | undefined =>
  COLUMNS.find((column) => column.name === name.toUpperCase());

/** Columns where none are asked for: of all namespaces, and of the processes of one. */
export const DEFAULT = ['NS', 'TYPE', 'NPROCS', 'PID', 'USER', 'COMMAND'];
export const DEFAULT_NET = ['NS', 'TYPE', 'NPROCS', 'PID', 'USER', 'NETNSID', 'NSFS', 'COMMAND'];
export const DEFAULT_PROCESSES = ['PID', 'PPID', 'USER', 'COMMAND'];
