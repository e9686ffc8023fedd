/** What mount(8) says of a failure: it depends on the error, and on what is found where. */
import { lstatSync, readlinkSync, statSync } from 'node:fs';
import { has, setInStatus } from '@ts/capabilities';
import type { Cause, World } from '@ts/cli';
import { escapeOctal, isBelow, mountAt, mountOf, parseMountinfo, realPath, unescapeOctal } from '@ts/mounts';
import { CAP_SYS_ADMIN, encode, errnoOf, MS_BIND, MS_MOVE, MS_RDONLY, MS_REMOUNT, strerror } from '@ts/sys';

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
    flags: Number(flags),
    data: data ? data.split(',') : [],
  };
}

const stat = (path: string) => {
  try {
    return statSync(encode(path));
  } catch {
    return undefined; // what could not be seen is what is then said
  }
};

const isLink = (path: string) => {
  try {
    return lstatSync(encode(path)).isSymbolicLink();
  } catch {
    return false;
  }
};

/** mount(2) says ENOTDIR of a file on a directory and the reverse, move_mount(2) says EINVAL. */
function asOfMount({ step, source, target, flags }: Step, errno: number): number {
  const isDirectory = flags & MS_BIND ? stat(source)?.isDirectory() : true;
  const differs = stat(target) !== undefined && stat(target)?.isDirectory() !== isDirectory;
  return step === 'attach' && errno === errnoOf('EINVAL') && differs ? errnoOf('ENOTDIR') : errno;
}

/** The sentence behind the mount point, without the full stop. */
export function wordsOf(failed: Step, errno: number, world: World): string {
  return describe(failed, asOfMount(failed, errno), world);
}

function describe({ step, source, target, type, flags }: Step, errno: number, world: World): string {
  const failed = `mount(2) system call failed: ${strerror(errno)}`;
  const isDirectory = stat(target)?.isDirectory() ?? false;
  if (step === 'subdir') return `X-mount.subdir=${type}: ${strerror(errno)}`;
  if (step === 'idmap') return `X-mount.idmap: ids cannot be mapped: ${strerror(errno)}`;
  const isRemount = (flags & MS_REMOUNT) !== 0;
  switch (errno) {
    case errnoOf('EPERM'):
      if (world.euid !== 0) return 'must be superuser to use mount';
      return isDirectory || flags & MS_BIND ? 'permission denied' : 'mount point is not a directory';
    case errnoOf('EBUSY'):
      return isRemount ? 'mount point is busy' : `${source} already mounted or mount point busy`;
    case errnoOf('ENOENT'):
      if (isLink(target) && !stat(target)) return 'mount point is a symbolic link to nowhere';
      if (!stat(target)) return 'mount point does not exist';
      return stat(source) ? failed : `special device ${source} does not exist`;
    case errnoOf('ENOTDIR'):
      if (flags & MS_BIND && stat(target) && stat(source))
        return isDirectory ? failed : 'mount point is not a directory';
      if (!isDirectory) return 'mount point is not a directory';
      return stat(source) ? failed : `special device ${source} does not exist (a path prefix is not a directory)`;
    case errnoOf('EINVAL'):
      if (isRemount) return 'mount point not mounted or bad option';
      if (step !== 'mount') return 'not mount point or bad option';
      return `wrong fs type, bad option, bad superblock on ${source}, missing codepage or helper program, or other error`;
    case errnoOf('EMFILE'):
      return 'mount table full';
    case errnoOf('EIO'):
      return `can't read superblock on ${source}`;
    case errnoOf('ENODEV'):
      return type === null ? 'unknown filesystem type' : `unknown filesystem type '${type}'`;
    case errnoOf('ENOTBLK'):
      return `${source} is not a block device${stat(source)?.isFile() ? '; try "-o loop"' : ''}`;
    case errnoOf('ENXIO'):
      return `${source} is not a valid block device`;
    case errnoOf('EACCES'):
    case errnoOf('EROFS'):
      if (flags & MS_RDONLY) return `cannot mount ${source} read-only`;
      if (isRemount) return `cannot remount ${source} read-write, is write-protected`;
      return flags & MS_BIND
        ? `bind ${source} failed`
        : errno === errnoOf('EROFS')
          ? `${source} is write-protected but explicit read-write mode requested`
          : failed;
    case errnoOf('ENOMEDIUM'):
      return `no medium found on ${source}`;
    case errnoOf('EBADMSG'):
      return `cannot mount; probably corrupted filesystem on ${source}`;
    default:
      return failed;
  }
}

/** Whether the right to mount is known to be missing; without /proc nothing is known. */
function lacksSysAdmin(world: World): boolean {
  const status = world.read('/proc/self/status');
  return status !== undefined && !has(setInStatus(status, 'Eff'), CAP_SYS_ADMIN);
}

/** The user namespace is not the first one. */
function inOwnUsers(world: World): boolean {
  const map = world.read('/proc/self/uid_map');
  return map !== undefined && map.trim().split(/\s+/).join(' ') !== '0 0 4294967295';
}

const mountsNow = (world: World) => parseMountinfo(world.read('/proc/self/mountinfo') ?? '');

