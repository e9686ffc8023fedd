/** From the command line to the files that are written: pure. */

import {
  BAD_ARGUMENTS,
  controllerOf,
  copyWrites,
  foreignName,
  groupAt,
  groupsBelow,
  type Hierarchies,
  LEAVES,
  type Naming,
  NO_COUNTERPART,
  NO_SUCH_PARAMETER,
  NOT_EXISTING,
  NOT_MOUNTED,
  namingOf,
  normalPath,
  parseLimit,
  readHierarchies,
  type Setting,
  type Step,
  settingSteps,
} from '@ts/cgroups';
import { type Parsed, ToolError, UsageError, type World } from '@ts/cli';
import type { options } from './options.ts';

type Input = Parsed<typeof options>;

export interface Plan {
  readonly steps: readonly Step[];
  readonly program: readonly string[];
}

function pathOf(group: string): string {
  const path = normalPath(group);
  if (path === undefined)
    throw new ToolError(`cgroup modify error: ${NO_SUCH_PARAMETER.text}`, NO_SUCH_PARAMETER.status, LEAVES);
  return path;
}

function settingOf(text: string): Setting {
  const equals = text.indexOf('=');
  const name = text.slice(0, equals);
  const value = text.slice(equals + 1);
  if (equals <= 0 || value === '')
    throw new ToolError(`wrong parameter of option -r: ${text}`, BAD_ARGUMENTS, 'a parameter is <name>=<value>');
  if (controllerOf(name) === undefined)
    throw new ToolError(`wrong -r parameter (${text})`, BAD_ARGUMENTS, 'a name is <controller>.<file>');
  return { name, value };
}

function limitOf(text: string): Setting {
  const limit = parseLimit(text);
  if ('wrong' in limit) throw new ToolError(`wrong parameter of option --limit: ${text}`, BAD_ARGUMENTS, limit.wrong);
  return limit;
}

const unmappable = (name: string, hint: string) =>
  new ToolError(`cgroup modify error: cannot convert ${name}`, NO_COUNTERPART.status, hint);

/** The setting, if its name is one of the version that names are taken from. */
function ownSettings(setting: Setting, { version, lenient }: Naming): Setting[] {
  const foreign = foreignName(setting.name, version);
  if (foreign && !lenient) throw unmappable(setting.name, foreign.hint);
  return foreign ? [] : [setting];
}

/** Paths of all groups below this one, in whatever hierarchy. */
const pathsBelow = ({ mounted }: Hierarchies, path: string): string[] => [
  ...new Set(
    mounted.flatMap((hierarchy) =>
      groupsBelow(groupAt(hierarchy, path).directory).map((directory) => directory.slice(hierarchy.mount.length)),
    ),
  ),
];

function setting(
  hierarchies: Hierarchies,
  groups: readonly string[],
  all: readonly Setting[],
  { version, lenient }: Naming,
  recursive: boolean,
  world: World,
): Step[] {
  return groups.flatMap((group) => {
    const path = pathOf(group);
    const hasCounterpart = (one: Setting) => {
      const alone = settingSteps(hierarchies, path, [one], world);
      return !('no' in alone && alone.no === 'counterpart');
    };
    const settings = lenient ? all.filter(hasCounterpart) : all;
    const steps = settingSteps(hierarchies, path, settings, world);
    if ('no' in steps) {
      if (version && steps.no === 'counterpart') throw unmappable(steps.name, steps.hint);
      const { text, status } = steps.no === 'controller' ? NOT_MOUNTED : NO_SUCH_PARAMETER;
      throw new ToolError(`cgroup modify error: ${text}`, status, `${steps.name} of group ${group}: ${steps.hint}`);
    }
    // A group below that has not the controller keeps what it has.
    const below = (recursive ? pathsBelow(hierarchies, path) : []).flatMap((each) =>
      settings.flatMap((one) => {
        const more = settingSteps(hierarchies, each, [one], world);
        return 'no' in more ? [] : more;
      }),
    );
    return [...steps, ...below];
  });
}

function copying(hierarchies: Hierarchies, groups: readonly string[], source: string, world: World): Step[] {
  return groups.flatMap((group) => {
    const writes = copyWrites(hierarchies, pathOf(source), pathOf(group), world);
    if (!('missing' in writes)) return writes;
    throw new ToolError(
      `cgroup ${writes.missing === pathOf(group) ? group : source} error: ${NOT_EXISTING.text}`,
      NOT_EXISTING.status,
    );
  });
}

export function plan({ values, steps, operands, beforeDashes }: Input, world: World): Plan {
  const { 'copy-from': source } = values;
  const naming = namingOf(values);
  // In the order given, whatever they are called.
  const settings = steps.flatMap(({ option: { long }, value = '' }) =>
    long === 'variable' || long === 'rule'
      ? ownSettings(settingOf(value), naming)
      : long === 'limit'
        ? [limitOf(value)]
        : [],
  );
  // What stands behind a leading -- can only be groups.
  const groups = beforeDashes ? operands.slice(0, beforeDashes) : operands;
  const program = beforeDashes ? operands.slice(beforeDashes) : [];
  const given = Boolean(values.variable || values.rule || values.limit);
  if (given && source !== undefined) throw new UsageError('options -r and --copy-from cannot be combined');
  if (!given && source === undefined)
    throw groups.length
      ? new ToolError('no name-value pair was set', BAD_ARGUMENTS, 'name one with -r <name>=<value>')
      : new UsageError('no name-value pair was set');
  if (!groups.length) throw new ToolError('no cgroup specified', BAD_ARGUMENTS);
  const hierarchies = readHierarchies(world);
  const made =
    source === undefined
      ? setting(hierarchies, groups, settings, naming, Boolean(values.recursive), world)
      : copying(hierarchies, groups, source, world);
  return { steps: made, program };
}
