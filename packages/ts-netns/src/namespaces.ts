/** Where named network namespaces are: files that the kernel keeps them alive by, ip-netns(8). */
import { Failure } from '@ts/sys';

export const RUN = '/run/netns';
/** Files that a program in the namespace sees in place of those in /etc. */
export const ETC = '/etc/netns';

/** What helps who may not enter or make namespaces. */
export const NEEDS_ADMIN =
  'this needs CAP_SYS_ADMIN: be root, or do it in namespaces of your own: ts-unshare --map-root-user --net --mount';

const isName = (name: string): boolean =>
  name !== '' && name !== '.' && name !== '..' && !name.includes('/') && Buffer.byteLength(name) <= 255;

/** Path of a namespace by name; a path stands for itself. */
export const pathOf = (name: string): string => (name.includes('/') ? name : `${RUN}/${name}`);

export function checkNamespace(name: string): string {
  if (!isName(name)) throw new Failure(`Invalid netns name "${name}"`, 255);
  return name;
}
