/** Standard output and error of a tool, without Node's streams (they would make shared terminals and pipes non-blocking). */
import { writeSync } from 'node:fs';
import { encode, live, SIG_UNBLOCK, SIGPIPE, signalSet } from '@ts/sys';

const isCode = (error: unknown, code: string) => (error as NodeJS.ErrnoException).code === code;

/** Ends this process as the signal would, had Node not ignored it. */
function dieOfSigpipe(): never {
  const sys = live();
  sys.setSignalAction(SIGPIPE, 'default');
  sys.sigprocmask(SIG_UNBLOCK, signalSet([SIGPIPE]));
  sys.kill(process.pid, SIGPIPE);
  process.exit(1);
}

/** Writes all of it. `ignored`: whether the tool was started with SIGPIPE ignored, and so gets an error instead. */
export function writeAll(fd: number, bytes: Uint8Array, sigpipeIgnored = false): void {
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(fd, bytes, at);
    } catch (error) {
      if (isCode(error, 'EPIPE') && !sigpipeIgnored) dieOfSigpipe();
      if (!isCode(error, 'EAGAIN')) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5); // a reader that shares a non-blocking pipe is slow
    }
  }
}

export const writeText = (fd: number, text: string, sigpipeIgnored = false): void =>
  writeAll(fd, encode(text), sigpipeIgnored);
