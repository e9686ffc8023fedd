/**
 * What a run of a tool stands on: the files that are executed and loaded for it. A mount in another place leaves them what they are,
 * so that a failure behind it can still be explained by such a run.
 */
import { dirname, resolve } from 'node:path';
import { isBelow, lstatIfThere } from '@ts/sys';
import { realOf } from './search.ts';

/** Folders in the root whose files any program loads: libraries, the loader's settings, the kernel's own. */
const OF_ALL = /^\/(bin|boot|dev|etc|gnu|lib\w*|nix|opt|proc|sbin|snap|sys|usr)(\/|$)/;

const STICKY = 0o1000;
const OTHERS_WRITE = 0o022;

/** Whether nobody else can put something in the place of `path` or of a folder above it. */
function isOurs(path: string, euid: number): boolean {
  const entry = lstatIfThere(path);
  const isTrusted =
    entry === undefined ||
    ((entry.uid === 0 || entry.uid === euid) && (!(entry.mode & OTHERS_WRITE) || (entry.mode & STICKY) !== 0));
  return isTrusted && (path === '/' || isOurs(dirname(path), euid));
}

/** The place that a path leads to; what is not there yet will be a folder of that name. undefined where it cannot be told. */
function placeOf(path: string): string | undefined {
  const real = realOf(path);
  if (real !== undefined) return real;
  if (lstatIfThere(path) !== undefined || path === '/') return undefined;
  const above = placeOf(dirname(path));
  return above === undefined ? undefined : resolve(above, path.slice(path.lastIndexOf('/') + 1));
}

/**
 * Tells of each mount point, in the order of the mounts, whether the mount leaves alone what a run of `file` stands on.
 *
 * @param runtime The program that runs it.
 */
export function footing(
  file: string,
  runtime: string,
  euid: number,
  environment: readonly string[],
): (target: string) => boolean {
  const earlier: string[] = [];
  const folders = [dirname(file), dirname(dirname(runtime))];
  const isOpen = environment.some((entry) => /^LD_/.test(entry));
  return (target) => {
    const place = target === '' || /(^|\/)\.\.(\/|$)/.test(target) ? undefined : placeOf(resolve(target));
    // Below an earlier mount, what a path leads to is decided by what was mounted.
    const isSpared =
      !isOpen &&
      place !== undefined &&
      !OF_ALL.test(place) &&
      !earlier.some((mount) => place !== mount && isBelow(place, mount)) &&
      !folders.some((folder) => isBelow(place, folder) || isBelow(folder, place)) &&
      isOurs(place, euid);
    if (place !== undefined) earlier.push(place);
    return isSpared;
  };
}
