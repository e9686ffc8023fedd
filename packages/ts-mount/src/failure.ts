/** What mount(8) says of a failure: it depends on the error, and on what is found where. */
import { lacks } from '@ts/capabilities';
import { type Cause, confinement, type World } from '@ts/cli';
import { escapeOctal, inOwnUsers, mountAt, mountOf, parseMountinfo, realPath, unescapeOctal } from '@ts/mounts';
import {
  CAP_SYS_ADMIN,
  errnoName,
  errnoOf,
  isBelow,
  lstat,
  MS_BIND,
  MS_MOVE,
  MS_RDONLY,
  MS_REMOUNT,
  parseDecimal,
  readLink,
  strerror,
  unlessRefused,
} from '@ts/sys';
import { whyNotInUserNamespace } from './privileges.ts';
import { statOf } from './source.ts';

/** A step that can fail, as the tape carries it to whoever explains it. */
export interface Step {
  /** `attach`: a tree that is complete is put to its place. */
  readonly step: 'mount' | 'attributes' | 'remount' | 'propagation' | 'attach' | 'subdir' | 'idmap';
  readonly source: string;
  readonly target: string;
  /** Type of the file system; of the step `subdir` the directory, of `idmap` what is mapped or the file of the namespace. */
  readonly type: string | null;
  readonly flags: number;
  readonly data: readonly string[];
}

export const subjectOf = ({ step, source, target, type, flags, data }: Step): string =>
  ['mount', step, `=${source}`, `=${target}`, `=${type ?? ''}`, String(flags), `=${data.join(',')}`]
    .map(escapeOctal)
    .join(' ');

export function stepOf(words: readonly string[]): Step {
  const [step, source, target, type, flags, data] = words.map(unescapeOctal).map((word) => word.replace(/^=/, ''));
  return {
    step: step as Step['step'],
    source: source ?? '',
    target: target ?? '',
    type: type || null,
    flags: parseDecimal(flags ?? '') ?? 0,
    data: data ? data.split(',') : [],
  };
}

/** mount(2) says ENOTDIR of a file on a directory and the reverse, move_mount(2) says EINVAL. */
function asOfMount({ step, source, target, flags }: Step, errno: number): number {
  const from = flags & MS_BIND ? statOf(source)?.type : 'directory';
  const to = statOf(target)?.type;
  const differs = to !== undefined && (from === undefined || (from === 'directory') !== (to === 'directory'));
  return step === 'attach' && errno === errnoOf('EINVAL') && differs ? errnoOf('ENOTDIR') : errno;
}

/** The sentence behind the mount point, without the full stop. `call`: the system call that has failed. */
export function wordsOf(failed: Step, errno: number, world: World, call = 'mount'): string {
  return describe(failed, errno, `${call}() failed: ${strerror(errno)}`, world);
}

const isSeen = (path: string) => unlessRefused(() => lstat(path)) !== undefined;

/** ENOENT and ENOTDIR: which of the paths is it? `failed`: where that cannot be told. */
function whatIsMissing({ source, target, flags }: Step, isPrefix: boolean, failed: string): string {
  if (!isPrefix) {
    if (!isSeen(target)) return 'mount point does not exist';
    if (!statOf(target)) return 'mount point is a symbolic link to nowhere';
    return statOf(source) ? failed : `special device ${source} does not exist`;
  }
  if (!(statOf(target)?.type === 'directory' || (flags & MS_BIND && statOf(target))))
    return 'mount point is not a directory';
  return statOf(source) ? failed : `special device ${source} does not exist (a path prefix is not a directory)`;
}

function whatIsWrong({ step, source, flags }: Step): string {
  if (flags & MS_REMOUNT) return 'mount point not mounted or bad option';
  if (step === 'propagation' || step === 'attributes') return 'not mount point or bad option';
  return `wrong fs type, bad option, bad superblock on ${source}, missing codepage or helper program, or other error`;
}

function whatIsForbidden({ source, flags }: Step, isWriteProtected: boolean, failed: string): string {
  if (flags & MS_RDONLY) return `cannot mount ${source} read-only`;
  if (flags & MS_REMOUNT) return `cannot remount ${source} read-write, is write-protected`;
  if (flags & MS_BIND) return `bind ${source} failed`;
  return isWriteProtected ? `${source} is write-protected but explicit read-write mode requested` : failed;
}

type Sentence = (step: Step, failed: string, world: World) => string;

