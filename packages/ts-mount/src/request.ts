import type { World } from '@ts/cli';
import { type Attributes, deviceTypes, matchesType, mountAt, parseOptions, subtree } from '@ts/mounts';
import {
  Failure,
  MOUNT_ATTR__ATIME,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NODIRATIME,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_NOSYMFOLLOW,
  MOUNT_ATTR_RDONLY,
  MS_BIND,
  MS_MOVE,
  MS_REC,
  MS_REMOUNT,
  parseAccountId,
  parseDecimal,
} from '@ts/sys';
import type { Change } from './change.ts';
import { loopOf, loopRange } from './loop.ts';
import type { Input } from './options.ts';
import { resolveSource, typesOf } from './source.ts';
import { inTable, mountsNow } from './table.ts';
import { read, unreadable, type Words } from './words.ts';

/** Flags that choose what mount(2) does; none of them is an attribute. */
const OPERATIONS = MS_REMOUNT | MS_BIND | MS_MOVE | MS_REC;

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

/** What else a change comes from than words, source and target. */
export interface Origin {
  readonly input: Input;
  readonly world: World;
  /** The type that an entry of fstab names; that of the command line where left out. */
  readonly type?: string;
  /** It is the name of a type, or several: no "no" turns it around. */
  readonly isListed?: boolean;
  /** On a remount: what no word names is as for a new mount. Else it stays as it is. */
  readonly startsAnew?: boolean;
}

/** Words of SELinux, which a kernel without it does not take: left out there, so that one fstab does for both. */
const SELINUX_WORD = /^(context|fscontext|defcontext|rootcontext)=/;

function withoutLabels(parsed: Words, world: World): Words {
  const isLabel = (word: string) => SELINUX_WORD.test(word);
  if (!parsed.data.some(isLabel) || /\tselinuxfs$/m.test(world.read('/proc/filesystems') ?? '')) return parsed;
  const without = (words: readonly string[]) => words.filter((word) => !isLabel(word));
  const { data, parameters, words } = parsed;
  return { ...parsed, data: without(data), parameters: without(parameters), words: without(words) };
}

export function changeOf(
  words: string,
  source: string | undefined,
  target: string,
  { input, world, type = input.values.types, isListed = false, startsAnew = false }: Origin,
): Change {
  const parsed = withIds(withoutLabels(read(words, target), world), world, (why) =>
    unreadable(words, target, why, 'EINVAL'),
  );
  const kind = kindOf(parsed, source, type);
  const { beneath = false, exclusive = false } = input.values;
  const isMore =
    parsed.propagation.length || parsed.owner !== undefined || parsed.group !== undefined || parsed.mode !== undefined;
  if (beneath && (isMore || kind === 'remount' || kind === 'propagation'))
    throw new Failure('--beneath cannot be combined with a change of what is seen at the mount point', 1);
  const named =
    type === undefined || type === 'auto' ? undefined : isListed ? type.split(',') : typesNamed(type, world);
  const { asGiven = { source: false, target: false } } = parsed;
  const isTolerated = parsed.words.includes('nofail');
  // What a path means in another namespace is not seen from here.
  const isElsewhere = input.values.namespace !== undefined;
  const isAsGiven = asGiven.source || isElsewhere || kind !== 'mount';
  const path =
    source === undefined
      ? 'none'
      : resolveSource(source, named ?? [], { target, asGiven: isAsGiven, isTolerated }, world);
  const range = loopRange(parsed, (why) => unreadable(words, target, why));
  // A file for which a loop device is asked for is one of here: the device is the same everywhere.
  const isUnseen = isElsewhere && parsed.loop === undefined;
  const types = kind === 'mount' ? (named ?? typesOf(path, parsed.automaticTypes, isUnseen, world, range)) : [];
  const { owner: _owner, group: _group, ...rest } = startsAnew && kind === 'remount' ? anew(parsed) : parsed;
  const stays = kind === 'remount' && !startsAnew ? kept(parsed, target, input, world) : 0;
  return {
    kind,
    source: path,
    target,
    types,
    type: named?.length === 1 ? named[0] : undefined,
    ...rest,
    loop: kind === 'mount' && !isUnseen ? loopOf(parsed, range, path, types, world) : undefined,
    asGiven,
    isTolerated,
    flags: kind === 'mount' ? parsed.flags & ~OPERATIONS : parsed.flags | stays,
    owner: ownerOf(parsed, world, (why) => unreadable(words, target, why, 'EINVAL')),
    beneath,
    exclusive,
    before: kind === 'remount' ? attributesNow(parsed, target, input, world) : undefined,
    classic: isClassic(world),
  };
}

