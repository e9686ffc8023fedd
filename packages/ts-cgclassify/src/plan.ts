/** From the command line to the moves: pure. */
import {
  BAD_ARGUMENTS,
  contentOf,
  entryFile,
  formatSpec,
  type Group,
  idleIn,
  LEAVES,
  NOT_ALLOWED,
  NOT_EXISTING,
  NOT_HANDED_DOWN,
  normalPath,
  PARSING,
  parseSpec,
  readHierarchies,
  type Target,
  targetsOf,
  whyLacking,
} from '@ts/cgroups';
import { type Parsed, UsageError, type World } from '@ts/cli';
import { Failure, mayUse, parseDecimal, W_OK } from '@ts/sys';
import type { options } from './options.ts';

type Input = Parsed<typeof options>;

export interface Move {
  readonly pid: string;
  readonly writes: readonly { readonly path: string; readonly value: string }[];
}

export interface Plan {
  readonly moves: readonly Move[];
  readonly program: readonly string[];
  /** Processes that end when the others are in their groups. */
  readonly idle?: readonly number[];
}

const FAILED = 1;
const NO_PID = 2;

// Where not, the other way is tried, and if that fails too, the kernel's words are printed.
const mayWrite = (path: string): boolean => mayUse(path, W_OK);

/** cgroup.procs takes all threads of a process at once; `cgcreate -t` gives only the file for single threads away. */
function writesFor(pid: string, group: Group, alone: boolean): Move['writes'] {
  if (alone) {
    const file = group.hierarchy.version === 1 ? 'tasks' : 'cgroup.threads';
    return [{ path: `${group.directory}/${file}`, value: pid }];
  }
  const whole = `${group.directory}/cgroup.procs`;
  const single = entryFile(group);
  if (whole === single || mayWrite(whole) || !mayWrite(single)) return [{ path: whole, value: pid }];
  return (contentOf(`/proc/${pid}/task`)?.groups ?? [pid]).map((value) => ({ path: single, value }));
}

function targetsFor(text: string, first: string, world: World): readonly Target[] {
  const spec = parseSpec(text);
  if (!spec) throw new Failure(`${PARSING.text} (${text})`, BAD_ARGUMENTS, 'a group is named <controllers>:<path>');
  const failure = `Error changing group of pid ${first}`;
  const path = normalPath(spec.path);
  if (path === undefined) throw new Failure(`${failure}: ${NOT_EXISTING.text}`, FAILED, LEAVES);
  const targets = targetsOf(readHierarchies(world), spec.controllers, path);
  if ('hint' in targets) throw new Failure(`${failure}: ${NOT_ALLOWED.text}`, FAILED, targets.hint);
  const missing = targets.find(({ directory }) => !world.exists(directory));
  if (missing)
    throw new Failure(
      `${failure}: ${NOT_EXISTING.text}`,
      FAILED,
      `there is no group ${missing.directory}: cgcreate -g ${formatSpec(missing.controllers, spec.path)}`,
    );
  const lacking = spec.controllers.includes('*')
    ? undefined
    : targets.map((target) => whyLacking(target, world)).find(Boolean);
  if (lacking) throw new Failure(`${failure}: ${NOT_HANDED_DOWN.text}`, FAILED, lacking);
  return targets;
}

export function plan({ values, operands, beforeDashes }: Input, world: World): Plan {
  // What stands behind a leading -- can only be processes.
  const pids = beforeDashes ? operands.slice(0, beforeDashes) : operands;
  const texts = values.group ?? [];
  if (!texts.length && !pids.length)
    throw new UsageError('no control group given: name one with -g <controllers>:<path>');
  if (!texts.length)
    throw new Failure(
      'no control group given',
      FAILED,
      'name one with -g <controllers>:<path>; /etc/cgrules.conf is not read',
    );
  const wrong = pids.find((pid) => !parseDecimal(pid));
  if (wrong !== undefined) throw new Failure(`Error: ${wrong} is not valid pid.`, NO_PID);
  const targets = texts.flatMap((text) => targetsFor(text, pids[0] ?? '', world));
  return {
    moves: pids.map((pid) => ({
      pid,
      writes: targets.flatMap((target) => writesFor(pid, target, Boolean(values.threads))),
    })),
    program: operands.slice(pids.length),
    idle: values['replace-idle'] ? idleIn(targets, world) : undefined,
  };
}
