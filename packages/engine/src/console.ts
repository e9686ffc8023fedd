/** `console`, for what libraries print. What cannot be written is lost, as with Node: they do not ask. */
import { Buffer } from './buffer.ts';
import { host } from './host.ts';
import { format } from './util.ts';

const printer =
  (fd: number) =>
  (...values: unknown[]): void => {
    let rest: Uint8Array = Buffer.from(`${format(...values)}\n`);
    while (rest.length) {
      const written = host.write(fd, rest);
      if (written <= 0) return;
      rest = rest.subarray(written);
    }
  };

export const console = { log: printer(1), warn: printer(2), error: printer(2) };
