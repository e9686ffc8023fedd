/** From the command line to the values that are printed. */

import {
  asNamed,
  contentOf,
  controllerOf,
  everyController,
  findHome,
  foreignName,
  groupAt,
  type Hierarchies,
  LEAVES,
  type Naming,
  NO_COUNTERPART,
  NO_VALUE,
  namesIn,
  namingOf,
  normalPath,
  OTHER,
  parseSpec,
  readHierarchies,
  readSetting,
  settings,
  whyMissing,
} from '@ts/cgroups';
import { type Parsed, UsageError, type World } from '@ts/cli';
import { Failure } from '@ts/sys';
import type { options } from './options.ts';

type Input = Parsed<typeof options>;

export interface Report {
  /** The group as it was written. */
  readonly group: string;
  readonly settings: readonly { readonly name: string; readonly value: string }[];
}

export interface Plan {
  readonly reports: readonly Report[];
  readonly headers: boolean;
  readonly names: boolean;
  readonly json: boolean;
  /** Before the reports: which versions are in use. */
  readonly mode?: Mode;
  /** Likewise: the version of each controller. */
  readonly versions?: readonly { readonly controller: string; readonly version: 1 | 2 }[];
}

export type Mode = 'legacy' | 'hybrid' | 'unified';

function modeOf({ mounted }: Hierarchies): Mode {
  const has = (version: 1 | 2) => mounted.some((hierarchy) => hierarchy.version === version);
  if (!has(1) && !has(2))
    throw new Failure('Unable to determine the Cgroup setup mode.', 1, 'no control groups are mounted here');
  return has(1) ? (has(2) ? 'hybrid' : 'legacy') : 'unified';
}

function pathOf(group: string): string {
  const path = normalPath(group);
  if (path === undefined) throw new Failure(`cannot read group '${group}'`, OTHER.status, LEAVES);
  return path;
}

function named(
  hierarchies: Hierarchies,
  group: string,
  names: readonly string[],
  world: World,
  { version, lenient }: Naming,
): Report {
  const path = pathOf(group);
  const settings = names.flatMap((name) => {
    const controller = controllerOf(name);
    if (controller === undefined)
      throw new Failure(`${NO_VALUE.text} '${name}'`, NO_VALUE.status, 'a name is <controller>.<file>');
    const read = foreignName(hierarchies, name, version) ?? readSetting(hierarchies, path, name, world);
    if ('value' in read) return [{ name, value: read.value }];
    const found = asNamed(read, hierarchies, name, version);
    if (lenient && found.no === 'counterpart') return [];
    if (found.no === 'name') throw new Failure(`${NO_VALUE.text} '${name}'`, NO_VALUE.status, found.hint);
    if (found.no === 'counterpart' && version)
      throw new Failure(`cannot convert ${name}`, NO_COUNTERPART.status, found.hint);
    if (found.no === 'controller')
      throw new Failure(`cannot find controller '${controller}'`, OTHER.status, found.hint);
    throw new Failure(
      'variable file read failed No such file or directory',
      OTHER.status,
      `${name} of group ${group}: ${found.hint}`,
    );
  });
  return { group, settings };
}

/** Files of a controller in the kernel's order; where v2 does its work under other names, those that v1 has. */
function namesOf(hierarchies: Hierarchies, path: string, controller: string): string[] | undefined {
  const home = findHome(hierarchies, controller);
  const files = home && contentOf(groupAt(home.hierarchy, path).directory)?.files;
  if (!files) return undefined;
  const own = files.filter((name) => controllerOf(name) === controller);
  return own.length || home.hierarchy.version === 1
    ? own
    : settings().flatMap(({ v1, v2 }) =>
        v1 && v2 && controllerOf(v1) === controller && files.includes(v2) ? [v1] : [],
      );
}

