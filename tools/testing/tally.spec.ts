import { describe, expect, it } from 'vitest';
import { sum, summaryLines, tallyOfCheck, tallyOfTasks, tallyOfTests } from './tally.ts';

const green = { passed: 2, failed: [], skipped: [{ name: 'a > b', reason: 'needs root' }] };

function task(project: string, status: string) {
  return { project, root: `packages/${project}`, target: 'lint', status };
}

describe('tallyOfTasks', () => {
  it('counts cached tasks as passed', () => {
    const run = { exitStatus: 1, tasks: [task('a', 'success'), task('b', 'local-cache'), task('c', 'failure')] };
    expect(tallyOfTasks('lint', run)).toEqual({ passed: 2, failed: ['lint c: failure'], skipped: [] });
  });

  it('fails without results', () => {
    expect(tallyOfTasks('lint', { exitStatus: 1, tasks: undefined }).failed).toHaveLength(1);
  });

  it('fails where only the exit status tells of a failure', () => {
    expect(tallyOfTasks('lint', { exitStatus: 1, tasks: [task('a', 'success')] }).failed).toHaveLength(1);
  });
});

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
