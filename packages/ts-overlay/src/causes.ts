/** Why an overlay cannot be mounted, asked of the kernel itself. */
import { lacks } from '@ts/capabilities';
import type { Cause } from '@ts/cli';
import { escapeOctal, unescapeOctal } from '@ts/mounts';
import { complaintsOf, type Overlay } from '@ts/overlay';
import { CAP_SYS_ADMIN, live } from '@ts/sys';

/** The mount as one line of words, for whoever explains its failure. */
export const subjectOf = (overlay: Overlay): string => `overlay ${escapeOctal(JSON.stringify(overlay))}`;

const overlayOf = (words: readonly string[]) => JSON.parse(unescapeOctal(words[0] ?? 'null')) as Overlay;

const WITHOUT_RIGHTS =
  'this needs CAP_SYS_ADMIN: be root, or mount in namespaces of your own: ts-unshare --map-root-user --mount ts-overlay …';

export const causes: readonly Cause[] = [
  {
    of: 'overlay',
    errors: ['EPERM'],
    probe: (_, world) => (lacks(world.read, CAP_SYS_ADMIN) ? WITHOUT_RIGHTS : undefined),
  },
  {
    of: 'tmpfs',
    errors: ['EPERM'],
    probe: (_, world) => (lacks(world.read, CAP_SYS_ADMIN) ? WITHOUT_RIGHTS : undefined),
  },
  {
    of: 'tmpfs',
    errors: ['EINVAL'],
    probe: () => 'the size is not one that tmpfs takes: a number with k, m or g, or a percentage of the memory',
  },
  {
    of: 'unshare',
    errors: ['EPERM'],
    probe: (_, world) => (lacks(world.read, CAP_SYS_ADMIN) ? WITHOUT_RIGHTS : undefined),
  },
  {
    of: 'overlay',
    errors: ['ENODEV'],
    probe: () => 'this kernel has no overlay file system: modprobe overlay, where it is a module',
  },
  {
    of: 'overlay',
    errors: ['EINVAL', 'EPERM', 'ELOOP', 'EBUSY', 'ENOENT', 'ESTALE', 'EROFS', 'EOPNOTSUPP'],
    probe: (words) => {
      const said = complaintsOf(live(), overlayOf(words));
      return said.length ? `the kernel says: ${said.join('; ')}` : undefined;
    },
  },
  {
    of: 'overlay',
    errors: ['ESTALE'],
    probe: (words) =>
      overlayOf(words).parameters.some((word) => ['index=on', 'nfs_export=on'].includes(word))
        ? 'with an index, an upper layer belongs to the lower layers and the work folder that it was first mounted with: mount it with those, or without --index and --nfs-export'
        : undefined,
  },
  {
    of: 'overlay',
    errors: ['EINVAL', 'ELOOP', 'ESTALE'],
    probe: () => 'the kernel has written why into its log: dmesg | grep overlayfs',
  },
];
