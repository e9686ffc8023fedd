import { realpathSync } from 'node:fs';
import { encode } from '@ts/sys';

/** A path as the kernel's table has it, without symbolic links; as it was given where that cannot be told. */
export function realPath(path: string): string {
  try {
    return path === '' ? path : realpathSync(encode(path), 'utf8');
  } catch {
    return path;
  }
}
