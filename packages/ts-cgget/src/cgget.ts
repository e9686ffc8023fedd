/** cgget(1): prints parameters of control groups. */
import { BAD_ARGUMENTS, causes, OTHER } from '@ts/cgroups';
import { defineTool, exit, type Outcome, type World } from '@ts/cli';
import type { LiveSys } from '@ts/sys';
import { options } from './options.ts';
import { type Plan, plan, type Report } from './plan.ts';

/** A value of several lines goes on behind tabs. */
const lineOf = ({ name, value }: Report['settings'][number], names: boolean) =>
  `${names ? `${name}: ` : ''}${value.replaceAll('\n', '\n\t')}\n`;

const MODES = {
  legacy: 'Legacy Mode (Cgroup v1 only).',
  hybrid: 'Hybrid mode (Cgroup v1/v2).',
  unified: 'Unified Mode (Cgroup v2 only).',
} as const;

function textOf({ reports, headers, names, json, mode }: Plan): string {
  if (mode) return json ? `${JSON.stringify({ mode })}\n` : `${MODES[mode]}\n`;
  if (json) {
    const objects = reports.map(({ group, settings }) => ({
      group,
      settings: Object.fromEntries(settings.map(({ name, value }) => [name, value])),
    }));
    return `${JSON.stringify(objects, undefined, 2)}\n`;
  }
  return reports
    .map(({ group, settings }) => {
      const lines = settings.map((setting) => lineOf(setting, names)).join('');
      return headers ? `${group}:\n${lines}\n` : lines;
    })
    .join('');
}

function act(plan: Plan, _sys: LiveSys, world: World): Outcome {
  world.print(textOf(plan));
  return exit(0);
}

export const tool = defineTool({
  name: 'ts-cgget',
  replaces: ['cgget'],
  section: 1,
  summary: 'Print parameters of given control groups.',
  synopsis: [
    '[-nv] [--json] [-r <name>] [-g <controllers>] [-a] <path>...',
    '[-nv] [--json] -g <controllers>:<path> [-g ...]',
    '-m [--json]',
  ],
  options,
  grammar: { permute: true },
  status: OTHER.status,
  usageStatus: BAD_ARGUMENTS,
  causes,
  reads: ['cgroups', 'root'],
  description:
    'Prints the named parameters of each group, or all parameters of its controllers. Where only the other version of control groups has a parameter, its value is translated.',
  differences: [
    'A group or controller that does not exist is an error with status 96 (with -g or -a the original prints a bare header and returns 0).',
    'Nothing is printed where one of several parameters cannot be found; the line that is printed instead names it.',
    '`-g *:PATH` prints all controllers (the original prints a bare header).',
  ],
  exitStatuses: [
    ['91', 'a name has no dot'],
    ['96', 'a group, controller or parameter cannot be found'],
    ['129', 'wrong usage'],
  ],
  examples: [{ command: 'ts-cgget -n -r cpu.shares /', says: 'prints one parameter of the topmost group' }],
  plan,
  becomes: () => false,
  apply: () => exit(0),
  act,
});
