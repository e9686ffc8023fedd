/** lscgroup(1): lists control groups. */

import {
  BAD_ARGUMENTS,
  causes,
  formatSpec,
  type Group,
  groupAt,
  groupsBelow,
  LEAVES,
  normalPath,
  OPERATION_FAILED,
  PARSING,
  parseSpec,
  readHierarchies,
  targetsOf,
  whyMissing,
  wrongInput,
} from '@ts/cgroups';
import { defineTool, exit, type Outcome, type Parsed, type World } from '@ts/cli';
import type { LiveSys } from '@ts/sys';
import { Failure } from '@ts/sys';
import { options } from './options.ts';

interface Line {
  readonly controllers: readonly string[];
  /** As the original writes it: a group that was asked for ends in a slash. */
  readonly path: string;
}

interface Plan {
  readonly lines: readonly Line[];
  readonly json: boolean;
}

/** A group and all below it. */
function linesOf({ hierarchy, path, directory }: Group, asked: boolean): Line[] {
  const { controllers, mount } = hierarchy;
  const top = asked && path !== '/' ? `${path}/` : path;
  return [
    { controllers, path: top },
    ...groupsBelow(directory).map((below) => ({ controllers, path: below.slice(mount.length) })),
  ];
}

function asked(text: string, world: World): Line[] {
  const spec = parseSpec(text);
  if (!spec) throw new Failure(`${PARSING.text} (${text})`, BAD_ARGUMENTS, 'a group is named <controllers>:<path>');
  const path = normalPath(spec.path);
  const failure = (hint: string) =>
    new Failure(`cannot find group ${text}: ${OPERATION_FAILED.text}`, OPERATION_FAILED.status, hint);
  if (path === undefined) throw failure(LEAVES);
  const hierarchies = readHierarchies(world);
  const targets = targetsOf(hierarchies, spec.controllers, path);
  if ('hint' in targets) throw failure(targets.hint);
  const present = targets.filter(({ directory }) => world.exists(directory));
  if (!present.length) throw failure(`there is no group ${targets[0]?.directory}`);
  return present.flatMap((target) => linesOf(target, true));
}

function plan({ values, operands }: Parsed<typeof options>, world: World): Plan {
  const json = Boolean(values.json);
  const texts = [...(values.group ?? []), ...operands];
  if (texts.length) return { lines: texts.flatMap((text) => asked(text, world)), json };
  const hierarchies = readHierarchies(world);
  if (!hierarchies.mounted.length)
    throw new Failure(
      `cannot list groups: ${OPERATION_FAILED.text}`,
      OPERATION_FAILED.status,
      whyMissing(hierarchies, 'any'),
    );
  // systemd's own tree has no controller, and a v2 tree beside v1 may have none.
  const shown = hierarchies.mounted.filter(
    ({ controllers }) => controllers.length && controllers[0] !== 'name=systemd',
  );
  return { lines: shown.flatMap((hierarchy) => linesOf(groupAt(hierarchy, '/'), false)), json };
}

function act({ lines, json }: Plan, _sys: LiveSys, world: World): Outcome {
  const groups = () => lines.map(({ controllers, path }) => ({ controllers, path: path.replace(/(?<=.)\/$/, '') }));
  world.print(
    json
      ? `${JSON.stringify(groups(), undefined, 2)}\n`
      : lines.map(({ controllers, path }) => `${formatSpec(controllers, path)}\n`).join(''),
  );
  return exit(0);
}

export const tool = defineTool({
  name: 'ts-lscgroup',
  replaces: ['lscgroup'],
  section: 1,
  summary: 'List control groups.',
  synopsis: ['[--json] [[-g] <controllers>:<path>]...'],
  options,
  grammar: { permute: true },
  status: OPERATION_FAILED.status,
  usageStatus: BAD_ARGUMENTS,
  usageLine: wrongInput("-h'"),
  causes,
  reads: ['cgroups', 'root'],
  description: 'Prints all groups of all hierarchies, or those at and below the ones that are named.',
  differences: [
    'Of several controllers each hierarchy is listed (the original lists that of the first).',
    'A group that does not exist is an error with status 93 (the original prints nothing and returns 0).',
    'A path that leaves the hierarchy by ".." is refused (the original walks out of it).',
    'Without arguments the topmost groups are listed, too, and a path begins with one slash (libcgroup 3.1 prints cpu://g).',
    '* and named hierarchies can be listed.',
  ],
  exitStatuses: [
    ['93', 'a controller or a group cannot be found'],
    ['129', 'wrong usage'],
  ],
  examples: [{ command: 'ts-lscgroup cpu,cpuacct:/ memory:/', says: 'all groups of three controllers' }],
  plan,
  act,
});
