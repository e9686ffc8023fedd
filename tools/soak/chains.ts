/** Chains that fork, what each must give, and how they are run by the thousand: rare failures of a start or of a fork show in numbers only. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';

/** An ordinary user of every system. */
const NOBODY = 65534;

interface Chain {
  readonly argv: readonly string[];
  readonly uid: number;
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
}

const chain = (
  uid: number,
  argv: readonly string[],
  stdout: string,
  end: { status?: number; signal?: NodeJS.Signals } = {},
): Chain => ({
  argv,
  uid,
  stdout,
  status: end.signal ? null : (end.status ?? 0),
  signal: end.signal ?? null,
});

const AS_ROOT: readonly Chain[] = [
  chain(0, ['ts-unshare', '--fork', '--pid', '--mount-proc', 'true'], ''),
  chain(0, ['ts-unshare', '-muinpCf', '--mount-proc', 'readlink', '/proc/self'], '1\n'),
  chain(0, ['ts-unshare', '-f', 'sh', '-c', 'echo $0; exit 3'], 'sh\n', { status: 3 }),
  chain(0, ['ts-unshare', '-f', 'sh', '-c', 'kill -TERM $$'], '', { signal: 'SIGTERM' }),
  chain(0, ['ts-unshare', '-pf', '--kill-child', 'sh', '-c', '(exit 5) & wait $!; echo $$-$?'], '1-5\n'),
  chain(0, ['ts-unshare', '-u', 'ts-unshare', '-f', 'ts-unshare', '-ipf', 'sh', '-c', 'echo $$'], '1\n'),
  chain(0, ['ts-unshare', '-Urpf', '--map-users=1:1:10', '--map-groups=1:1:10', 'id', '-u'], '0\n'),
];

const asUser = (uid: number): readonly Chain[] => [
  chain(uid, ['ts-unshare', '-Urpf', '--mount-proc', 'id', '-u'], '0\n'),
  chain(uid, ['ts-unshare', '-cmf', 'sh', '-c', 'id -u'], `${uid}\n`),
  chain(uid, ['ts-unshare', '-f', 'sh', '-c', 'exit 7'], '', { status: 7 }),
];

/** Those that this user can run. */
export const chains = (): readonly Chain[] => {
  const uid = process.getuid?.() ?? NOBODY;
  return uid === 0 ? [...AS_ROOT, ...asUser(NOBODY)] : asUser(uid);
};

export interface SoakResult {
  readonly count: number;
  readonly failures: readonly string[];
  /** Wall-clock milliseconds of a run. */
  readonly minimum: number;
  readonly median: number;
}

export interface Soak {
  /** Folder of the single files. */
  readonly bin: string;
  /** The Node that runs them. */
  readonly node: string;
  readonly count: number;
  readonly atOnce?: number;
  /** After so long a run counts as hanging, and is killed. */
  readonly patience?: number;
  readonly progress?: (done: number, failed: number) => void;
}

interface Ended {
  readonly milliseconds: number;
  readonly failure?: string;
}

function runOnce({ bin, node, patience = 10_000 }: Soak, { argv, uid, ...wanted }: Chain): Promise<Ended> {
  const [name, ...rest] = argv as [string, ...string[]];
  return new Promise((resolve) => {
    const start = performance.now();
    const child = spawn(join(bin, name), rest, {
      cwd: '/',
      env: { PATH: `${bin}:/usr/sbin:/usr/bin:/sbin:/bin`, LC_ALL: 'C', TS_TOOLS_NODE: node },
      stdio: ['ignore', 'pipe', 'pipe'],
      uid,
      gid: uid,
    });
    let stdout = '';
    let stderr = '';
    let hangs = false;
    const timer = setTimeout(() => {
      hangs = true;
      child.kill('SIGKILL');
      // What it had forked may hold the pipes open for ever.
      child.stdout.destroy();
      child.stderr.destroy();
    }, patience);
    child.stdout.on('data', (data) => {
      stdout += data;
    });
    child.stderr.on('data', (data) => {
      stderr += data;
    });
    child.on('error', (error) => {
      stderr += error.message;
    });
    child.on('close', (status, signal) => {
      clearTimeout(timer);
      const milliseconds = performance.now() - start;
      const found = { status, signal, stdout, stderr };
      const isRight = !hangs && JSON.stringify(found) === JSON.stringify({ ...order(wanted), stderr: '' });
      resolve({
        milliseconds,
        failure: isRight ? undefined : `${argv.join(' ')} as ${uid}: ${hangs ? 'hangs, ' : ''}${JSON.stringify(found)}`,
      });
    });
  });
}

const order = ({ status, signal, stdout }: Pick<Chain, 'status' | 'signal' | 'stdout'>) => ({ status, signal, stdout });

/** Runs the chains in turn, `count` in all. */
export async function soak(options: Soak): Promise<SoakResult> {
  const { count, atOnce = 2, progress } = options;
  const table = chains();
  const times: number[] = [];
  const failures: string[] = [];
  let next = 0;
  const worker = async () => {
    while (next < count) {
      const { milliseconds, failure } = await runOnce(options, table[next++ % table.length] as Chain);
      times.push(milliseconds);
      if (failure !== undefined) failures.push(failure);
      progress?.(times.length, failures.length);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  times.sort((a, b) => a - b);
  return { count: times.length, failures, minimum: times[0] ?? 0, median: times[Math.floor(times.length / 2)] ?? 0 };
}
