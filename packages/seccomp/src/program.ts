/** Programs of classic BPF: instructions, their bytes, and an assembler with labels. */
import { BPF_JA, BPF_JMP } from '@ts/sys';

/** `struct sock_filter`. */
export interface Instruction {
  readonly code: number;
  /** Instructions to pass over where the comparison holds, and where it does not. */
  readonly jt: number;
  readonly jf: number;
  readonly k: number;
}

export type Program = readonly Instruction[];

/** Bytes of one instruction. */
const SIZE = 8;

/** In the byte order of both architectures. */
export function encodeProgram(program: Program): Buffer {
  const words = new Uint32Array(2 * program.length);
  for (const [index, { code, jt, jf, k }] of program.entries()) {
    words[2 * index] = code | (jt << 16) | (jf << 24);
    words[2 * index + 1] = k;
  }
  return Buffer.from(words.buffer);
}

export const decodeProgram = (bytes: Buffer): Program =>
  Array.from({ length: bytes.length / SIZE }, (_, index) => ({
    code: bytes.readUInt16LE(SIZE * index),
    jt: bytes.readUInt8(SIZE * index + 2),
    jf: bytes.readUInt8(SIZE * index + 3),
    k: bytes.readUInt32LE(SIZE * index + 4),
  }));

/** A place that jumps go to; it lies behind them. */
export class Label {
  readonly kind = 'label';
}

type Item =
  | { readonly place: Label }
  | { readonly code: number; readonly k: number; readonly jump?: { readonly yes?: Label; readonly no?: Label } };

/** Farthest that a conditional jump goes. */
const FAR = 255;

export class Assembler {
  private readonly items: Item[] = [];

  /** An instruction; the next one follows. */
  add(code: number, k: number): void {
    this.items.push({ code, k });
  }

  /** A comparison with `k`; where a label is left out, the next instruction follows. */
  jump(code: number, k: number, yes: Label | undefined, no: Label | undefined): void {
    this.items.push({ code, k, jump: { yes, no } });
  }

  place(label: Label): void {
    this.items.push({ place: label });
  }

  /** Written from the end to the beginning, so that the way to each label is known when a jump to it is written. */
  finish(): Program {
    const reversed: Instruction[] = [];
    const places = new Map<Label, number>();
    const placeOf = (label: Label | undefined) => {
      const place = label ? places.get(label) : reversed.length;
      if (place === undefined) throw new Error('a jump leads backwards');
      return place;
    };
    /** What is too far is reached by way of an unconditional jump. One more of these may come between: so much is kept free. */
    const within = (place: number) => {
      if (reversed.length - place < FAR) return place;
      reversed.push({ code: BPF_JMP | BPF_JA, jt: 0, jf: 0, k: reversed.length - place });
      return reversed.length;
    };
    for (const item of this.items.toReversed()) {
      if ('place' in item) {
        places.set(item.place, reversed.length);
        continue;
      }
      const { code, k, jump } = item;
      const [yes, no] = jump ? [placeOf(jump.yes), placeOf(jump.no)] : [0, 0];
      const [nearYes, nearNo] = jump ? [within(yes), within(no)] : [0, 0];
      const away = (place: number) => (jump ? reversed.length - place : 0);
      reversed.push({ code, jt: away(nearYes), jf: away(nearNo), k });
    }
    return reversed.reverse();
  }
}
