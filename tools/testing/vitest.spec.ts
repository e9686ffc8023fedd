import { describe, expect, it } from 'vitest';
import type { TestReport } from './report.ts';
import { tallyOfPackages } from './vitest.ts';

const task = (name: string, status: string) => ({
  project: `@ts/${name}`,
  root: `packages/${name}`,
  target: 'test',
  status,
});

const reports: Readonly<Record<string, TestReport>> = {
  a: { passed: 2, failed: [], skipped: [] },
  b: { passed: 3, failed: [], skipped: [{ name: 'b > c', reason: 'needs root' }] },
};

const tallyOf = (exitStatus: number, ...tasks: ReturnType<typeof task>[]) =>
  tallyOfPackages({ exitStatus, tasks }, (name) => reports[name]);

describe('tallyOfPackages', () => {
  it('adds the reports, those of cached runs too', () => {
    expect(tallyOf(0, task('a', 'success'), task('b', 'local-cache'))).toEqual({
      passed: 5,
      failed: [],
      skipped: [{ name: 'b > c', reason: 'needs root' }],
    });
  });

  it('counts a package without a report as one failure', () => {
    expect(tallyOf(1, task('a', 'success'), task('c', 'failure'))).toMatchObject({
      passed: 2,
      failed: [expect.stringContaining('@ts/c')],
    });
  });

  it('fails without results', () => {
    expect(tallyOfPackages({ exitStatus: 1, tasks: undefined }).failed).toEqual([
      'unit: nx gave no results (exit status 1)',
    ]);
  });

  it('fails where only the exit status tells of a failure', () => {
    expect(tallyOf(1, task('a', 'success'))).toMatchObject({ passed: 2, failed: [expect.any(String)] });
  });
});
