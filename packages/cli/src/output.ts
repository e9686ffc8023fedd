/** Standard output and error of a tool, without Node's streams (they would make shared terminals and pipes non-blocking). */
import { encode, live, SIG_UNBLOCK, SIGPIPE, SysError, signalSet, writeSome } from '@ts/sys';

/** Nobody reads any more what is written, and SIGPIPE is ignored: no failure of the tool. */
class ReaderGone extends Error {
  readonly code = 'EPIPE';
}

/** Ends this process as the signal would, had Node not ignored it. */
function dieOfSigpipe(): never {
  const sys = live();
  sys.setSignalAction(SIGPIPE, 'default');
  sys.sigprocmask(SIG_UNBLOCK, signalSet([SIGPIPE]));
  sys.kill(process.pid, SIGPIPE);
  process.exit(1);
}

/** Writes all of it; what cannot be written to standard error is lost: there is nobody to tell. `ignored`: whether the tool was started with SIGPIPE ignored, and so gets an error instead. */
export function writeAll(fd: number, bytes: Uint8Array, sigpipeIgnored = false): void {
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSome(fd, bytes.subarray(at));
    } catch (error) {
      if (!(error instanceof SysError)) throw error;
      const { code, syscall, errno, call } = error;
      if (code === 'EPIPE' && !sigpipeIgnored) dieOfSigpipe();
      if (code !== 'EAGAIN') {
        if (fd === 2) return;
        if (code === 'EPIPE') throw new ReaderGone();
        throw fd === 1 ? new SysError(syscall, errno, call, 'write error') : error;
      }
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5); // a reader that shares a non-blocking pipe is slow
    }
  }
}

export const writeText = (fd: number, text: string, sigpipeIgnored = false): void =>
  writeAll(fd, encode(text), sigpipeIgnored);
