/** From the command line to what is to be done. */
import { type Grammar, groupsOf, type Parsed, ToolError, UsageError, type World } from '@ts/cli';
import {
  type Attributes,
  deviceTypes,
  type FstabEntry,
  findInFstab,
  type IdMapping,
  type MountOptions,
  matchesOptions,
  matchesType,
  mountAt,
  namespaceFile,
  OptionError,
  parseFstab,
  parseMountinfo,
  parseOptions,
  realPath,
} from '@ts/mounts';
import { MOUNT_ATTR__ATIME, MS_BIND, MS_MOVE, MS_REC, MS_REMOUNT } from '@ts/sys';
import { options } from './options.ts';
import { resolveSource, typesOf } from './source.ts';

type Input = Parsed<typeof options>;

/** A program begins behind source and target; `--also` begins another mount. */
export const grammar = { permute: true, operandsBeforeProgram: 2, group: 'also' } as const satisfies Grammar;

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
  /** All words of `-o` and of the options that stand for one. */
  readonly words: readonly string[];
  /** Some attributes are for the mount alone, or for the file system alone. */
  readonly layered: boolean;
  /** Permissions of folders that are made for the mount point. */
  readonly mkdir?: number;
  /** The directory of the file system that is seen at the mount point, instead of its root. */
  readonly subdir?: string;
  readonly idmap?: IdMapping;
  /** What the root of the mount is given; -1 leaves an id as it is. */
  readonly owner?: { readonly uid: number; readonly gid: number };
  readonly mode?: number;
  /** Only mount(2) is to be used, as before Linux 5.2. */
  readonly classic: boolean;
}

export interface Listing {
  readonly namespace?: string;
  readonly list: { readonly types?: string; readonly labels: boolean; readonly json: boolean };
}

export interface Mounting {
  /** File of the mount namespace in which all is done. */
  readonly namespace?: string;
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
  return [...words, ...mapWords(steps)].join(',');
}

/** `--map-users` and `--map-groups` are entries of one X-mount.idmap. */
function mapWords(steps: Input['steps']): string[] {
  const entries = steps.flatMap(({ option: { long }, value = '' }) => {
    if (long === 'map-users') return [value.startsWith('/') ? value : `u:${value}`];
    return long === 'map-groups' ? [`g:${value}`] : [];
  });
  if (entries.length > 1 && entries.some((entry) => entry.startsWith('/')))
    throw new ToolError('a user namespace cannot be combined with other maps', 1);
  return entries.length ? [`X-mount.idmap=${entries.join(' ')}`] : [];
}

function read(text: string, target: string): MountOptions {
  try {
    return parseOptions(text);
  } catch (error) {
    if (error instanceof OptionError) throw unreadable(text, target, error.message);
    throw error;
  }
}

function unreadable(text: string, target: string, why: string): ToolError {
  const words = /(^|,)r[ow](,|$)/.test(text) ? text : `rw,${text}`;
  return new ToolError(`${realPath(target)}: failed to parse mount options '${words}'.`, 1, why);
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
  const { owner: _owner, group: _group, ...rest } = parsed;
  return {
    kind,
    source: path,
    target,
    types,
    ...rest,
    flags: kind === 'mount' ? parsed.flags & ~OPERATIONS : parsed.flags | kept(parsed, kind, target, world),
    owner: ownerOf(parsed, world, (why) => unreadable(words, target, why)),
    classic: isClassic(world),
  };
}

/** The younger calls that this tool makes came with Linux 5.2 to 5.12. The variable is libmount's. */
function isClassic(world: World): boolean {
  const forced = world.variable('LIBMOUNT_FORCE_MOUNT2');
  if (forced === 'always' || forced === 'never') return forced === 'always';
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(world.read('/proc/sys/kernel/osrelease') ?? '') ?? [];
  return major !== undefined && Number(major) * 1000 + Number(minor) < 5012;
}

/** Ids of names or numbers; -1 where none is given. */
function ownerOf({ owner, group }: MountOptions, world: World, failure: (why: string) => ToolError) {
  const idOf = (option: string, text: string | undefined, find: (name: string) => number | undefined) => {
    if (text === undefined) return -1;
    const id = find(text) ?? (/^\d+$/.test(text) ? Number(text) : Number.NaN);
    if (!(id < 0xffff_ffff)) throw failure(`${option}: there is no '${text}'`);
    return id;
  };
  if (owner === undefined && group === undefined) return undefined;
  return {
    uid: idOf('X-mount.owner', owner, (name) => world.user(name)?.uid),
    gid: idOf('X-mount.group', group, (name) => world.group(name)?.gid),
  };
}

/** mount(2) resets on a remount what it is not told: flags that the mount has and no word names. */
function kept({ attributes, words }: MountOptions, kind: Change['kind'], target: string, world: World): number {
  if (kind !== 'remount') return 0;
  const mount = mountAt(parseMountinfo(world.read('/proc/self/mountinfo') ?? ''), realPath(target));
  const opposite = (word: string) => (word === 'ro' ? 'rw' : word.replace(/^no/, ''));
  const rest = (mount?.options ?? []).filter((word) => !words.includes(word) && !words.includes(opposite(word)));
  const { flags } = parseOptions(rest.filter((word) => !word.endsWith('atime') || !namesAtime(attributes)).join(','));
  return flags;
}

const namesAtime = ({ clear }: Attributes) => (clear & MOUNT_ATTR__ATIME) !== 0;

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

/** Options that name something to be done; without any, and without operands, the mounts are listed. */
const ACTIONS = new Set([
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
  'map-users',
  'map-groups',
  'also',
]);

/** The mount that one part of the command line asks for, and the program behind it. */
function partOf(input: Input, world: World): { change: Change; program: readonly string[] } {
  const { values, operands } = input;
  const words = optionWords(input);
  const given = read(words, operands[1] ?? operands[0] ?? '');
  const isRemount = (given.flags & MS_REMOUNT) !== 0;
  const isPropagation = kindOf(given, undefined, values.types) === 'propagation';
  const { source, target, program } = places(input, isRemount || isPropagation);
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
  return { change: change(), program };
}

export function plan(input: Input, world: World): Plan {
  const { values, operands, steps } = input;
  const namespace = values.namespace === undefined ? undefined : namespaceFile(values.namespace);
  const common = { namespace, fake: values.fake ?? false, verbose: values.verbose ?? false };
  if (values.all) {
    if (operands.length || values.also) throw new UsageError('bad usage');
    return { ...common, changes: everything(optionWords(input), input, world), all: true, program: [] };
  }
  const acts = steps.some(({ option: { long } }) => ACTIONS.has(long) || long.startsWith('make-'));
  if (!operands.length && !acts)
    return {
      namespace,
      list: { types: values.types, labels: values['show-labels'] ?? false, json: values.json ?? false },
    };

  const parts = groupsOf(options, input, grammar).map((part) => partOf(part, world));
  const programs = parts.map(({ program }) => program);
  const program = programs.pop() ?? [];
  if (programs.some(({ length }) => length)) throw new UsageError('bad usage');
  if (program[0] === '') throw new UsageError('the program has no name');
  return { ...common, changes: parts.map(({ change }) => change), all: false, program };
}
