/** The recording gate, and what only a tape can do: fork, wait, branch, become the final program. */

import { formatCall } from '#trace';
import { arch } from '../arch.ts';
import { cString, encode } from '../bytes.ts';
import { type Call, callNumber } from '../calls.ts';
import { AT_FDCWD } from '../const/at.ts';
import { CLONE_INTO_CGROUP, CLONE_NEWNS, CLONE_NEWPID } from '../const/clone.ts';
import { O_CLOEXEC, O_DIRECTORY, O_NONBLOCK, O_PATH } from '../const/open.ts';
import { POLLFD, POLLIN } from '../const/poll.ts';
import { SIG_BLOCK, SIG_SETMASK } from '../const/sigmask.ts';
import * as signals from '../const/signal.ts';
import { changesRoot } from '../elsewhere.ts';
import type { Gate, OnFailure } from '../gate.ts';
import { type Data, type Int, MadeText, type Operand, type Path, pointerArray, Ref } from '../operand.ts';
import { quote } from '../quote.ts';
import type { Condition, Steps } from '../steps.ts';
import { encodeStruct, offsetOf } from '../struct.ts';
import { BoundSys, type Sys } from '../sys.ts';
import { type Entry, Label, type Piece, type Tape } from './entry.ts';
import { piece } from './format.ts';

/** How a parent waits for the child that goes on with the work. */
export interface Waiting {
  /** Signals that the parent blocks while it waits; the child gets the set that was blocked before. */
  block?: readonly number[];
  /** Signals sent to the parent that it passes on to the child instead of dying of them. */
  forward?: readonly number[];
  /** The parent stops when its child stops, and continues it when it is itself continued. */
  mirrorStops?: boolean;
  /** What the child gets when the parent ends. */
  parentDeathSignal?: number;
  /** Descriptor of a folder of cgroup2: the child is born in that control group. Since Linux 5.7. */
  cgroup?: Int;
  /** Called for the parent between fork and wait. */
  parent?: (sys: Recording, pid: Ref) => void;
  /** Called for the parent when the child has ended. */
  ended?: (sys: Recording, status: Ref) => void;
}

export interface Recording extends Steps {
  /**
   * What follows `child` is the parent's; the child ends with status 0 where `child` does not end it.
   *
   * @param namespaces CLONE_NEW*: kinds that the child has of its own from the start. Result: its PID.
   */
  fork(child: (sys: Recording) => void, namespaces?: number): Ref;
  /** What follows is the child's; the parent waits and ends as the child ends. */
  forkAndWait(waiting: Waiting): void;
  /** Waits for a child. Result: its status as wait(2) gives it. */
  wait(pid: Ref): Ref;
  /** Ends by the exit status, or by the signal, that is in a status of `wait`. */
  endAsChild(status: Ref): void;
  end(status: number): void;
  /** Text made while playing, and its length. `size`: bytes to reserve. */
  text(pieces: readonly Piece[], size?: number): { buffer: Buffer; length: Ref };
  /** The same as a path, or as another text that calls are given. */
  made(pieces: readonly Piece[]): MadeText;
  /** Writes a text that is put together while playing. */
  print(fd: Int, pieces: readonly Piece[]): void;
  /**
   * Becomes the first of the paths that can be executed, as execvp(3); a script without `#!` runs in /bin/sh.
   *
   * @param program The paths; or a name, searched when the tape is played, in the PATH of then.
   * @param append The runner's own arguments are put behind `argv`.
   * Result: the error, negated, for what is recorded with `undo`.
   */
  become(program: readonly string[] | string, argv: readonly Path[], environment?: Data | null, append?: boolean): Ref;
}

/** Whether calls are written down, to be made when the tape is played. */
export const isRecorded = (sys: Sys): sys is Recording => !sys.live;

export interface TapeRecording extends Recording {
  /**
   * From here on a tool's calls: the name its messages begin with, the words before what is explained, its status for failures.
   *
   * @param words The command line that its processes show; left out, it is that of the runner.
   */
  speakFor(prog: string, asking: string, status: number, words?: readonly string[]): TapeRecording;
  /** The next child will be in another PID namespace: a program that needs threads cannot start in this process. */
  readonly childrenElsewhere: boolean;
  finish(): Tape;
}

/** Set of signals as the kernel takes it: bit n-1 is signal n. */
export const signalSet = (list: readonly number[]): bigint =>
  list.reduce((set, signal) => set | (1n << BigInt(signal - 1)), 0n);

/** struct clone_args of linux/sched.h. */
const CLONE_ARGS = {
  flags: 'u64',
  pidfd: 'u64',
  child_tid: 'u64',
  parent_tid: 'u64',
  exit_signal: 'u64',
  stack: 'u64',
  stack_size: 'u64',
  tls: 'u64',
  set_tid: 'u64',
  set_tid_size: 'u64',
  cgroup: 'u64',
} as const;

