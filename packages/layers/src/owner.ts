/** Owners of files in a layer. */
import { type LiveSys, SysError } from '@ts/sys';
import { LayerError } from './errors.ts';

const CANNOT = ['EINVAL', 'EPERM', 'EOVERFLOW'];

/** Gives a file away. A user namespace knows some ids only, an ordinary user may give nothing away: that is said with the way out. */
export function give(sys: LiveSys, path: string, uid: number, gid: number, change: (sys: LiveSys) => unknown): void {
  try {
    change(sys.or(`cannot give '${path}' to ${uid}:${gid}`));
  } catch (error) {
    if (!(error instanceof SysError) || !CANNOT.includes(error.code)) throw error;
    throw new LayerError(
      error.said,
      'this user namespace does not have that id, or the right to it: --no-same-owner keeps files with the caller',
    );
  }
}
