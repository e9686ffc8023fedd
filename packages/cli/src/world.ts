/** What a plan may know of its surroundings: a narrow view that tests replace by a made-up one. */
import { type CapabilitySets, Failure, type Inherited, isThere, readText } from '@ts/sys';
import {
  type Account,
  findAccount,
  findGroup,
  GROUP,
  type Group,
  isAccountFile,
  PASSWD,
  readAccountFile,
} from './accounts.ts';

/** Who a process is: what an execve in between would make of it is counted in. */
export interface Identity {
  readonly uid: number;
  readonly euid: number;
  readonly gid: number;
  readonly egid: number;
  readonly credentials: {
    readonly uids: { readonly real: number; readonly effective: number; readonly saved: number };
    readonly sets: CapabilitySets;
    /** SECBIT_* */
    readonly securebits: number;
  };
}

export interface World {
  /** Name the tool was called by, for messages. */
  readonly prog: string;
  /** The word it was called by, argv[0]; where left out, `prog`. */
  readonly calledAs?: string;
  /** Path by which this very tool can be executed once more, its name as argv[0]; undefined where it has no file of its own. */
  ownFile?(): string | undefined;
  /** The whole command line: /proc has that of the Node that runs it. */
  readonly argv?: readonly string[];
  readonly pid: number;
  readonly uid: number;
  readonly euid: number;
  readonly gid: number;
  readonly egid: number;
  /** Ids and capabilities that the process will have, where they are other than can be read now. */
  readonly credentials?: Identity['credentials'];
  /** Signals ignored when the tool was started, bit n-1 for signal n. */
  readonly ignored?: bigint;
  /** Soft limits (RLIMIT_*) that the tool was started with, where they are others while it runs. */
  readonly limits?: readonly (readonly [resource: number, soft: bigint])[];
  readonly environment: readonly string[];
  /** What is planned is for later runs (--emit), by whom is not known. */
  readonly userIsLater?: boolean;
  /** Value of an environment variable. */
  variable(name: string): string | undefined;
  /** Text of a file; undefined where it cannot be read. */
  read(path: string): string | undefined;
  /** Whether there is a file of that name (a link that leads nowhere is none). */
  exists(path: string): boolean;
  /** An account of /etc/passwd by name or number. */
  user(nameOrId: string | number): Account | undefined;
  /** A group id of /etc/group by name or number. */
  group(nameOrId: string | number): Group | undefined;
  /** Writes to standard output; a reader that has gone ends the tool as SIGPIPE would. */
  print(text: string): void;
  /** Writes a line to standard error, with the tool's name before it. */
  warn(message: string): void;
}

/** Value of `name` in a list of NAME=VALUE entries; the first one counts, as for getenv(3). */
export function variableOf(environment: readonly string[], name: string): string | undefined {
  return environment.find((entry) => entry.startsWith(`${name}=`))?.slice(name.length + 1);
}

/** /proc/self/cgroup as it was before the launcher left a group, and will be again. */
function asBefore(text: string, { left }: Inherited): string {
  if (!left) return text;
  const id = left.line.slice(0, left.line.indexOf(':') + 1);
  return text
    .split('\n')
    .map((line) => (line.startsWith(id) ? left.line : line))
    .join('\n');
}

export function realWorld(
  inherited: Inherited,
  prog: string,
  print: (text: string) => void,
  warn: (message: string) => void,
): World {
  const read = (path: string) => {
    try {
      const text = isAccountFile(path) ? readAccountFile(path) : readText(path);
      return path === '/proc/self/cgroup' ? asBefore(text, inherited) : text;
    } catch {
      return undefined; // the caller says what it means that it cannot be read
    }
  };
  return {
    prog,
    pid: process.pid,
    uid: process.getuid?.() ?? 0,
    euid: process.geteuid?.() ?? 0,
    gid: process.getgid?.() ?? 0,
    egid: process.getegid?.() ?? 0,
    ignored: inherited.ignored,
    limits: inherited.limits,
    environment: inherited.environment,
    variable: (name) => variableOf(inherited.environment, name),
    read,
    exists: isThere,
    user: (nameOrId) => findAccount(read(PASSWD) ?? '', nameOrId),
    group: (nameOrId) => findGroup(read(GROUP) ?? '', nameOrId),
    print,
    warn,
  };
}

/** SOURCE_DATE_EPOCH: the time, in seconds since 1970, that nothing in a reproducible archive is later than; 0 where it is not set. */
export function sourceDate(world: World): number {
  const text = world.variable('SOURCE_DATE_EPOCH');
  if (text !== undefined && !/^\d{1,11}$/.test(text)) throw new Failure(`failed to parse SOURCE_DATE_EPOCH: '${text}'`);
  return Number(text ?? 0);
}