const changesPidNamespace = (name: Call, [first, second]: readonly Operand[]) =>
  (name === 'unshare' && (Number(first) & CLONE_NEWPID) !== 0) || (name === 'setns' && second === CLONE_NEWPID);

/** Where paths are taken from, held by descriptors; those that cannot be opened are no way back. */
interface Place {
  readonly namespace: Ref | undefined;
  readonly root: Ref;
  readonly directory: Ref;
}

const QUIET: OnFailure = { message: '', status: 1, ignore: true };

/** pivot_root(2) apart, behind which nothing is taken back. */
const leavesPlace = (name: Call, operands: readonly Operand[]) =>
  name === 'unshare' ? (Number(operands[0]) & CLONE_NEWNS) !== 0 : name !== 'pivot_root' && changesRoot(name, operands);

class RecordingGate implements Gate {
  readonly live = false;
  readonly entries: Entry[] = [];
  readonly later: (() => void)[] = [];
  undo: Label | undefined;
  /** What is recorded now takes something back: it goes on whatever fails. */
  takesBack = false;
  otherwise: { label: Label; only?: number } | undefined;
  /** The next child will be in another PID namespace than this process. */
  childrenElsewhere = false;
  /** Whose calls these are: the program's name before messages, the words before what an explainer is asked, the command line. */
  speaker: { readonly prog: string; readonly asking: string; readonly words?: readonly string[] } = {
    prog: '',
    asking: '',
  };
  /** The command line that the process shows, where that is not the runner's own. */
  shown: readonly string[] | undefined;

  constructor(readonly texts: boolean) {}

  push(entry: Entry): Ref {
    if (entry.failure) {
      const { prog } = this.speaker;
      if (prog) entry.failure = { ...entry.failure, message: `${prog}: ${entry.failure.message}` };
      entry.undo = this.undo;
      if (this.takesBack && !entry.otherwise)
        entry.failure = { ...entry.failure, ignore: entry.failure.ignore ?? true };
    }
    this.entries.push(entry);
    return new Ref(this.entries.length - 1);
  }

  place(label: Label): void {
    label.entry = this.entries.length;
  }

  call(name: Call, operands: readonly Operand[], failure: OnFailure): Ref {
    if (callNumber(name, arch) === undefined) throw new TypeError(`no such system call: ${name}`);
    const before = this.undo;
    const place = before && leavesPlace(name, operands) ? this.holdPlace(name !== 'chroot') : undefined;
    const result = this.push({
      op: 'call',
      name,
      operands,
      failure,
      explain: failure.explain && `${this.speaker.asking} ${failure.explain}`,
      text: this.texts ? formatCall(name, operands) : undefined,
      otherwise: failure.ignore === undefined ? this.otherwise : undefined,
    });
    // When it has succeeded, paths mean another tree, for good: nothing is taken back rather than something else.
    if (name === 'pivot_root') this.undo = undefined;
    if (before && place) this.undo = this.wayBack(place, name, result, before);
    if (changesPidNamespace(name, operands)) this.childrenElsewhere = true;
    return result;
  }

  private holdPlace(hasNamespace: boolean): Place {
    const open = (path: string, flags: number) => this.call('openat', [AT_FDCWD, path, flags | O_CLOEXEC, 0], QUIET);
    const namespace = hasNamespace ? open('/proc/self/ns/mnt', O_NONBLOCK) : undefined;
    return { namespace, root: open('/', O_PATH | O_DIRECTORY), directory: open('.', O_PATH | O_DIRECTORY) };
  }

  /**
   * What is to be taken back lies in the place that is left now: paths mean it only when root and mounts are there again.
   * Where there is no way back (the right to it was given up), nothing is taken back rather than something else. Only
   * unshare(2) leaves the same files in sight, so that what the mounts do not hold is taken back even then.
   */
  private wayBack({ namespace, root, directory }: Place, name: Call, left: Ref, before: Label): Label {
    const label = new Label();
    this.later.push(() => {
      const stuck = new Label();
      const goTo = (to: Label, result?: Ref) =>
        this.push({ op: 'branch', left: result ?? 0, condition: result ? 'less' : 'equal', right: 0, label: to });
      Object.assign(this, { undo: undefined, takesBack: true });
      this.place(label);
      goTo(before, left);
      if (namespace) goTo(name === 'unshare' ? before : stuck, this.call('setns', [namespace, CLONE_NEWNS], QUIET));
      goTo(stuck, this.call('fchdir', [root], QUIET));
      goTo(stuck, this.call('chroot', ['.'], QUIET));
      this.call('fchdir', [directory], QUIET);
      goTo(before);
      this.place(stuck);
      this.push({ op: 'end', status: 'failed' });
    });
    return label;
  }
}

