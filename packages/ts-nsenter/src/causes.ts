/** Why setns(2) and its company refuse, read from the host before it is said. */
import { lacks, setInStatus } from '@ts/capabilities';
import { type Cause, INT_MAX, type World } from '@ts/cli';
import { parseMountinfo } from '@ts/mounts';
import { KINDS } from '@ts/namespaces';
import {
  AT_FDCWD,
  CAP_SYS_ADMIN,
  list,
  live,
  NS_GET_NSTYPE,
  NS_GET_PARENT,
  O_CLOEXEC,
  O_NONBLOCK,
  O_RDONLY,
  parseAccountId,
  parseDecimal,
  readLink,
  SysError,
  stat,
  unlessRefused,
} from '@ts/sys';
import { holdNamespace, NETNS } from './named.ts';

/** A namespace as its link names it: `user:[4026531837]`; undefined where the caller may not see it. */
const namespaceOf = (pid: string, kind: string): string | undefined =>
  unlessRefused(() => readLink(`/proc/${pid}/ns/${kind}`));

/** The process is there, whether or not /proc shows it. */
function isThere(pid: string): boolean {
  const number = parseDecimal(pid, INT_MAX);
  const sys = live().ignoring();
  const fd = number ? sys.look('pidfd_open', number, 0) : -1;
  if (fd >= 0) sys.look('close', fd);
  return fd >= 0;
}

/** /proc leaves out what belongs to others. */
const hides = (world: World) =>
  parseMountinfo(world.read('/proc/self/mountinfo') ?? '').some(
    ({ target, superOptions }) =>
      target === '/proc' && superOptions.some((word) => /^hidepid=(2|4|invisible|ptraceable)$/.test(word)),
  );

/** Why a process of one's own may not be looked at, where that can be read. */
function privacyOf(pid: string, world: World): string | undefined {
  const set = (of: string) => setInStatus(world.read(`/proc/${of}/status`), 'Prm');
  const [theirs, ours] = [set(pid), set('self')];
  if (theirs !== undefined && ours !== undefined && (theirs & ~ours) !== 0n) return 'has capabilities that you lack';
  // Root owns the files of one that may not be dumped. It may have ended meanwhile.
  const owner = unlessRefused(() => stat(`/proc/${pid}`).uid);
  return owner !== undefined && owner !== world.euid ? 'is kept private (a set-id program, say)' : undefined;
}

/** Whether the user namespace of a process lies below the caller's own: what is above that is not shown. */
function isBelow(pid: string): boolean {
  const sys = live().ignoring();
  const fd = sys.look('openat', AT_FDCWD, `/proc/${pid}/ns/user`, O_RDONLY | O_CLOEXEC, 0);
  if (fd < 0) return false;
  const parent = sys.look('ioctl', fd, NS_GET_PARENT);
  for (const each of [fd, parent]) if (each >= 0) sys.look('close', each);
  return parent >= 0;
}

/** Owner of a process, as /proc/PID/status names it to everybody. */
const ownerOf = (pid: string, world: World) =>
  parseAccountId(/^Uid:\s+(\d+)/m.exec(world.read(`/proc/${pid}/status`) ?? '')?.[1] ?? '');

/** The process whose namespace a path names. */
const pidOf = (path: string) => /^\/proc\/(\d+)\/ns\//.exec(path)?.[1];

