/** What a wrapper of ./man2 stands on: `sys` bound to a gate and to what is said on failure. */
import type { Call } from './calls.ts';
import type { Int, Operand } from './operand.ts';

export interface Caller {
  /** Makes or records the call. */
  do(name: Call, ...operands: Operand[]): Int;
  /** Puts a result into data that a later call is given. `offset` and `width` in bytes. */
  fill(data: Uint8Array, offset: number, result: Int, width: 4 | 8): void;
  /** Makes a call whose result or filled memory is needed at once. Throws on a gate that only records. */
  look(name: Call, ...operands: Operand[]): number;
}
