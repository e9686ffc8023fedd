/** Changes of a hierarchy as data, and the one function that makes them: now, or onto a tape. */
import { encode, errnoOf, type Int, O_WRONLY, type Ref, type Steps, type Sys, SysError, together } from '@ts/sys';
import { subjectOf } from './causes.ts';
import type { DeviceRules } from './devices.ts';
import { putRules } from './programs.ts';

/** What is said and returned where a step fails. */
export interface Failing {
  /** Said before what was done; nothing where it is empty. */
  readonly says: string;
  /** Exit status. */
  readonly status: number;
  /** Exit status where a file cannot be opened or a directory not be made: mostly for want of rights. */
  readonly statusOpen?: number;
  /** Exit status where a file is missing. */
  readonly statusMissing?: number;
}

/** `says`: what is said of this step instead of what is said of all. `fresh`: of a group that is made in the same run. */
export type Step = { readonly says?: string; readonly fresh?: boolean } & (
  | { readonly do: 'mkdir'; readonly path: string }
  | { readonly do: 'rmdir'; readonly path: string }
  | { readonly do: 'chown'; readonly path: string; readonly uid: number; readonly gid: number }
  | { readonly do: 'chmod'; readonly path: string; readonly mode: number }
  /** `takeBack`: what is written when a later step fails. `mayFail`: an error that is no failure; true for whatever the kernel says of the value. */
  | {
      readonly do: 'write';
      readonly path: string;
      readonly value: string;
      readonly takeBack?: string;
      readonly mayFail?: string | true;
    }
  /** A process by the entry file of another group, and back by that of the one it was in, where that is known. */
  | { readonly do: 'move'; readonly path: string; readonly from: string | undefined; readonly pid: string }
  /** Of a v2 group, in the place of our program `id` where there is one. */
  | { readonly do: 'devices'; readonly path: string; readonly rules: DeviceRules; readonly id?: number }
);

/** What of these steps holds for now alone, in words: processes and programs are known by their numbers of now. */
export function momentary(steps: readonly Step[]): string | undefined {
  if (steps.some((step) => step.do === 'move')) return 'it moves processes that are there now';
  return steps.some((step) => step.do === 'devices' && step.id !== undefined)
    ? 'it replaces a BPF program that is there now'
    : undefined;
}

/** Group directories get the permissions that the umask leaves of these. */
const DIRECTORY_MODE = 0o775;

const prefix = (says: string, what: string) => (says ? `${says}: ${what}` : what);

/** A value as a message shows it: one line. */
const shown = (value: string) => value.replaceAll('\n', '\\n');

function writeFile(
  sys: Sys,
  path: string,
  value: string,
  failing: Failing,
  mayFail?: string | true,
  fresh?: boolean,
): void {
  const { says, status, statusOpen = status, statusMissing } = failing;
  const what = prefix(says, `cannot write '${shown(value)}' to ${path}`);
  const fd = sys
    .or(what, { status: statusOpen, statusMissing })
    .explaining(subjectOf(fresh ? 'open-fresh' : 'open', path, value))
    .open(path, O_WRONLY);
  const writing = sys.or(what, { status }).explaining(subjectOf('write', path, value));
  const tolerant = mayFail === undefined ? writing : writing.ignoring(mayFail === true ? undefined : errnoOf(mayFail));
  tolerant.write(fd, encode(value));
  sys.close(fd);
}

/** Writes to a file again what takes a step back. */
const writingBack = (path: string, value: string) => (undoing: Sys) => {
  const fd = undoing.open(path, O_WRONLY);
  undoing.write(fd, encode(value));
  undoing.close(fd);
};

/** Makes one step, and says how to take it back, where it can be. */
function make(sys: Steps, step: Step, general: Failing): void {
  const failing = step.says === undefined ? general : { ...general, says: step.says };
  const { says, status } = failing;
  const { path } = step;
  switch (step.do) {
    case 'mkdir': {
      // Somebody else may make it at the same time: then it is theirs.
      const made: Int = sys
        .or(prefix(says, `cannot make ${path}`), { status: failing.statusOpen ?? status })
        .explaining(subjectOf('mkdir', path))
        .ignoring(errnoOf('EEXIST'))
        .mkdir(path, DIRECTORY_MODE);
      sys.undo((undoing) => undoing.when(made as Ref, 'equal', 0, () => undoing.rmdir(path)));
      return;
    }
    case 'rmdir':
      sys.or(prefix(says, path), { status }).explaining(subjectOf('rmdir', path)).rmdir(path);
      return;
    case 'chown':
      sys
        .or(prefix(says, `cannot change the owner of ${path}`), { status })
        .explaining(subjectOf('own', path))
        .chown(path, step.uid, step.gid);
      return;
    case 'chmod':
      sys
        .or(prefix(says, `cannot change the mode of ${path}`), { status })
        .explaining(subjectOf('own', path))
        .chmod(path, step.mode);
      return;
    case 'move': {
      const { pid, from } = step;
      // It may have ended by now.
      writeFile(sys, path, pid, failing, pid === '0' ? undefined : 'ESRCH');
      if (from !== undefined) sys.undo(writingBack(from, pid));
      return;
    }
    case 'devices':
      putRules(
        sys
          .or(prefix(says, `cannot set the BPF program for devices of ${path}`), { status })
          .explaining(subjectOf('devices', path)),
        path,
        step.rules,
        step.id,
      );
      return;
    case 'write': {
      const { takeBack } = step;
      writeFile(sys, path, step.value, failing, step.mayFail, step.fresh);
      if (takeBack !== undefined) sys.undo(writingBack(path, takeBack));
      return;
    }
  }
}

/**
 * Makes the steps in order. When one fails, what the earlier ones have made is taken back, the last first; on a tape this
 * holds for everything that is recorded afterwards, too.
 */
export const perform = (sys: Sys, steps: Iterable<Step>, failing: Failing): void =>
  together(sys, (doing) => {
    for (const step of steps) make(doing, step, failing);
  });

/** One of several changes that do not depend on each other. */
export interface Job {
  readonly steps: Iterable<Step>;
  readonly failing: Failing;
}

/** Does all of them, also when one fails: that is told, and in the end the last failure ends the tool. On a tape the first does. */
export function performAll(sys: Sys, jobs: readonly Job[], warn: (message: string) => void): void {
  let last: SysError | undefined;
  for (const { steps, failing } of jobs) {
    try {
      perform(sys, steps, failing);
    } catch (error) {
      if (!(error instanceof SysError)) throw error;
      if (last) warn(last.said);
      last = error;
    }
  }
  if (last) throw last;
}
