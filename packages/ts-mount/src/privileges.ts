/** Which right to mount is missing. Nothing is named that was not read. */
import { confinement, type World } from '@ts/cli';
import { ownsNamespace, whyNotVisible } from '@ts/namespaces';

/** The namespace that some file systems show: it must belong to the user namespace that mounts them. */
const SHOWN: Readonly<Record<string, readonly [file: string, what: string, option: string]>> = {
  proc: ['pid', 'PID', '--pid --fork'],
  sysfs: ['net', 'network', '--net'],
  mqueue: ['ipc', 'IPC', '--ipc'],
  cgroup: ['cgroup', 'cgroup', '--cgroup'],
  cgroup2: ['cgroup', 'cgroup', '--cgroup'],
};

/** Why the root of a user namespace may not mount a file system of this type. */
export function whyNotInUserNamespace(type: string, isReadOnly: boolean, world: World): string | undefined {
  const shown = SHOWN[type];
  if (shown) {
    const [file, what, option] = shown;
    if (ownsNamespace(file) === false)
      return `in a user namespace ${type} can be mounted only with ${what === 'IPC' ? 'an' : 'a'} ${what} namespace of its own: unshare ${option}`;
  }
  const hidden = whyNotVisible(type, world.read('/proc/self/mountinfo'), isReadOnly);
  if (hidden !== undefined) return hidden;
  const types = (world.read('/proc/filesystems') ?? '').split('\n');
  if (types.includes(`\t${type}`))
    return `in a user namespace nothing that lives on a device can be mounted: ${type} does`;
  return confinement(world);
}