function execText(program: readonly string[] | string, shown: readonly string[], append: boolean): string {
  const isPath = typeof program !== 'string' && program.length === 1;
  const executed = `${isPath ? 'execve' : 'execvp'}(${quote((isPath ? program[0] : shown[0]) ?? '')}`;
  return `${executed}, [${[...shown.map(quote), ...(append ? ['...'] : [])].join(', ')}])`;
}

class RecordingSys extends BoundSys implements TapeRecording {
  declare readonly gate: RecordingGate;

  private failing(message: string, status = this.failure.status, statusMissing?: number): OnFailure {
    return {
      message: this.failure.message ?? message,
      explain: this.failure.explain,
      status: this.failure.message ? this.failure.status : status,
      statusMissing,
    };
  }

  /** What forks may be looked for by its command line. */
  private showWords(): void {
    const { speaker, shown } = this.gate;
    if (speaker.words === undefined || speaker.words === shown) return;
    this.gate.shown = speaker.words;
    this.gate.push({ op: 'show', words: Buffer.concat(speaker.words.map(cString)) });
  }

  private clone(cgroup?: Int, namespaces = 0): Ref {
    this.showWords();
    const failure = this.failing('fork failed');
    if (cgroup === undefined) return this.gate.call('clone', [namespaces | signals.SIGCHLD, 0, 0, 0, 0], failure);
    const structure = encodeStruct(CLONE_ARGS, { flags: CLONE_INTO_CGROUP, exit_signal: signals.SIGCHLD });
    this.fill(structure, offsetOf(CLONE_ARGS, 'cgroup'), cgroup, 8);
    return this.gate.call('clone3', [structure, structure.length], failure);
  }

  private branch(left: Operand, condition: Condition, right: Int, label: Label): void {
    this.gate.push({ op: 'branch', left, condition, right, label });
  }

  /** What the other process has made is not ours to take back. */
  private asChild(record: () => void): void {
    const { undo, otherwise, childrenElsewhere } = this.gate;
    Object.assign(this.gate, { undo: undefined, otherwise: undefined, childrenElsewhere: false });
    record();
    Object.assign(this.gate, { undo, otherwise, childrenElsewhere });
  }

  fork(child: (sys: Recording) => void, namespaces?: number): Ref {
    const parent = new Label();
    const pid = this.clone(undefined, namespaces);
    this.branch(pid, 'notEqual', 0, parent);
    this.asChild(() => child(this));
    this.end(0);
    this.gate.place(parent);
    return pid;
  }

  forkAndWait(waiting: Waiting): void {
    const { block = [], forward = [] } = waiting;
    const child = new Label();
    const held = signalSet([...block, ...forward, ...(forward.length ? [signals.SIGCHLD] : [])]);
    const before = Buffer.alloc(8);
    if (held) this.or('sigprocmask block failed').sigprocmask(SIG_BLOCK, held, before);
    const alive = waiting.parentDeathSignal ? (this.ignoring().pidfd_open(this.getpid() as Ref) as Ref) : undefined;
    const pid = this.clone(waiting.cgroup);
    this.branch(pid, 'equal', 0, child);
    waiting.parent?.(this, pid);
    const status = this.waitAs(pid, waiting.mirrorStops ?? false, signalSet(forward));
    waiting.ended?.(this, status);
    this.endAsChild(status);
    this.gate.place(child);
    Object.assign(this.gate, { undo: undefined, childrenElsewhere: false });
    if (held) this.or('sigprocmask restore failed').sigprocmask(SIG_SETMASK, before);
    if (alive) this.dieWithParent(alive, waiting.parentDeathSignal as number);
  }

  /** A parent that died before the child could ask for the signal is noticed by its descriptor. */
  private dieWithParent(parent: Ref, signal: number): void {
    this.or('prctl failed').setParentDeathSignal(signal);
    const asked = encodeStruct(POLLFD, { events: POLLIN });
    this.fill(asked, offsetOf(POLLFD, 'fd'), parent, 4);
    const ended = this.with({ status: this.failure.status, message: 'poll failed' }).do(
      'ppoll',
      asked,
      1,
      Buffer.alloc(16),
      null,
      8,
    ) as Ref;
    this.when(ended, 'equal', 1, () => {
      this.ignoring().kill(this.getpid() as Ref, signal);
      // The first process of a PID namespace is not ended by a signal of its own.
      this.end(1);
    });
    this.ignoring().close(parent);
  }

  wait(pid: Ref): Ref {
    return this.waitAs(pid, false, 0n);
  }

  private waitAs(pid: Ref, mirrorStops: boolean, forward: bigint): Ref {
    const failure = this.failing('waitpid failed');
    return this.gate.push({
      op: 'wait',
      pid,
      mirrorStops,
      forward,
      failure,
      text: this.gate.texts ? 'wait4(\u00010)' : undefined,
    });
  }

