import { realpathSync } from 'node:fs';
import { decode, encode } from '@ts/sys';

/** A path as the kernel's table has it, without symbolic links; as it was given where that cannot be told. */
export function realPath(path: string): string {
  try {
    // The native one asks the kernel for the working directory, which may have been changed behind the runtime's back.
    return path === '' ? path : decode(realpathSync.native(encode(path), 'buffer'));
  } catch {
    return path;
  }
}

/** A path as messages have it: as the kernel's table would, unless it is to be left as it is. */
export const shown = (path: string, asGiven: boolean): string => (asGiven ? path : realPath(path));
