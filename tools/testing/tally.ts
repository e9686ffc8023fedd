import type { SkippedTest, TestReport } from './report.ts';

export interface Tally {
  passed: number;
  failed: string[];
  skipped: SkippedTest[];
}

export const nothing: Tally = { passed: 0, failed: [], skipped: [] };

export function sum(tallies: Tally[]): Tally {
  return {
    passed: tallies.reduce((total, { passed }) => total + passed, 0),
    failed: tallies.flatMap(({ failed }) => failed),
    skipped: tallies.flatMap(({ skipped }) => skipped),
  };
}

/** A step that failed as a whole. */
export function failure(message: string): Tally {
  return { ...nothing, failed: [message] };
}

/** A check that either holds or does not. */
export function tallyOfCheck(name: string, exitStatus: number): Tally {
  return exitStatus === 0 ? { ...nothing, passed: 1 } : failure(`${name}: exit status ${exitStatus}`);
}

/** A run that ended badly counts as failed even if it told of no failed test, or of nothing at all. */
export function tallyOfTests(name: string, succeeded: boolean, report: TestReport | undefined): Tally {
  if (report === undefined) return failure(`${name}: the test run ended without a report`);
  return succeeded || report.failed.length > 0
    ? report
    : { ...report, failed: [`${name}: the test run failed, though no test did`] };
}

export function countsLine({ passed, failed, skipped }: Tally): string {
  return `${passed} passed, ${failed.length} failed, ${skipped.length} skipped`;
}

export function summaryLines(tally: Tally): string[] {
  return [
    ...tally.skipped.map(({ name, reason }) => `skipped: ${name} (${reason})`),
    ...tally.failed.map((name) => `FAILED: ${name}`),
    countsLine(tally),
  ];
}
