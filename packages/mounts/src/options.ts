/** Option words of mount(8): what they mean as flags of mount(2), as attributes of a mount, or for the file system. Pure. */
import {
  Failure,
  MOUNT_ATTR__ATIME,
  MOUNT_ATTR_NOATIME,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NODIRATIME,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_NOSYMFOLLOW,
  MOUNT_ATTR_RDONLY,
  MOUNT_ATTR_RELATIME,
  MOUNT_ATTR_STRICTATIME,
  MS_BIND,
  MS_DIRSYNC,
  MS_I_VERSION,
  MS_LAZYTIME,
  MS_MANDLOCK,
  MS_MOVE,
  MS_NOATIME,
  MS_NODEV,
  MS_NODIRATIME,
  MS_NOEXEC,
  MS_NOSUID,
  MS_NOSYMFOLLOW,
  MS_PRIVATE,
  MS_RDONLY,
  MS_REC,
  MS_RELATIME,
  MS_REMOUNT,
  MS_SHARED,
  MS_SILENT,
  MS_SLAVE,
  MS_STRICTATIME,
  MS_SYNCHRONOUS,
  MS_UNBINDABLE,
  parseOctal,
} from '@ts/sys';

interface Word {
  readonly set?: number;
  readonly clear?: number;
}

/** Bits that a word sets or takes back, by flag of mount(2). */
const FLAG_WORDS: Readonly<Record<string, Word>> = {
  ro: { set: MS_RDONLY },
  rw: { clear: MS_RDONLY },
  suid: { clear: MS_NOSUID },
  nosuid: { set: MS_NOSUID },
  dev: { clear: MS_NODEV },
  nodev: { set: MS_NODEV },
  exec: { clear: MS_NOEXEC },
  noexec: { set: MS_NOEXEC },
  async: { clear: MS_SYNCHRONOUS },
  sync: { set: MS_SYNCHRONOUS },
  dirsync: { set: MS_DIRSYNC },
  atime: { clear: MS_NOATIME },
  noatime: { set: MS_NOATIME },
  diratime: { clear: MS_NODIRATIME },
  nodiratime: { set: MS_NODIRATIME },
  relatime: { set: MS_RELATIME },
  norelatime: { clear: MS_RELATIME },
  strictatime: { set: MS_STRICTATIME },
  nostrictatime: { clear: MS_STRICTATIME },
  lazytime: { set: MS_LAZYTIME },
  nolazytime: { clear: MS_LAZYTIME },
  symfollow: { clear: MS_NOSYMFOLLOW },
  nosymfollow: { set: MS_NOSYMFOLLOW },
  iversion: { set: MS_I_VERSION },
  noiversion: { clear: MS_I_VERSION },
  mand: { set: MS_MANDLOCK },
  nomand: { clear: MS_MANDLOCK },
  loud: { clear: MS_SILENT },
  silent: { set: MS_SILENT },
  remount: { set: MS_REMOUNT },
  bind: { set: MS_BIND },
  rbind: { set: MS_BIND | MS_REC },
  move: { set: MS_MOVE },
  // For ordinary users' mounts in fstab; what they imply holds for everybody.
  user: { set: MS_NOSUID | MS_NODEV | MS_NOEXEC },
  users: { set: MS_NOSUID | MS_NODEV | MS_NOEXEC },
  owner: { set: MS_NOSUID | MS_NODEV },
  group: { set: MS_NOSUID | MS_NODEV },
};

/** Words of propagation, as options of their own (`--make-slave`) and in `-o`. */
export const PROPAGATION: Readonly<Record<string, number>> = {
  shared: MS_SHARED,
  slave: MS_SLAVE,
  private: MS_PRIVATE,
  unbindable: MS_UNBINDABLE,
  rshared: MS_SHARED | MS_REC,
  rslave: MS_SLAVE | MS_REC,
  rprivate: MS_PRIVATE | MS_REC,
  runbindable: MS_UNBINDABLE | MS_REC,
};

/** Words for mount(8) and other programs that read fstab; neither flag nor data. */
const IGNORED = new Set([
  'defaults',
  'auto',
  'noauto',
  'nouser',
  'nousers',
  'noowner',
  'nogroup',
  '_netdev',
  'nofail',
  'comment',
  'uhelper',
  'helper',
  'user',
]);

const isForOthers = (name: string) => IGNORED.has(name) || name.startsWith('x-') || name.startsWith('X-');

