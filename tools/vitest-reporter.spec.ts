import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { TestReport } from './testing/report.ts';
import { cacheFolder, workspaceRoot } from './workspace.ts';

let folder: string;

beforeEach(() => {
  mkdirSync(cacheFolder, { recursive: true });
  folder = mkdtempSync(join(cacheFolder, 'reporter-'));
  writeFileSync(
    join(folder, 'vitest.config.mjs'),
    `export default { test: {
      root: ${JSON.stringify(folder)},
      include: ['*.fixture.ts'],
      exclude: [],
      reporters: [${JSON.stringify(join(workspaceRoot, 'tools/vitest-reporter.ts'))}],
    } };`,
  );
});

afterEach(() => rmSync(folder, { recursive: true }));

function reportOn(source: string, args: string[] = []): TestReport {
  const report = join(folder, 'report.json');
  writeFileSync(
    join(folder, 'a.fixture.ts'),
    `import { beforeAll, describe, expect, it } from ${JSON.stringify(join(workspaceRoot, 'node_modules/vitest/dist/index.js'))};\n${source}`,
  );
  const vitest = join(workspaceRoot, 'node_modules/vitest/vitest.mjs');
  const config = join(folder, 'vitest.config.mjs');
  try {
    execFileSync(process.execPath, [vitest, 'run', '--config', config, ...args], {
      cwd: folder,
      env: { ...process.env, VITEST_REPORT_FILE: report },
      stdio: 'ignore',
    });
  } catch (error) {
    // Failing tests are what some reports are about.
    expect(error).toHaveProperty('status', 1);
  }
  return JSON.parse(readFileSync(report, 'utf8')) as TestReport;
}

function title(name: string): unknown {
  return expect.stringContaining(`a.fixture.ts > ${name}`);
}

it('gives the reasons of skipped tests', { timeout: 30_000 }, () => {
  const source = `it('a', () => {}); it('b', (ctx) => ctx.skip('needs root')); it.todo('c'); it.skip('d', () => {});`;
  expect(reportOn(source)).toEqual({
    passed: 1,
    failed: [],
    skipped: [
      { name: title('b'), reason: 'needs root' },
      { name: title('c'), reason: 'to be written' },
      { name: title('d'), reason: 'no reason given' },
    ],
  });
});

it('counts a broken set-up as a failure', { timeout: 30_000 }, () => {
  const source = `describe('a', () => { beforeAll(() => { throw new Error('no'); }); it('b', () => {}); });
    it('c', () => expect(1).toBe(2));`;
  expect(reportOn(source)).toEqual({
    passed: 0,
    failed: [title('a: no'), title('c')],
    skipped: [{ name: title('a > b'), reason: 'the set-up of its suite failed' }],
  });
});

it('counts a file that does not load as a failure', { timeout: 30_000 }, () => {
  expect(reportOn(`throw new Error('no');`)).toEqual({
    passed: 0,
    failed: [expect.stringContaining('a.fixture.ts: no')],
    skipped: [],
  });
});

it('leaves out what a name filter excludes', { timeout: 30_000 }, () => {
  const source = `describe('a', () => { it('b', () => {}); it('c', () => {}); });`;
  expect(reportOn(source, ['-t', 'a b'])).toEqual({ passed: 1, failed: [], skipped: [] });
});
