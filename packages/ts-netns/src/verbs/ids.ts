/** Ids that the own namespace has for others, by the names in /run/netns. */
import { getNamespaceId, openNamespace } from '@ts/netlink';
import { RUN } from '@ts/network';
import { entries, SysError } from '@ts/sys';
import type { Context } from '../context.ts';

/** Names in the order of the folder, as iproute2 lists them. */
export function namespaceNames(): string[] {
  try {
    return [...entries(RUN)].map(({ name }) => name);
  } catch (error) {
    if (error instanceof SysError && error.code === 'ENOENT') return [];
    throw error;
  }
}

/** The id that a named namespace has here; undefined where it has none, or where the file is no namespace. */
export function idOf(context: Context, name: string): number | undefined {
  let fd: number;
  try {
    fd = openNamespace(context.sys, `${RUN}/${name}`);
  } catch (error) {
    if (error instanceof SysError) return undefined;
    throw error;
  }
  try {
    const { nsid = -1 } = getNamespaceId(context.route, { fd });
    return nsid < 0 ? undefined : nsid;
  } catch (error) {
    if (error instanceof SysError) return undefined;
    throw error;
  } finally {
    context.sys.look('close', fd);
  }
}

/** Names by id. */
export function namesOfIds(context: Context): Map<number, string> {
  const names = new Map<number, string>();
  for (const name of namespaceNames()) {
    const id = idOf(context, name);
    if (id !== undefined && !names.has(id)) names.set(id, name);
  }
  return names;
}
