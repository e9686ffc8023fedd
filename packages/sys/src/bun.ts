/** What the head of the stand-alone executable (../runner/prelude.c) hands over to Bun, and its way to the kernel. */
import { decode } from './bytes.ts';
import type { Native } from './native.ts';
import { type Inherited, parseLeft, parseState } from './tape/inherited.ts';

type Word = number | bigint;

/** The part of `Bun.FFI` that is used: what the module `bun:ffi`, which takes a millisecond to load, hands on. */
export interface BunFfi {
  ptr(buffer: Uint8Array): number;
  toArrayBuffer(pointer: number, offset: number, size: number): ArrayBuffer;
  /** An error where it cannot be made. */
  cfunction(
    description: { ptr: number; args: string[]; returns: string },
    name: string,
  ): ((...words: Word[]) => number) | Error;
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
  const call = ffi.cfunction({ ptr: address, args: Array(7).fill('i64_fast'), returns: 'i64_fast' }, 'systemCall');
  if (call instanceof Error) throw call;
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
