/** lssubsys(1): lists the controllers of control groups, and where they are. */
import { BAD_ARGUMENTS, type Hierarchies, type Hierarchy, readHierarchies, wrongInput } from '@ts/cgroups';
import { defineTool, exit, type Outcome, type Parsed, type World } from '@ts/cli';
import type { LiveSys } from '@ts/sys';
import { options } from './options.ts';

/** A hierarchy with its controllers, or a controller that is in none. */
interface Line {
  readonly controllers: readonly string[];
  readonly hierarchy?: Hierarchy;
}

interface Plan {
  readonly lines: readonly Line[];
  readonly mounts: 'none' | 'first' | 'all';
  readonly numbers: boolean;
  readonly json: boolean;
}

/** Hierarchies in the order of their first controllers in /proc/cgroups, v2's last; before them what is in none. */
function linesOf({ mounted, known }: Hierarchies, all: boolean): Line[] {
  const named = mounted.filter(({ controllers }) => controllers.length && !controllers[0]?.startsWith('name='));
  const v2 = named.filter(({ version }) => version === 2);
  const lone = [...known.keys()].filter((name) => !named.some(({ controllers }) => controllers.includes(name)));
  const v1 = new Set(
    [...known.keys()].flatMap(
      (name) => named.find((each) => each.version === 1 && each.controllers.includes(name)) ?? [],
    ),
  );
  return [
    ...(all ? lone.map((name) => ({ controllers: [name] })) : []),
    ...[...v1, ...v2].map((hierarchy) => ({ controllers: hierarchy.controllers, hierarchy })),
  ];
}

function plan({ values, operands }: Parsed<typeof options>, world: World): Plan {
  const lines = linesOf(readHierarchies(world), Boolean(values.all));
  const asked = (line: Line) => !line.hierarchy || line.controllers.some((name) => operands.includes(name));
  return {
    lines: operands.length && !values.all ? lines.filter(asked) : lines,
    mounts: values['all-mount-points'] ? 'all' : values['mount-points'] ? 'first' : 'none',
    numbers: Boolean(values.hierarchies),
    json: Boolean(values.json),
  };
}

function textOf({ controllers, hierarchy }: Line, { mounts, numbers }: Plan): string {
  const names = controllers.join(',');
  if (!hierarchy) return `${names}\n`;
  if (mounts === 'none') return numbers ? `${names} ${hierarchy.number ?? 0}\n` : `${names}\n`;
  return (mounts === 'all' ? hierarchy.mounts : [hierarchy.mount]).map((mount) => `${names} ${mount}\n`).join('');
}

function act(plan: Plan, _sys: LiveSys, world: World): Outcome {
  const object = ({ controllers, hierarchy }: Line) => ({
    controllers,
    version: hierarchy?.version ?? null,
    hierarchy: hierarchy?.number ?? null,
    mounts: hierarchy?.mounts ?? [],
  });
  world.print(
    plan.json
      ? `${JSON.stringify(plan.lines.map(object), undefined, 2)}\n`
      : plan.lines.map((line) => textOf(line, plan)).join(''),
  );
  return exit(0);
}

export const tool = defineTool({
  name: 'ts-lssubsys',
  replaces: ['lssubsys'],
  section: 1,
  summary: 'List the controllers of control groups.',
  synopsis: ['[-imM] [--json] [<controller>...]', '-a [-imM] [--json]'],
  options,
  grammar: { permute: true },
  status: 1,
  usageStatus: BAD_ARGUMENTS,
  usageLine: wrongInput("-h'"),
  reads: ['cgroups', 'root'],
  description:
    'Prints a line for each hierarchy: its controllers, and as asked its number or where it is mounted. With controllers, those that have them.',
  differences: [
    'The v2 tree is listed, too, last and with number 0 (the original knows v1 alone).',
    'A controller that is mounted nowhere is no error (the original prints nothing else then and returns 82, libcgroup 3.1 also where one is in the v2 tree).',
  ],
  exitStatuses: [['129', 'wrong usage']],
  examples: [{ command: 'ts-lssubsys -am', says: 'all controllers, and where they are mounted' }],
  plan,
  act,
});
