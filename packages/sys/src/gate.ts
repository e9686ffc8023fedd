/**
 * The one way to the kernel. Everything above states calls; a gate makes them now (./live.ts) or writes them down
 * (./tape/recorder.ts).
 */
import type { Call } from './calls.ts';
import type { Int, Operand } from './operand.ts';

/** What happens when a call fails. */
export interface OnFailure {
  /** What is said before ": strerror"; nothing is said where it is undefined and the failure is let pass. */
  readonly message: string;
  /** Exit status of the tool. */
  readonly status: number;
  /** Exit status where the error is ENOENT; `status` if left out. */
  readonly statusMissing?: number;
  /** The failure is let pass: for any error, or for this one alone (a number as ERRORS has them). */
  readonly ignore?: true | number;
  /** What an explainer is asked about: words that say which call it was and for what. */
  readonly explain?: string;
}

export interface Gate {
  /** `looksOnly`: the call changes nothing, its result or what the kernel fills in is needed at once. Errors end the run as `failure` says. Result: what the kernel returns, never negative (live), or its place on the tape. */
  call(name: Call, operands: readonly Operand[], failure: OnFailure, looksOnly?: boolean): Int;
  /** True where results are known at once, so that data filled by the kernel can be read. */
  readonly live: boolean;
  /** True where calls that change something are only shown. */
  readonly dry?: boolean;
}
