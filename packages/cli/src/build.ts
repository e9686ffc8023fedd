/** What the build has put together: the tools, and how a file is known to be one of them. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { encode } from '@ts/sys';
import type { Tool } from './tool.ts';

export interface Build {
  readonly version: string;
  /** Differs between builds; the same in all files of one. */
  readonly id: string;
  readonly tools: Readonly<Record<string, () => Tool>>;
  readonly help?: () => Help;
  /**
   * A tool's script holds that tool alone. Where another one is needed (a chain) or what only a reader needs (help), the script
   * of all tools starts over from the command line; nothing has been done yet.
   */
  readonly whole?: () => never;
}

/** ./help.ts, which loads all of yargs. */
export type Help = typeof import('./help.ts');

/** The last bytes of a tool's file: MAGIC, build id (32 bytes), tool name (32 bytes, NUL-filled). */
export const MAGIC = 'TS-TOOLS';
const ID_SIZE = 32;
const NAME_SIZE = 32;
const TRAILER_SIZE = MAGIC.length + ID_SIZE + NAME_SIZE;

export function trailer(id: string, name: string): Buffer {
  const bytes = Buffer.alloc(TRAILER_SIZE);
  bytes.write(MAGIC + id, 'latin1');
  bytes.write(name, MAGIC.length + ID_SIZE, 'latin1');
  return bytes;
}

/** Name of the tool that a file is, where it is one of this build. */
export function toolOf(build: Build, path: string): string | undefined {
  let fd: number;
  try {
    fd = openSync(encode(path), 'r');
  } catch {
    return undefined; // may be executable without being readable: then it is not one that we know
  }
  try {
    const bytes = Buffer.alloc(TRAILER_SIZE);
    const { size } = fstatSync(fd);
    if (size < TRAILER_SIZE || readSync(fd, bytes, 0, TRAILER_SIZE, size - TRAILER_SIZE) < TRAILER_SIZE)
      return undefined;
    if (bytes.toString('latin1', 0, MAGIC.length + ID_SIZE) !== MAGIC + build.id) return undefined;
    const name = bytes.toString('latin1', MAGIC.length + ID_SIZE);
    return name.slice(0, name.indexOf('\0'));
  } finally {
    closeSync(fd);
  }
}
