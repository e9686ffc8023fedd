// Writes what came of a run of vitest to the file that VITEST_REPORT_FILE names, with the reasons of skipped tests.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import type { Reporter, TestCase, TestModule, TestSuite, Vitest } from 'vitest/node';
import type { SkippedTest, TestReport } from './testing/report.ts';

const root = dirname(import.meta.dirname);

type Parent = TestCase['parent'];

function titlesOf(test: TestCase | Parent): string[] {
  return test.type === 'module' ? [] : [...titlesOf(test.parent), test.name];
}

function fileOf(module: TestModule): string {
  return relative(root, module.moduleId);
}

function nameOf(test: TestCase | TestSuite): string {
  return [fileOf(test.module), ...titlesOf(test)].join(' > ');
}

function hasFailedSetup(parent: Parent): boolean {
  return parent.errors().length > 0 || (parent.type === 'suite' && hasFailedSetup(parent.parent));
}

function reasonOf(test: TestCase): string {
  const result = test.result();
  if (result.state === 'skipped' && result.note) return result.note;
  if (hasFailedSetup(test.parent)) return 'the set-up of its suite failed';
  return test.options.mode === 'todo' ? 'to be written' : 'no reason given';
}

// Tests outside of a name filter were not asked for. Vitest reports them as skipped all the same, and it matches the
// filter against the titles joined by single spaces.
function isAskedFor(test: TestCase, pattern: RegExp | undefined): boolean {
  return pattern === undefined || titlesOf(test).join(' ').match(pattern) !== null;
}

function failuresOfModule(module: TestModule): string[] {
  const suites = [...module.children.allSuites()].filter((suite) => suite.errors().length > 0);
  const own = module.errors().map((error) => `${fileOf(module)}: ${error.message}`);
  return [...own, ...suites.map((suite) => `${nameOf(suite)}: ${suite.errors()[0]?.message ?? 'failed'}`)];
}

export function reportOf(modules: readonly TestModule[], errors: string[], pattern: RegExp | undefined): TestReport {
  const tests = modules
    .flatMap((module) => [...module.children.allTests()])
    .filter((test) => isAskedFor(test, pattern));
  const inState = (state: string): TestCase[] => tests.filter((test) => test.result().state === state);
  const skipped: SkippedTest[] = inState('skipped').map((test) => ({ name: nameOf(test), reason: reasonOf(test) }));
  return {
    passed: inState('passed').length,
    failed: [
      ...modules.flatMap(failuresOfModule),
      ...inState('failed').map(nameOf),
      ...inState('pending').map((test) => `${nameOf(test)}: did not finish`),
      ...errors.map((message) => `outside of any test: ${message}`),
    ],
    skipped,
  };
}

export default class ReportWriter implements Reporter {
  #pattern: RegExp | undefined;

  onInit(vitest: Vitest): void {
    this.#pattern = vitest.config.testNamePattern;
  }

  onTestRunEnd(modules: readonly TestModule[], errors: readonly { message: string }[]): void {
    const file = process.env.VITEST_REPORT_FILE;
    if (!file) return;
    const path = resolve(root, file);
    const report = reportOf(
      modules,
      errors.map(({ message }) => message),
      this.#pattern,
    );
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, JSON.stringify(report));
  }
}
