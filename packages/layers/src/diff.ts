/** What a layer changes. */
import { join } from 'node:path';
import { type FileStatus, type FileType, type LiveSys, lstat } from '@ts/sys';
import { escapeCell } from '@ts/tables';
import { isCode } from './errors.ts';
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
export const isWhiteoutDevice = (stat: FileStatus): boolean => stat.type === 'character' && stat.rdev === 0;

/** Marks of an entry, where it can have any. */
export const marksIn = (sys: LiveSys, { at, stat }: Found): Marks =>
  marksOf(stat.type === 'directory' || stat.type === 'file' ? attributesOf(sys, at) : new Map());

export const isWhiteout = (stat: FileStatus, marks: Marks): boolean =>
  isWhiteoutDevice(stat) || (stat.type === 'file' && stat.size === 0 && marks.isWhiteout);

const KINDS: Readonly<Record<FileType, FileKind>> = {
  file: 'file',
  directory: 'folder',
  link: 'link',
  character: 'character device',
  block: 'block device',
  fifo: 'fifo',
  socket: 'socket',
  unknown: 'file',
};

export const kindOf = ({ type }: FileStatus): FileKind => KINDS[type];

function statOf(path: string): FileStatus | undefined {
  try {
    return lstat(path);
  } catch (error) {
    if (isCode(error, 'ENOENT', 'ENOTDIR')) return undefined;
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
      const marks = marksOf(stat.type === 'directory' || stat.type === 'file' ? attributesOf(sys, at) : new Map());
      if (isWhiteout(stat, marks)) return false;
      if (index === parts.length - 1) return true;
      if (stat.type !== 'directory') return false;
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
        size: stat.type === 'file' ? stat.size : undefined,
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
