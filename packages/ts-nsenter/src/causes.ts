/** Why setns(2) and its company refuse, read from the host before it is said. */
import { readdirSync, readlinkSync } from 'node:fs';
import { has, setInStatus } from '@ts/capabilities';
import type { Cause, World } from '@ts/cli';
import { KINDS } from '@ts/namespaces';
import { AT_FDCWD, CAP_SYS_ADMIN, live, NS_GET_NSTYPE, O_CLOEXEC, O_NONBLOCK, O_RDONLY } from '@ts/sys';
import { holdNamespace, NETNS } from './named.ts';

const isAdmin = (world: World) => has(setInStatus(world.read('/proc/self/status'), 'Eff'), CAP_SYS_ADMIN);

/** A namespace as its link names it: `user:[4026531837]`; undefined where the caller may not see it. */
function namespaceOf(pid: string, kind: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/${kind}`);
  } catch {
    return undefined;
  }
}

/** Owner of a process, as /proc/PID/status names it to everybody. */
const ownerOf = (pid: string, world: World) => /^Uid:\s+(\d+)/m.exec(world.read(`/proc/${pid}/status`) ?? '')?.[1];

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

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // there are none
  }
}

export const causes: readonly Cause[] = [
  {
    of: 'open',
    errors: ['ENOENT', 'ESRCH'],
    probe: ([pid], world) =>
      pid !== undefined && !world.exists(`/proc/${pid}`)
        ? `there is no process ${pid} here: it has ended, or its number is that of another PID namespace`
        : undefined,
  },
  {
    of: 'open',
    errors: ['ENOENT'],
    probe: ([pid, file], world) =>
      pid !== undefined &&
      file?.startsWith('ns/') &&
      world.exists(`/proc/${pid}`) &&
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
      return Number(owner) === world.euid
        ? `process ${pid} is yours but in a state that keeps it private (a set-id program, or capabilities that you lack)`
        : `process ${pid} belongs to user ${owner}: be that user, or root`;
    },
  },
  {
    of: 'netns',
    errors: ['ENOENT'],
    probe: () => {
      const names = namesIn(NETNS);
      return names.length
        ? `there is no network namespace of that name, but ${names.sort().join(', ')}`
        : 'no network namespace has a name here: ip netns add NAME makes one';
    },
  },
  {
    of: 'parent',
    errors: ['EPERM'],
    probe: () => 'that lies above your own user namespace, where nobody in it can go',
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
      return theirs !== undefined && theirs !== ours
        ? `process ${pid} is in a user namespace of its own: add --user to enter that too (with --preserve-credentials as an ordinary user)`
        : undefined;
    },
  },
  {
    of: 'setns',
    errors: ['EPERM'],
    probe: (_, world) =>
      isAdmin(world) ? undefined : 'this needs CAP_SYS_ADMIN in the user namespace that owns the namespace: be root',
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
    probe: () =>
      'in this user namespace setgroups(2) is denied: add --preserve-credentials to keep the ids that you have',
  },
];
