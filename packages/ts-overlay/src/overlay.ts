/** ts-overlay: overlay mounts, and the layers that they are made of. */
import { defineTool, exit, getopt, type Option, type Outcome, type Parsed, UsageError, type World } from '@ts/cli';
import { formatLower } from '@ts/overlay';
import type { LiveSys, Recording } from '@ts/sys';
import { causes } from './causes.ts';
import { filesOf, type MountPlan, mountNow, planMount, recordMount } from './mount.ts';
import { options } from './options.ts';

type Plan = { readonly mount: MountPlan };

function plan(input: Parsed<typeof options>, world: World): Plan {
  return { mount: planMount(input, world) };
}

function act(plan: Plan, sys: LiveSys, world: World): Outcome {
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
  grammar: { permute: true, operandsBeforeProgram: 1 },
  causes,
  plan,
  files: ({ mount }) => filesOf(mount),
  becomes: ({ mount }) => mount.program.length > 0,
  apply: ({ mount }, sys) => recordMount(mount, sys),
  act,
});
