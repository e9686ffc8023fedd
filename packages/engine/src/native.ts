/** The way to the kernel, by the host. */
import { host } from './host.ts';

type Word = number | bigint;

const MOST_ERRNO = 4095;
let errno = 0;

/** `Native` of @ts/sys. */
export const native = {
  syscall(number: number, a: Word, b: Word, c: Word, d: Word, e: Word, f: Word): number {
    const result = host.syscall(number, a, b, c, d, e, f);
    if (result >= 0 || result < -MOST_ERRNO) return result;
    errno = -result;
    return -1;
  },
  errno: () => errno,
  address: (buffer: Uint8Array) => host.address(buffer),
  player: { address: host.tapeAddress(), play: (tape: Uint8Array): never => host.play(tape) },
};
