/** One mount, or one change of a mount: what options, source and target mean. */
import { type Parsed, ToolError, type World } from '@ts/cli';
import {
  type Attributes,
  deviceTypes,
  type MountOptions,
  matchesType,
  mountAt,
  OptionError,
  parseMountinfo,
  parseOptions,
  realPath,
} from '@ts/mounts';
import { type IdMapping, parseIdMapping } from '@ts/namespaces';
import { MOUNT_ATTR__ATIME, MS_BIND, MS_MOVE, MS_REC, MS_REMOUNT } from '@ts/sys';
import type { options } from './options.ts';
import { resolveSource, typesOf } from './source.ts';

export type Input = Parsed<typeof options>;

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

/** Flags that choose what mount(2) does; none of them is an attribute. */
const OPERATIONS = MS_REMOUNT | MS_BIND | MS_MOVE | MS_REC;

/** Words of `-o` and of the options that stand for one, in the order given. */
export function optionWords({ steps }: Input): string {
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

export interface Words extends Omit<MountOptions, 'idmap'> {
  readonly idmap?: IdMapping;
}

export function read(text: string, target: string): Words {
  try {
    const options = parseOptions(text);
    const { idmap } = options;
    return { ...options, idmap: idmap === undefined ? undefined : parseIdMapping(idmap) };
  } catch (error) {
    if (error instanceof OptionError) throw unreadable(text, target, error.message);
    throw error;
  }
}

function unreadable(text: string, target: string, why: string): ToolError {
  const words = /(^|,)r[ow](,|$)/.test(text) ? text : `rw,${text}`;
  return new ToolError(`${realPath(target)}: failed to parse mount options '${words}'.`, 1, why);
}

export function kindOf(
  { flags, propagation, data }: Words,
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

export function changeOf(
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
function ownerOf({ owner, group }: Words, world: World, failure: (why: string) => ToolError) {
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
function kept({ attributes, words }: Words, kind: Change['kind'], target: string, world: World): number {
  if (kind !== 'remount') return 0;
  const mount = mountAt(parseMountinfo(world.read('/proc/self/mountinfo') ?? ''), realPath(target));
  const opposite = (word: string) => (word === 'ro' ? 'rw' : word.replace(/^no/, ''));
  const rest = (mount?.options ?? []).filter((word) => !words.includes(word) && !words.includes(opposite(word)));
  const { flags } = parseOptions(rest.filter((word) => !word.endsWith('atime') || !namesAtime(attributes)).join(','));
  return flags;
}

const namesAtime = ({ clear }: Attributes) => (clear & MOUNT_ATTR__ATIME) !== 0;
