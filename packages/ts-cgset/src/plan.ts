/** From the command line to the files that are written: pure. */

import {
  asNamed,
  BAD_ARGUMENTS,
  contentOf,
  controllerOf,
  copyWrites,
  foreignName,
  groupAt,
  groupsBelow,
  type Hierarchies,
  LEAVES,
  NO_COUNTERPART,
  NO_SUCH_PARAMETER,
  NOT_EXISTING,
  type NoSetting,
  namingOf,
  normalPath,
  parseLimit,
  readHierarchies,
  SETTING_FAILURES,
  type Setting,
  type Step,
  settingSteps,
} from '@ts/cgroups';
import { type Parsed, UsageError, type World } from '@ts/cli';
import { Failure } from '@ts/sys';
import type { options } from './options.ts';

type Input = Parsed<typeof options>;

export interface Plan {
  readonly steps: readonly Step[];
  readonly program: readonly string[];
}

function pathOf(group: string): string {
  const path = normalPath(group);
  if (path === undefined)
    throw new Failure(`cgroup modify error: ${NO_SUCH_PARAMETER.text}`, NO_SUCH_PARAMETER.status, LEAVES);
  return path;
}

function settingOf(text: string): Setting {
  const equals = text.indexOf('=');
  const name = text.slice(0, equals);
  const value = text.slice(equals + 1);
  if (equals <= 0 || value === '')
    throw new Failure(`wrong parameter of option -r: ${text}`, BAD_ARGUMENTS, 'a parameter is <name>=<value>');
  if (controllerOf(name) === undefined)
    throw new Failure(`wrong -r parameter (${text})`, BAD_ARGUMENTS, 'a name is <controller>.<file>');
  return { name, value };
}

function limitOf(text: string): Setting {
  const limit = parseLimit(text);
  if ('wrong' in limit) throw new Failure(`wrong parameter of option --limit: ${text}`, BAD_ARGUMENTS, limit.wrong);
  return limit;
}

/** Why a setting cannot be made; `version` is that of the names, where it was said. */
function failureOf(setting: Setting & NoSetting, group: string, version: 1 | 2 | undefined): Failure {
  const { name, no, hint } = setting;
  if (version && no === 'counterpart')
    return new Failure(`cgroup modify error: cannot convert ${name}`, NO_COUNTERPART.status, hint);
  const { text, status } = SETTING_FAILURES[no];
  return new Failure(`cgroup modify error: ${text}`, status, `${name} of group ${group}: ${hint}`);
}

/** Paths of all groups below this one, in whatever hierarchy. */
const pathsBelow = ({ mounted }: Pick<Hierarchies, 'mounted'>, path: string): string[] => [
  ...new Set(
    mounted.flatMap((hierarchy) =>
      groupsBelow(groupAt(hierarchy, path).directory).map((directory) => directory.slice(hierarchy.mount.length)),
    ),
  ),
];

const CONTROL = 'cgroup.subtree_control';

/** What is handed down is taken back from below first; so the two are settings of their own. */
function splitControl({ name, value }: Setting): Setting[] {
  const words = value.split(/\s+/).filter(Boolean);
  const isTaken = (word: string) => word.startsWith('-');
  const parts = [words.filter(isTaken), words.filter((word) => !isTaken(word))].filter(({ length }) => length);
  return name === CONTROL && parts.length > 1
    ? parts.map((part) => ({ name, value: part.join(' ') }))
    : [{ name, value }];
}

/** Whether nothing lies below a group in the v2 tree: it has nobody to hand controllers down to, and may have processes. */
const isLeaf = ({ mounted }: Hierarchies, path: string) =>
  !mounted.some((hierarchy) => hierarchy.version === 2 && contentOf(groupAt(hierarchy, path).directory)?.groups.length);

const isControl = (one: Setting | undefined) => one?.name === CONTROL;

/** Settings that are made together in each group, in the order given: what is handed down goes through all groups by itself. */
function chunksOf(settings: readonly Setting[]): Setting[][] {
  const chunks: Setting[][] = [];
  for (const one of settings.flatMap(splitControl)) {
    const last = chunks.at(-1);
    if (last && !isControl(one) && !isControl(last[0])) last.push(one);
    else chunks.push([one]);
  }
  return chunks;
}

