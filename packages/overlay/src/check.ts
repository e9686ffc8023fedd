/**
 * What the kernel would refuse with nothing but "Invalid argument", or would accept and lose data by, found out beforehand.
 *
 * Looks at the folders and changes nothing. overlayfs documentation: Documentation/filesystems/overlayfs.rst.
 */
import { join } from 'node:path';
import { type Mount, parseMountinfo, realPath } from '@ts/mounts';
import {
  isBelow,
  list,
  live,
  MS_RDONLY,
  O_RDONLY,
  OVERLAYFS_SUPER_MAGIC,
  readText,
  SysError,
  stat,
  unlessRefused,
  withFile,
} from '@ts/sys';
import { conflictOf } from './features.ts';
import { parseLower } from './lower.ts';
import type { Overlay } from './mount.ts';

/** A refusal: why, and what would help. */
export interface Refusal {
  readonly reason: string;
  readonly remedy?: string;
}

/** OVL_MAX_STACK; fs/overlayfs/params.h. */
const MOST_LAYERS = 500;
/** FILESYSTEM_MAX_STACK_DEPTH; linux/fs.h. */
const DEEPEST = 2;

interface Layer {
  readonly what: string;
  readonly path: string;
  readonly real: string;
  /** dev:ino of the folder, and of all folders above it. */
  readonly id: string;
  readonly above: ReadonlySet<string>;
}

const idOf = (path: string) => {
  const { dev, ino } = stat(path);
  return `${dev}:${ino}`;
};

function foldersAbove(real: string): string[] {
  const parts = real.split('/').filter(Boolean).slice(0, -1);
  return ['/', ...parts.map((_, index) => `/${parts.slice(0, index + 1).join('/')}`)];
}

const layer = (what: string, path: string): Layer => {
  const real = realPath(path);
  return { what, path, real, id: idOf(real), above: new Set(real === '/' ? [] : foldersAbove(real).map(idOf)) };
};

function missing(what: string, path: string): Refusal | undefined {
  try {
    if (stat(path).type === 'directory') return undefined;
    return { reason: `${what} '${path}' is not a folder` };
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
    if (error.code === 'EACCES') return { reason: `${what} '${path}' cannot be reached: Permission denied` };
    return { reason: `${what} '${path}' does not exist`, remedy: `mkdir ${path}` };
  }
}

/** Id of the mount that a folder is reached through. */
function mountIdOf(path: string): string | undefined {
  return withFile(path, O_RDONLY, (fd) => /^mnt_id:\s*(\d+)/m.exec(readText(`/proc/self/fdinfo/${fd}`))?.[1]);
}

const mountOf = (mounts: readonly Mount[], real: string) =>
  mounts
    .filter(({ target }) => isBelow(real, target))
    .reduce<Mount | undefined>(
      (best, each) => (best && best.target.length > each.target.length ? best : each),
      undefined,
    );

const optionValues = (mount: Mount, ...names: string[]) =>
  mount.superOptions.flatMap((word) => {
    const name = names.find((each) => word.startsWith(`${each}=`));
    return name === undefined ? [] : [word.slice(name.length + 1)];
  });

/** How many overlays lie one upon the other at a folder: 0 where it is on none. */
function depthOf(mounts: readonly Mount[], path: string, limit = DEEPEST + 1): number {
  const mount = mountOf(mounts, realPath(path));
  if (mount?.type !== 'overlay' || limit === 0) return 0;
  const below = [...optionValues(mount, 'lowerdir').flatMap(parseLower), ...optionValues(mount, 'lowerdir+')];
  return (
    1 +
    Math.max(0, ...below.filter((each) => !isBelow(each, mount.target)).map((each) => depthOf(mounts, each, limit - 1)))
  );
}

function checkLowers(lowers: readonly Layer[], others: readonly Layer[]): Refusal | undefined {
  for (const [index, one] of lowers.entries()) {
    const twin = lowers.slice(0, index).find(({ id }) => id === one.id);
    if (twin)
      return { reason: `lower layers '${twin.path}' and '${one.path}' are the same folder`, remedy: 'name it once' };
    const around = [...lowers, ...others].find(({ id }) => one.above.has(id)) ?? others.find(({ id }) => id === one.id);
    if (around)
      return {
        reason: `layers overlap: lower layer '${one.path}' lies in ${around.what} '${around.path}'`,
        remedy: 'layers must be separate folders',
      };
  }
  return undefined;
}

/** What is in a work folder; where it cannot be read, the kernel will say what is wrong with it. */
const inWork = (work: string): string[] => unlessRefused(() => list(work)) ?? [];

/** Names that the kernel itself makes in a work folder. */
const KERNELS = ['work', 'index'];

