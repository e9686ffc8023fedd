/** Ids that the own namespace has for others, by the names in /run/netns. */
import { type Dir, opendirSync } from 'node:fs';
import { getNamespaceId, openNamespace } from '@ts/netlink';
import { RUN } from '@ts/network';
import { decode, SysError } from '@ts/sys';
import type { Context } from '../context.ts';

/** Names in the order of the folder, as iproute2 lists them. */
export function namespaceNames(): string[] {
  let folder: Dir;
  try {
    folder = opendirSync(RUN, { encoding: 'latin1' as BufferEncoding }); // readdirSync would sort
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  const names: string[] = [];
  try {
    for (let entry = folder.readSync(); entry; entry = folder.readSync())
      names.push(decode(Buffer.from(entry.name, 'latin1')));
  } finally {
    folder.closeSync();
  }
  return names;
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
