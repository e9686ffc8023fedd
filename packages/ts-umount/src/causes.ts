/** Why a mount cannot be detached: what is below it, who uses it, who may. */
import { lacks } from '@ts/capabilities';
import type { Cause, World } from '@ts/cli';
import { escapeOctal, inOwnUsers, mountAt, parseMountinfo, subtree, unescapeOctal } from '@ts/mounts';
import { CAP_SYS_ADMIN, errnoName, errnoOf, list, readLink, strerror, unlessRefused } from '@ts/sys';

/** Blanks would end a word of the subject. */
export const subjectOf = (target: string): string => `umount =${escapeOctal(target)}`;

const targetOf = (word = ''): string => unescapeOctal(word).slice(1);

const isInside = (path: string, folder: string) => path === folder || path.startsWith(`${folder}/`);

/** Where the links in a folder of /proc lead; what cannot be read is another's business. */
const linksOf = (folder: string): string[] =>
  (unlessRefused(() => list(folder)) ?? []).map((name) => targetOfLink(`${folder}/${name}`));

const targetOfLink = (path: string): string => unlessRefused(() => readLink(path)) ?? '';

/** Processes that have their root, their directory, their program or an open file there. */
function usersOf(target: string, world: World): string[] {
  return list('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== world.pid)
    .filter((pid) =>
      [
        ...['cwd', 'root', 'exe'].map((link) => targetOfLink(`/proc/${pid}/${link}`)),
        ...linksOf(`/proc/${pid}/fd`),
      ].some((path) => isInside(path, target)),
    )
    .map((pid) => `${pid} (${world.read(`/proc/${pid}/comm`)?.trim() ?? '?'})`);
}

const MOST = 5;

/** The sentence behind the mount point, without the full stop, by error. */
const SENTENCES: Readonly<Record<string, string>> = {
  ENXIO: 'invalid block device',
  EINVAL: 'not mounted',
  EIO: "can't write superblock",
  EBUSY: 'target is busy',
  ENOENT: 'no mount point specified',
  EPERM: 'must be superuser to unmount',
  EACCES: 'block devices are not permitted on filesystem',
};

export const wordsOf = (errno: number): string =>
  SENTENCES[errnoName(errno)] ?? `umount(2) system call failed: ${strerror(errno)}`;

/** One line on a failure, where there is something to say. */
export function remedyOf(target: string, code: string, world: World): string | undefined {
  if (code === 'EPERM')
    return lacks(world.read, CAP_SYS_ADMIN)
      ? 'this needs CAP_SYS_ADMIN over the mount: only who mounted it, or root, may take it away'
      : undefined;
  const mounts = parseMountinfo(world.read('/proc/self/mountinfo') ?? '');
  const mount = mountAt(mounts, target);
  if (code === 'EINVAL')
    return mount && inOwnUsers(world.read)
      ? 'the mount comes from a more privileged mount namespace and is locked: it can be detached only with all that lies around it'
      : undefined;
  if (code !== 'EBUSY' || !mount) return undefined;
  const below = subtree(mounts, mount).filter(({ id }) => id !== mount.id);
  if (below.length)
    return `mounts lie below it: ${below
      .slice(0, MOST)
      .map((each) => each.target)
      .join(' ')}${below.length > MOST ? ' …' : ''}; --recursive detaches them, too`;
  const users = usersOf(target, world);
  return users.length
    ? `used by ${users.slice(0, MOST).join(', ')}${users.length > MOST ? ` and ${users.length - MOST} others` : ''}; --lazy detaches it all the same`
    : undefined;
}

/** On a tape the system call itself is all that can be said when it happens: the words come after it. */
export const causes: readonly Cause[] = ['EPERM', 'EINVAL', 'EBUSY', 'ENOENT', 'ENXIO', 'EIO', 'EACCES'].map(
  (error) => ({
    of: 'umount',
    errors: [error],
    probe: ([word], world) => remedyOf(targetOf(word), error, world) ?? `${targetOf(word)}: ${wordsOf(errnoOf(error))}`,
  }),
);