function checkUpper(upper: Layer, work: Layer, mounts: readonly Mount[]): Refusal | undefined {
  if (upper.id === work.id || upper.above.has(work.id) || work.above.has(upper.id))
    return {
      reason: `'${upper.path}' and '${work.path}' must be separate folders, none inside the other`,
      remedy: 'put them side by side',
    };
  const [upperDevice] = upper.id.split(':');
  const [workDevice] = work.id.split(':');
  if (upperDevice !== workDevice)
    return {
      reason: `upper '${upper.path}' and work '${work.path}' are on different file systems`,
      remedy: 'files are renamed from one to the other: put work beside upper',
    };
  if (mountIdOf(upper.real) !== mountIdOf(work.real))
    return {
      reason: `upper '${upper.path}' and work '${work.path}' are reached through different mounts`,
      remedy: 'put work beside upper, with no mount point in between',
    };
  const { type, flags } = live().statfs(upper.real);
  if (type === OVERLAYFS_SUPER_MAGIC)
    return {
      reason: `upper '${upper.path}' lies on an overlay itself, which cannot be written through another`,
      remedy: 'put upper and work on another file system, or use --tmpfs',
    };
  if (flags & MS_RDONLY)
    return {
      reason: `upper '${upper.path}' is on a read-only file system`,
      remedy: '--tmpfs gives an upper layer in memory, --ro does without',
    };
  for (const [option, what, { path, real }] of [
    ['upperdir', 'upper', upper],
    ['workdir', 'work', work],
  ] as const) {
    const user = mounts.find(
      (mount) =>
        mount.type === 'overlay' &&
        optionValues(mount, option).some((each) => each.startsWith('/') && realPath(each) === real),
    );
    if (user)
      return {
        reason: `${what} '${path}' is in use by the overlay on '${user.target}'`,
        remedy: 'two mounts of one upper layer, or with one work folder, would damage it: give each its own',
      };
  }
  const names = inWork(work.real);
  if (inWork(join(work.real, 'work/incompat')).includes('volatile'))
    return {
      reason: `work '${work.path}' was used with --volatile and not unmounted in order: writes may be lost`,
      remedy: `make upper and work anew, or accept what there is: rm -r ${join(work.path, 'work/incompat/volatile')}`,
    };
  const foreign = names.find((name) => !KERNELS.includes(name));
  if (foreign !== undefined)
    return {
      reason: `work '${work.path}' is not empty: '${foreign}' is in it`,
      remedy: 'the kernel needs an empty folder of its own there',
    };
  return undefined;
}

/**
 * Why this cannot be mounted, or should not be; undefined where nothing speaks against it.
 *
 * @param mountinfo Text of /proc/self/mountinfo. @param hasUpper Whether there will be an upper layer, though none is there to look at.
 */
export function refusalOf(
  overlay: Overlay,
  mountinfo: string,
  hasUpper = overlay.upper !== undefined,
): Refusal | undefined {
  const { lowers, data = [], upper, work, target, parameters } = overlay;
  for (const [what, path] of [
    ...lowers.map((lower) => ['lower layer', lower] as const),
    ...data.map((layer) => ['data layer', layer] as const),
    ...(upper === undefined ? [] : [['upper', upper] as const]),
    ...(work === undefined ? [] : [['work', work] as const]),
    ['mount point', target] as const,
  ]) {
    const refusal = missing(what, path);
    if (refusal) return refusal;
  }
  const conflict = conflictOf(parameters);
  if (conflict !== undefined) return { reason: conflict };
  if (lowers.length + data.length > MOST_LAYERS)
    return {
      reason: `${lowers.length + data.length} lower layers: the kernel takes ${MOST_LAYERS}`,
      remedy: 'ts-overlay squash makes one of many',
    };
  if (!hasUpper && lowers.length + data.length < 2)
    return {
      reason: 'one lower layer without an upper one is no overlay',
      remedy: `ts-mount --bind -o ro ${lowers[0]} ${target}`,
    };
  const mounts = parseMountinfo(mountinfo);
  const deep = [...lowers, ...data, ...(upper === undefined ? [] : [upper])].find(
    (path) => depthOf(mounts, path) >= DEEPEST,
  );
  if (deep !== undefined)
    return {
      reason: `'${deep}' lies on an overlay upon an overlay: the kernel stacks ${DEEPEST} at most`,
      remedy: 'name the lower layers of that overlay instead',
    };
  const above = [
    ...(upper === undefined ? [] : [layer('upper', upper)]),
    ...(work === undefined ? [] : [layer('work', work)]),
  ];
  const overlap = checkLowers(
    [...lowers.map((path) => layer('lower layer', path)), ...data.map((path) => layer('data layer', path))],
    above,
  );
  if (overlap) return overlap;
  return above.length === 2 ? checkUpper(above[0] as Layer, above[1] as Layer, mounts) : undefined;
}
