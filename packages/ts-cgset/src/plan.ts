/** From the command line to the files that are written: pure. */

import {
  BAD_ARGUMENTS,
  controllerOf,
  copyWrites,
  type FileWrite,
  type Hierarchies,
  LEAVES,
  NO_SUCH_PARAMETER,
  NOT_EXISTING,
  NOT_MOUNTED,
  normalPath,
  readHierarchies,
  writesOf,
} from '@ts/cgroups';
import { type Parsed, ToolError, UsageError, type World } from '@ts/cli';
import type { options } from './options.ts';

type Input = Parsed<typeof options>;

export interface Plan {
  readonly writes: readonly FileWrite[];
  readonly program: readonly string[];
}

function pathOf(group: string): string {
  const path = normalPath(group);
  if (path === undefined)
    throw new ToolError(`cgroup modify error: ${NO_SUCH_PARAMETER.text}`, NO_SUCH_PARAMETER.status, LEAVES);
  return path;
}

function settingOf(text: string): { name: string; value: string } {
  const equals = text.indexOf('=');
  const name = text.slice(0, equals);
  const value = text.slice(equals + 1);
  if (equals <= 0 || value === '')
    throw new ToolError(`wrong parameter of option -r: ${text}`, BAD_ARGUMENTS, 'a parameter is <name>=<value>');
  if (controllerOf(name) === undefined)
    throw new ToolError(`wrong -r parameter (${text})`, BAD_ARGUMENTS, 'a name is <controller>.<file>');
  return { name, value };
}

function setting(
  hierarchies: Hierarchies,
  groups: readonly string[],
  texts: readonly string[],
  world: World,
): FileWrite[] {
  const settings = texts.map(settingOf);
  const planned = new Map<string, string>();
  return groups.flatMap((group) => {
    const path = pathOf(group);
    return settings.flatMap(({ name, value }) => {
      const writes = writesOf(hierarchies, path, name, value, world, planned);
      if (!('no' in writes)) return writes;
      const { text, status } = writes.no === 'controller' ? NOT_MOUNTED : NO_SUCH_PARAMETER;
      throw new ToolError(`cgroup modify error: ${text}`, status, `${name} of group ${group}: ${writes.hint}`);
    });
  });
}

function copying(hierarchies: Hierarchies, groups: readonly string[], source: string, world: World): FileWrite[] {
  return groups.flatMap((group) => {
    const writes = copyWrites(hierarchies, pathOf(source), pathOf(group), world);
    if (!('missing' in writes)) return writes;
    throw new ToolError(
      `cgroup ${writes.missing === pathOf(group) ? group : source} error: ${NOT_EXISTING.text}`,
      NOT_EXISTING.status,
    );
  });
}

export function plan({ values, operands, beforeDashes }: Input, world: World): Plan {
  const { variable, 'copy-from': source } = values;
  // What stands behind a leading -- can only be groups.
  const groups = beforeDashes ? operands.slice(0, beforeDashes) : operands;
  const program = beforeDashes ? operands.slice(beforeDashes) : [];
  if (variable && source !== undefined) throw new UsageError('options -r and --copy-from cannot be combined');
  if (!variable && source === undefined)
    throw groups.length
      ? new ToolError('no name-value pair was set', BAD_ARGUMENTS, 'name one with -r <name>=<value>')
      : new UsageError('no name-value pair was set');
  if (!groups.length) throw new ToolError('no cgroup specified', BAD_ARGUMENTS);
  const hierarchies = readHierarchies(world);
  const writes = variable
    ? setting(hierarchies, groups, variable, world)
    : copying(hierarchies, groups, source as string, world);
  return { writes, program };
}
