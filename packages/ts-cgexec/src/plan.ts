/** From the command line to the groups that are entered, and made before: pure. */

import {
  BAD_ARGUMENTS,
  controllerOf,
  createSteps,
  entryFile,
  formatSpec,
  groupAt,
  type Hierarchies,
  idleIn,
  isGroupName,
  LEAVES,
  NO_IDLE,
  NOT_ALLOWED,
  NOT_EXISTING,
  NOT_HANDED_DOWN,
  normalPath,
  PARSING,
  parentOf,
  parseLimit,
  parseSpec,
  readHierarchies,
  SETTING_FAILURES,
  type Setting,
  type Step,
  settingSteps,
  type Target,
  targetsOf,
  whyLacking,
  withGroups,
} from '@ts/cgroups';
import { type Parsed, UsageError, type World } from '@ts/cli';
import { Failure } from '@ts/sys';
import { type Finish, finishOf } from './finish.ts';
import type { options } from './options.ts';

type Input = Parsed<typeof options>;

/** What is done when the program has ended. */
export interface Ending {
  readonly finish: Finish;
  /** Path of this tool, which does it. */
  readonly tool: string;
}

export interface Plan {
  /** What makes the groups and sets them. */
  readonly steps: readonly Step[];
  /** Files that take this process into its groups, one a hierarchy; that of a v2 group last. */
  readonly entries: readonly string[];
  /** For each of them the one that takes it back, where the group was made here; undefined where it cannot be seen. */
  readonly backs: readonly (string | undefined)[];
  /** Folder of the v2 group among them. */
  readonly born?: string;
  /** Processes that end when the program is in the group. */
  readonly idle: readonly number[];
  readonly ending?: Ending;
  readonly program: readonly string[];
  /** Real ids, which the program gets as its only ones. */
  readonly ids: { readonly uid: number; readonly gid: number };
  /** Instead of all that: the end of an earlier run. */
  readonly finish?: Finish;
}

/** Exit status where no group was named: the original has looked for rules then. */
const NO_RULES = 99;
/** Where nothing was executed. */
const NO_PROGRAM = 255;
const CHANGING = 'cgroup change of group failed';

function settingOf(text: string): Setting {
  const equals = text.indexOf('=');
  if (equals <= 0 || equals === text.length - 1)
    throw new Failure(`wrong parameter of option --set: ${text}`, BAD_ARGUMENTS, 'a parameter is <name>=<value>');
  const name = text.slice(0, equals);
  if (controllerOf(name) === undefined)
    throw new Failure(`wrong parameter of option --set: ${text}`, BAD_ARGUMENTS, 'a name is <controller>.<file>');
  return { name, value: text.slice(equals + 1) };
}

function limitOf(text: string): Setting {
  const limit = parseLimit(text);
  if ('wrong' in limit) throw new Failure(`wrong parameter of option --limit: ${text}`, BAD_ARGUMENTS, limit.wrong);
  return limit;
}

/** The groups of one -g. */
function targetsFor(
  text: string,
  hierarchies: Hierarchies,
): { readonly path: string; readonly targets: readonly Target[]; readonly every: boolean } {
  const spec = parseSpec(text);
  if (!spec) throw new Failure(`${PARSING.text} (${text})`, BAD_ARGUMENTS, 'a group is named <controllers>:<path>');
  const path = normalPath(spec.path);
  if (path === undefined) throw new Failure(CHANGING, NOT_EXISTING.status, LEAVES);
  const targets = targetsOf(hierarchies, spec.controllers, path);
  if ('hint' in targets) throw new Failure(CHANGING, NOT_ALLOWED.status, targets.hint);
  return { path, targets, every: spec.controllers.includes('*') };
}

/** The group that a process can be in: itself, or where it hands controllers down, the leaf. */
function leafOf(target: Target, leaf: string | undefined, world: World): Target {
  const handed = world.read(`${target.directory}/cgroup.subtree_control`)?.trim();
  if (leaf === undefined || !handed || target.hierarchy.version === 1 || target.path === '/') return target;
  return { ...target, ...groupAt(target.hierarchy, `${target.path}/${leaf}`), enable: [] };
}

/** The process that the program takes the place of. */
function idleOf(targets: readonly Target[], world: World): readonly number[] {
  const pids = idleIn(targets, world);
  if (!pids.length) throw new Failure(NO_IDLE, NO_PROGRAM);
  return pids;
}

const folderOf = (path: string) => path.slice(0, path.lastIndexOf('/'));

/** Steps for all settings, each in the groups that have it. */
function settingsOf(
  hierarchies: Hierarchies,
  paths: readonly string[],
  settings: readonly Setting[],
  world: World,
  existing: World,
): Step[] {
  const steps = paths.map((path) => {
    const applying = settings.filter((one) => !('no' in settingSteps(hierarchies, path, [one], world)));
    return { applying, steps: settingSteps(hierarchies, path, applying, world) };
  });
  for (const one of settings) {
    if (steps.some(({ applying }) => applying.includes(one))) continue;
    const found = settingSteps(hierarchies, paths[0] as string, [one], world);
    const { no, hint } = 'no' in found ? found : { no: 'file' as const, hint: undefined };
    const { text, status } = SETTING_FAILURES[no];
    throw new Failure(`cannot set ${one.name}: ${text}`, status, hint);
  }
  const ofGroup = (step: Step) => ({ ...step, fresh: !existing.exists(folderOf(step.path)) });
  return steps.flatMap(({ steps }) => ('no' in steps ? [] : steps.map(ofGroup)));
}

