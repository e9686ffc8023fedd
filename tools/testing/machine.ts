import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder, workspaceRoot } from '../workspace.ts';
import { run, runTool } from './process.ts';
import type { TestReport } from './report.ts';
import { nothing, sum, type Tally, tallyOfCheck, tallyOfTests } from './tally.ts';

/** Programs, and the Debian packages that have them. */
const needed = {
  'qemu-system-x86_64': 'qemu-system-x86',
  busybox: 'busybox-static',
  zstd: 'zstd',
  xz: 'xz-utils',
} as const;

export const machinePackages: readonly string[] = Object.values(needed);

interface Machine {
  /** Options of vm-run. */
  readonly options: readonly string[];
  /** Parts of the paths of the test files that run in it. */
  readonly files: readonly string[];
}

/** One kernel has one of the two large security modules; AppArmor without profiles is in nobody's way. */
const machines: readonly Machine[] = [
  { options: ['--apparmor'], files: ['v2/', 'chains/cgroups-v2', 'chains/labels'] },
  { options: ['--selinux'], files: ['chains/labels'] },
  { options: ['--selinux=enforcing'], files: ['chains/labels'] },
];

/** An emulated machine is slow when its host is busy. */
const timeoutSeconds = 900;
/** vm-run's exit status where it could not make a machine, and where the machine has ended by itself. */
const noMachine = 125;
const endedEarly = 123;

const isThere = (program: string) => spawnSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' }).status === 0;

function whyNot(): string | undefined {
  if (process.arch !== 'x64') return 'the machine is an x86-64 one';
  if (process.getuid?.() !== 0) return 'needs root';
  const missing = Object.entries(needed).flatMap(([program, name]) => (isThere(program) ? [] : [name]));
  return missing.length ? `missing: apt-get install --no-install-recommends ${missing.join(' ')}` : undefined;
}

const nameOf = ({ options }: Machine) => `e2e in a virtual machine ${options.join(' ')}`;
const skipped = (name: string, reason: string): Tally => ({ ...nothing, skipped: [{ name, reason }] });

/** Whether a test of that name is in one of a machine's files. */
const runsIn = ({ files }: Machine, test: string) => files.some((file) => test.startsWith(`e2e/${file}`));

/** A test that one machine has skipped counts as skipped only where no other one has run it. */
export function sumOfMachines(results: readonly (readonly [Machine, Tally])[]): Tally {
  const hasRun = ([machine, tally]: readonly [Machine, Tally], test: string) =>
    tally.passed > 0 && runsIn(machine, test) && !tally.skipped.some(({ name }) => name === test);
  const total = sum(results.map(([, tally]) => tally));
  const once = new Map(total.skipped.map((each) => [each.name, each]));
  return {
    ...total,
    skipped: [...once.values()].filter(({ name }) => !results.some((result) => hasRun(result, name))),
  };
}

async function runIn(machine: Machine, folder: string, vitestArgs: readonly string[]): Promise<Tally> {
  const report = join(folder, 'report.json');
  const options = ['--timeout', String(timeoutSeconds), '--dir', workspaceRoot, '--rw', folder, ...machine.options];
  const vitest = [process.execPath, 'node_modules/vitest/vitest.mjs', 'run', '--root', 'e2e'];
  const command = [
    'env',
    'TS_TEST_LINKED=1',
    `VITEST_REPORT_FILE=${report}`,
    ...vitest,
    ...machine.files,
    ...vitestArgs,
  ];
  const boot = () => {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    return run(join(workspaceRoot, 'tools/vm/vm-run'), [...options, '--', ...command]);
  };
  let status = await boot();
  if (status === endedEarly) {
    console.log(`${nameOf(machine)}: it has ended by itself (why: see above), and is started once more`);
    status = await boot();
  }
  if (status === noMachine) return skipped(nameOf(machine), 'no machine could be made: see above');
  const found = existsSync(report) ? (JSON.parse(readFileSync(report, 'utf8')) as TestReport) : undefined;
  const tally = tallyOfTests('all tests', status === 0, found);
  return { ...tally, failed: tally.failed.map((test) => `${nameOf(machine)}: ${test}`) };
}

/**
 * Runs e2e tests in small virtual machines with cgroup v2 alone, one after the other. They have this host's files,
 * read-only, and so the built tools; what they boot is unpacked from Debian's packages into a cache, and nothing is installed.
 */
export async function runMachineTests(vitestArgs: string[]): Promise<Tally> {
  const reason = whyNot();
  if (reason) return skipped('e2e in virtual machines', reason);
  // Made here, for it takes the machine long.
  const linked = await runTool('compat', [join(workspaceRoot, 'dist/compat')]);
  if (linked !== 0) return tallyOfCheck('the links with the names of the originals', linked);
  const results: (readonly [Machine, Tally])[] = [];
  for (const machine of machines) {
    console.log(`\n${nameOf(machine)}`);
    results.push([machine, await runIn(machine, join(cacheFolder, 'machine'), vitestArgs)]);
  }
  return sumOfMachines(results);
}
