/**
 * Steps, and what takes them back when a later one fails: at once, or on a tape.
 *
 *     together(sys, (steps) => {
 *       steps.mkdir('/a', 0o755);
 *       steps.undo((back) => back.rmdir('/a'));
 *       steps.mount('none', '/a', 'tmpfs', 0, null);
 *     });
 */
import { SysError } from './errno.ts';
import { Journal } from './journal.ts';
import type { Int } from './operand.ts';
import { isLive, type LiveSys, type Sys } from './sys.ts';

export type Condition = 'equal' | 'notEqual' | 'less';

/** System calls, and what is done when they fail. */
export interface Steps extends Sys {
  /**
   * Runs `attempt`; when a call in it fails (with one of these errnos, where given), goes on with `otherwise` instead.
   *
   * @param only A number as ERRORS has them; several only at once, not on a tape.
   */
  tryElse(attempt: (sys: this) => void, otherwise: (sys: this) => void, only?: number | readonly number[]): void;
  /** Runs `then` if the result of a call compares so. */
  when(left: Int, condition: Condition, right: Int, then: () => void): void;
  /** From here on, a failure runs `takeBack` after its message: the last one said first. Failures in it are let pass. */
  undo(takeBack: (sys: this) => void): void;
  /** Like `undo`, for failures of `work` alone. */
  undoing<Result>(takeBack: (sys: this) => void, work: () => Result): Result;
}

const COMPARE: Readonly<Record<Condition, (a: Int, b: Int) => boolean>> = {
  equal: (a, b) => a === b,
  notEqual: (a, b) => a !== b,
  less: (a, b) => a < b,
};

/** Runs `work` with live calls; when it throws, what was said to be undone is undone, the last first. */
export function atOnce<Result>(sys: LiveSys, work: (steps: Steps) => Result): Result {
  const journal = new Journal<(sys: Steps) => void>();
  const additions: Omit<Steps, keyof Sys> & ThisType<Steps> = {
    tryElse(attempt, otherwise, only) {
      const before = journal.length;
      try {
        attempt(this);
      } catch (error) {
        if (!(error instanceof SysError) || (only !== undefined && ![only].flat().includes(error.errno))) throw error;
        journal.keep(before);
        otherwise(this);
      }
    },
    when(left, condition, right, then) {
      if (COMPARE[condition](left, right)) then();
    },
    undo(takeBack) {
      journal.add(takeBack);
    },
    undoing(takeBack, during) {
      const before = journal.length;
      journal.add(takeBack);
      const result = during();
      journal.keep(before);
      return result;
    },
  };
  const steps: Steps = Object.assign(Object.create(Object.getPrototypeOf(sys)), sys, additions);
  try {
    return work(steps);
  } catch (error) {
    journal.run(steps.ignoring());
    throw error;
  }
}

/** A tape takes steps by itself. */
const isTape = (sys: Sys): sys is Steps => !sys.live;

/**
 * Steps that are taken back together: at once, when one of them fails; on a tape, when one of them or anything that is recorded
 * behind them fails while it is played.
 */
export function together<Result>(sys: Sys, work: (steps: Steps) => Result): Result {
  if (isLive(sys)) return atOnce(sys, work);
  if (isTape(sys)) return work(sys);
  throw new TypeError('neither live nor recorded');
}
