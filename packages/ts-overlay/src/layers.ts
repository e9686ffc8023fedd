/** Commands on layers: shown, packed, unpacked, joined. */
import { createReadStream, statSync } from 'node:fs';
import {
  exit,
  interruptible,
  isTerminal,
  type Outcome,
  type Parsed,
  parseSize,
  progress,
  ToolError,
  UsageError,
  type World,
  writeAll,
} from '@ts/cli';
import { inFirstUsers, parseLower } from '@ts/overlay';
import { CAP_SYS_ADMIN, encode, type LiveSys } from '@ts/sys';
import type { options } from './options.ts';

type Layers = typeof import('@ts/layers');
type Input = Parsed<typeof options>;

export const COMMANDS = ['diff', 'export', 'apply', 'squash', 'merge'] as const;
type Command = (typeof COMMANDS)[number];

export const isCommand = (word: string | undefined): word is Command => COMMANDS.some((name) => name === word);

export interface LayerPlan {
  readonly command: Command;
  readonly operands: readonly string[];
  readonly lowers: readonly string[];
  readonly json: boolean;
  readonly output?: string;
  /** Latest time of files in an archive, in seconds since 1970. */
  readonly latest?: number;
  readonly sparse: boolean;
  readonly compression: 'none' | 'gzip' | 'zstd';
  readonly maxSize: number;
  readonly devices: boolean;
  readonly sameOwner: boolean;
  readonly isReplacing: boolean;
  readonly keepsWhiteouts: boolean;
  readonly space: 'trusted' | 'user';
  readonly progress: boolean;
}

const USAGE: Readonly<Record<Command, readonly [least: number, most: number, words: string]>> = {
  diff: [1, 1, 'diff LAYER'],
  export: [1, 1, 'export LAYER'],
  apply: [2, 2, 'apply ARCHIVE DIR'],
  squash: [2, Number.POSITIVE_INFINITY, 'squash LAYER… DIR'],
  merge: [2, 2, 'merge LAYER LOWER'],
};

/** Options that each command has beside --no-progress. */
const TAKEN: Readonly<Record<Command, readonly string[]>> = {
  diff: ['lower', 'json'],
  export: ['reproducible', 'sparse', 'compress', 'output'],
  apply: ['max-size', 'devices', 'no-same-owner', 'replace', 'userxattr'],
  squash: ['replace', 'whiteouts', 'userxattr', 'no-same-owner'],
  merge: ['whiteouts', 'userxattr', 'no-same-owner'],
};

const GENERAL = ['command', 'help', 'version', 'dry-run', 'trace', 'completion', 'no-progress'];

const oneOf = <Word extends string>(
  long: string,
  words: readonly Word[],
  value: string | undefined,
  otherwise: Word,
) => {
  const found = words.find((word) => word === (value ?? otherwise));
  if (found === undefined) throw new UsageError(`--${long}: '${value}' is none of ${words.join(', ')}`);
  return found;
};

function latestOf(text: string | undefined): number {
  if (text === undefined) return 0;
  if (!/^\d{1,12}$/.test(text)) throw new ToolError(`failed to parse SOURCE_DATE_EPOCH: '${text}'`);
  return Number(text);
}

