import { canonicalPath, unlessRefused } from '@ts/sys';

/** A path as the kernel's table has it, without symbolic links; as it was given where that cannot be told. */
export const realPath = (path: string): string => unlessRefused(() => canonicalPath(path)) ?? path;

/** A path as messages have it: as the kernel's table would, unless it is to be left as it is. */
export const shown = (path: string, asGiven: boolean): string => (asGiven ? path : realPath(path));
