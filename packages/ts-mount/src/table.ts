/** Mounts and fstab where a change is to be made: here, or in the namespace that is named. */
import type { World } from '@ts/cli';
import { type Mount, parseMountinfo, realPath } from '@ts/mounts';
import type { Input } from './options.ts';

const isPid = (text: string) => /^\d+$/.test(text);

/** Root of the namespace in which fstab is looked up, as seen from here; its file alone does not tell it. */
export const rootOf = ({ values: { namespace } }: Input) =>
  namespace !== undefined && isPid(namespace) ? `/proc/${namespace}/root` : '';

/** The mounts of that namespace; none where only its file is known. */
export function mountsNow({ values: { namespace } }: Input, world: World): Mount[] {
  if (namespace !== undefined && !isPid(namespace)) return [];
  return parseMountinfo(world.read(`/proc/${namespace ?? 'self'}/mountinfo`) ?? '');
}

/** A path as it stands in that table; one of elsewhere is not looked up here. */
export const inTable = (path: string, { values: { namespace } }: Input): string =>
  namespace === undefined ? realPath(path) : path;