export function planLayers(command: Command, { values, steps, operands }: Input, world: World): LayerPlan {
  const [least, most, words] = USAGE[command];
  if (operands.length < least || operands.length > most || operands.includes(''))
    throw new UsageError(`usage: ${world.prog} ${words}`);
  const foreign = steps.find(({ option: { long } }) => !GENERAL.includes(long) && !TAKEN[command].includes(long));
  if (foreign) throw new UsageError(`${command} does not take --${foreign.option.long}`);
  return {
    command,
    operands,
    lowers: (values.lower ?? []).flatMap(parseLower),
    json: Boolean(values.json),
    output: values.output,
    latest: values.reproducible ? latestOf(world.variable('SOURCE_DATE_EPOCH')) : undefined,
    sparse: Boolean(values.sparse),
    compression: oneOf('compress', ['none', 'gzip', 'zstd'] as const, values.compress, 'none'),
    maxSize: parseSize(values['max-size'] ?? '64G', 'size'),
    devices: Boolean(values.devices),
    sameOwner: world.euid === 0 && !values['no-same-owner'],
    isReplacing: Boolean(values.replace),
    keepsWhiteouts:
      oneOf('whiteouts', ['keep', 'drop'] as const, values.whiteouts, command === 'squash' ? 'keep' : 'drop') ===
      'keep',
    space: !values.userxattr && inFirstUsers(world.read('/proc/self/uid_map')) && hasAdmin(world) ? 'trusted' : 'user',
    progress: !values['no-progress'],
  };
}

const hasAdmin = (world: World) =>
  ((BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(world.read('/proc/self/status') ?? '')?.[1] ?? '0'}`) >>
    BigInt(CAP_SYS_ADMIN)) &
    1n) ===
  1n;

function open(path: string): { source: AsyncIterable<Uint8Array>; size?: number } {
  if (path === '-') return { source: createReadStream('', { fd: 0, autoClose: false }) };
  try {
    const stat = statSync(encode(path));
    return {
      source: createReadStream(encode(path), { highWaterMark: 256 * 1024 }),
      size: stat.isFile() ? stat.size : undefined,
    };
  } catch (error) {
    throw new ToolError(
      `cannot open '${path}': ${(error as NodeJS.ErrnoException).code === 'ENOENT' ? 'No such file or directory' : 'Permission denied'}`,
    );
  }
}

function* lines(layers: Layers, changes: Iterable<import('@ts/layers').Change>): Generator<string> {
  for (const each of changes) yield `${layers.formatChange(each)}\n`;
}

function printDiff(layers: Layers, { operands, lowers, json }: LayerPlan, sys: LiveSys, world: World): void {
  const changes = layers.diff(sys, operands[0] as string, lowers);
  if (!json) for (const line of lines(layers, changes)) world.print(line);
  else world.print(layers.formatChanges([...changes]));
}

async function writeArchive(layers: Layers, plan: LayerPlan, sys: LiveSys, world: World, signal: AbortSignal) {
  const [layer] = plan.operands as [string];
  if (plan.output === undefined && isTerminal(1))
    throw new ToolError(
      'an archive is nothing for a terminal',
      undefined,
      `${world.prog} export ${layer} > layer.tar, or --output FILE`,
    );
  const shown = progress(layer, plan.progress && isTerminal(2) ? layers.sizeOf(sys, layer) : undefined, plan.progress);
  const entries = layers.exported(sys, layer, {
    latest: plan.latest,
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
  const { source, size } = open(archive);
  const shown = progress(archive, size, plan.progress);
  try {
    const { maxSize, devices, sameOwner, space, isReplacing } = plan;
    const unset = await layers.apply(sys, layers.counted(source, shown.advance), target, {
      maxSize,
      devices,
      sameOwner,
      space,
      isReplacing,
      signal,
    });
    for (const [name, count] of unset) world.warn(`the attribute ${name} could not be set on ${count} files`);
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

export async function actOnLayers(plan: LayerPlan, sys: LiveSys, world: World): Promise<Outcome> {
  // What reads archives is loaded for these commands alone.
  const layers = await import('@ts/layers');
  try {
    if (plan.command === 'diff') printDiff(layers, plan, sys, world);
    else
      await interruptible((signal) => {
        if (plan.command === 'export') return writeArchive(layers, plan, sys, world, signal);
        if (plan.command === 'apply') return applyArchive(layers, plan, sys, world, signal);
        return join(layers, plan, sys, signal);
      });
    return exit(0);
  } catch (error) {
    if (error instanceof layers.LayerError) throw new ToolError(error.message, undefined, error.hint);
    throw error;
  }
}
