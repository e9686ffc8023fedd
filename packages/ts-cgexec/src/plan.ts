/** From the command line to the groups that are entered: pure. */

import {
  BAD_ARGUMENTS,
  entryFile,
  formatSpec,
  LEAVES,
  NOT_EXISTING,
  NOT_MOUNTED,
  normalPath,
  PARSING,
  parseSpec,
  readHierarchies,
  targetsOf,
} from '@ts/cgroups';
import { type Parsed, ToolError, UsageError, type World } from '@ts/cli';
import type { options } from './options.ts';

type Input = Parsed<typeof options>;

export interface Plan {
  /** Files that take this process into its groups, one a hierarchy. */
  readonly entries: readonly string[];
  readonly program: readonly string[];
  /** Real ids, which the program gets as its only ones. */
  readonly ids: { readonly uid: number; readonly gid: number };
}

/** Exit status where no group was named: the original has looked for rules then. */
const NO_RULES = 99;

export function plan({ values, operands }: Input, world: World): Plan {
  if (!operands.length) throw new UsageError('no program given');
  const texts = values.group ?? [];
  if (!texts.length)
    throw new ToolError(
      'cgroup change of group failed: no control group given',
      NO_RULES,
      'name one with -g <controllers>:<path>; /etc/cgrules.conf is not read',
    );
  const hierarchies = readHierarchies(world);
  // A later group of the same hierarchy replaces an earlier one.
  const entries = new Map<unknown, string>();
  for (const text of texts) {
    const spec = parseSpec(text);
    if (!spec) throw new ToolError(`${PARSING.text} (${text})`, BAD_ARGUMENTS, 'a group is named <controllers>:<path>');
    const path = normalPath(spec.path);
    if (path === undefined) throw new ToolError('cgroup change of group failed', NOT_EXISTING.status, LEAVES);
    const targets = targetsOf(hierarchies, spec.controllers, path);
    if ('hint' in targets) throw new ToolError('cgroup change of group failed', NOT_MOUNTED.status, targets.hint);
    for (const target of targets) {
      if (!world.exists(target.directory))
        throw new ToolError(
          'cgroup change of group failed',
          NOT_EXISTING.status,
          `there is no group ${target.directory}: cgcreate -g ${formatSpec(target.controllers, spec.path)}`,
        );
      entries.delete(target.hierarchy);
      entries.set(target.hierarchy, entryFile(target));
    }
  }
  return { entries: [...entries.values()], program: operands, ids: { uid: world.uid, gid: world.gid } };
}
