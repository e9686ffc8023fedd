/** What a layer changes. */
import { type BigIntStats, lstatSync } from 'node:fs';
import { join } from 'node:path';
import { encode, type LiveSys } from '@ts/sys';
import { escapeCell } from '@ts/tables';
import { attributesOf, type Marks, marksOf } from './marks.ts';
import { type Found, openFolder, pathOf, walk } from './walk.ts';

export type ChangeKind = 'added' | 'changed' | 'deleted' | 'opaque';
export type FileKind = 'file' | 'folder' | 'link' | 'character device' | 'block device' | 'fifo' | 'socket';

export interface Change {
  /** Below the top of the layer. */
  readonly path: string;
  readonly change: ChangeKind;
  /** What it is; of a deletion nothing is known. */
  readonly type?: FileKind;
  /** Bytes of a file. */
  readonly size?: number;
  /** Where a folder was before it was renamed. */
  readonly renamedFrom?: string;
}

/** The device that stands for a deletion. */
export const isWhiteoutDevice = (stat: BigIntStats): boolean => stat.isCharacterDevice() && stat.rdev === 0n;

/** Marks of an entry, where it can have any. */
export const marksIn = (sys: LiveSys, { at, stat }: Found): Marks =>
  marksOf(stat.isDirectory() || stat.isFile() ? attributesOf(sys, at) : new Map());

export const isWhiteout = (stat: BigIntStats, marks: Marks): boolean =>
  isWhiteoutDevice(stat) || (stat.isFile() && stat.size === 0n && marks.isWhiteout);

export function kindOf(stat: BigIntStats): FileKind {
  if (stat.isFile()) return 'file';
  if (stat.isDirectory()) return 'folder';
  if (stat.isSymbolicLink()) return 'link';
  if (stat.isCharacterDevice()) return 'character device';
  if (stat.isBlockDevice()) return 'block device';
  return stat.isFIFO() ? 'fifo' : 'socket';
}

function statOf(path: string): BigIntStats | undefined {
  try {
    return lstatSync(encode(path), { bigint: true });
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}

/** Whether layers, topmost first, show something at a path. */
function isShown(sys: LiveSys, lowers: readonly string[], path: string): boolean {
  const parts = path.split('/');
  for (const lower of lowers) {
    for (const [index] of parts.entries()) {
      const at = join(lower, ...parts.slice(0, index + 1));
      const stat = statOf(at);
      if (!stat) break;
      const marks = marksOf(stat.isDirectory() || stat.isFile() ? attributesOf(sys, at) : new Map());
      if (isWhiteout(stat, marks)) return false;
      if (index === parts.length - 1) return true;
      if (!stat.isDirectory()) return false;
      // What is not in this folder is nowhere below it.
      if (marks.isOpaque && statOf(join(at, parts[index + 1] as string)) === undefined) return false;
    }
  }
  return false;
}

/**
 * Changes that a layer makes, in the order of their paths.
 *
 * @param lowers The layers below, topmost first, to tell what is new from what is changed; without them that is known of what the
 *   kernel itself has copied up.
 */
export function* diff(sys: LiveSys, layer: string, lowers: readonly string[]): Generator<Change> {
  const top = openFolder(sys, layer);
  try {
    yield* walk<Change>(sys, top, function* (found) {
      const { path, stat } = found;
      const marks = marksIn(sys, found);
      if (isWhiteout(stat, marks)) {
        yield { path, change: 'deleted' };
        return true;
      }
      const isBelow = lowers.length ? isShown(sys, lowers, path) : marks.hasOrigin;
      const hides = marks.isOpaque && (isBelow || !lowers.length);
      yield {
        path,
        change: hides ? 'opaque' : isBelow ? 'changed' : 'added',
        type: kindOf(stat),
        size: stat.isFile() ? Number(stat.size) : undefined,
        renamedFrom: marks.redirect,
      };
      return true;
    });
    if (marksOf(attributesOf(sys, pathOf(top))).isOpaque) yield { path: '', change: 'opaque', type: 'folder' };
  } finally {
    sys.close(top);
  }
}

const LETTERS: Readonly<Record<ChangeKind, string>> = { added: 'A', changed: 'C', deleted: 'D', opaque: 'O' };

/** "C /etc/passwd". */
export const formatChange = ({ path, change, renamedFrom }: Change): string =>
  `${LETTERS[change]} ${escapeCell(`/${path}`, { utf8: true })}${renamedFrom === undefined ? '' : ` (was ${escapeCell(renamedFrom, { utf8: true })})`}`;

/** All of them as JSON. */
export const formatChanges = (changes: readonly Change[]): string =>
  `${JSON.stringify({ changes: changes.map((each) => ({ ...each, path: `/${each.path}` })) }, null, 3)}\n`;
