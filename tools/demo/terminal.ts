/** A pseudo-terminal of our own, as pty(7) describes: what a program that asks for `tty` is to be told. */
import { closeSync, constants, createReadStream, openSync } from 'node:fs';
import { live } from '../../packages/sys/src/index.ts';

/** asm-generic/ioctls.h */
const TIOCGPTN = 0x80045430;
const TIOCSPTLCK = 0x40045431;

export interface Terminal {
  /** Descriptor for the program's standard input, output and error. */
  readonly fd: number;
  /** To be called when the program has been started: gives all that it prints until the last one has closed the terminal. */
  output(): Promise<string>;
}

/** A new terminal; undefined where there are none. */
export function openTerminal(): Terminal | undefined {
  let master: number;
  try {
    master = openSync('/dev/ptmx', constants.O_RDWR | constants.O_NOCTTY);
  } catch {
    return undefined;
  }
  const sys = live();
  const number = Buffer.alloc(4);
  sys.ioctl(master, TIOCSPTLCK, Buffer.alloc(4));
  sys.ioctl(master, TIOCGPTN, number);
  const fd = openSync(`/dev/pts/${number.readInt32LE()}`, constants.O_RDWR | constants.O_NOCTTY);
  return {
    fd,
    output: () => {
      closeSync(fd);
      return new Promise((resolve) => {
        let text = '';
        const stream = createReadStream('', { fd: master });
        stream.on('data', (data) => {
          text += data.toString('latin1');
        });
        // EIO is how the last close of the other side is told.
        stream.on('error', () => resolve(text.replaceAll('\r\n', '\n')));
        stream.on('end', () => resolve(text.replaceAll('\r\n', '\n')));
      });
    },
  };
}
