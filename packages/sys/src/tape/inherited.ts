/**
 * What this process was given when it was started, before Node changed it, and the calls that give it back.
 *
 * Node ignores SIGPIPE and SIGXFSZ, gives all other signals their default action, unblocks all signals, raises the soft
 * RLIMIT_NOFILE, marks inherited descriptors close-on-exec and opens closed ones among 0 to 2. The launcher
 * (../../runner/launcher.c) notes the state first and hands it over as an argument; it raises soft limits and takes pending
 * signals out of Node's way, which is given back too.
 */
import { F_GETFD } from '../const/fcntl.ts';
import { O_WRONLY } from '../const/open.ts';
import { SIG_SETMASK } from '../const/sigmask.ts';
import { SIGPIPE, SIGXFSZ } from '../const/signal.ts';
import { Failure } from '../failure.ts';
import { readText } from '../files.ts';
import type { Sys } from '../sys.ts';
import { live } from '../sys.ts';

export interface Inherited {
  /** Descriptor of the tool's own file, opened by the launcher; undefined where there was none. */
  file?: number;
  /** Ranges of open descriptors. */
  descriptors: readonly (readonly [first: number, last: number])[];
  /** Signals that are ignored, bit n-1 for signal n. */
  ignored: bigint;
  /** Signals that are blocked. */
  blocked: bigint;
  /** Soft limits that were raised for Node: resource and what it was. */
  limits?: readonly (readonly [resource: number, soft: bigint])[];
  /** Signals that were pending: the first bytes of their siginfo. */
  pending?: readonly Buffer[];
  /** The memory group that the launcher has left, since Node would not have started in it: its line of /proc/self/cgroup, the file that takes it back. */
  left?: { readonly line: string; readonly procs: string };
  /** The runtime has changed nothing: what is below holds as it is, and there is nothing to give back. */
  untouched?: true;
  /** Path of the tool's own file, where the launcher found no /proc to reach it by. */
  path?: string;
  /** Arguments from argv[0] on. */
  argv: readonly string[];
  /** Entries of the environment, in order, duplicates and such without "=" included. */
  environment: readonly string[];
}

const SIGINFO_SIZE = 128;

const IGNORED_BY_NODE = [SIGPIPE, SIGXFSZ] as const;

const has = (set: bigint, signal: number) => ((set >> BigInt(signal - 1)) & 1n) === 1n;

const list = (text: string) => text.split(',').filter(Boolean);

/** "FILE:DESCRIPTORS:IGNORED:BLOCKED:LIMITS:PENDING[:PATH]" of ../../runner/state.h. */
const STATE = /^(\d+):([\d,-]*):([\da-f]+):([\da-f]+):([\d=,-]*):([\da-f,]*)(?::(.*))?$/s;

const damaged = () => new Failure('the state that the launcher has noted is damaged');

/** The items of a list, each of which has to be such a one. */
const items = (text: string, item: RegExp) =>
  list(text).map((each) => {
    const parts = item.exec(each);
    if (!parts) throw damaged();
    return parts.slice(1) as (string | undefined)[];
  });

/** Reads what the launcher has noted. @throws Failure where it is anything else. */
export function parseState(state: string): Omit<Inherited, 'argv' | 'environment'> {
  const parts = STATE.exec(state);
  if (!parts) throw damaged();
  const [, file, descriptors = '', ignored, blocked, limits = '', pending = '', path] = parts;
  return {
    file: Number(file),
    descriptors: items(descriptors, /^(\d+)(?:-(\d+))?$/).map(([first, last = first]) => [Number(first), Number(last)]),
    ignored: BigInt(`0x${ignored}`),
    blocked: BigInt(`0x${blocked}`),
    limits: items(limits, /^(\d+)=(-?\d+)$/).map(([resource, soft = '']) => [
      Number(resource),
      BigInt.asUintN(64, BigInt(soft)),
    ]),
    pending: items(pending, /^((?:[\da-f]{2})+)$/).map(([bytes = '']) => Buffer.from(bytes, 'hex')),
    ...(path !== undefined && { path }),
  };
}

/** Reads what the launcher says of a memory group that it has left: the line of /proc/self/cgroup, and the file that takes back. */
export function parseLeft(left: string): Pick<Inherited, 'left'> {
  const [line = '', procs] = left.split('\n');
  return procs === undefined ? {} : { left: { line, procs } };
}

