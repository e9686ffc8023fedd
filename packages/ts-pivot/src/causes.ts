/** Why pivot_root(2) refuses, read from the host before it is said. */
import { lacks } from '@ts/capabilities';
import type { Cause, World } from '@ts/cli';
import { type Mount, mountAt, parseMountinfo } from '@ts/mounts';
import { ownsNamespace, whyNoProc } from '@ts/namespaces';
import { CAP_SYS_ADMIN, canonicalPath, isBelow, unlessRefused } from '@ts/sys';

const mountsOf = (world: World) => parseMountinfo(world.read('/proc/self/mountinfo') ?? '');

/** Without links and dots; as it was given where it leads nowhere. */
const real = (path: string): string => unlessRefused(() => canonicalPath(path)) ?? path;

/** The mount that a path lies in. */
const mountOf = (mounts: readonly Mount[], path: string) =>
  mounts
    .filter(({ target }) => isBelow(path, target))
    .sort((a, b) => a.target.length - b.target.length)
    .at(-1);

const isShared = (mount: Mount | undefined) => mount?.propagation.some((word) => word.startsWith('shared:')) ?? false;

/** The first that applies is said. Where the table of mounts cannot be read, none is known to. */
const remedies: readonly ((newRoot: string, putOld: string, world: World) => string | undefined)[] = [
  (_newRoot, _putOld, world) =>
    mountsOf(world).some(({ target }) => target === '/')
      ? undefined
      : 'the root that you have is no mount point (you are in a chroot): the root can be changed from a mount point alone',
  (newRoot, _, world) =>
    mountAt(mountsOf(world), real(newRoot))
      ? undefined
      : `${newRoot} is no mount point: add --bind, or do it before: mount --bind ${newRoot} ${newRoot}, and cd into it again where you are in it`,
  (newRoot) =>
    real(newRoot) === '/' ? `${newRoot} is the root already: the new root must be another mount` : undefined,
  (newRoot, putOld) =>
    isBelow(real(putOld), real(newRoot)) ? undefined : `${putOld} does not lie below ${newRoot}: make a folder there`,
  (newRoot, _, world) => {
    const mounts = mountsOf(world);
    const mount = mountAt(mounts, real(newRoot));
    const parent = mounts.find(({ id }) => id === mount?.parent);
    return [mountOf(mounts, '/'), mount, parent].some(isShared)
      ? 'mounts that are shared with others cannot be swapped: do it in a mount namespace of your own, ts-unshare --mount'
      : undefined;
  },
];

export const causes: readonly Cause[] = [
  {
    of: 'pivot',
    errors: ['EINVAL', 'EBUSY'],
    probe: ([newRoot = '', putOld = ''], world) =>
      mountsOf(world).length
        ? remedies.map((remedy) => remedy(newRoot, putOld, world)).find((line) => line !== undefined)
        : undefined,
  },
  {
    of: 'pivot',
    errors: ['EPERM'],
    probe: (_, world) => {
      if (lacks(world.read, CAP_SYS_ADMIN))
        return 'this needs CAP_SYS_ADMIN: be root, or do it in namespaces of your own: ts-unshare --map-root-user --mount';
      return ownsNamespace('mnt') === false
        ? 'the mount namespace belongs to another user namespace: make one of your own with ts-unshare --mount'
        : undefined;
    },
  },
  {
    of: 'proc',
    errors: ['EPERM'],
    probe: (_, world) => whyNoProc(ownsNamespace('pid'), world.read('/proc/self/mountinfo')),
  },
  {
    of: 'proc',
    errors: ['ENOENT', 'ENOTDIR'],
    probe: ([path = ''], world) => (world.exists(path) ? undefined : `${path} must be a folder: mkdir ${path}`),
  },
];
