/** Of node:fs what the reader of a survey (packages/namespaces) takes: everything else goes by packages/sys/src/files.ts. */
import { fstat, list, readLink, stat, statIfThere } from '@ts/sys';

const withNumber = <Status extends { readonly ino: bigint }>(status: Status) => ({
  ...status,
  ino: Number(status.ino),
});

export const readdirSync = list;
export const readlinkSync = readLink;
export const fstatSync = (fd: number) => withNumber(fstat(fd));
export function statSync(path: string, { throwIfNoEntry = true } = {}) {
  const status = throwIfNoEntry ? stat(path) : statIfThere(path);
  return status && withNumber(status);
}
