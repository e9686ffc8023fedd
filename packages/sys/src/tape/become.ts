/** Replaces this process by the runner with a tape: from here on nothing of JavaScript is left. */
import { phase } from '#phase';
import { type Arch, arch as host } from '../arch.ts';
import { encode } from '../bytes.ts';
import { AT_EMPTY_PATH } from '../const/at.ts';
import { MFD_CLOEXEC, MFD_EXEC } from '../const/memfd.ts';
import { O_NONBLOCK, O_RDWR, O_TMPFILE } from '../const/open.ts';
import { RLIMIT_FSIZE } from '../const/rlimit.ts';
import { errnoOf, SysError } from '../errno.ts';
import { changeMode, closeFile, fstat, openFile, writeAll } from '../files.ts';
import { native } from '../native.ts';
import type { LiveSys } from '../sys.ts';
import { dataAddress, image } from './elf.ts';
import type { Tape } from './entry.ts';
import { RUNNER } from './images.generated.ts';
import { giveBackDescriptors, type Inherited } from './inherited.ts';
import { layOut, type Playing } from './layout.ts';

/** Runner and tape as an executable file. */
export function tapeImage(tape: Tape, playing?: Playing, arch: Arch = host): Buffer {
  const runner = Buffer.from(RUNNER[arch], 'base64');
  return image(arch, runner, layOut(tape, dataAddress(runner), playing, arch));
}

/** Writes all of it; EFBIG where a limit forbids so large a file. */
function writeImage(sys: LiveSys, fd: number, bytes: Buffer): void {
  const writing = sys.or('cannot write an executable file in memory');
  writeAll(fd, bytes, (fd, rest) => writing.write(fd, rest));
}

/**
 * The same where the limit of a file's size (ulimit -f) would forbid it: a run of the original writes no file. It is what it was
 * afterwards, before anything else is done.
 */
function writeBeyondLimit(sys: LiveSys, fd: number, bytes: Buffer): void {
  const { cur, max } = sys.getrlimit(0, RLIMIT_FSIZE);
  const needed = BigInt(bytes.length);
  if (cur >= needed) {
    writeImage(sys, fd, bytes);
    return;
  }
  const context = `cannot make its file in memory, of ${needed} bytes: the limit of a file's size (ulimit -f) is ${max < needed ? max : cur} bytes`;
  // Only who may raise hard limits can do so where that one is too low, too.
  sys.or(context).setrlimit(0, RLIMIT_FSIZE, { cur: needed, max: max < needed ? needed : max });
  try {
    writeImage(sys, fd, bytes);
  } finally {
    sys.or('cannot set the limit of a file’s size back').setrlimit(0, RLIMIT_FSIZE, { cur, max });
  }
}

/** A descriptor of an executable file in memory; without MFD_EXEC where the kernel (before 6.3) does not know it. */
function memory(sys: LiveSys, name: string): number {
  try {
    return sys.memfd_create(name, MFD_CLOEXEC | MFD_EXEC);
  } catch (error) {
    if (!(error instanceof SysError) || error.errno !== errnoOf('EINVAL')) throw error;
    return sys.memfd_create(name, MFD_CLOEXEC);
  }
}

/** Folders for an unnamed file where executable memory files are forbidden (vm.memfd_noexec). */
const FOLDERS = ['/dev/shm', '/run', '/tmp', '/var/tmp'];

function unnamedFile(sys: LiveSys, folder: string, bytes: Buffer): number {
  const writer = openFile(folder, O_TMPFILE | O_RDWR, 0o700);
  changeMode(writer, 0o700);
  writeBeyondLimit(sys, writer, bytes);
  // A file that is open for writing cannot be executed. Without a /proc of the kernel's that path may lead elsewhere.
  const reader = openFile(`/proc/self/fd/${writer}`, O_NONBLOCK);
  const [written, found] = [writer, reader].map((fd) => fstat(fd));
  if (written?.ino !== found?.ino || written?.dev !== found?.dev) throw new Error('/proc/self/fd leads elsewhere');
  closeFile(writer);
  return reader;
}

/** Becomes the image under the argument list and environment that this process was given. Returns only by throwing. */
export function becomeImage(sys: LiveSys, bytes: Buffer, name: string, inherited: Inherited): never {
  const argv = inherited.argv.map((argument) => Buffer.concat([encode(argument), Buffer.alloc(1)]));
  const envp = inherited.environment.map((entry) => Buffer.concat([encode(entry), Buffer.alloc(1)]));
  giveBackDescriptors(sys, inherited);
  const execute = (fd: number) => {
    const unknown = errnoOf('ENOSYS');
    const refusal = sys.ignoring(unknown).execveat(fd, '', argv, envp, AT_EMPTY_PATH);
    // User-mode emulators do not know it.
    if (refusal === -unknown) sys.execve(`/proc/self/fd/${fd}`, argv, envp);
  };
  let refused: SysError | undefined;
  try {
    const fd = memory(sys, name);
    writeBeyondLimit(sys, fd, bytes);
    phase('written');
    execute(fd);
  } catch (error) {
    if (!(error instanceof SysError) || error.code !== 'EACCES') throw error;
    refused = error;
  }
  for (const folder of FOLDERS) {
    try {
      execute(unnamedFile(sys, folder, bytes));
    } catch {
      // the next folder may allow it
    }
  }
  const context = `no executable file can be made: vm.memfd_noexec forbids it in memory, and ${FOLDERS.join(', ')} refuse too`;
  const { syscall, errno, call, status } = refused as SysError;
  throw new SysError(syscall, errno, call, context, status);
}

/** Becomes the runner that plays `tape`. */
export function play(sys: LiveSys, tape: Tape, name: string, inherited: Inherited, playing?: Playing): never {
  const { player } = native();
  if (player) {
    const bytes = layOut(tape, player.address, playing);
    phase('laid out');
    giveBackDescriptors(sys, inherited);
    return player.play(bytes);
  }
  const bytes = tapeImage(tape, playing);
  phase('laid out');
  return becomeImage(sys, bytes, name, inherited);
}
