/** cgget(1): prints parameters of control groups. */
import { BAD_ARGUMENTS, causes, OTHER, wrongInput } from '@ts/cgroups';
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

const CONTROLLER_WIDTH = 11;

function textOf({ reports, headers, names, json, mode, versions }: Plan): string {
  const rows = versions?.map(({ controller, version }) => `${controller.padEnd(CONTROLLER_WIDTH)}\t${version}\n`);
  const heading = json
    ? mode || versions
      ? `${JSON.stringify({ mode, controllers: versions })}\n`
      : ''
    : `${mode ? `${MODES[mode]}\n` : ''}${rows ? `#Controller\tVersion\n${rows.join('')}` : ''}`;
  return heading + (reports.length || !heading ? settingsText(reports, headers, names, json) : '');
}

function settingsText(reports: readonly Report[], headers: boolean, names: boolean, json: boolean): string {
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
  replaces: ['cgget', 'cgxget'],
  section: 1,
  summary: 'Print parameter(s) of given control groups.',
  synopsis: [
    '[-1 | -2] [-i] [-nv] [--json] [-r <name>] [-g <controllers>] [-a] <path>...',
    '[-1 | -2] [-i] [-nv] [--json] -g <controllers>:<path> [-g ...]',
    '-m | -c [--json]',
  ],
  options,
  grammar: { permute: true },
  exclusive: [['v1', 'v2']],
  status: OTHER.status,
  usageStatus: BAD_ARGUMENTS,
  usageLine: wrongInput("-h'"),
  causes,
  reads: ['cgroups', 'root'],
  description:
    'Prints the named parameters of each group, or all parameters of its controllers. Where only the other version of control groups has a parameter, its value is translated; -1 and -2 say which version the names are of, and what is listed without names.',
  differences: [
    '-c ends with 0 (the original with 103).',
    'A group or controller that does not exist is an error with status 96 (with -g or -a the original prints a bare header and returns 0).',
    'Nothing is printed where one of several parameters cannot be found; the line that is printed instead names it.',
    'Names are translated also without -1 or -2, and with them when called as cgget. memory.soft_limit_in_bytes is memory.low (cgxget has memory.high: see ts-cgset).',
    '`-g *:PATH` prints all controllers (the original prints a bare header).',
  ],
  exitStatuses: [
    ['91', 'a name has no dot, or with -1 or -2 is no name of that version'],
    ['96', 'a group, controller or parameter cannot be found'],
    ['111', 'with -1 or -2: a parameter has no counterpart in the version that is in use'],
    ['129', 'wrong usage'],
  ],
  examples: [
    { command: 'ts-cgget -n -r cpu.shares /', says: 'prints one parameter of the topmost group' },
    { command: 'ts-cgget -1 -g cpu /', says: 'all parameters of a controller, as cgroup v1 calls them' },
  ],
  plan,
  act,
});
