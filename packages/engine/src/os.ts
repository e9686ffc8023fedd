/** Of node:os what the tools use. */
import { process } from './process.ts';

/** The folder for temporary files, without a slash at its end. */
export function tmpdir(): string {
  const { TMPDIR, TMP, TEMP } = process.env;
  const path = TMPDIR || TMP || TEMP || '/tmp';
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
}
