/** Commands on layers: shown, packed, unpacked, joined. */
import {
  type Commands,
  checkCommand,
  exit,
  interruptible,
  isTerminal,
  type Outcome,
  oneOf,
  type Parsed,
  parseSize,
  progress,
  sourceDate,
  type World,
  writeAll,
} from '@ts/cli';
import { parseLower, spaceFor } from '@ts/overlay';
import { Failure, type LiveSys, live } from '@ts/sys';
import type { options } from './options.ts';

type Layers = typeof import('@ts/layers');
type Input = Parsed<typeof options>;

export const COMMANDS = {
  diff: { operands: '<layer>', least: 1, most: 1, takes: ['lower', 'json'] },
  export: {
    operands: '<layer>',
    least: 1,
    most: 1,
    takes: ['lower', 'reproducible', 'sparse', 'compress', 'output', 'no-progress'],
  },
  apply: {
    operands: '<archive> <dir>',
    least: 2,
    most: 2,
    takes: ['max-size', 'devices', 'no-same-owner', 'replace', 'userxattr', 'no-progress'],
  },
  squash: {
    operands: '<layer>... <dir>',
    least: 2,
    takes: ['replace', 'whiteouts', 'userxattr', 'no-same-owner', 'no-progress'],
  },
  merge: {
    operands: '<layer> <lower>',
    least: 2,
    most: 2,
    takes: ['whiteouts', 'userxattr', 'no-same-owner', 'no-progress'],
  },
} as const satisfies Commands;

export interface LayerPlan {
  readonly command: keyof typeof COMMANDS;
  readonly operands: readonly string[];
  readonly lowers: readonly string[];
  readonly json: boolean;
  readonly output?: string;
  /** Latest time of files in an archive, in seconds since 1970. */
  readonly latest?: number;
  readonly sparse: boolean;
  readonly compression: 'none' | 'gzip' | 'zstd';
  readonly maxSize: number;
  readonly devices: 'make' | 'refuse' | 'skip';
  readonly sameOwner: boolean;
  readonly isReplacing: boolean;
  readonly keepsWhiteouts: boolean;
  readonly space: 'trusted' | 'user';
  readonly progress: boolean;
  /** Only says what would be done. */
  readonly isRehearsal: boolean;
}

export function planLayers(command: LayerPlan['command'], input: Input, world: World): LayerPlan {
  const { values, operands } = input;
  checkCommand(COMMANDS, command, input, world.prog);
  const most = spaceFor(world.read('/proc/self/uid_map'), world.read('/proc/self/status'));
  return {
    command,
    operands,
    lowers: (values.lower ?? []).flatMap(parseLower),
    json: Boolean(values.json),
    output: values.output,
    latest: values.reproducible ? sourceDate(world) : undefined,
    sparse: Boolean(values.sparse),
    compression: oneOf('compress', ['none', 'gzip', 'zstd'] as const, values.compress, 'none'),
    maxSize: parseSize(values['max-size'] ?? '64G', 'size'),
    devices: values.devices ? 'make' : most === 'trusted' ? 'refuse' : 'skip',
    sameOwner: world.euid === 0 && !values['no-same-owner'],
    isReplacing: Boolean(values.replace),
    keepsWhiteouts:
      oneOf('whiteouts', ['keep', 'drop'] as const, values.whiteouts, command === 'squash' ? 'keep' : 'drop') ===
      'keep',
    space: values.userxattr ? 'user' : most,
    progress: !values['no-progress'],
    isRehearsal: input.steps.some(({ option }) => option.long === 'dry-run'),
  };
}

function printDiff(layers: Layers, { operands, lowers, json }: LayerPlan, sys: LiveSys, world: World): void {
  const changes = layers.diff(sys, operands[0] as string, lowers);
  if (!json) for (const change of changes) world.print(`${layers.formatChange(change)}\n`);
  else world.print(layers.formatChanges([...changes]));
}