/** Steps for a group and all below it, the upper ones first. What a group below has not is left out there. */
function recursively(hierarchies: Hierarchies, path: string, settings: readonly Setting[], world: World): Step[] {
  const below = pathsBelow(hierarchies, path);
  return chunksOf(settings).flatMap((chunk) => {
    const [first] = chunk as [Setting];
    const groups = [path, ...(isControl(first) ? below.filter((each) => !isLeaf(hierarchies, each)) : below)];
    const steps = groups.map((each) => {
      const has = (one: Setting) => !('no' in settingSteps(hierarchies, each, [one], world));
      const made = settingSteps(hierarchies, each, chunk.filter(has), world);
      return 'no' in made ? [] : made;
    });
    return (isControl(first) && first.value.startsWith('-') ? steps.reverse() : steps).flat();
  });
}

/** A setting, and which version its name was said to be of. */
interface Asked extends Setting {
  readonly version?: 1 | 2;
}

/** Settings of one group that can be made; `lenient` leaves out those that the version in use has nothing for. */
function possible(
  hierarchies: Hierarchies,
  group: string,
  all: readonly Asked[],
  lenient: boolean,
  world: World,
): readonly Asked[] {
  const path = pathOf(group);
  const kept: Asked[] = [];
  for (const one of all) {
    const { name, version } = one;
    const foreign = foreignName(hierarchies, name, version);
    // Some values depend on those that were given before.
    const made = foreign ?? settingSteps(hierarchies, path, [...kept, one], world);
    const missing = 'no' in made ? asNamed(made, hierarchies, name, version) : undefined;
    if (!missing) kept.push(one);
    else if (!lenient || missing.no !== 'counterpart') throw failureOf({ ...one, ...missing }, group, version);
  }
  return kept;
}

function setting(
  hierarchies: Hierarchies,
  groups: readonly string[],
  all: readonly Asked[],
  { lenient, recursive }: { readonly lenient: boolean; readonly recursive: boolean },
  world: World,
): Step[] {
  return groups.flatMap((group) => {
    const settings = possible(hierarchies, group, all, lenient, world);
    if (recursive) return recursively(hierarchies, pathOf(group), settings, world);
    const steps = settingSteps(hierarchies, pathOf(group), settings, world);
    if ('no' in steps) throw failureOf(steps, group, undefined);
    return steps;
  });
}

function copying(hierarchies: Hierarchies, groups: readonly string[], source: string, world: World): Step[] {
  return groups.flatMap((group) => {
    const writes = copyWrites(hierarchies, pathOf(source), pathOf(group), world);
    if (!('missing' in writes)) return writes;
    throw new Failure(
      `cgroup ${writes.missing === pathOf(group) ? group : source} error: ${NOT_EXISTING.text}`,
      NOT_EXISTING.status,
    );
  });
}

export function plan({ values, steps, operands, beforeDashes }: Input, world: World): Plan {
  const { 'copy-from': source } = values;
  const { version, lenient } = namingOf(values);
  // In the order given, whatever they are called.
  const settings = steps.flatMap(({ option: { long }, value = '' }): Asked[] =>
    long === 'variable' || long === 'rule'
      ? [{ ...settingOf(value), version }]
      : long === 'limit'
        ? [limitOf(value)]
        : [],
  );
  // What stands behind a leading -- can only be groups.
  const groups = beforeDashes ? operands.slice(0, beforeDashes) : operands;
  const program = beforeDashes ? operands.slice(beforeDashes) : [];
  const given = Boolean(values.variable || values.rule || values.limit);
  if (given && source !== undefined) throw new UsageError('options -r and --copy-from cannot be combined');
  if (steps.filter(({ option }) => option.long === 'copy-from').length > 1)
    throw new UsageError('option --copy-from can be given once');
  if (!given && source === undefined)
    throw groups.length
      ? new Failure('no name-value pair was set', BAD_ARGUMENTS, 'name one with -r <name>=<value>')
      : new Failure(`Usage is ${world.prog} -r <name>=<value> <path>...`, BAD_ARGUMENTS);
  if (!groups.length) throw new Failure('no cgroup specified', BAD_ARGUMENTS);
  const hierarchies = readHierarchies(world);
  const made =
    source === undefined
      ? setting(hierarchies, groups, settings, { lenient, recursive: Boolean(values.recursive) }, world)
      : copying(hierarchies, groups, source, world);
  return { steps: made, program };
}
