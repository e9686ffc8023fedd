import { describe, expect, it } from 'vitest';
import { sum, summaryLines, tallyOfCheck, tallyOfTests } from './tally.ts';

const green = { passed: 2, failed: [], skipped: [{ name: 'a > b', reason: 'needs root' }] };

describe('tallyOfTests', () => {
  it('takes over a report', () => {
    expect(tallyOfTests('unit', true, green)).toEqual(green);
  });

  it('counts a run without a report as one failure', () => {
    expect(tallyOfTests('unit', true, undefined)).toMatchObject({ passed: 0, failed: [expect.any(String)] });
  });

  it('counts a failed run without a failed test as one failure', () => {
    expect(tallyOfTests('unit', false, green)).toMatchObject({ passed: 2, failed: [expect.any(String)] });
  });
});

describe('summaryLines', () => {
  it('ends with the sums', () => {
    const tally = sum([green, tallyOfCheck('build', 0), tallyOfCheck('boundaries', 1)]);
    expect(summaryLines(tally)).toEqual([
      'skipped: a > b (needs root)',
      'FAILED: boundaries: exit status 1',
      '3 passed, 1 failed, 1 skipped',
    ]);
  });
});
