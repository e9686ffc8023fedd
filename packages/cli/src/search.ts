/** Where execvp(3) looks for a program. */
import { canonicalPath, mayUse, stat, unlessRefused, X_OK } from '@ts/sys';
import { variableOf } from './world.ts';

/** What the C library uses where PATH is not set. */
const DEFAULT_PATH = '/bin:/usr/bin';

/** Paths to try, in order. A name with a slash stands for itself; an empty part of PATH for the current directory. */
export function candidates(name: string, environment: readonly string[]): string[] {
  if (name.includes('/') || name === '') return [name];
  const path = variableOf(environment, 'PATH') ?? DEFAULT_PATH;
  return path.split(':').map((folder) => (folder === '' ? name : `${folder}/${name}`));
}

/** The first of them that is a program here and now. */
export function findProgram(paths: readonly string[]): string | undefined {
  return paths.find((path) => mayUse(path, X_OK) && unlessRefused(() => stat(path))?.type === 'file');
}

/** What a path leads to, without links; undefined where it leads nowhere. */
export const realOf = (path: string): string | undefined => unlessRefused(() => canonicalPath(path));
