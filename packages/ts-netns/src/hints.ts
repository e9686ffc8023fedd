/** What helps behind a refusal: said only where its cause can be read. */
import * as capabilities from '@ts/capabilities';
import { RUN } from '@ts/network';
import { CAP_NET_ADMIN, CAP_SYS_ADMIN, CAP_SYS_PTRACE, isThere, mayUse, readText, unlessRefused, W_OK } from '@ts/sys';

/** What helps who may not enter or make namespaces. */
export const NEEDS_ADMIN =
  'this needs CAP_SYS_ADMIN: be root, or do it in namespaces of your own: ts-unshare --map-root-user --net --mount';

/** A hint that cannot be found out is none: what is said is the failure itself. */
const read = (path: string): string | undefined => unlessRefused(() => readText(path));

const lacks = (capability: number): boolean => capabilities.lacks(read, capability);

/** Of a change of the network. */
export const netAdminHint = (): string | undefined =>
  lacks(CAP_NET_ADMIN)
    ? 'this needs CAP_NET_ADMIN in the network namespace: be root, or do it in namespaces of your own: ts-unshare --map-root-user --net'
    : undefined;

/** Of entering a namespace. */
export const sysAdminHint = (): string | undefined => (lacks(CAP_SYS_ADMIN) ? NEEDS_ADMIN : undefined);

/** Of names of namespaces: files that are mounted on in a folder that root's processes may write to. */
export function namesHint(): string | undefined {
  if (lacks(CAP_SYS_ADMIN))
    return 'this needs root; without it: ts-unshare --map-root-user --net PROGRAM, or names of your own behind "ts-unshare -rmn" with a tmpfs on /run';
  return isThere(RUN) && !mayUse(RUN, W_OK)
    ? `names of namespaces are files in ${RUN}, which cannot be written to: mount a tmpfs of your own on /run first (in a mount namespace of your own)`
    : undefined;
}

/** Of looking at the namespace of another process. */
export const processHint = (): string | undefined =>
  lacks(CAP_SYS_PTRACE) ? 'only root may look at the processes of others' : undefined;

/** Of a file that no namespace is mounted on, in the caller's mount namespace. */
export const mountedHint = (path: string): string | undefined =>
  read('/proc/self/mountinfo')
    ?.split('\n')
    .every((line) => line.split(' ')[4] !== path)
    ? 'that is a file, and no network namespace is mounted on it (any more): remove it with ts-netns del'
    : undefined;
