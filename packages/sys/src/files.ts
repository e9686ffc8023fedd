/** Files as texts. */
import { closeSync, openSync, readSync } from 'node:fs';
import { decode, encode } from './bytes.ts';

const FIRST = 65_536;

/** Kept from one file to the next: most are the kernel's own, which are short and have no size. */
let memory: Buffer | undefined;

/** All of a file. @throws What `node:fs` throws. */
export function readText(path: string): string {
  const fd = openSync(encode(path), 'r');
  try {
    let bytes = memory ?? Buffer.allocUnsafeSlow(FIRST);
    let size = 0;
    for (;;) {
      if (size === bytes.length) bytes = Buffer.concat([bytes], 2 * size);
      const read = readSync(fd, bytes, size, bytes.length - size, null);
      if (read === 0) break;
      size += read;
    }
    memory = bytes;
    return decode(bytes.subarray(0, size));
  } finally {
    closeSync(fd);
  }
}
