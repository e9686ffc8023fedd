/** ts-overlay: overlay mounts, and the layers that they are made of. */
import { defineTool, exit, getopt, type Option, type Outcome, type Parsed, type Split, type World } from '@ts/cli';
import type { LiveSys } from '@ts/sys';
import { causes } from './causes.ts';
import { actOnLayers, isCommand, type LayerPlan, planLayers } from './layers.ts';
import { filesOf, type MountPlan, mountNow, planMount, recordMount } from './mount.ts';
import { options } from './options.ts';

type Plan = { readonly mount: MountPlan } | { readonly layers: LayerPlan };

/** A command is the first word; a mount point of such a name is ./diff. Behind a mount point a program begins. */
function split(table: readonly Option[], argv: readonly string[]): Split {
  const [first, ...rest] = argv;
  if (!isCommand(first)) return getopt(table, argv, { permute: true, operandsBeforeProgram: 1 });
  const { steps, ...others } = getopt(table, rest, { permute: true });
  const option = table.find(({ long }) => long === 'command') as Option;
  return { steps: [{ option, value: first }, ...steps], ...others };
}

function plan(input: Parsed<typeof options>, world: World): Plan {
  const { command } = input.values;
  return isCommand(command) ? { layers: planLayers(command, input, world) } : { mount: planMount(input, world) };
}

function act(plan: Plan, sys: LiveSys, world: World): Outcome | Promise<Outcome> {
  if ('layers' in plan) return actOnLayers(plan.layers, sys, world);
  mountNow(plan.mount, sys);
  return exit(0);
}

export const tool = defineTool({
  name: 'ts-overlay',
  replaces: [],
  section: 8,
  summary: 'Mount layers one upon the other, and make, show and join such layers.',
  synopsis: [
    '--lower DIR[:DIR…] (--upper DIR --work DIR | --tmpfs[=SIZE] | --ro) [options] <mount point> [<program> [<argument>...]]',
  ],
  options,
  grammar: { split },
  causes,
  plan,
  files: (plan) => ('mount' in plan ? filesOf(plan.mount) : []),
  becomes: (plan) => 'mount' in plan && plan.mount.program.length > 0,
  apply: (plan, sys) => recordMount((plan as { mount: MountPlan }).mount, sys),
  act,
});