/** Folders that will be made on the way to these groups, each before what lies below it. A leaf is for others, too, and stays. */
const madeFor = (targets: readonly Target[], steps: readonly Step[]) =>
  steps.flatMap((step) =>
    step.do === 'mkdir' && targets.some(({ directory }) => `${directory}/`.startsWith(`${step.path}/`))
      ? [step.path]
      : [],
  );

function check({ values, operands }: Input): void {
  if (!operands.length) throw new UsageError('no program given');
  if (values.remove && !values.create)
    throw new UsageError('--remove needs --create', false, 'what was there before is removed by cgdelete');
  if (values.json && values.stat === undefined) throw new UsageError('--json needs --stat');
  if (values.stat === '') throw new UsageError('the file of --stat has no name');
  const { leaf } = values;
  if (leaf !== undefined && !isGroupName(leaf)) throw new UsageError(`'${leaf}' is no name of a group`);
}

export function plan(input: Input, world: World): Plan {
  const { values, steps: given, operands } = input;
  const ids = { uid: world.uid, gid: world.gid };
  const nothing = { steps: [], entries: [], backs: [], idle: [], program: [], ids };
  if (values.finish !== undefined) return { ...nothing, finish: finishOf(values.finish) };
  check(input);
  const texts = values.group ?? [];
  if (!texts.length)
    throw new Failure(
      `${CHANGING}: no control group given`,
      NO_RULES,
      'name one with -g <controllers>:<path>; /etc/cgrules.conf is not read',
    );
  const hierarchies = readHierarchies(world);
  const named = texts.map((text) => targetsFor(text, hierarchies));
  // A later group of the same hierarchy replaces an earlier one.
  const entered = new Map(
    named.flatMap(({ targets }) =>
      targets.map((target) => [target.hierarchy, leafOf(target, values.leaf, world)] as const),
    ),
  );
  const targets = [...entered.values()];
  const all = [...named.flatMap((each) => each.targets), ...targets];
  if (!values.create) {
    const missing = named.flatMap((each) => each.targets).find(({ directory }) => !world.exists(directory));
    if (missing)
      throw new Failure(
        CHANGING,
        NOT_EXISTING.status,
        `there is no group ${missing.directory}: cgcreate -g ${formatSpec(missing.controllers, missing.path.slice(1) || '/')}, or cgexec --create`,
      );
    const lacking = named
      .flatMap(({ targets, every }) => (every ? [] : targets))
      .map((target) => whyLacking(target, world))
      .find(Boolean);
    if (lacking) throw new Failure(CHANGING, NOT_HANDED_DOWN.status, lacking);
  }
  const creating = values.create
    ? all
    : targets.filter(({ directory, path }) => values.leaf !== undefined && path !== '/' && !world.exists(directory));
  const making = distinct(
    creating.flatMap((target) => createSteps(target, world, { leaf: values.leaf, fillCpuset: true })),
  );
  const settings = given.flatMap(({ option: { long }, value = '' }) =>
    long === 'set' ? [settingOf(value)] : long === 'limit' ? [limitOf(value)] : [],
  );
  const paths = [...new Set(named.map(({ path }) => path))];
  const future = withGroups(world, values.create ? named.flatMap((each) => each.targets) : []);
  const steps = [...making, ...settingsOf(hierarchies, paths, settings, future, world)];
  const v2 = targets.find(({ hierarchy }) => hierarchy.version === 2);
  const inOrder = [...targets.filter((target) => target !== v2), ...(v2 ? [v2] : [])];
  const back = ({ hierarchy, directory }: Target) =>
    hierarchy.own === undefined || world.exists(directory) ? undefined : entryFile(groupAt(hierarchy, hierarchy.own));
  return {
    steps,
    entries: inOrder.map(entryFile),
    backs: inOrder.map(back),
    born: v2?.directory,
    idle: values['replace-idle'] ? idleOf(targets, world) : [],
    ending: endingOf(
      input,
      targets,
      madeFor(
        named.flatMap((each) => each.targets),
        making,
      ),
      world,
    ),
    program: operands,
    ids,
  };
}

/** The same folder or file is seen to once, however many groups lead through it. */
const distinct = (steps: readonly Step[]) => [...new Map(steps.map((step) => [JSON.stringify(step), step])).values()];

function endingOf(
  { values }: Input,
  targets: readonly Target[],
  made: readonly string[],
  world: World,
): Ending | undefined {
  if (!values.remove && values.stat === undefined) return undefined;
  const tool = world.ownFile?.();
  if (tool === undefined)
    throw new Failure('--remove and --stat need this tool as a file of its own: it is executed once more at the end');
  return {
    tool,
    finish: {
      groups: targets.filter((target) => parentOf(target)).map(({ directory }) => directory),
      remove: values.remove ? [...made].reverse() : [],
      stat:
        values.stat === undefined
          ? undefined
          : { file: values.stat === true ? undefined : values.stat, json: Boolean(values.json) },
      began: Date.now(),
    },
  };
}
