/** From the command line to what is to be done. */
import { type Parsed, ToolError, UsageError, type World } from '@ts/cli';
import {
  type Attributes,
  deviceTypes,
  type FstabEntry,
  findInFstab,
  type MountOptions,
  matchesOptions,
  matchesType,
  OptionError,
  parseFstab,
  parseMountinfo,
  parseOptions,
  realPath,
} from '@ts/mounts';
import { MS_BIND, MS_MOVE, MS_REC, MS_REMOUNT } from '@ts/sys';
import type { options } from './options.ts';
import { resolveSource, typesOf } from './source.ts';

type Input = Parsed<typeof options>;

/** One mount, or one change of a mount. */
export interface Change {
  readonly kind: 'mount' | 'bind' | 'move' | 'remount' | 'propagation';
  readonly source: string;
  readonly target: string;
  /** To be tried one after the other; empty where none is needed. */
  readonly types: readonly string[];
  readonly flags: number;
  readonly data: readonly string[];
  readonly parameters: readonly string[];
  readonly attributes: Attributes;
  readonly recursive: Attributes;
  readonly propagation: readonly number[];
  /** Permissions of folders that are made for the mount point. */
  readonly mkdir?: number;
}

export interface Listing {
  readonly list: { readonly types?: string; readonly labels: boolean; readonly json: boolean };
}

export interface Mounting {
  readonly changes: readonly Change[];
  /** From fstab: a failure does not keep the others from being mounted. */
  readonly all: boolean;
  readonly fake: boolean;
  readonly verbose: boolean;
  readonly program: readonly string[];
}

export type Plan = Listing | Mounting;

/** Flags that choose what mount(2) does; none of them is an attribute. */
const OPERATIONS = MS_REMOUNT | MS_BIND | MS_MOVE | MS_REC;

/** Words of `-o` and of the options that stand for one, in the order given. */
function optionWords({ steps }: Input): string {
  const words = steps.flatMap(({ option: { long }, value = '' }) => {
    if (long === 'options') return [value];
    if (long === 'read-only') return ['ro'];
    if (long === 'rw' || long === 'read-write') return ['rw'];
    if (long === 'mkdir') return [`X-mount.mkdir=${value}`];
    if (long === 'bind' || long === 'rbind' || long === 'move') return [long];
    return long.startsWith('make-') ? [long.slice('make-'.length)] : [];
  });
  return words.join(',');
}

function read(text: string, target: string): MountOptions {
  try {
    return parseOptions(text);
  } catch (error) {
    if (error instanceof OptionError) throw new ToolError(`${target}: ${error.message}`, 1);
    throw error;
  }
}

function kindOf(
  { flags, propagation, data }: MountOptions,
  source: string | undefined,
  type: string | undefined,
): Change['kind'] {
  if (flags & MS_REMOUNT) return 'remount';
  if (flags & MS_MOVE) return 'move';
  if (flags & MS_BIND) return 'bind';
  const isWithout = (word: string | undefined) => word === undefined || word === 'none';
  return propagation.length && !flags && !data.length && isWithout(source) && isWithout(type) ? 'propagation' : 'mount';
}

/** `-t a,b` are types to try; `-t noa,b` are all others that live on devices. */
const typesNamed = (named: string, world: World) =>
  named.startsWith('no') && named !== 'none'
    ? deviceTypes(world.read('/proc/filesystems') ?? '').filter((type) => matchesType(type, named))
    : named.split(',');

function changeOf(
  words: string,
  source: string | undefined,
  target: string,
  type: string | undefined,
  world: World,
): Change {
  const parsed = read(words, target);
  if (parsed.loop)
    throw new ToolError(
      `${target}: loop devices are not set up by this tool`,
      32,
      `losetup --find --show ${source ?? 'FILE'} gives a device to mount`,
    );
  const kind = kindOf(parsed, source, type);
  const path = source === undefined ? 'none' : resolveSource(source, target, world);
  const named = type === undefined || type === 'auto' ? undefined : type;
  const types = kind !== 'mount' ? [] : named === undefined ? typesOf(path, world) : typesNamed(named, world);
  return {
    kind,
    source: path,
    target,
    types,
    ...parsed,
    flags: kind === 'mount' ? parsed.flags & ~OPERATIONS : parsed.flags,
  };
}

function lookUp(place: string, file: string, world: World): FstabEntry | undefined {
  const entries = parseFstab(world.read(file) ?? '');
  return findInFstab(entries, place) ?? findInFstab(entries, realPath(place));
}

