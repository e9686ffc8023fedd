/** A tree of files to be made: folders, links and copies, so that every path inside is as outside. */
import { posix } from 'node:path';
import { Failure, lstat, readLink, SysError } from '@ts/sys';

export type Why =
  | 'program'
  | 'interpreter'
  | 'loader'
  | 'library'
  | 'runtime'
  | 'nss'
  | 'link'
  | 'folder'
  | 'configuration';

export type Entry =
  | { readonly kind: 'folder'; readonly path: string; readonly mode: number; readonly why: Why }
  | { readonly kind: 'link'; readonly path: string; readonly target: string; readonly why: Why; readonly by?: string }
  | {
      readonly kind: 'copy';
      readonly path: string;
      readonly source: string;
      readonly mode: number;
      readonly size: number;
      readonly why: Why;
      readonly by?: string;
    }
  | { readonly kind: 'text'; readonly path: string; readonly text: string; readonly mode: number; readonly why: Why };

/** As many symbolic links as the kernel follows in one path. */
const MOST_LINKS = 40;

export class PathError extends Failure {
  constructor(
    readonly path: string,
    readonly code: string,
  ) {
    super(`${path}: ${code}`);
  }
}

/** Entries by their path inside, each once; a folder always comes before what is in it. */
export class Tree {
  readonly #entries = new Map<string, Entry>();

  get entries(): readonly Entry[] {
    return [...this.#entries.values()];
  }

  has(path: string): boolean {
    return this.#entries.has(path);
  }

  /** A folder and those above it. The first mode that is given for a folder counts. */
  folder(path: string, mode = 0o755): void {
    if (path === '/' || this.#entries.has(path)) return;
    this.folder(posix.dirname(path));
    this.#entries.set(path, { kind: 'folder', path, mode, why: 'folder' });
  }

  /** A file with this text, where there is none yet. */
  text(path: string, text: string, mode = 0o644): void {
    this.folder(posix.dirname(path));
    this.#entries.set(path, { kind: 'text', path, text, mode, why: 'configuration' });
  }

  /**
   * A file of the host at its own path, with all links on the way to it. Throws PathError where it is not there.
   * Result: its path without links.
   */
  bring(path: string, why: Why, by?: string): string {
    let parts = path.split('/').filter((part) => part !== '' && part !== '.');
    let here = '/';
    for (let links = 0; parts.length; ) {
      const [part, ...rest] = parts as [string, ...string[]];
      const next = part === '..' ? posix.dirname(here) : posix.join(here, part);
      parts = rest;
      if (part === '..') {
        here = next;
        continue;
      }
      const status = statusOf(next, path);
      if (status.type === 'link') {
        if (++links > MOST_LINKS) throw new PathError(path, 'ELOOP');
        const target = readLink(next);
        this.folder(here);
        if (!this.has(next)) this.#entries.set(next, { kind: 'link', path: next, target, why: 'link', by: path });
        if (target.startsWith('/')) here = '/';
        parts = [...target.split('/').filter((each) => each !== '' && each !== '.'), ...parts];
        continue;
      }
      here = next;
      if (parts.length && status.type !== 'directory') throw new PathError(path, 'ENOTDIR');
      if (!parts.length && status.type === 'file') this.#copy(here, status, why, by);
      else if (status.type === 'directory') this.folder(here);
      else throw new PathError(path, 'EINVAL');
    }
    return here;
  }

  #copy(path: string, { mode, size }: { mode: number; size: number }, why: Why, by?: string): void {
    this.folder(posix.dirname(path));
    // Set-id bits would give whoever can reach the copy the rights of whoever makes it.
    if (!this.has(path))
      this.#entries.set(path, { kind: 'copy', path, source: path, mode: mode & 0o777, size, why, by });
  }
}

function statusOf(path: string, asked: string) {
  try {
    return lstat(path);
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
    throw new PathError(asked, error.code);
  }
}