/** What each flag is as an attribute of one mount (the others belong to the file system), mount_setattr(2). */
const ATTRIBUTES: readonly (readonly [flag: number, attribute: number])[] = [
  [MS_RDONLY, MOUNT_ATTR_RDONLY],
  [MS_NOSUID, MOUNT_ATTR_NOSUID],
  [MS_NODEV, MOUNT_ATTR_NODEV],
  [MS_NOEXEC, MOUNT_ATTR_NOEXEC],
  [MS_NODIRATIME, MOUNT_ATTR_NODIRATIME],
  [MS_NOSYMFOLLOW, MOUNT_ATTR_NOSYMFOLLOW],
];

/** Times of access exclude each other: they are a field, not bits. */
const ATIMES: readonly (readonly [flag: number, attribute: number])[] = [
  [MS_NOATIME, MOUNT_ATTR_NOATIME],
  [MS_STRICTATIME, MOUNT_ATTR_STRICTATIME],
  [MS_RELATIME, MOUNT_ATTR_RELATIME],
];

/** Flags that are parameters of the file system when it is reconfigured. */
const SUPERBLOCK_WORDS = new Set([
  'ro',
  'rw',
  'sync',
  'async',
  'dirsync',
  'lazytime',
  'nolazytime',
  'mand',
  'nomand',
  'iversion',
  'noiversion',
]);

export interface Attributes {
  /** MOUNT_ATTR_*. */
  readonly set: number;
  readonly clear: number;
}

/** The values of such words; '' where a word has none. */
export interface LoopWords {
  readonly loop?: string;
  readonly offset?: string;
  readonly sizelimit?: string;
  readonly encryption?: string;
}

export interface MountOptions {
  /** MS_* that mount(2) is given, MS_REMOUNT, MS_BIND, MS_MOVE and MS_REC included. */
  readonly flags: number;
  /** Of the flags that are attributes of a mount: those that the words name. */
  readonly attributes: Attributes;
  /** The same for words that are to hold for the mounts below, too (`ro=recursive`). */
  readonly recursive: Attributes;
  /** Changes of propagation, MS_*, in the order given. */
  readonly propagation: readonly number[];
  /** Options of the file system, as given. */
  readonly data: readonly string[];
  /** What is a parameter of the file system when it is reconfigured, data included. */
  readonly parameters: readonly string[];
  /** Some words are for the mount alone, for the file system alone or for all below: more than flags of mount(2) can say. */
  readonly layered: boolean;
  /** The directory of the file system that is to be mounted, instead of its root. */
  readonly subdir?: string;
  /** Ids as they are to be seen at the mount: @ts/namespaces reads it. */
  readonly idmap?: string;
  /** Owner, group (names or numbers) and permissions that the root of the mount is given. */
  readonly owner?: string;
  readonly group?: string;
  readonly mode?: number;
  /** Folders are made where the mount point is missing, with these permissions. */
  readonly mkdir?: number;
  /** Paths are not looked into: they are handed to the kernel as given. */
  readonly asGiven?: { readonly source: boolean; readonly target: boolean };
  /** Types to try where none is given, as for `-t`. */
  readonly automaticTypes?: string;
  /** What was asked of a loop device, by word: loop, offset, sizelimit. */
  readonly loop?: LoopWords;
  /** All words, for whoever looks for one. */
  readonly words: readonly string[];
}

