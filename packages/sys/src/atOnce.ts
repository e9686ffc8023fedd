/** What a tape can do besides calling, done at once: one function then serves both. */
import { SysError } from './errno.ts';
import { Journal } from './journal.ts';
import type { LiveSys, Sys } from './sys.ts';
import type { Recording } from './tape/recorder.ts';

/** System calls, and what is done when they fail: on a tape or at once. */
export interface Steps extends Sys {
  tryElse(attempt: (sys: Steps) => void, otherwise: (sys: Steps) => void, only?: number | readonly number[]): void;
  when(left: Parameters<Recording['when']>[0] | number, ...rest: Rest): void;
  undo(takeBack: (sys: Steps) => void): void;
  undoing(takeBack: (sys: Steps) => void, work: () => void): void;
}

type Rest = Parameters<Recording['when']> extends [unknown, ...infer R] ? R : never;

const COMPARE = {
  equal: (a: number, b: number) => a === b,
  notEqual: (a: number, b: number) => a !== b,
  less: (a: number, b: number) => a < b,
};

/** Runs `work` with live calls; when it throws, what was said to be undone is undone, the last first. */
export function atOnce<Result>(sys: LiveSys, work: (steps: Steps) => Result): Result {
  const journal = new Journal<(sys: Steps) => void>();
  const steps: Steps = Object.assign(Object.create(Object.getPrototypeOf(sys)), sys, {
    tryElse(attempt: (sys: Steps) => void, otherwise: (sys: Steps) => void, only?: number | readonly number[]) {
      const before = journal.length;
      try {
        attempt(steps);
      } catch (error) {
        if (!(error instanceof SysError) || (only !== undefined && ![only].flat().includes(error.errno))) throw error;
        journal.keep(before);
        otherwise(steps);
      }
    },
    when(left: number, condition: keyof typeof COMPARE, right: number, then: () => void) {
      if (COMPARE[condition](left, right)) then();
    },
    undo(takeBack: (sys: Steps) => void) {
      journal.add(takeBack);
    },
    undoing(takeBack: (sys: Steps) => void, during: () => void) {
      const before = journal.length;
      journal.add(takeBack);
      during();
      journal.keep(before);
    },
  });
  try {
    return work(steps);
  } catch (error) {
    journal.run(steps.ignoring());
    throw error;
  }
}
