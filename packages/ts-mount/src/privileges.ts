/** Which right to mount is missing. Nothing is named that was not read. */
import { closeSync, openSync } from 'node:fs';
import type { World } from '@ts/cli';
import { type Mount, parseMountinfo } from '@ts/mounts';
import { isBelow, live, NS_GET_USERNS } from '@ts/sys';

/** What may refuse a system call besides the kernel itself: a filter, or a security module that confines the process. */
export function confinement(world: World): string | undefined {
  if (/^Seccomp:\s*2$/m.test(world.read('/proc/self/status') ?? ''))
    return 'a filter of system calls is in place (Seccomp in /proc/self/status): it may be what refuses this';
  const label = (world.read('/proc/self/attr/current') ?? '').replace(/\0/g, '').trim();
  const isConfined = label !== '' && label !== 'unconfined' && label !== 'kernel';
  return isConfined
    ? `the process is confined (${label} in /proc/self/attr/current): that may be what refuses this`
    : undefined;
}

/** The namespace that some file systems show: it must belong to the user namespace that mounts them. */
const SHOWN: Readonly<Record<string, readonly [file: string, what: string, option: string]>> = {
  proc: ['pid', 'PID', '--pid --fork'],
  sysfs: ['net', 'network', '--net'],
  mqueue: ['ipc', 'IPC', '--ipc'],
  cgroup: ['cgroup', 'cgroup', '--cgroup'],
  cgroup2: ['cgroup', 'cgroup', '--cgroup'],
};

/** Whether a namespace of this process belongs to its user namespace; undefined where that cannot be told. */
function isOwned(file: string): boolean | undefined {
  let fd: number;
  try {
    fd = openSync(`/proc/self/ns/${file}`, 'r');
  } catch {
    return undefined;
  }
  const sys = live().ignoring();
  const owner = sys.look('ioctl', fd, NS_GET_USERNS);
  closeSync(fd);
  // One that lies outside of the user namespace is not shown to it: EPERM.
  if (owner < 0) return owner === -1 ? false : undefined;
  closeSync(owner);
  return true;
}

/** File systems that a user namespace may mount only where one of them is seen whole already. */
const WHOLE = ['proc', 'sysfs'];

/** Folders of them that are empty for good: what covers these hides nothing. */
const EMPTY = [
  /^\/sys\/fs\/binfmt_misc$/,
  /^\/fs\/nfsd$/,
  /^\/fs\/(cgroup|pstore|bpf|fuse\/connections|selinux|smackfs)$/,
  /^\/kernel\/(debug|security|config|tracing)$/,
];

/** What keeps one of these mounts from being seen whole. */
function coverOf({ id, target }: Mount, mounts: readonly Mount[]): string | undefined {
  const cover = mounts.find(
    (each) =>
      each.parent === id &&
      isBelow(each.target, target) &&
      !EMPTY.some((pattern) => pattern.test(each.target.slice(target.length))),
  );
  return cover?.target;
}

function whyNotSeenWhole(type: string, isReadOnly: boolean, world: World): string | undefined {
  const table = world.read('/proc/self/mountinfo');
  if (table === undefined) return undefined;
  const mounts = parseMountinfo(table);
  const seen = mounts.filter((mount) => mount.type === type && mount.root === '/');
  const must = `a user namespace may mount ${type} only where a whole one is seen`;
  if (!seen.length) return `${must}: none is mounted here`;
  const covers = seen.map((mount) => coverOf(mount, mounts));
  if (covers.every((cover) => cover !== undefined)) return `${must}: ${covers[0]} is covered`;
  if (!isReadOnly && seen.every(({ options }) => options.includes('ro')))
    return `${must} with the same rights: ${seen[0]?.target} is read-only, so add -o ro`;
  return undefined;
}

/** Why the root of a user namespace may not mount a file system of this type. */
export function whyNotInUserNamespace(type: string, isReadOnly: boolean, world: World): string | undefined {
  const shown = SHOWN[type];
  if (shown) {
    const [file, what, option] = shown;
    if (isOwned(file) === false)
      return `in a user namespace ${type} can be mounted only with ${what === 'IPC' ? 'an' : 'a'} ${what} namespace of its own: unshare ${option}`;
  }
  const cover = WHOLE.includes(type) ? whyNotSeenWhole(type, isReadOnly, world) : undefined;
  if (cover !== undefined) return cover;
  const types = (world.read('/proc/filesystems') ?? '').split('\n');
  if (types.includes(`\t${type}`))
    return `in a user namespace nothing that lives on a device can be mounted: ${type} does`;
  return confinement(world);
}
