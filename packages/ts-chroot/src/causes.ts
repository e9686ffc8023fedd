/** Why chroot(2) refuses, read from the host before it is said. */
import { lacks } from '@ts/capabilities';
import type { Cause } from '@ts/cli';
import { CAP_SYS_CHROOT } from '@ts/sys';

export const causes: readonly Cause[] = [
  {
    of: 'chroot',
    errors: ['EPERM'],
    probe: (_, world) =>
      lacks(world.read, CAP_SYS_CHROOT)
        ? 'this needs CAP_SYS_CHROOT: be root, or do it in a user namespace of your own: ts-unshare --map-root-user ts-chroot …'
        : undefined,
  },
];