/** The entry of fstab that one operand means; options of the command line come after its own. */
function fromFstab(place: string, words: string, { values }: Input, world: World): Change {
  const file = values.fstab ?? '/etc/fstab';
  const entry = lookUp(place, file, world);
  if (!entry) throw new ToolError(`${place}: can't find in ${file}.`, 1);
  return ofEntry(entry, words, world, values.types);
}

const ofEntry = (
  { source, target, type, options: own }: FstabEntry,
  words: string,
  world: World,
  given?: string,
): Change =>
  changeOf(
    [own, words].filter(Boolean).join(','),
    source,
    target,
    given ?? (type === 'none' ? undefined : type),
    world,
  );

/** What `-a` mounts: not what is there already, and not what is to be left alone. */
function everything(words: string, { values }: Input, world: World): Change[] {
  const mounted = new Set(parseMountinfo(world.read('/proc/self/mountinfo') ?? '').map(({ target }) => target));
  return parseFstab(world.read(values.fstab ?? '/etc/fstab') ?? '')
    .filter(({ target, type, options: own }) => {
      const list = own.split(',');
      if (type === 'swap' || list.includes('noauto') || mounted.has(target) || !target.startsWith('/')) return false;
      return (
        (values.types === undefined || matchesType(type, values.types)) &&
        (values['test-opts'] === undefined || matchesOptions(list, values['test-opts']))
      );
    })
    .map((entry) => ofEntry(entry, words, world));
}

interface Places {
  readonly source?: string;
  readonly target?: string;
  readonly program: readonly string[];
}

/** Which operands are source and target, and which are a program. */
function places({ values, operands, beforeDashes }: Input, targetIsEnough: boolean): Places {
  const tag = values.label === undefined ? undefined : `LABEL="${values.label}"`;
  const uuid = values.uuid === undefined ? undefined : `UUID="${values.uuid}"`;
  const source = values.source ?? tag ?? uuid;
  const { target } = values;
  const missing = Number(source === undefined) + Number(target === undefined);
  const before = operands.slice(0, beforeDashes);
  const after = operands.slice(beforeDashes);
  // "mount A -- B" is "mount A B", unless A alone is enough.
  const isProgram = before.length >= missing || targetIsEnough || missing < 2;
  const words = isProgram ? before.slice(0, missing) : [...before, ...after].slice(0, missing);
  const program = isProgram ? [...before.slice(missing), ...after] : [...before, ...after].slice(missing);
  const [first, second] = words;
  if (source !== undefined && target !== undefined) return { source, target, program };
  if (source !== undefined) return { source, target: first, program };
  if (target !== undefined) return { source: first, target, program };
  return second === undefined ? { target: first, program } : { source: first, target: second, program };
}

const ACTIONS = [
  'options',
  'read-only',
  'rw',
  'read-write',
  'bind',
  'rbind',
  'move',
  'mkdir',
  'source',
  'target',
  'label',
  'uuid',
  'test-opts',
];

export function plan(input: Input, world: World): Plan {
  const { values, operands, steps } = input;
  const words = optionWords(input);
  const common = { fake: values.fake ?? false, verbose: values.verbose ?? false };
  if (values.all) {
    if (operands.length) throw new UsageError('bad usage');
    return { ...common, changes: everything(words, input, world), all: true, program: [] };
  }
  const acts = steps.some(({ option }) => ACTIONS.includes(option.long) || option.long.startsWith('make-'));
  if (!operands.length && !acts)
    return { list: { types: values.types, labels: values['show-labels'] ?? false, json: values.json ?? false } };

  const given = read(words, operands[0] ?? '');
  const isRemount = (given.flags & MS_REMOUNT) !== 0;
  const isPropagation = kindOf(given, undefined, values.types) === 'propagation';
  const { source, target, program } = places(input, isRemount || isPropagation);
  if (program[0] === '') throw new UsageError('the program has no name');
  const change = () => {
    if (target === undefined) {
      if (source === undefined) throw new UsageError('bad usage');
      return fromFstab(source, words, input, world);
    }
    if (source !== undefined || isPropagation) return changeOf(words, source, target, values.types, world);
    if (!isRemount) return fromFstab(target, words, input, world);
    const entry = lookUp(target, values.fstab ?? '/etc/fstab', world);
    return entry ? ofEntry(entry, words, world, values.types) : changeOf(words, undefined, target, values.types, world);
  };
  return { ...common, changes: [change()], all: false, program };
}
