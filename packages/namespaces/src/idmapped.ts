/** The ids that an idmapped mount shows: the table of mounts says only that it has a map. */
import type { Mount } from '@ts/mounts';
import { type LiveSys, SysError } from '@ts/sys';
import { parseIdMap } from './idmap.ts';
import type { IdMapping } from './idmapping.ts';

export const isIdmapped = ({ options }: Mount): boolean => options.includes('idmapped');

/** Its maps; undefined where the kernel (before Linux 6.15) does not tell them, or where another mount lies over it. */
export function idMappingOf(sys: LiveSys, { id, target }: Mount): Exclude<IdMapping, { file: string }> | undefined {
  try {
    const { mountinfoId, uidMap, gidMap } = sys.statmount(sys.uniqueMountId(target));
    if (mountinfoId !== id || uidMap === undefined || gidMap === undefined) return undefined;
    return { users: parseIdMap(uidMap), groups: parseIdMap(gidMap) };
  } catch (error) {
    if (error instanceof SysError) return undefined;
    throw error;
  }
}