/** The launcher hides some variables from Node by clearing bit 6 of their first letter. */
export function unhide(entry: string): string {
  if (entry.startsWith('\u000eODE_')) return `N${entry.slice(1)}`;
  return entry.startsWith('\u000fPENSSL_CONF=') ? `O${entry.slice(1)}` : entry;
}

function readOrElse(path: string, otherwise: () => string[]): string[] {
  try {
    return readText(path).split('\0').slice(0, -1);
  } catch {
    return otherwise(); // no /proc here: what Node has decoded must do
  }
}

const environment = () =>
  readOrElse('/proc/self/environ', () => Object.entries(process.env).map(([name, value]) => `${name}=${value}`)).map(
    unhide,
  );

/** The state as the launcher noted it: `state` is the argument before the group that was left and the tool's own ones. */
export function inheritedFromLauncher(state: string): Inherited {
  const argv = readOrElse('/proc/self/cmdline', () => process.argv.slice(1));
  const [left = '', ...own] = argv.slice(argv.indexOf(state) + 1);
  return {
    ...parseState(state),
    ...parseLeft(left),
    argv: own,
    environment: environment(),
  };
}

/** Whether there is such a descriptor. */
export const isOpen = (fd: number): boolean => live().ignoring().do('fcntl', fd, F_GETFD) >= 0;

/** The state as far as it can be seen from inside a running Node: for use as a library. */
export function inheritedHere(argv: readonly string[]): Inherited {
  const open = [0, 1, 2].filter(isOpen);
  return { descriptors: open.map((fd) => [fd, fd]), ignored: 0n, blocked: 0n, argv, environment: environment() };
}

/** A signal as it was pending, to the process; to the one thread that will stay where there are others, which would die of it. */
function sendAgain(sys: Sys, info: Buffer): void {
  const signal = info.readInt32LE();
  const siginfo = Buffer.alloc(SIGINFO_SIZE);
  info.copy(siginfo);
  if (sys.live) sys.do('rt_tgsigqueueinfo', process.pid, process.pid, signal, siginfo);
  else sys.do('rt_sigqueueinfo', process.pid, signal, siginfo);
}

/** Gives back what Node has changed, descriptors aside. `name`: what ps(1) shows. */
export function giveBack(sys: Sys, inherited: Inherited, name: string): void {
  const quiet = sys.ignoring();
  if (!inherited.untouched) giveBackState(sys, inherited);
  quiet.setProcessName(name);
}

function giveBackState(sys: Sys, inherited: Inherited): void {
  const quiet = sys.ignoring();
  if (inherited.left) {
    // Never on without it: its limits are what the program is to run under.
    const back = sys.or(`cannot go back to ${inherited.left.procs}`);
    const fd = back.open(inherited.left.procs, O_WRONLY);
    back.write(fd, Buffer.from('0'));
    quiet.close(fd);
  }
  for (let signal = 1; signal <= 64; signal++) {
    const now = (IGNORED_BY_NODE as readonly number[]).includes(signal);
    if (has(inherited.ignored, signal) !== now) quiet.setSignalAction(signal, now ? 'default' : 'ignore');
  }
  quiet.sigprocmask(SIG_SETMASK, inherited.blocked);
  for (const info of inherited.pending ?? []) sendAgain(quiet, info);
  for (const [resource, soft] of inherited.limits ?? []) {
    const { cur, max } = live().getrlimit(0, resource);
    if (cur !== soft) quiet.setrlimit(0, resource, { cur: soft, max });
  }
}

/** The same for descriptors, which have to be given back before the next execve closes them. */
export function giveBackDescriptors(sys: Sys, { descriptors, file, untouched }: Inherited): void {
  const quiet = sys.ignoring();
  // Node marks descriptors up to the first gap only, which may lie before that of our own file.
  if (file !== undefined) quiet.setCloexec(file, true);
  if (!untouched)
    for (const [first, last] of descriptors) for (let fd = first; fd <= last; fd++) quiet.setCloexec(fd, false);
  for (const fd of [0, 1, 2]) if (!descriptors.some(([first, last]) => fd >= first && fd <= last)) quiet.close(fd);
}
