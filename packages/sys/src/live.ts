/** The live gate: system calls of this thread, now, through koffi. */

import { formatCall, formatResult } from '#trace';
import { arch } from './arch.ts';
import { cString } from './bytes.ts';
import { type Call, callNumber } from './calls.ts';
import { changesRoot } from './elsewhere.ts';
import { SysError } from './errno.ts';
import type { Gate, OnFailure } from './gate.ts';
import { native } from './native.ts';
import { Block, bytesOf, type Data, type Operand, Ref } from './operand.ts';

/** Memory address of data, with the addresses inside it filled in. `keep` holds what must outlive the call. */
function addressOf(data: Data, keep: unknown[]): number {
  const { address } = native();
  if (!(data instanceof Block)) {
    const bytes = bytesOf(data);
    keep.push(bytes);
    return address(bytes);
  }
  for (const [offset, target] of data.pointers) {
    data.bytes.writeBigUInt64LE(target === null ? 0n : BigInt(addressOf(target, keep)), offset);
  }
  keep.push(data.bytes);
  return address(data.bytes);
}

function wordOf(operand: Operand, keep: unknown[]): number | bigint {
  if (typeof operand === 'number' || typeof operand === 'bigint') return operand;
  if (operand === null) return 0;
  if (operand instanceof Ref) throw new TypeError('a recorded result has no value while planning');
  return addressOf(operand, keep);
}

const wordAt = (operands: readonly Operand[], index: number, keep: unknown[]): number | bigint =>
  index < operands.length ? wordOf(operands[index] as Operand, keep) : 0;

/** Makes the call and gives the kernel's return value, or the negated errno. For `sys` and for calls it does not wrap. */
export function rawCall(name: Call, operands: readonly Operand[]): number {
  const keep: unknown[] = [];
  const { syscall, errno } = native();
  // Neither map nor a pattern: where nothing is compiled they take longer than the call.
  const result = syscall(
    callNumber(name, arch) as number,
    wordAt(operands, 0, keep),
    wordAt(operands, 1, keep),
    wordAt(operands, 2, keep),
    wordAt(operands, 3, keep),
    wordAt(operands, 4, keep),
    wordAt(operands, 5, keep),
  );
  return result === -1 ? -errno() : result;
}

/** Operands of `plainCall`. */
export type Plain = number | string | Uint8Array;

/** What the call that is being made looks at. */
const held: Uint8Array[] = [];

function plainWord(operand: Plain): number {
  if (typeof operand === 'number') return operand;
  const bytes = typeof operand === 'string' ? cString(operand) : operand;
  held.push(bytes);
  return native().address(bytes);
}

/**
 * `rawCall` of at most four operands that hold no others: a third of its time while nothing is compiled, which most runs are too short
 * for, and a tool looks at hundreds of files.
 */
export function plainCall(name: Call, a: Plain, b: Plain = 0, c: Plain = 0, d: Plain = 0): number {
  held.length = 0;
  const first = plainWord(a);
  const second = plainWord(b);
  const third = plainWord(c);
  const fourth = plainWord(d);
  const { syscall, errno } = native();
  const result = syscall(callNumber(name, arch) as number, first, second, third, fourth, 0, 0);
  return result === -1 ? -errno() : result;
}

let elsewhere = false;

/** Whether live calls have changed root or mount namespace of this process: what its paths lead to may be anybody's. */
export const isElsewhere = (): boolean => elsewhere;

const ENOENT = 2;

export class LiveGate implements Gate {
  readonly live = true;

  get dry(): boolean {
    return this.isDry;
  }

  /**
   * @param trace Is given one line a call, as strace(1) prints it.
   * @param isDry Calls that change something are not made, only traced, and succeed.
   */
  constructor(
    readonly trace?: (line: string) => void,
    readonly isDry = false,
  ) {}

  call(name: Call, operands: readonly Operand[], failure: OnFailure, looksOnly = false): number {
    if (this.isDry) {
      if (looksOnly) return this.#make(name, operands, failure);
      this.trace?.(formatCall(name, operands));
      return 0;
    }
    return this.#make(name, operands, failure, this.trace);
  }

  #make(name: Call, operands: readonly Operand[], failure: OnFailure, trace?: (line: string) => void): number {
    const result = rawCall(name, operands);
    trace?.(`${formatCall(name, operands)} = ${formatResult(result)}`);
    if (result >= 0 && changesRoot(name, operands)) elsewhere = true;
    if (result >= 0 || failure.ignore === true || failure.ignore === -result) return result;
    throw new SysError(
      name,
      -result,
      formatCall(name, operands),
      failure.message,
      failure.statusMissing !== undefined && -result === ENOENT ? failure.statusMissing : failure.status,
      failure.explain,
    );
  }
}
