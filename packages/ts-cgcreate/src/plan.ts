/** From the command line to the groups that are made: pure. */

import {
  BAD_ARGUMENTS,
  createSteps,
  formatSpec,
  isGroupName,
  LEAVES,
  NO_CONTROLLER,
  normalPath,
  OTHER,
  PARSING,
  parseSpec,
  readHierarchies,
  type Spec,
  type Step,
  type Target,
  targetsOf,
} from '@ts/cgroups';
import { candidates, findProgram, type Parsed, UsageError, type World } from '@ts/cli';
import { Failure, parseAccountId, parseOctal } from '@ts/sys';
import type { options } from './options.ts';

type Input = Parsed<typeof options>;

/** -1 leaves as it is, as chown(2) has it. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

export interface Creation {
  /** Path as it was written. */
  readonly name: string;
  readonly target: Target;
  readonly steps: readonly Step[];
}

export interface Plan {
  readonly creations: readonly Creation[];
  readonly admin?: Owner;
  readonly task?: Owner;
  readonly directoryMode?: number;
  readonly fileMode?: number;
  readonly tasksMode?: number;
  readonly program: readonly string[];
}

/** The original takes no more. */
const MODE_DIGITS = 4;

function id(
  name: string | undefined,
  what: 'uid of user' | 'gid of group',
  lookUp: (name: string) => number | undefined,
): number {
  if (name === undefined || name === '') return -1;
  const found = lookUp(name) ?? parseAccountId(name);
  if (found === undefined) throw new Failure(`can't find ${what} ${name}.`, BAD_ARGUMENTS);
  return found;
}

function ownerOf(text: string | undefined, world: World): Owner | undefined {
  if (text === undefined) return undefined;
  const [user, group] = text.split(':');
  return {
    uid: id(user, 'uid of user', (name) => world.user(name)?.uid),
    gid: id(group, 'gid of group', (name) => world.group(name)?.gid),
  };
}

function modeOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const mode = text.length <= MODE_DIGITS ? parseOctal(text) : undefined;
  if (mode === undefined) throw new Failure(`wrong mode format ${text}`, BAD_ARGUMENTS, 'a mode is octal: 775');
  return mode;
}

function specOf(text: string): Spec {
  const spec = parseSpec(text);
  if (!spec) throw new Failure(`${PARSING.text} (${text})`, BAD_ARGUMENTS, 'a group is named <controllers>:<path>');
  return spec;
}

/** Groups whose files are given away are made before the program is executed: nothing would take them back. */
function checkProgram(name: string | undefined, world: World): void {
  if (name === undefined) return;
  const paths = candidates(name, world.environment);
  if (findProgram(paths)) return;
  const there = paths.some((path) => world.exists(path));
  const message = `failed to execute ${name}`;
  throw there
    ? new Failure(`${message}: Permission denied`, 126)
    : new Failure(`${message}: No such file or directory`, 127);
}

export function plan({ values, operands, beforeDashes }: Input, world: World): Plan {
  const extra = operands.slice(0, beforeDashes)[0];
  if (extra !== undefined)
    throw new Failure(`wrong arguments (${extra})`, BAD_ARGUMENTS, 'a program to go on with stands behind --');
  const admin = ownerOf(values.admin, world);
  const task = ownerOf(values.task, world);
  const modes = {
    directoryMode: modeOf(values.dperm),
    fileMode: modeOf(values.fperm),
    tasksMode: modeOf(values.tperm),
  };
  const { leaf } = values;
  if (leaf !== undefined && !isGroupName(leaf)) throw new UsageError(`'${leaf}' is no name of a group`);
  const specs = (values.group ?? []).map(specOf);
  if (!specs.length) throw new UsageError('no control group given: name one with -g <controllers>:<path>');
  const hierarchies = readHierarchies(world);
  const creations = specs.flatMap(({ controllers, path }) => {
    const normal = normalPath(path);
    if (normal === undefined)
      throw new Failure(`can't create cgroup ${path}: No such file or directory`, OTHER.status, LEAVES);
    const targets = targetsOf(hierarchies, controllers, normal);
    if ('hint' in targets)
      throw new Failure(`controller ${targets.controller} can't be add`, NO_CONTROLLER.status, targets.hint);
    return targets.map((target) => ({ name: path, target, steps: createSteps(target, world, { leaf }) }));
  });
  const program = operands.slice(beforeDashes);
  checkProgram(program[0], world);
  return { creations, admin, task, ...modes, program };
}

/** What --dry-run says before the calls: what only the new group's own files show. */
export function describe({ creations, admin, fileMode }: Plan): string {
  if (!admin && fileMode === undefined) return '';
  const owner = admin && `owner ${admin.uid}:${admin.gid}`;
  const mode = fileMode === undefined ? undefined : `mode at most ${fileMode.toString(8)}`;
  const what = [owner, mode].filter(Boolean).join(', ');
  return creations
    .map(({ target }) => `every file of ${formatSpec(target.controllers, target.path)}: ${what}\n`)
    .join('');
}