/** Splits at commas; a comma between double quotes belongs to its word. */
export const splitOptions = (text: string): string[] => text.match(/(?:[^,"]|"[^"]*"?)+/g) ?? [];

/** A word as mount(8) takes it in a list: one with a name. */
export const isOption = (word: string): boolean => !word.startsWith('=');

function attributesOf(words: readonly Word[]): Attributes {
  let set = 0;
  let clear = 0;
  for (const word of words) {
    for (const [flag, attribute] of ATTRIBUTES) {
      if ((word.set ?? 0) & flag) [set, clear] = [set | attribute, clear & ~attribute];
      if ((word.clear ?? 0) & flag) [set, clear] = [set & ~attribute, clear | attribute];
    }
    for (const [flag, attribute] of ATIMES) {
      if ((word.set ?? 0) & flag) [set, clear] = [(set & ~MOUNT_ATTR__ATIME) | attribute, clear | MOUNT_ATTR__ATIME];
      // "atime" and its kin: back to what the kernel does by itself.
      if ((word.clear ?? 0) & flag)
        [set, clear] = [(set & ~MOUNT_ATTR__ATIME) | MOUNT_ATTR_RELATIME, clear | MOUNT_ATTR__ATIME];
    }
  }
  return { set, clear };
}

/** A value of an option that cannot be; `out of range` where it is a number too large. */
export class OptionError extends Failure {
  constructor(
    message: string,
    readonly isOutOfRange = false,
  ) {
    super(message);
  }
}

const unquoted = (text: string) => text.replace(/^"(.*)"$/s, '$1');

const MODE_MAX = 0o7777;

/** Octal permissions. */
function parseMode(text: string): number {
  const mode = parseOctal(text);
  if (mode === undefined) throw new OptionError(`'${text}' is no mode of octal digits`);
  if (mode > MODE_MAX) throw new OptionError(`'${text}' is larger than ${MODE_MAX.toString(8)}`, true);
  return mode;
}

function parseValue(text: string): string {
  if (text === '') throw new OptionError('its value is missing');
  return text;
}

function parseAsGiven(value: string): Extras {
  if (!['', 'source', 'target'].includes(value)) throw new OptionError(`'${value}' is neither source nor target`);
  return { asGiven: { source: value !== 'target', target: value !== 'source' } };
}

type Extras = Pick<
  MountOptions,
  'mkdir' | 'subdir' | 'idmap' | 'owner' | 'group' | 'mode' | 'asGiven' | 'automaticTypes'
>;

const parseMkdir = (value: string): Extras => ({ mkdir: value === '' ? 0o755 : parseMode(value) });

/** Words that mount(8) itself acts upon, with the key and the value of what they ask for. */
const EXTRAS: Readonly<Record<string, (value: string) => Extras>> = {
  'X-mount.mkdir': parseMkdir,
  'x-mount.mkdir': parseMkdir,
  'X-mount.subdir': (value) => ({ subdir: parseValue(value) }),
  'X-mount.idmap': (value) => ({ idmap: parseValue(value) }),
  'X-mount.owner': (value) => ({ owner: parseValue(value) }),
  'X-mount.group': (value) => ({ group: parseValue(value) }),
  'X-mount.mode': (value) => ({ mode: parseMode(value) }),
  'X-mount.nocanonicalize': parseAsGiven,
  'X-mount.auto-fstypes': (value) => ({ automaticTypes: parseValue(value) }),
};

function parseExtra(name: string, value = ''): Extras | undefined {
  try {
    return EXTRAS[name]?.(unquoted(value));
  } catch (error) {
    throw error instanceof OptionError ? new OptionError(`${name}: ${error.message}`, error.isOutOfRange) : error;
  }
}

/** Whether the value of a flag says where it is to hold: for the mount, for the file system, for all mounts below. */
const isLayers = (value: string) => /^(vfs|fs|recursive)(,(vfs|fs|recursive))*$/.test(unquoted(value));

/** Words that ask for a loop device, or say what it is to be like. */
const LOOP_WORDS: ReadonlySet<string> = new Set<keyof LoopWords>(['loop', 'offset', 'sizelimit', 'encryption']);

/** Reads a list of options; throws OptionError for a value that cannot be. */
export function parseOptions(text: string): MountOptions {
  let flags = 0;
  const plain: Word[] = [];
  const recursive: Word[] = [];
  const propagation: number[] = [];
  const data: string[] = [];
  const parameters: string[] = [];
  let extras: Extras = {};
  let layered = false;
  let loop: LoopWords | undefined;
  const words = splitOptions(text);
  for (const word of words) {
    const equals = word.indexOf('=');
    const name = equals < 0 ? word : word.slice(0, equals);
    const value = equals < 0 ? undefined : word.slice(equals + 1);
    const change = PROPAGATION[name];
    const flag = FLAG_WORDS[name];
    if (change !== undefined && value === undefined) propagation.push(change);
    // A value that says nothing of where the flag is to hold means nothing; "user=NAME" says who has mounted it.
    else if (flag && (value === undefined || !(isLayers(value) || name === 'user'))) {
      flags = (flags | (flag.set ?? 0)) & ~(flag.clear ?? 0);
      plain.push(flag);
      if (SUPERBLOCK_WORDS.has(name)) parameters.push(name);
    } else if (flag && value !== undefined && isLayers(value)) {
      layered = true;
      const layers = unquoted(value).split(',');
      if (layers.includes('fs') && SUPERBLOCK_WORDS.has(name)) parameters.push(name);
      if (layers.includes('recursive')) recursive.push(flag);
      else if (layers.includes('vfs')) plain.push(flag);
    } else if (name in EXTRAS) extras = { ...extras, ...parseExtra(name, value) };
    else if (LOOP_WORDS.has(name)) loop = { ...loop, [name]: unquoted(value ?? '') };
    else if (!isForOthers(name)) {
      data.push(word);
      parameters.push(word);
    }
  }
  return {
    flags,
    attributes: attributesOf(plain),
    recursive: attributesOf(recursive),
    propagation,
    data,
    parameters,
    layered,
    ...extras,
    loop,
    words,
  };
}
