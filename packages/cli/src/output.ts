/** Standard output and error of a tool, without Node's streams (they would make shared terminals and pipes non-blocking). */
import * as sys from '@ts/sys';
import { encode, live, SIG_UNBLOCK, SIGPIPE, SysError, signalSet, writeSome } from '@ts/sys';

/** Nobody reads any more what is written, and SIGPIPE is ignored: no failure of the tool. */
class ReaderGone extends Error {
  readonly code = 'EPIPE';
}

/** Ends this process as the signal would, had Node not ignored it. */
function dieOfSigpipe(): never {
  const calls = live();
  calls.setSignalAction(SIGPIPE, 'default');
  calls.sigprocmask(SIG_UNBLOCK, signalSet([SIGPIPE]));
  calls.kill(process.pid, SIGPIPE);
  process.exit(1);
}

/** Writes what one call takes. What cannot be written to standard error is lost: there is nobody to tell. */
function write(fd: number, bytes: Uint8Array, sigpipeIgnored: boolean): number {
  try {
    return writeSome(fd, bytes);
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
    const { code, syscall, errno, call } = error;
    if (code === 'EPIPE' && !sigpipeIgnored) dieOfSigpipe();
    if (code === 'EAGAIN') {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5); // a reader that shares a non-blocking pipe is slow
      return 0;
    }
    if (fd === 2) return bytes.length;
    if (code === 'EPIPE') throw new ReaderGone();
    throw fd === 1 ? new SysError(syscall, errno, call, 'write error') : error;
  }
}

/** Writes all of it. `sigpipeIgnored`: whether the tool was started with SIGPIPE ignored, and so gets an error instead. */
export const writeAll = (fd: number, bytes: Uint8Array, sigpipeIgnored = false): void =>
  sys.writeAll(fd, bytes, (to, rest) => write(to, rest, sigpipeIgnored));

export const writeText = (fd: number, text: string, sigpipeIgnored = false): void =>
  writeAll(fd, encode(text), sigpipeIgnored);
