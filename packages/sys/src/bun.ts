/** What the head of the stand-alone executable (../runner/prelude.c) hands over to Bun, and its way to the kernel. */
import fs from 'node:fs';
import { decode, encode } from './bytes.ts';
import type { Native } from './native.ts';
import { type Inherited, parseLeft, parseState } from './tape/inherited.ts';

type Word = number | bigint;

/** The part of `bun:ffi` that is used. */
export interface BunFfi {
  ptr(buffer: Uint8Array): number;
  toArrayBuffer(pointer: number, offset: number, size: number): ArrayBuffer;
  CFunction(description: { ptr: number; args: string[]; returns: string }): (...words: Word[]) => number;
}

/** The structure `handed_over` of prelude.c: addresses and sizes of texts, then single words. */
const PIECES = ['state', 'left', 'executed', 'strings'] as const;
const SINGLES = ['argc', 'systemCall', 'directory'] as const;
const WORDS = 2 * PIECES.length + SINGLES.length;

export interface Handed {
  readonly inherited: Inherited;
  /** Path that was executed, as its caller wrote it. */
  readonly executed: string;
  readonly native: Native;
  /** Descriptor of the working directory that has no path any more and was left: to be gone back to. */
  readonly directory?: number;
}

/** `address`: of the structure, in decimal. */
export function handedOver(ffi: BunFfi, address: string): Handed {
  const memory = (at: number, size: number) => (size ? Buffer.from(ffi.toArrayBuffer(at, 0, size)) : Buffer.alloc(0));
  const structure = memory(Number(address), 8 * WORDS);
  const word = (index: number) => Number(structure.readBigInt64LE(8 * index));
  const single = (name: (typeof SINGLES)[number]) => word(2 * PIECES.length + SINGLES.indexOf(name));
  const [state, left, executed, strings] = PIECES.map((_, index) =>
    decode(memory(word(2 * index), word(2 * index + 1))),
  ) as [string, string, string, string];
  const argc = single('argc');
  const directory = single('directory');
  const block = strings.split('\0').slice(0, -1);
  return {
    inherited: {
      ...parseState(state),
      ...parseLeft(left),
      argv: block.slice(0, argc),
      environment: block.slice(argc),
    },
    executed,
    native: nativeAt(ffi, single('systemCall')),
    ...(directory >= 0 && { directory }),
  };
}

/** The functions of ./native.ts without a C library: the one at `address` gives the kernel's own result. */
function nativeAt(ffi: BunFfi, address: number): Native {
  const call = ffi.CFunction({ ptr: address, args: Array(7).fill('i64_fast'), returns: 'i64_fast' });
  let errno = 0;
  return {
    syscall(...words) {
      const result = call(...words);
      if (result >= 0 || result < -4095) return result;
      errno = -result;
      return -1;
    },
    errno: () => errno,
    // Bun knows no address of nothing, and the kernel looks at none.
    address: (buffer) => (buffer.length ? ffi.ptr(buffer) : 0),
  };
}

const MOST_LINKS = 40;

/** realpath(3) for a host without /proc, by which Bun's own asks. */
export function realPath(path: string): string {
  // Not by resolve(): what ".." means depends on the links before it.
  const rest = (path.startsWith('/') ? path : `${process.cwd()}/${path}`).split('/').filter(Boolean);
  let done = '';
  let links = 0;
  for (let name = rest.shift(); name !== undefined; name = rest.shift()) {
    if (name === '.') continue;
    if (name === '..') {
      done = done.slice(0, Math.max(0, done.lastIndexOf('/')));
      continue;
    }
    const target = targetOf(`${done}/${name}`);
    if (target === undefined) {
      done = `${done}/${name}`;
      continue;
    }
    if (++links > MOST_LINKS) throw Object.assign(new Error(`too many links: ${path}`), { code: 'ELOOP', errno: -40 });
    if (target.startsWith('/')) done = '';
    rest.unshift(...target.split('/').filter(Boolean));
  }
  return done || '/';
}

/** What a symbolic link says; undefined where it is something else. */
function targetOf(path: string): string | undefined {
  try {
    return decode(fs.readlinkSync(encode(path), 'buffer'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EINVAL') return undefined;
    throw error;
  }
}

/** To be said before anything else where there is no /proc. */
export function liveWithoutProc(): void {
  const replacement = (path: string | Uint8Array, encoding?: unknown) => {
    const real = realPath(typeof path === 'string' ? path : decode(path));
    return encoding === 'buffer' ? encode(real) : real;
  };
  Object.assign(fs, { realpathSync: Object.assign(replacement, { native: replacement }) });
}
