import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder, workspaceRoot } from '../workspace.ts';
import { run } from './process.ts';
import type { TestReport } from './report.ts';
import { nothing, type Tally, tallyOfTests } from './tally.ts';

/** Programs, and the Debian packages that have them. */
const needed = {
  'qemu-system-x86_64': 'qemu-system-x86',
  busybox: 'busybox-static',
  zstd: 'zstd',
  xz: 'xz-utils',
} as const;

/** What runs in the machine: tests of a host whose controllers are all in the v2 tree. */
const files = ['v2/', 'chains/cgroups-v2'];

/** The emulated machine is slow when its host is busy. */
const timeoutSeconds = 1800;
/** vm-run's exit status where it could not make a machine. */
const noMachine = 125;

const isThere = (program: string) => spawnSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' }).status === 0;

function whyNot(): string | undefined {
  if (process.arch !== 'x64') return 'the machine is an x86-64 one';
  if (process.getuid?.() !== 0) return 'needs root';
  const missing = Object.entries(needed).flatMap(([program, name]) => (isThere(program) ? [] : [name]));
  return missing.length ? `missing: apt-get install --no-install-recommends ${missing.join(' ')}` : undefined;
}

const skipped = (reason: string): Tally => ({ ...nothing, skipped: [{ name: 'e2e in a virtual machine', reason }] });

/**
 * Runs e2e tests in a small virtual machine with cgroup v2 alone. It has this host's files, read-only, and so the built
 * tools; what it boots is unpacked from Debian's packages into a cache, and nothing is installed.
 */
export async function runMachineTests(vitestArgs: string[]): Promise<Tally> {
  const reason = whyNot();
  if (reason) return skipped(reason);
  const folder = join(cacheFolder, 'machine');
  const report = join(folder, 'report.json');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const machine = ['--timeout', String(timeoutSeconds), '--dir', workspaceRoot, '--rw', folder, '--'];
  const vitest = [
    'env',
    `VITEST_REPORT_FILE=${report}`,
    process.execPath,
    'node_modules/vitest/vitest.mjs',
    'run',
    '--root',
    'e2e',
  ];
  const status = await run(
    join(workspaceRoot, 'tools/vm/vm-run'),
    [...machine, ...vitest, ...files, ...vitestArgs],
    {},
  );
  if (status === noMachine) return skipped('no machine could be made: see above');
  const found = existsSync(report) ? (JSON.parse(readFileSync(report, 'utf8')) as TestReport) : undefined;
  return tallyOfTests('e2e in a virtual machine', status === 0, found);
}