function attributesNow({ recursive }: Words, target: string, input: Input, world: World): Change['before'] {
  const mounts = mountsNow(input, world);
  const top = mountAt(mounts, inTable(target, input));
  if (!top) return undefined;
  const all = recursive.set || recursive.clear ? subtree(mounts, top) : [top];
  return all.map((mount) => ({
    path: mount === top ? undefined : mount.target,
    set: parseOptions(mount.options.join(',')).attributes.set,
  }));
}

/** All attributes that mount_setattr(2) changes, but those of times of access. */
const ATTRIBUTES =
  MOUNT_ATTR_RDONLY |
  MOUNT_ATTR_NOSUID |
  MOUNT_ATTR_NODEV |
  MOUNT_ATTR_NOEXEC |
  MOUNT_ATTR_NODIRATIME |
  MOUNT_ATTR_NOSYMFOLLOW;

/** Options of a remount that leave nothing as it was; MS_BIND changes what is named alone. */
function anew(parsed: Words): Words {
  if (parsed.flags & MS_BIND || parsed.layered) return parsed;
  const { set } = parsed.attributes;
  const isNamed = parsed.parameters.some((word) => word === 'ro' || word === 'rw');
  return {
    ...parsed,
    attributes: { set, clear: (ATTRIBUTES & ~set) | MOUNT_ATTR__ATIME },
    parameters: isNamed ? parsed.parameters : ['rw', ...parsed.parameters],
  };
}

/** Accounts that options of file systems name, as the kernel takes them: by number. */
function withIds(parsed: Words, world: World, failure: (why: string) => Failure): Words {
  const numbered = (word: string): string => {
    const [, option, quoted = ''] = /^(uid|gid)=(.+)$/s.exec(word) ?? [];
    if (option === undefined) return word;
    const name = quoted.replace(/^"(.*)"$/s, '$1');
    const isUser = option === 'uid';
    const own = isUser ? world.uid : world.gid;
    const found = isUser ? world.user(name)?.uid : world.group(name)?.gid;
    const id = name === `use${isUser ? 'ruid' : 'rgid'}` ? own : (parseDecimal(name) ?? found);
    if (id === undefined) throw failure(`${option}: there is no '${name}'`);
    return `${option}=${id}`;
  };
  const isId = (word: string) => /^[ug]id=./.test(word);
  if (!parsed.data.some(isId)) return parsed;
  const numberedIn = (words: readonly string[]) => words.map(numbered);
  const { data, parameters, words } = parsed;
  return { ...parsed, data: numberedIn(data), parameters: numberedIn(parameters), words: numberedIn(words) };
}

/** Whether account files are asked for a change. */
export const readsAccounts = ({ owner, words }: Change): boolean =>
  owner !== undefined || words.some((word) => /^[ug]id=/.test(word));

/** The younger calls that this tool makes came with Linux 5.2 to 5.12. The variable is libmount's. */
function isClassic(world: World): boolean {
  const forced = world.variable('LIBMOUNT_FORCE_MOUNT2');
  if (forced === 'always' || forced === 'never') return forced === 'always';
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(world.read('/proc/sys/kernel/osrelease') ?? '') ?? [];
  return major !== undefined && Number(major) * 1000 + Number(minor) < 5012;
}

/** Ids of names or numbers; -1 where none is given. */
function ownerOf({ owner, group }: Words, world: World, failure: (why: string) => Failure) {
  const idOf = (option: string, text: string | undefined, find: (name: string) => number | undefined) => {
    if (text === undefined) return -1;
    const id = find(text) ?? parseAccountId(text);
    if (id === undefined) throw failure(`${option}: there is no '${text}'`);
    return id;
  };
  if (owner === undefined && group === undefined) return undefined;
  return {
    uid: idOf('X-mount.owner', owner, (name) => world.user(name)?.uid),
    gid: idOf('X-mount.group', group, (name) => world.group(name)?.gid),
  };
}

/** mount(2) resets on a remount what it is not told: flags that the mount has and no word names. */
function kept({ attributes, words }: Words, target: string, input: Input, world: World): number {
  const mount = mountAt(mountsNow(input, world), inTable(target, input));
  const opposite = (word: string) => (word === 'ro' ? 'rw' : word.replace(/^no/, ''));
  const rest = (mount?.options ?? []).filter((word) => !words.includes(word) && !words.includes(opposite(word)));
  const { flags } = parseOptions(rest.filter((word) => !word.endsWith('atime') || !namesAtime(attributes)).join(','));
  return flags;
}

const namesAtime = ({ clear }: Attributes) => (clear & MOUNT_ATTR__ATIME) !== 0;