/** File of the kind of namespace that a path, or the id behind a colon, leads to; '' for what is none. */
function kindAt(path: string, world: World): string | undefined {
  const sys = live().ignoring();
  let fd: number;
  try {
    fd = path.startsWith(':')
      ? holdNamespace(path.slice(1), world)
      : sys.look('openat', AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
  } catch {
    return undefined; // it has gone meanwhile
  }
  if (fd < 0) return undefined;
  const flag = sys.look('ioctl', fd, NS_GET_NSTYPE);
  sys.look('close', fd);
  return KINDS.find((kind) => kind.flag === flag)?.file ?? '';
}

const optionOf = (file: string) => KINDS.find((kind) => kind.file === file)?.name;

/** Names in a directory, none where it is not there; undefined where it cannot be read. */
function namesIn(folder: string): string[] | undefined {
  try {
    return list(folder);
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
    return error.code === 'ENOENT' ? [] : undefined;
  }
}

/** Inode number of the user namespace that the kernel starts with, linux/proc_ns.h. */
const FIRST_USER_NAMESPACE = 0xeffffffd;

/** Undefined where it has gone meanwhile. */
const linkInode = (path: string): number | undefined => unlessRefused(() => Number(stat(path).ino));

export const causes: readonly Cause[] = [
  {
    of: 'open',
    errors: ['ENOENT', 'ESRCH'],
    probe: ([pid], world) => {
      if (pid === undefined || !world.exists('/proc/self') || world.exists(`/proc/${pid}`)) return undefined;
      if (!isThere(pid))
        return `there is no process ${pid} here: it has ended, or its number is that of another PID namespace`;
      return hides(world) ? `/proc does not show you process ${pid}: it is mounted with hidepid` : undefined;
    },
  },
  {
    of: 'open',
    errors: ['ENOENT'],
    probe: ([pid, file], world) =>
      pid !== undefined &&
      file?.startsWith('ns/') &&
      world.exists(`/proc/${pid}`) &&
      world.exists('/proc/self/ns') &&
      !world.exists(`/proc/self/${file}`)
        ? `this kernel has no ${file.slice(3)} namespaces`
        : undefined,
  },
  {
    of: 'open',
    errors: ['EACCES', 'EPERM'],
    probe: ([pid = ''], world) => {
      const owner = ownerOf(pid, world);
      if (owner === undefined || world.euid === 0) return undefined;
      if (owner !== world.euid) return `process ${pid} belongs to user ${owner}: be that user, or root`;
      const why = privacyOf(pid, world);
      return why && `process ${pid} is yours but ${why}`;
    },
  },
  {
    of: 'netns',
    errors: ['ENOENT'],
    probe: ([path = '']) => {
      const names = namesIn(NETNS);
      if (names === undefined || names.includes(path.slice(NETNS.length))) return undefined;
      return names.length
        ? `there is no network namespace of that name, but ${names.sort().join(', ')}`
        : 'no network namespace has a name here: ip netns add NAME makes one';
    },
  },
  {
    of: 'parent',
    errors: ['EPERM'],
    probe: ([path = '']) => {
      const named = linkInode(path);
      if (named === undefined) return undefined;
      return named === FIRST_USER_NAMESPACE
        ? 'that is the first user namespace: none lies above it'
        : 'that lies outside of your own user namespace, where nobody in it can go';
    },
  },
  {
    of: 'setns',
    errors: ['EINVAL'],
    probe: ([kind, ...words], world) => {
      const path = words.join(' ');
      const found = path ? kindAt(path, world) : undefined;
      if (found === undefined || found === kind) return undefined;
      return found
        ? `${path} is a ${found} namespace: --${optionOf(found)} enters it`
        : `${path} is no namespace: name a file of /proc/PID/ns, or one that such a file is mounted on`;
    },
  },
  {
    of: 'setns',
    errors: ['EPERM'],
    probe: ([kind, path = '']) => {
      const pid = pidOf(path);
      if (pid === undefined || kind === 'user') return undefined;
      const [theirs, ours] = [namespaceOf(pid, 'user'), namespaceOf('self', 'user')];
      return theirs !== undefined && theirs !== ours && isBelow(pid)
        ? `process ${pid} is in a user namespace of its own: add --user to enter that too (with --preserve-credentials as an ordinary user)`
        : undefined;
    },
  },
  {
    of: 'setns',
    errors: ['EPERM'],
    probe: (_, world) =>
      lacks(world.read, CAP_SYS_ADMIN)
        ? 'this needs CAP_SYS_ADMIN in the user namespace that owns the namespace: be root'
        : undefined,
  },
  {
    of: 'setns',
    errors: ['EINVAL'],
    probe: ([kind, path = '']) => {
      const pid = pidOf(path);
      return kind === 'user' && pid !== undefined && namespaceOf(pid, 'user') === namespaceOf('self', 'user')
        ? 'that is the user namespace you are in already: leave --user out'
        : undefined;
    },
  },
  {
    of: 'setgroups',
    errors: ['EPERM'],
    probe: (_, world) => {
      const remedy = 'add --preserve-credentials to keep the ids that you have';
      if (world.read('/proc/self/setgroups')?.trim() === 'deny')
        return `in this user namespace setgroups(2) is denied: ${remedy}`;
      return world.read('/proc/self/gid_map') === '' ? `this user namespace maps no groups yet: ${remedy}` : undefined;
    },
  },
];