  endAsChild(status: Ref): void {
    this.gate.push({ op: 'endAsChild', status, failure: this.failing('sigprocmask unblock failed') });
    this.end(this.failure.status);
  }

  end(status: number): void {
    this.gate.push({ op: 'end', status });
  }

  when(left: Int, condition: Condition, right: Int, then: () => void): void {
    const inside = new Label();
    const after = new Label();
    this.branch(left, condition, right, inside);
    this.branch(0, 'equal', 0, after);
    this.gate.place(inside);
    then();
    this.gate.place(after);
  }

  tryElse(attempt: (sys: this) => void, otherwise: (sys: this) => void, errors?: number | readonly number[]): void {
    const [only, ...others] = [errors ?? []].flat();
    if (others.length) throw new TypeError('on a tape one error can be told from all others, not several');
    const failed = new Label();
    const after = new Label();
    const outer = this.gate.otherwise;
    this.gate.otherwise = { label: failed, only };
    attempt(this);
    this.gate.otherwise = outer;
    this.branch(0, 'equal', 0, after);
    this.gate.place(failed);
    otherwise(this);
    this.gate.place(after);
  }

  undo(takeBack: (sys: this) => void): void {
    const before = this.gate.undo;
    const label = new Label();
    this.gate.undo = label;
    this.gate.later.push(() => {
      Object.assign(this.gate, { undo: undefined, takesBack: true });
      this.gate.place(label);
      takeBack(this.ignoring());
      if (before) this.branch(0, 'equal', 0, before);
      else this.gate.push({ op: 'end', status: 'failed' });
    });
  }

  undoing<Result>(takeBack: (sys: this) => void, work: () => Result): Result {
    const before = this.gate.undo;
    this.undo(takeBack);
    const result = work();
    this.gate.undo = before;
    return result;
  }

  override fill(data: Uint8Array, offset: number, result: Int, width: 4 | 8): void {
    if (offset < 0 || offset + width > data.length) throw new RangeError(`${offset} + ${width} is beyond the data`);
    if (result instanceof Ref) this.gate.push({ op: 'store', into: data, offset, value: result, width });
    else super.fill(data, offset, result, width);
  }

  text(pieces: readonly Piece[], size = 256): { buffer: Buffer; length: Ref } {
    const lengthOf = (each: Piece) =>
      typeof each === 'string' ? encode(each).length : 'read' in each ? each.read.length : 0;
    const fixed = pieces.reduce((sum, each) => sum + lengthOf(each), 0);
    const buffer = Buffer.alloc(size + fixed);
    return { buffer, length: this.gate.push({ op: 'format', buffer, pieces }) };
  }

  made(pieces: readonly Piece[]): MadeText {
    return new MadeText(this.text(pieces).buffer, pieces.map(piece).join(''));
  }

  print(fd: Int, pieces: readonly Piece[]): void {
    if (pieces.every((piece) => typeof piece === 'string')) {
      this.write(fd, encode(pieces.join('')));
      return;
    }
    const { buffer, length } = this.text(pieces);
    this.do('write', fd, buffer, length);
  }

  become(
    program: readonly string[] | string,
    argv: readonly Path[],
    environment: Data | null = null,
    append = false,
  ): Ref {
    const shown = argv.map((word) => (typeof word === 'string' ? word : word.shown));
    return this.gate.push({
      op: 'exec',
      program: typeof program === 'string' ? program : pointerArray(program),
      argv: pointerArray(argv),
      shell: pointerArray(['/bin/sh', (typeof program === 'string' ? program : program[0]) ?? '', ...argv.slice(1)]),
      environment,
      append,
      failure: this.failure.message
        ? (this.failure as OnFailure)
        : { message: `failed to execute ${shown[0]}`, status: 126, statusMissing: 127 },
      text: this.gate.texts ? execText(program, shown, append) : undefined,
    });
  }

  speakFor(prog: string, asking: string, status: number, words?: readonly string[]): this {
    this.gate.speaker = { prog, asking, words };
    return this.with({ status });
  }

  get childrenElsewhere(): boolean {
    return this.gate.childrenElsewhere;
  }

  finish(): Tape {
    // Blocks that take something back lie behind the end of the tape; the last one made comes first and leads to the others.
    for (let next = this.gate.later.pop(); next; next = this.gate.later.pop()) next();
    return { entries: this.gate.entries };
  }
}

/**
 * A sys that writes down.
 *
 * @param status Exit status of failures. @param texts Whether entries get their trace line.
 */
export function recording(status = 1, texts = false): TapeRecording {
  return new RecordingSys(new RecordingGate(texts), { status });
}