/** All files of these controllers. `strict`: a controller or group that is missing is an error. */
function whole(
  hierarchies: Hierarchies,
  group: string,
  controllers: readonly string[],
  world: World,
  strict: boolean,
  { version }: Naming,
): Report {
  const path = pathOf(group);
  const lists = controllers.map((controller) => {
    const own = namesOf(hierarchies, path, controller);
    const names = version ? own && [...new Set(own.flatMap((name) => namesIn(version, name)))] : own;
    if (names || !strict) return names;
    const home = findHome(hierarchies, controller);
    throw new Failure(
      `cannot find controller '${controller}' in group '${group}'`,
      OTHER.status,
      home ? `there is no group ${groupAt(home.hierarchy, path).directory}` : whyMissing(hierarchies, controller),
    );
  });
  if (!lists.some((names) => names))
    throw new Failure(
      `cannot find group '${group}'`,
      OTHER.status,
      'no hierarchy has a group of that name: lscgroup lists all',
    );
  const settings = lists
    .flatMap((names) => names ?? [])
    .flatMap((name) => {
      const found = readSetting(hierarchies, path, name, world);
      return 'value' in found ? [{ name, value: found.value }] : [];
    });
  return { group, settings };
}

function reportsOf({ values, operands: groups }: Input, world: World): Report[] {
  const { variable, group: texts = [], all } = values;
  const operands = all && !texts.length && !groups.length ? [''] : groups;
  // Without a path behind the colon it is the topmost group.
  const topmost = (text: string) => {
    const spec = text.endsWith(':') ? parseSpec(`${text}/`) : undefined;
    return spec && { ...spec, path: '' };
  };
  const specs = texts.map((text) => ({ text, spec: parseSpec(text) ?? topmost(text) }));
  const withPath = specs.flatMap(({ spec }) => spec ?? []);
  const controllers = specs.filter(({ spec }) => !spec).flatMap(({ text }) => text.split(','));
  if (variable && texts.length) throw new UsageError('options -r and -g cannot be combined');
  if (withPath.length ? operands.length || controllers.length : !operands.length)
    throw new UsageError(
      withPath.length ? 'a group is named either by -g <controllers>:<path> or by its path' : 'no control group given',
    );
  const hierarchies = readHierarchies(world);
  const every = everyController(hierarchies);
  // The v2 tree beside v1 counts, too.
  const v2 = hierarchies.mounted.find(({ version }) => version === 2)?.controllers ?? [];
  const known = [...every, ...v2.filter((controller) => !every.includes(controller))];
  const naming = namingOf(values);
  const expand = (names: readonly string[]) => names.flatMap((name) => (name === '*' ? known : [name]));
  if (withPath.length)
    return withPath.map((spec) =>
      whole(hierarchies, spec.path, expand(spec.controllers), world, !spec.controllers.includes('*'), naming),
    );
  if (variable) return operands.map((group) => named(hierarchies, group, variable, world, naming));
  if (controllers.length && !all)
    return operands.map((group) =>
      whole(hierarchies, group, expand(controllers), world, !controllers.includes('*'), naming),
    );
  return operands.map((group) => whole(hierarchies, group, known, world, false, naming));
}

const versionsOf = ({ mounted }: Hierarchies) =>
  mounted.flatMap(({ version, controllers }) =>
    controllers.filter((controller) => !controller.startsWith('name=')).map((controller) => ({ controller, version })),
  );

export function plan(input: Input, world: World): Plan {
  const { values, operands } = input;
  const asked = operands.length || values.group || values.variable || values.all;
  if (values.controllers && (values.group || values.variable))
    throw new UsageError('option -c cannot be combined with -r and -g');
  const hierarchies = readHierarchies(world);
  return {
    mode: values.mode ? modeOf(hierarchies) : undefined,
    versions: values.controllers ? versionsOf(hierarchies) : undefined,
    reports: values.controllers || (values.mode && !asked) ? [] : reportsOf(input, world),
    headers: !values['no-headers'],
    names: !values['values-only'],
    json: Boolean(values.json),
  };
}
