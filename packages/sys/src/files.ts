/** Files as texts. */
import { closeSync, openSync, readSync } from 'node:fs';
import { decode, encode } from './bytes.ts';

const FIRST = 65_536;
/** Bytes of a text: some devices have no end. */
const MOST = 256 * 1024 * 1024;

/** Kept from one file to the next: most are the kernel's own, which are short and have no size. */
let memory: Buffer | undefined;

/** A file to its end, or the first `most` bytes of it. @throws What `node:fs` throws. */
export function readBytes(path: string, most: number): Buffer {
  const fd = openSync(encode(path), 'r');
  try {
    return readOpen(fd, most);
  } finally {
    closeSync(fd);
  }
}

/** The same of an open one. */
export function readOpen(fd: number, most: number): Buffer {
  const chunks: Buffer[] = [];
  for (let [size, read] = [0, 1]; read > 0 && size < most; size += read) {
    const chunk = Buffer.allocUnsafe(Math.min(FIRST, most - size));
    read = readSync(fd, chunk);
    chunks.push(chunk.subarray(0, read));
  }
  return Buffer.concat(chunks);
}

/** All of a file. @throws What `node:fs` throws. */
export function readText(path: string): string {
  const fd = openSync(encode(path), 'r');
  try {
    let bytes = memory ?? Buffer.allocUnsafeSlow(FIRST);
    let size = 0;
    for (;;) {
      if (size >= MOST) throw new RangeError(`${path} is larger than ${MOST} bytes`);
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
