import { existsSync, readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { cacheFolder, workspaceRoot } from '../workspace.ts';
import { hasPassed, runTarget, type TaskRun } from './nx.ts';
import { runNode } from './process.ts';
import type { TestReport } from './report.ts';
import { failure, sum, type Tally, tallyOfTests } from './tally.ts';

const reportFolder = 'node_modules/.cache/test-reports';

function readReport(file: string): TestReport | undefined {
  const path = join(workspaceRoot, file);
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as TestReport) : undefined;
}

const readPackageReport = (name: string): TestReport | undefined => readReport(`${reportFolder}/unit-${name}.json`);

// A report that an earlier run left must not pass for that of a run that dies. nx brings back the ones it has cached.
function removeReports(): void {
  rmSync(join(cacheFolder, 'test-reports'), { recursive: true, force: true });
}

async function runVitest(name: string, config: string, args: string[]): Promise<Tally> {
  removeReports();
  const report = `${reportFolder}/${name}.json`;
  const exitStatus = await runNode('vitest/vitest.mjs', ['run', '--config', config, ...args], {
    env: { VITEST_REPORT_FILE: report },
  });
  return tallyOfTests(name, exitStatus === 0, readReport(report));
}

/** @param reportOf What a package's run of vitest has written. */
export function tallyOfPackages({ exitStatus, tasks }: TaskRun, reportOf = readPackageReport): Tally {
  if (tasks === undefined) return failure(`unit: nx gave no results (exit status ${exitStatus})`);
  const tally = sum(
    tasks.map((task) => tallyOfTests(`unit ${task.project}`, hasPassed(task), reportOf(basename(task.root)))),
  );
  return exitStatus === 0 || tally.failed.length > 0
    ? tally
    : { ...tally, failed: [`unit: nx ended with exit status ${exitStatus}`] };
}

async function runUnitTargets(): Promise<Tally> {
  removeReports();
  return tallyOfPackages(await runTarget('test'));
}
/** Package by package through nx; with arguments for vitest all at once, for those are of no use to the cache. */
export function runUnitTests(vitestArgs: string[]): Promise<Tally> {
  return vitestArgs.length === 0 ? runUnitTargets() : runVitest('unit', 'vitest.config.ts', vitestArgs);
}

export function runEndToEndTests(vitestArgs: string[]): Promise<Tally> {
  return runVitest('e2e', 'e2e/vitest.config.ts', vitestArgs);
}
