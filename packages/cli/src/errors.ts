/** What a tool says when it cannot go on: a `Failure`. Libraries throw it, too; ./report.ts alone prints. */
import { Failure, SysError, strerror } from '@ts/sys';

/** A command line that the tool does not take. `asGetopt`: the program stands as it was called, as getopt(3) prints it. */
export class UsageError extends Failure {
  constructor(
    message: string,
    readonly asGetopt = false,
    remedy?: string,
  ) {
    super(message, undefined, remedy);
  }
}

/** What Node's file functions were doing, by the call that their errors name; a call that is not here stands for itself. */
const DOING: Readonly<Record<string, string>> = {
  access: 'use',
  chmod: 'change the mode of',
  chown: 'change the owner of',
  copyfile: 'copy',
  fchmod: 'change the mode of',
  fchown: 'change the owner of',
  fstat: 'stat',
  fsync: 'write',
  ftruncate: 'truncate',
  lchown: 'change the owner of',
  lstat: 'stat',
  mkdir: 'make directory',
  mkdtemp: 'make directory',
  opendir: 'open directory',
  readlink: 'read link',
  realpath: 'find',
  rm: 'remove',
  rmdir: 'remove directory',
  scandir: 'read directory',
  symlink: 'make link',
  unlink: 'remove',
  utime: 'change the times of',
};

/** A failure of Node's own file functions in our words: what was done, to which file. Anything else stays as it is. */
export function fileFailure(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof SysError) return error;
  const { errno, syscall, path, dest } = error as NodeJS.ErrnoException & { dest?: string };
  if (typeof errno !== 'number' || syscall === undefined) return error;
  const files = [path, dest].filter((file) => file !== undefined).map((file) => `'${file}'`);
  return new Failure(
    `cannot ${[DOING[syscall] ?? syscall, files.join(' as ')].filter(Boolean).join(' ')}: ${strerror(-errno)}`,
  );
}
