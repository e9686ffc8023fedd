/** What tools/vitest-reporter.ts writes about one run of vitest. */
export interface TestReport {
  passed: number;
  failed: string[];
  skipped: SkippedTest[];
}

export interface SkippedTest {
  name: string;
  reason: string;
}
