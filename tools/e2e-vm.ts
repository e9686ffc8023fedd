/**
 * `npm run e2e:vm`: the tests that need a cgroup v2 tree with all controllers, in a small virtual machine.
 *
 *     npm run e2e:vm -- [vitest's options, such as -t 'devices']
 *
 * The machine has this host's files, read-only; it takes the built tools and node_modules from them. It installs nothing
 * here: what it boots is unpacked from Debian's packages into a cache (tools/vm/vm-run). What is missing is said and
 * counted as a skip.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** Programs, and the Debian packages that have them. */
const NEEDED = {
  'qemu-system-x86_64': 'qemu-system-x86',
  busybox: 'busybox-static',
  zstd: 'zstd',
  xz: 'xz-utils',
} as const;

const isThere = (program: string) => spawnSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' }).status === 0;

function whyNot(): string | undefined {
  if (process.arch !== 'x64') return 'the machine is an x86-64 one';
  if (process.getuid?.() !== 0) return 'needs root';
  const missing = Object.entries(NEEDED).flatMap(([program, name]) => (isThere(program) ? [] : [name]));
  return missing.length ? `not installed: apt-get install --no-install-recommends ${missing.join(' ')}` : undefined;
}

const reason = whyNot();
if (reason) {
  console.log(`e2e:vm: 0 passed, 0 failed, 1 skipped (${reason})`);
} else if (!existsSync('dist/bin')) {
  console.error('the tools are not built: npm run build');
  process.exitCode = 1;
} else {
  const machine = ['tools/vm/vm-run', '--timeout', '1800', '--dir', '.', '--'];
  const tests = [
    'node_modules/.bin/vitest',
    'run',
    '--root',
    'e2e',
    'v2/',
    'chains/cgroups-v2',
    ...process.argv.slice(2),
  ];
  const [program = '', ...rest] = [...machine, ...tests];
  process.exitCode = spawnSync(program, rest, { stdio: ['ignore', 'inherit', 'inherit'] }).status ?? 1;
}
