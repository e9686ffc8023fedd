/**
 * Two functions of the C library, through koffi: syscall(2), and the address of a buffer.
 *
 * The shared library of koffi's platform package is loaded directly: its JavaScript front probes many paths first (10 ms
 * against 1 ms). A single-file tool is that library itself and hands in its own path.
 */

import { phase } from '#phase';
import { arch } from './arch.ts';
import { type Call, callNumber } from './calls.ts';
import { Failure } from './failure.ts';

type Word = number | bigint;

export interface Native {
  syscall(number: number, a: Word, b: Word, c: Word, d: Word, e: Word, f: Word): number;
  errno(): number;
  /** Address of the first byte; valid as long as the buffer is referenced. */
  address(buffer: Uint8Array): number;
  /** Where tapes are played in this very process; elsewhere an executable file of runner and tape is made. */
  readonly player?: Player;
}

export interface Player {
  /** The tape is laid out for this address. */
  readonly address: number;
  play(tape: Uint8Array): never;
}

interface Koffi {
  load(path: null): { func(name: string, result: string, parameters: string[]): (...operands: unknown[]) => number };
  errno(): number;
}

/** The library cannot be loaded: no call can be made. */
export class LibraryError extends Failure {}

function load(path: string): Koffi {
  const module = { exports: {} as Koffi };
  try {
    process.dlopen(module, path);
  } catch (error) {
    const { message } = error as Error;
    const [line = ''] = message.split('\n');
    // As the loaders of glibc and musl say that they miss the other's library, or a version of their own.
    const isOther = /musl|GLIBC_|ld-linux|libc\.so\.6/.test(line);
    const what = isOther ? 'built for another C library than that of this Node' : 'its native library cannot be loaded';
    throw new LibraryError(`${what}: ${line}`);
  }
  return module.exports;
}

let library: string | undefined;
let loaded: Native | undefined;

/** Path of koffi's shared library, where it is known; to be said before the first call. */
export function useLibrary(path: string): void {
  library = path;
}

/** Another way to the same three functions than koffi; to be said before the first call. */
export function useNative(native: Native): void {
  loaded = native;
}

const isMusl = () => {
  const report = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
  return report.header.glibcVersionRuntime === undefined;
};

const installed = () =>
  // Not imported: loading that module takes as long as loading the library, and a single file does not need it.
  process
    .getBuiltinModule('node:module')
    .createRequire(import.meta.url)
    .resolve(`@koromix/koffi-linux-${arch}/${isMusl() ? 'musl' : 'linux'}_${arch}/koffi.node`);

export function native(): Native {
  if (loaded) return loaded;
  const koffi = load(library ?? installed());
  phase('koffi');
  const libc = koffi.load(null);
  const word = 'int64';
  const syscall = libc.func('syscall', word, Array(7).fill(word)) as Native['syscall'];
  // Copying nothing onto itself gives back the address.
  const move = libc.func('memmove', word, ['void *', 'void *', word]);
  loaded = { syscall, errno: () => koffi.errno(), address: (buffer) => move(buffer, buffer, 0) };
  return loaded;
}

/** From here on, calls of these names are not made but throw `reason`: for rehearsals. */
export function stopBefore(names: readonly Call[], reason: Error): void {
  const real = native();
  const numbers = names.map((name) => callNumber(name, arch));
  const syscall: Native['syscall'] = (number, ...operands) => {
    if (numbers.includes(number)) throw reason;
    return real.syscall(number, ...operands);
  };
  const play = () => {
    throw reason;
  };
  loaded = { ...real, syscall, player: real.player && { ...real.player, play } };
}