async function writeArchive(layers: Layers, plan: LayerPlan, sys: LiveSys, world: World, signal: AbortSignal) {
  const [layer] = plan.operands as [string];
  if (plan.output === undefined && isTerminal(1))
    throw new Failure(
      'an archive is nothing for a terminal',
      undefined,
      `${world.prog} export ${layer} > layer.tar, or --output FILE`,
    );
  const shown = progress(layer, plan.progress && isTerminal(2) ? layers.sizeOf(sys, layer) : undefined, plan.progress);
  const entries = layers.exported(sys, layer, {
    latest: plan.latest,
    lowers: plan.lowers,
    sparse: plan.sparse,
    skipped: (path) => world.warn(`'${path}' is a socket: left out`),
    advance: shown.advance,
  });
  const bytes = layers.compressed(layers.abortable(layers.writeTar(entries), signal), plan.compression);
  try {
    if (plan.output !== undefined) await layers.writeWhole(sys, plan.output, bytes);
    else for await (const chunk of bytes) writeAll(1, chunk);
  } finally {
    shown.end();
  }
}

async function applyArchive(layers: Layers, plan: LayerPlan, sys: LiveSys, world: World, signal: AbortSignal) {
  const [archive, target] = plan.operands as [string, string];
  const { source, size } = layers.openArchive(sys, archive);
  const shown = progress(archive, size, plan.progress);
  try {
    const { maxSize, devices, sameOwner, space, isReplacing } = plan;
    const omitted = await layers.apply(sys, layers.counted(source, shown.advance), target, {
      maxSize,
      devices,
      sameOwner,
      space,
      isReplacing,
      signal,
    });
    for (const line of layers.formatOmitted(omitted)) world.warn(line);
  } finally {
    shown.end();
  }
}

async function join(layers: Layers, plan: LayerPlan, sys: LiveSys, signal: AbortSignal) {
  const { operands, keepsWhiteouts, sameOwner, space } = plan;
  const shown = progress(plan.command, undefined, plan.progress);
  const options = { keepsWhiteouts, sameOwner, space, signal, advance: shown.advance };
  try {
    if (plan.command === 'merge') await layers.merge(sys, operands[0] as string, operands[1] as string, options);
    else await layers.squash(sys, operands.slice(0, -1), operands.at(-1) as string, plan.isReplacing, options);
  } finally {
    shown.end();
  }
}

/** What would be made, entry for entry; everything is read, as it would be. */
async function rehearse(layers: Layers, plan: LayerPlan, world: World): Promise<void> {
  const { command, operands, lowers } = plan;
  const sys = live();
  const [first, last] = [operands[0] as string, operands.at(-1) as string];
  const say = (line: string) => world.print(`${line}\n`);
  if (command === 'export')
    for (const { entry } of layers.exported(sys, first, { ...plan, skipped: () => undefined }))
      say(layers.formatEntry(entry));
  else if (command === 'apply') {
    const bytes = layers.limited(layers.decompressed(layers.openArchive(sys, first).source), plan.maxSize);
    for await (const { entry } of layers.readTar(bytes)) say(layers.formatEntry(entry));
  } else {
    const below = command === 'merge' ? [last] : lowers;
    const above = command === 'squash' ? operands.slice(0, -1).reverse() : [first];
    for (const layer of above) for (const change of layers.diff(sys, layer, below)) say(layers.formatChange(change));
  }
}

export async function actOnLayers(plan: LayerPlan, sys: LiveSys, world: World): Promise<Outcome> {
  // What reads archives is loaded for these commands alone.
  const layers = await import('@ts/layers');
  if (plan.isRehearsal) await rehearse(layers, plan, world);
  else if (plan.command === 'diff') printDiff(layers, plan, sys, world);
  else
    await interruptible(world, (signal) => {
      if (plan.command === 'export') return writeArchive(layers, plan, sys, world, signal);
      if (plan.command === 'apply') return applyArchive(layers, plan, sys, world, signal);
      return join(layers, plan, sys, signal);
    });
  return exit(0);
}
