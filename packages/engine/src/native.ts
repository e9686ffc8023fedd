/** The way to the kernel, and what this process was given, by the host. */
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

/** A set with this signal alone. */
const SIGPIPE = 1n << 12n;
const F_GETFD = 1;
const AT_FDCWD = -100;
const O_PATH = 0o10_000_000;
const CALLS = { x64: { fcntl: 72, openat: 257 }, arm64: { fcntl: 25, openat: 56 } } as const;
const ROOT = new Uint8Array([0x2f, 0]);

/**
 * What this process was given (`Inherited` of @ts/sys). Closed ones among the descriptors 0 to 2 get something that can neither be read
 * nor written, so that no file that is opened gets their numbers.
 */
export function inherited() {
  const { fcntl, openat } = CALLS[host.arch];
  const descriptors: (readonly [number, number])[] = [];
  for (const fd of [0, 1, 2])
    if (host.syscall(fcntl, fd, F_GETFD) >= 0) descriptors.push([fd, fd]);
    else host.syscall(openat, AT_FDCWD, host.address(ROOT), O_PATH);
  return {
    untouched: true as const,
    descriptors,
    // The only one that a tool asks for: there is nothing to give back.
    ignored: host.ignoredSignals(SIGPIPE),
    blocked: host.blockedSignals(),
    argv: host.arguments(),
    environment: host.environment(),
  };
}
