/** Runs programs of classic BPF as the kernel does: for tests. */
import {
  BPF_ABS,
  BPF_ALU,
  BPF_AND,
  BPF_JA,
  BPF_JEQ,
  BPF_JGE,
  BPF_JGT,
  BPF_JMP,
  BPF_JSET,
  BPF_LD,
  BPF_RET,
} from '@ts/sys';
import { type CallData, decodeProgram, encodeProgram, type Instruction, type Program } from '../src/index.ts';

/** `struct seccomp_data`. The instruction pointer is 0. */
export function encodeCall({ number, token, args }: CallData): Buffer {
  const bytes = Buffer.alloc(64);
  bytes.writeUInt32LE(number, 0);
  bytes.writeUInt32LE(token, 4);
  for (const [index, value] of args.entries()) bytes.writeBigUInt64LE(BigInt.asUintN(64, value), 16 + 8 * index);
  return bytes;
}

const compares: Readonly<Record<number, (a: number, k: number) => boolean>> = {
  [BPF_JMP | BPF_JEQ]: (a, k) => a === k,
  [BPF_JMP | BPF_JGT]: (a, k) => a > k,
  [BPF_JMP | BPF_JGE]: (a, k) => a >= k,
  [BPF_JMP | BPF_JSET]: (a, k) => (a & k) !== 0,
};

/** Scratch memory and index register, which libseccomp's programs use. */
const [ST, LD_MEM, LD_IMM] = [0x02, 0x60, 0x00];

/** What the program returns. `known`: the highest offset of the data that may be looked at; undefined past it. */
export function interpret(program: Program, data: Buffer, known = 64): number | undefined {
  let accumulator = 0;
  const memory: number[] = [];
  for (let at = 0; ; at++) {
    const { code, jt, jf, k } = program[at] as Instruction;
    if (code === (BPF_LD | BPF_ABS)) {
      if (k >= known) return undefined;
      accumulator = data.readUInt32LE(k);
    } else if (code === (BPF_LD | LD_MEM)) accumulator = memory[k] ?? 0;
    else if (code === (BPF_LD | LD_IMM)) accumulator = k;
    else if (code === ST) memory[k] = accumulator;
    else if (code === (BPF_ALU | BPF_AND)) accumulator = (accumulator & k) >>> 0;
    else if (code === (BPF_JMP | BPF_JA)) at += k;
    else if (code === BPF_RET) return k;
    else {
      const compare = compares[code];
      if (!compare) throw new Error(`instruction ${at} is unknown: 0x${code.toString(16)}`);
      at += compare(accumulator, k) ? jt : jf;
    }
  }
}

/** Throws where the kernel would not take the program: too long, a jump past its end, an end without a return. */
export function verify(program: Program): void {
  if (!program.length || program.length > 4096) throw new Error(`${program.length} instructions`);
  for (const [at, { code, jt, jf, k }] of program.entries()) {
    const farthest = code === (BPF_JMP | BPF_JA) ? k : (code & 7) === BPF_JMP ? Math.max(jt, jf) : 0;
    if (at + 1 + farthest >= program.length && code !== BPF_RET)
      throw new Error(`instruction ${at} leads past the end`);
  }
  if (program.at(-1)?.code !== BPF_RET) throw new Error('no return at the end');
  for (const [at, instruction] of decodeProgram(encodeProgram(program)).entries())
    if (Object.entries(instruction).some(([field, value]) => program[at]?.[field as keyof Instruction] !== value))
      throw new Error(`instruction ${at} has a field that does not hold what it should`);
}
