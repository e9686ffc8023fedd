/** What the head of the stand-alone executable (../runner/prelude.c) hands over to Bun, and its way to the kernel. */
import { decode } from './bytes.ts';
import type { Native } from './native.ts';
import { type Inherited, parseLeft, parseState } from './tape/inherited.ts';

type Word = number | bigint;

/** The part of `bun:ffi` that is used. */
export interface BunFfi {
  ptr(buffer: Uint8Array): number;
  toArrayBuffer(pointer: number, offset: number, size: number): ArrayBuffer;
  CFunction(description: { ptr: number; args: string[]; returns: string }): (...words: Word[]) => number;
}

/** The structure `handed_over` of prelude.c: addresses and sizes of texts, then two words. */
const PIECES = ['state', 'left', 'executed', 'strings'] as const;
const WORDS = 2 * PIECES.length + 2;

export interface Handed {
  readonly inherited: Inherited;
  /** Path that was executed, as its caller wrote it. */
  readonly executed: string;
  readonly native: Native;
}

/** `address`: of the structure, in decimal. */
export function handedOver(ffi: BunFfi, address: string): Handed {
  const memory = (at: number, size: number) =>
    size ? Buffer.from(ffi.toArrayBuffer(at, 0, size)) : Buffer.alloc(0);
  const structure = memory(Number(address), 8 * WORDS);
  const word = (index: number) => Number(structure.readBigUInt64LE(8 * index));
  const [state, left, executed, strings] = PIECES.map((_, index) =>
    decode(memory(word(2 * index), word(2 * index + 1))),
  ) as [string, string, string, string];
  const argc = word(WORDS - 2);
  const block = strings.split('\0').slice(0, -1);
  return {
    inherited: {
      ...parseState(state),
      ...parseLeft(left),
      argv: block.slice(0, argc),
      environment: block.slice(argc),
    },
    executed,
    native: nativeAt(ffi, word(WORDS - 1)),
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
    address: (buffer) => ffi.ptr(buffer),
  };
}
