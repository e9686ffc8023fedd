/** Standard output and error of a tool, without Node's streams (they would make shared terminals and pipes non-blocking). */
import { writeSync } from 'node:fs';
import { encode, Failure, live, SIG_UNBLOCK, SIGPIPE, signalSet, strerror } from '@ts/sys';

const isCode = (error: unknown, code: string) => (error as NodeJS.ErrnoException).code === code;

const outputFailure = (error: unknown) => {
  const { errno } = error as NodeJS.ErrnoException;
  return errno === undefined ? error : new Failure(`write error: ${strerror(-errno)}`);
};

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
      at += writeSync(fd, bytes, at);
    } catch (error) {
      if (isCode(error, 'EPIPE') && !sigpipeIgnored) dieOfSigpipe();
      if (!isCode(error, 'EAGAIN')) {
        if (fd === 2) return;
        throw fd === 1 && !isCode(error, 'EPIPE') ? outputFailure(error) : error;
      }
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5); // a reader that shares a non-blocking pipe is slow
    }
  }
}

export const writeText = (fd: number, text: string, sigpipeIgnored = false): void =>
  writeAll(fd, encode(text), sigpipeIgnored);
