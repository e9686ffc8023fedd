/** From the command line to the groups that are removed: pure. */

import {
  BAD_ARGUMENTS,
  type Group,
  LEAVES,
  normalPath,
  OPERATION_FAILED,
  OTHER,
  parentOf,
  parseSpec,
  readHierarchies,
  targetsOf,
} from '@ts/cgroups';
import { type Parsed, UsageError, type World } from '@ts/cli';
import { Failure } from '@ts/sys';
import type { options } from './options.ts';

type Input = Parsed<typeof options>;

export interface Removal {
  /** Path as it was written. */
  readonly name: string;
  readonly group: Group;
  /** Where its processes go. */
  readonly above: Group;
}

export interface Plan {
  readonly removals: readonly Removal[];
  readonly recursive: boolean;
  /** Processes are killed, not moved. */
  readonly kill: boolean;
  readonly program: readonly string[];
}

function removalsOf(text: string, world: World): Removal[] {
  const spec = parseSpec(text);
  if (!spec)
    throw new Failure(`error parsing cgroup '${text}'`, BAD_ARGUMENTS, 'a group is named <controllers>:<path>');
  const { controllers, path: name } = spec;
  const failure = `cannot remove group '${name}'`;
  const path = normalPath(name);
  if (path === undefined) throw new Failure(`${failure}: No such file or directory`, OTHER.status, LEAVES);
  const targets = targetsOf(readHierarchies(world), controllers, path);
  if ('hint' in targets)
    throw new Failure(`controller ${targets.controller} can't be added`, OPERATION_FAILED.status, targets.hint);
  // `*` is every hierarchy that has the group.
  const present = controllers.includes('*') ? targets.filter(({ directory }) => world.exists(directory)) : targets;
  return (present.length ? present : targets).map((group) => {
    const above = parentOf(group);
    if (!above)
      throw new Failure(`${failure}: Device or resource busy`, OTHER.status, 'it is the top of its hierarchy');
    return { name, group, above };
  });
}

export function plan({ values, operands, beforeDashes }: Input, world: World): Plan {
  // What stands behind a leading -- can only be groups.
  const named = beforeDashes || values.group ? operands.slice(0, beforeDashes) : operands;
  const texts = [...(values.group ?? []), ...named];
  if (values.kill && operands.length > named.length) throw new UsageError('--kill and a program cannot be combined');
  if (!texts.length) throw new UsageError('no control group given: name one with -g <controllers>:<path>');
  // In one hierarchy several controllers name one group.
  const removals = new Map(
    texts.flatMap((text) => removalsOf(text, world)).map((each) => [each.group.directory, each]),
  );
  return {
    removals: [...removals.values()],
    recursive: Boolean(values.recursive),
    kill: Boolean(values.kill),
    program: operands.slice(named.length),
  };
}
