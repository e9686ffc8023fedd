/** Why a namespace cannot be entered or made, read from the host before it is said. */
import { has, setInStatus } from '@ts/capabilities';
import type { Cause, World } from '@ts/cli';
import { pathOf } from '@ts/network';
import { CAP_SYS_ADMIN } from '@ts/sys';
import { NEEDS_ADMIN } from './hints.ts';

function needsRights(world: World, what: string): string | undefined {
  const effective = setInStatus(world.read('/proc/self/status'), 'Eff');
  if (effective === undefined) return undefined;
  return has(effective, CAP_SYS_ADMIN)
    ? `${what} belongs to another user namespace: only what was made in one’s own can be used`
    : NEEDS_ADMIN;
}

export const causes: readonly Cause[] = [
  {
    of: 'open',
    errors: ['ENOENT'],
    probe: ([name = ''], world) =>
      world.exists(pathOf(name)) ? undefined : `there is no such namespace: ts-netns list shows those there are`,
  },
  { of: 'setns', errors: ['EPERM'], probe: (_, world) => needsRights(world, 'the network namespace') },
  {
    of: 'setns',
    errors: ['EINVAL'],
    probe: ([name = ''], world) =>
      world.read('/proc/self/mountinfo')?.includes(` ${pathOf(name)} `)
        ? undefined
        : `${pathOf(name)} is a file, and no network namespace is mounted on it (any more): remove it`,
  },
  { of: 'unshare', errors: ['EPERM'], probe: (_, world) => needsRights(world, 'this process') },
  { of: 'mount', errors: ['EPERM'], probe: (_, world) => needsRights(world, 'the mount or network namespace') },
];