/** Why the kernel does not show the owners of a mount otherwise. */
function whyNotMapped(mapped: string, source: string, errno: number, world: World): string | undefined {
  if (errno === errnoOf('EPERM')) {
    if (mapped.startsWith('/') && stat(mapped)?.ino === stat('/proc/self/ns/user')?.ino)
      return "the caller's own user namespace cannot be the map of a mount";
    return 'this needs CAP_SYS_ADMIN where the file system was mounted: in the first user namespace, for most';
  }
  if (errno !== errnoOf('EINVAL')) return undefined;
  if (mapped === 'users' || mapped === 'groups')
    return `users and groups have to be mapped, both: add --map-${mapped === 'users' ? 'groups' : 'users'}`;
  if (mapped.startsWith('/') && !readLink(mapped).startsWith('user:')) return `${mapped} is no user namespace`;
  const type = mountOf(mountsNow(world), realPath(source))?.type;
  return `${type === undefined ? 'this file system' : type} cannot be mounted with other owners, or this mount has a map already`;
}

const readLink = (path: string) => {
  try {
    return readlinkSync(encode(path));
  } catch {
    return '';
  }
};

/** Why a tree cannot be moved from one place to another. */
function whyNotMoved(source: string, target: string, world: World): string | undefined {
  const from = realPath(source);
  const mounts = mountsNow(world);
  const mount = mountAt(mounts, from);
  if (!mount) return stat(source) && `${from} is no mount point: mount --bind ${from} ${from} makes it one`;
  if (isBelow(realPath(target), from)) return `${from} cannot be moved into itself`;
  const parent = mounts.find(({ id }) => id === mount.parent);
  return parent?.propagation.some((tag) => tag.startsWith('shared:'))
    ? `what lies on a shared mount cannot be moved: mount --make-private ${parent.target} first`
    : inOwnUsers(world)
      ? `${from} is locked where it is: it came from a more privileged mount namespace`
      : undefined;
}

/** Why what is at a path cannot be bound elsewhere. */
function whyNotBound(source: string, world: World): string | undefined {
  const mount = mountOf(mountsNow(world), realPath(source));
  if (mount?.propagation.includes('unbindable'))
    return `${mount.target} is unbindable: mount --make-private ${mount.target} lets it be bound`;
  if (!inOwnUsers(world)) return undefined;
  return 'what lies below is locked: it came from a more privileged mount namespace and must not be uncovered; --rbind takes it along';
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
function whyNotRemounted({ step, target, data }: Step, world: World): string {
  if (step === 'mount')
    return 'the file system belongs to a more privileged user namespace: only the mount can be changed, by -o remount,bind';
  const mount = mountAt(mountsNow(world), realPath(target));
  const locked = data.flatMap((word) => TAKEN_BACK[word] ?? []).filter((word) => mount?.options.includes(word));
  const which = locked.length ? [...new Set(locked)].join(', ') : 'what is to be changed';
  return `locked: ${which}: the mount came from a more privileged mount namespace, where it was set`;
}

/** Paths among the options of a file system that lead nowhere (lowerdir=A:B). */
const missingIn = (data: readonly string[]) =>
  data.flatMap((word) => {
    const [, key = '', value = ''] = /^([^=]+)=(.*)$/s.exec(word) ?? [];
    return value
      .split(':')
      .filter((path) => (path.startsWith('/') || /dir$/.test(key)) && path && !stat(path))
      .map((path) => `${key}: ${path} does not exist`);
  });

/** Why, where that can be found out. */
export function remedyOf(step: Step, given: number, world: World): string | undefined {
  const { source, target, type, flags } = step;
  const errno = asOfMount(step, given);
  if (step.step === 'idmap') return whyNotMapped(type ?? '', source, errno, world);
  if (errno === errnoOf('EPERM')) {
    if (!lacksSysAdmin(world) && inOwnUsers(world) && flags & MS_REMOUNT) return whyNotRemounted(step, world);
    if (lacksSysAdmin(world))
      return 'this needs CAP_SYS_ADMIN: be root, or mount in namespaces of your own: unshare --map-root-user --mount';
    if (inOwnUsers(world) && type === 'proc')
      return 'in a user namespace proc can be mounted only with a PID namespace of its own: unshare --pid --fork';
    if (inOwnUsers(world) && type === 'sysfs')
      return 'in a user namespace sysfs can be mounted only with a network namespace of its own: unshare --net';
    if (inOwnUsers(world) && type !== null && step.step === 'mount')
      return `the kernel does not let user namespaces mount ${type} here`;
  }
  if (errno === errnoOf('EINVAL') && step.step === 'mount') {
    if (flags & MS_MOVE) return whyNotMoved(source, target, world);
    if (flags & MS_BIND && stat(source)) return whyNotBound(source, world);
  }
  if (errno === errnoOf('EINVAL') && step.step === 'propagation')
    return `only a mount point has propagation: mount --bind ${target} ${target} makes it one`;
  if (errno === errnoOf('ENOENT') && !stat(target))
    return `the mount point must be there: mkdir ${target}, or add --mkdir`;
  if (errno === errnoOf('ENOENT') && step.step === 'mount' && missingIn(step.data)[0]) return missingIn(step.data)[0];
  if (errno === errnoOf('ENOTDIR') && flags & MS_BIND && stat(target) && stat(source))
    return 'a directory is bound on a directory, a file on a file';
  if (errno === errnoOf('ENOTBLK') && stat(source)?.isFile())
    return `loop devices are not set up by us: losetup --find --show ${source}`;
  if (errno === errnoOf('ELOOP'))
    return flags & MS_MOVE && isBelow(realPath(target), realPath(source))
      ? `${realPath(source)} cannot be moved into itself`
      : 'symbolic links lead to each other';
  if (errno === errnoOf('ENOSPC')) return 'there are as many mounts as allowed: sysctl -w fs.mount-max';
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