/** By error. */
const SENTENCES: Readonly<Record<string, Sentence>> = {
  EPERM: ({ target, flags }, _failed, world) => {
    if (world.euid !== 0) return 'must be superuser to use mount';
    return statOf(target)?.type === 'directory' || flags & MS_BIND
      ? 'permission denied'
      : 'mount point is not a directory';
  },
  EBUSY: ({ source, flags }) =>
    flags & MS_REMOUNT ? 'mount point is busy' : `${source} already mounted or mount point busy`,
  ENOENT: (step, failed) => whatIsMissing(step, false, failed),
  ENOTDIR: (step, failed) => whatIsMissing(step, true, failed),
  EINVAL: whatIsWrong,
  EMFILE: () => 'mount table full',
  EIO: ({ source }) => `can't read superblock on ${source}`,
  ENODEV: ({ type }) => (type === null ? 'unknown filesystem type' : `unknown filesystem type '${type}'`),
  ENOTBLK: ({ source }) => `${source} is not a block device${statOf(source)?.type === 'file' ? '; try "-o loop"' : ''}`,
  ENXIO: ({ source }) => `${source} is not a valid block device`,
  EACCES: (step, failed) => whatIsForbidden(step, false, failed),
  EROFS: (step, failed) => whatIsForbidden(step, true, failed),
  ENOMEDIUM: ({ source }) => `no medium found on ${source}`,
  EBADMSG: ({ source }) => `cannot mount; probably corrupted filesystem on ${source}`,
};

function describe(failed: Step, errno: number, otherwise: string, world: World): string {
  const { step, type } = failed;
  if (step === 'subdir') return `X-mount.subdir=${type}: ${strerror(errno)}`;
  if (step === 'idmap') return `X-mount.idmap: ids cannot be mapped: ${strerror(errno)}`;
  return SENTENCES[errnoName(errno)]?.(failed, otherwise, world) ?? otherwise;
}

/** Errors of a source that is not there: with `nofail` they are no failure. */
export function isMissing({ source, target, flags }: Step, errno: number): boolean {
  if (flags & (MS_REMOUNT | MS_MOVE)) return false;
  const code = errnoName(errno);
  const isAbsent = code === 'ENOENT' || code === 'ENOTDIR' || code === 'ENOTBLK';
  return code === 'ENOMEDIUM' || (isAbsent && statOf(target) !== undefined && statOf(source) === undefined);
}

const mountsNow = (world: World) => parseMountinfo(world.read('/proc/self/mountinfo') ?? '');

/** Why the kernel does not show the owners of a mount otherwise. */
function whyNotMapped(mapped: string, source: string, errno: number, world: World): string | undefined {
  if (errno === errnoOf('EPERM')) {
    if (mapped.startsWith('/') && statOf(mapped)?.ino === statOf('/proc/self/ns/user')?.ino)
      return "the caller's own user namespace cannot be the map of a mount";
    return 'this needs CAP_SYS_ADMIN where the file system was mounted: in the first user namespace, for most';
  }
  if (errno !== errnoOf('EINVAL')) return undefined;
  if (mapped === 'users' || mapped === 'groups')
    return `users and groups have to be mapped, both: add --map-${mapped === 'users' ? 'groups' : 'users'}`;
  if (mapped.startsWith('/') && !targetOfLink(mapped).startsWith('user:')) return `${mapped} is no user namespace`;
  const type = mountOf(mountsNow(world), realPath(source))?.type;
  return `${type === undefined ? 'this file system' : type} cannot be mounted with other owners, or this mount has a map already`;
}

const targetOfLink = (path: string): string => unlessRefused(() => readLink(path)) ?? '';

/** Why a tree cannot be moved from one place to another. */
function whyNotMoved(source: string, target: string, world: World): string | undefined {
  const from = realPath(source);
  const mounts = mountsNow(world);
  const mount = mountAt(mounts, from);
  if (!mount) return statOf(source) && `${from} is no mount point: mount --bind ${from} ${from} makes it one`;
  if (isBelow(realPath(target), from)) return `${from} cannot be moved into itself`;
  const parent = mounts.find(({ id }) => id === mount.parent);
  return parent?.propagation.some((tag) => tag.startsWith('shared:'))
    ? `what lies on a shared mount cannot be moved: mount --make-private ${parent.target} first`
    : inOwnUsers(world.read)
      ? `${from} is locked where it is: it came from a more privileged mount namespace`
      : undefined;
}

/** Why what is at a path cannot be bound elsewhere. */
function whyNotBound(source: string, world: World): string | undefined {
  const mount = mountOf(mountsNow(world), realPath(source));
  if (mount?.propagation.includes('unbindable'))
    return `${mount.target} is unbindable: mount --make-private ${mount.target} lets it be bound`;
  const below = mountsNow(world).find(
    ({ parent, target }) => parent === mount?.id && isBelow(target, realPath(source)),
  );
  if (!inOwnUsers(world.read) || !below) return undefined;
  return `${below.target} may be locked where it is, as what came from a more privileged mount namespace: --rbind takes it along`;
}

/** Words that take back an attribute, and the words in the table of mounts for that attribute. */
const TAKEN_BACK: Readonly<Record<string, readonly string[]>> = {
  rw: ['ro'],
  suid: ['nosuid'],
  dev: ['nodev'],
  exec: ['noexec'],
  atime: ['noatime'],
  diratime: ['nodiratime'],
  relatime: ['noatime', 'nodiratime'],
  strictatime: ['noatime', 'nodiratime', 'relatime'],
};

