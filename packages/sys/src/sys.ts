/**
 * `Sys`: every system call that the tools need, over a gate.
 *
 * One object with a method for each wrapper of ./man2, and two makes: `live()` calls now; `recording()` (./tape/recorder.ts)
 * writes down. A function that takes `Sys` works on both.
 */

import type { Caller } from './caller.ts';
import type { Call } from './calls.ts';
import type { Gate, OnFailure } from './gate.ts';
import { LiveGate } from './live.ts';
import * as man2 from './man2/index.ts';
import type { Int, Operand, Ref } from './operand.ts';

type Bound<Wrappers, Result> = {
  [K in keyof Wrappers]: Wrappers[K] extends (sys: Caller, ...rest: infer Rest) => infer R
    ? (...rest: Rest) => [Ref] extends [R] ? Result : R
    : never;
};

/** Exit statuses of a failure, where they are not those of `sys` itself. */
export interface Statuses {
  status?: number;
  /** For ENOENT. */
  statusMissing?: number;
}

/** The calls, their results known at once (`number`) or when the tape is played (`Int`). */
export interface SysBase<Result extends Int> extends Bound<typeof man2, Result> {
  readonly live: boolean;
  /** The same calls; a failure says `message: strerror` and ends with the tool's or the given status. */
  or(message: string, statuses?: Statuses): this;
  /** The same calls; a failure (of any kind, or this errno alone) is let pass. */
  ignoring(errno?: number): this;
  /** The same calls; a failure is explained as one of `subject`: what was called, and for what, in words. */
  explaining(subject: string): this;
  /** Puts a result into data that a later call is given: a descriptor into a structure, say. `offset` and `width` in bytes. */
  fill(data: Uint8Array, offset: number, result: Int, width: 4 | 8): void;
  /** A call that has no wrapper. */
  do(name: Call, ...operands: Operand[]): Result;
}

export interface Sys extends SysBase<Int> {}
export interface LiveSys extends SysBase<number> {
  /** Calls that change something are only shown (--dry-run). */
  readonly dry: boolean;
  /** A call that has no wrapper and changes nothing: made even where calls are only shown. */
  look(name: Call, ...operands: Operand[]): number;
}

class Binding implements Caller {
  constructor(
    readonly gate: Gate,
    readonly failure: Partial<OnFailure> & { status: number },
  ) {}

  get live(): boolean {
    return this.gate.live;
  }

  get dry(): boolean {
    return this.gate.dry ?? false;
  }

  or(message: string, statuses: Statuses = {}): this {
    return this.with({ status: this.failure.status, explain: this.failure.explain, ...statuses, message });
  }

  ignoring(errno?: number): this {
    return this.with({ ...this.failure, ignore: errno ?? true });
  }

  explaining(explain: string): this {
    return this.with({ ...this.failure, explain });
  }

  do(name: Call, ...operands: Operand[]): Int {
    return this.gate.call(name, operands, this.said(name));
  }

  fill(data: Uint8Array, offset: number, result: Int, width: 4 | 8): void {
    if (typeof result !== 'number') throw new TypeError('a recorded result has no value while planning');
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    if (width === 8) view.setBigInt64(offset, BigInt(result), true);
    else view.setInt32(offset, result, true);
  }

  private said(name: Call): OnFailure {
    return { message: `${name} failed`, ...this.failure };
  }

  look(name: Call, ...operands: Operand[]): number {
    if (!this.gate.live) throw new TypeError(`the result of ${name} is needed while planning: use a live sys`);
    return this.gate.call(name, operands, this.said(name), true) as number;
  }

  protected with(failure: Partial<OnFailure> & { status: number }): this {
    const other = Object.create(Object.getPrototypeOf(this)) as this;
    return Object.assign(other, this, { failure });
  }
}

const wrappers = man2 as unknown as Readonly<Record<PropertyKey, (sys: Caller, ...rest: unknown[]) => unknown>>;

/** A wrapper becomes a method when it is asked for: a run needs few of them. */
const methods: ProxyHandler<object> = {
  get(target, name, receiver) {
    const wrapper = Object.hasOwn(wrappers, name) ? wrappers[name] : undefined;
    if (!wrapper) return Reflect.get(target, name, receiver);
    const value = function (this: Caller, ...rest: unknown[]) {
      return wrapper(this, ...rest);
    };
    Object.defineProperty(Binding.prototype, name, { value });
    return value;
  },
};
Object.setPrototypeOf(Binding.prototype, new Proxy(Object.prototype, methods));

/** Calls by way of a gate, and what a failure of them means. */
export type BoundSys = Binding & Sys;
export const BoundSys = Binding as new (...given: ConstructorParameters<typeof Binding>) => BoundSys;

/** Whether results are known at once. */
export const isLive = (sys: Sys): sys is LiveSys => sys.live;

/**
 * System calls made now, by the main thread of this process. Errors are thrown as SysError.
 *
 * @param status Exit status that errors carry for a tool. @param trace Is given one line a call.
 */
export const live = (status = 1, trace?: (line: string) => void): LiveSys =>
  new BoundSys(new LiveGate(trace), { status }) as LiveSys;

/** The same, but calls that change something are only traced. */
export const dry = (status: number, trace: (line: string) => void): LiveSys =>
  new BoundSys(new LiveGate(trace, true), { status }) as LiveSys;
