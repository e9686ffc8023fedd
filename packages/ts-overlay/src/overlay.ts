/** ts-overlay: overlay mounts, and the layers that they are made of. */
import { defineTool, exit, type Outcome, type Parsed, splitAtCommand, type World } from '@ts/cli';
import type { LiveSys } from '@ts/sys';
import { causes } from './causes.ts';
import { actOnLayers, COMMANDS, type LayerPlan, planLayers } from './layers.ts';
import { filesOf, type MountPlan, mountNow, planMount, recordMount } from './mount.ts';
import { options } from './options.ts';

type Plan = { readonly mount: MountPlan } | { readonly layers: LayerPlan };

function plan(input: Parsed<typeof options>, world: World): Plan {
  const command = input.values.command as LayerPlan['command'] | undefined;
  return command === undefined ? { mount: planMount(input, world) } : { layers: planLayers(command, input, world) };
}

function act(plan: Plan, sys: LiveSys, world: World): Outcome | Promise<Outcome> {
  if ('layers' in plan) return actOnLayers(plan.layers, sys, world);
  mountNow(plan.mount, sys, world);
  return exit(0);
}

export const tool = defineTool({
  name: 'ts-overlay',
  replaces: [],
  section: 8,
  summary: 'Mount layers one upon the other, and make, show and join such layers.',
  synopsis: [
    '--lower <dir>[:<dir>…] --upper <dir> --work <dir> [options] <mount point> [<program> [<argument>...]]',
    '--lower <dir>[:<dir>…] --tmpfs[=<size>] [options] <mount point> [<program> [<argument>...]]',
    '--lower <dir>:<dir>[:<dir>…] --ro [options] <mount point> [<program> [<argument>...]]',
    ...Object.entries(COMMANDS).map(([name, { operands }]) => `${name} [options] ${operands}`),
  ],
  options,
  // A mount point that is called as a command is ./diff; behind a mount point a program begins.
  grammar: { split: splitAtCommand(COMMANDS, { permute: true, operandsBeforeProgram: 1 }) },
  causes,
  exclusive: [['tmpfs', 'ro', 'upper']],
  description:
    'Mounts layers, the topmost first, as one tree on <mount point>. Changes go to the upper layer; what is deleted in it is marked there. ' +
    'With a program, the mount is there for the program: a parent stays behind and unmounts when it has ended, passing SIGTERM and SIGHUP on and its exit status back. With `--private` it is made in a mount namespace of its own, and the process becomes the program. ' +
    'What the kernel would refuse with nothing but "Invalid argument" is refused with the reason.\n\n' +
    '`diff` shows what a layer changes: A added, C changed, D deleted, O a folder that hides the one below. With `--lower` that is looked up in the layers below; without, it is as the layer itself notes it.\n\n' +
    '`export` writes a layer as an archive in the form of the Open Container Initiative: deletions as `.wh.NAME`, opaque folders as `.wh..wh..opq`, with hard links and extended attributes; entries are sorted. What a layer made with `--redirect-dir` or `--metacopy` only refers to is taken from the layers below, given with `--lower`: renamed folders come whole.\n\n' +
    '`apply` makes a layer of such an archive, compressed with gzip or zstd, with xz or bzip2 where there are the programs of these names, or not at all. Nothing in it can lead out of the folder: names are resolved inside of it, a name that comes twice is refused, and so are device nodes without `--devices`. ' +
    'A deletion hides what lies below, not what the archive itself has in its place. Attributes by which overlayfs marks its own layers (`user.overlay.*`, `trusted.overlay.*`) are left out and counted.\n\n' +
    "A folder that is made is there complete, or not at all, whatever ends the program: until then it is the caller's alone, under another name beside it. What a run that was killed has left is removed by the next one for the same name, where it belongs to the caller and nobody else could have put it there. Nothing is replaced that something is mounted in.\n\n" +
    '`squash` makes one new layer of several, the topmost first; `--whiteouts=drop` where nothing will lie below it. `merge` brings the changes of a layer into the one below, at once; `--whiteouts=keep` where more layers lie below that.',
  exitStatuses: [
    ['0', 'success'],
    ['1', 'a step failed, or wrong usage: nothing is left of it'],
    ['126', 'the program cannot be executed'],
    ['127', 'the program was not found'],
    ['else', 'that of the program; death by the same signal'],
  ],
  examples: [
    {
      command: 'ts-overlay --private --lower /etc --tmpfs /mnt sh',
      says: 'a shell with a copy of /etc in /mnt that nobody else sees and that is forgotten afterwards',
    },
    {
      command: 'ts-overlay --lower base --tmpfs merged ts-chroot merged /bin/sh',
      says: 'a shell in a root file system that forgets what was done to it',
    },
    {
      command: 'ts-overlay --lower app:base --upper up --work work merged -- make -C merged',
      says: 'what make changes is in up',
    },
    { command: 'ts-overlay export --reproducible --compress=gzip up > layer.tar.gz', says: 'a layer for an image' },
  ],
  plan,
  // Which user namespace it is in decides where marks are kept.
  reads: ['ids'],
  files: (plan) => ('mount' in plan ? filesOf(plan.mount) : []),
  becomes: (plan) => 'mount' in plan && plan.mount.program.length > 0,
  apply: (plan, sys) => recordMount((plan as { mount: MountPlan }).mount, sys),
  act,
});