/** Why the root of a user namespace may not change a mount. */
function whyNotRemounted({ step, target, data }: Step, world: World): string | undefined {
  if (step === 'mount')
    return 'the file system belongs to a more privileged user namespace: only the mount can be changed, by -o remount,bind';
  const mount = mountAt(mountsNow(world), realPath(target));
  const locked = data.flatMap((word) => TAKEN_BACK[word] ?? []).filter((word) => mount?.options.includes(word));
  if (!locked.length) return undefined;
  return `locked: ${[...new Set(locked)].join(', ')}: the mount came from a more privileged mount namespace, where it was set`;
}

/** Paths among the options of a file system that lead nowhere (lowerdir=A:B). */
const missingIn = (data: readonly string[]) =>
  data.flatMap((word) => {
    const [, key = '', value = ''] = /^([^=]+)=(.*)$/s.exec(word) ?? [];
    return value
      .split(':')
      .filter((path) => (path.startsWith('/') || /dir$/.test(key)) && path && !statOf(path))
      .map((path) => `${key}: ${path} does not exist`);
  });

/** As many mounts as allowed: the limit is read, and held against those that are there. */
function whyNoSpace(world: World): string | undefined {
  const limit = parseDecimal((world.read('/proc/sys/fs/mount-max') ?? '').trim());
  const count = mountsNow(world).length;
  // A tree counts as a whole.
  return limit !== undefined && count * 2 > limit
    ? `there are ${count} mounts, and no more than ${limit} are allowed: sysctl -w fs.mount-max`
    : undefined;
}

/** Why, where that can be found out. */
export function remedyOf(step: Step, given: number, world: World): string | undefined {
  const { source, target, type, flags } = step;
  const errno = asOfMount(step, given);
  if (step.step === 'idmap') return whyNotMapped(type ?? '', source, errno, world);
  if (errno === errnoOf('EPERM')) {
    if (lacks(world.read, CAP_SYS_ADMIN))
      return 'this needs CAP_SYS_ADMIN: be root, or mount in namespaces of your own: unshare --map-root-user --mount';
    if (!inOwnUsers(world.read)) return confinement(world);
    if (flags & MS_REMOUNT) return confinement(world) ?? whyNotRemounted(step, world);
    if (type !== null && step.step === 'mount' && !(flags & (MS_BIND | MS_MOVE)))
      return whyNotInUserNamespace(type, (flags & MS_RDONLY) !== 0, world);
    return confinement(world);
  }
  if (errno === errnoOf('EINVAL') && flags & MS_MOVE) return whyNotMoved(source, target, world);
  if (errno === errnoOf('EINVAL') && step.step === 'mount' && flags & MS_BIND && statOf(source))
    return whyNotBound(source, world);
  if (errno === errnoOf('EINVAL') && step.step === 'propagation')
    return `only a mount point has propagation: mount --bind ${target} ${target} makes it one`;
  if (errno === errnoOf('ENOENT') && !statOf(target))
    return `the mount point must be there: mkdir ${target}, or add --mkdir`;
  if (errno === errnoOf('ENOENT') && step.step === 'mount' && missingIn(step.data)[0]) return missingIn(step.data)[0];
  if (errno === errnoOf('ENOTDIR') && flags & MS_BIND && statOf(target) && statOf(source))
    return 'a directory is bound on a directory, a file on a file';
  if (errno === errnoOf('ENOTBLK') && statOf(source)?.type === 'file') return '-o loop makes a device of a file';
  if (errno === errnoOf('ELOOP'))
    return flags & MS_MOVE && isBelow(realPath(target), realPath(source))
      ? `${realPath(source)} cannot be moved into itself`
      : 'symbolic links lead to each other';
  if (errno === errnoOf('ENOSPC')) return whyNoSpace(world);
  return undefined;
}

/** What the kernel has against a map of ids. */
const mapCauses: readonly Cause[] = [
  {
    of: 'idmap',
    errors: ['EINVAL'],
    probe: () => 'ranges of a map must not overlap on either side, nor end behind the last id; 340 of them are allowed',
  },
  {
    of: 'idmap',
    errors: ['EPERM'],
    probe: () => 'an ordinary user may map no ids but their own: this needs CAP_SETUID and CAP_SETGID',
  },
];

/** On a tape the system call itself is all that can be said when it happens: the words come after it. */
const mountCauses: readonly Cause[] = [
  'EPERM',
  'EBUSY',
  'ENOENT',
  'ELOOP',
  'ENOTDIR',
  'EINVAL',
  'EMFILE',
  'EIO',
  'ENODEV',
  'ENOTBLK',
  'ENXIO',
  'EACCES',
  'EROFS',
  'ENOSPC',
].map((error) => ({
  of: 'mount',
  errors: [error],
  probe: (words, world) => {
    const step = stepOf(words);
    const errno = errnoOf(error);
    const remedy = remedyOf(step, errno, world);
    // Of wrong options the kernel has spoken already.
    return (
      remedy ?? (error === 'EINVAL' && step.data.length ? undefined : `${step.target}: ${wordsOf(step, errno, world)}`)
    );
  },
}));

export const causes: readonly Cause[] = [...mountCauses, ...mapCauses];
