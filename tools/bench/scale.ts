/** How time grows with what there is: processes, mounts, control groups. All of the benchmark's own. */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bin, original, ours } from './contenders.ts';
import { crowd, pause } from './crowd.ts';
import { type Bench, timed } from './measure.ts';

const processes = (count: number): Bench =>
  timed({
    name: `lsns, ${count} processes`,
    around: () => crowd(count),
    contenders: [original('/usr/bin/lsns'), ours('ts-lsns')],
  });

/** The start of both alone, to be taken off the times above. */
const STARTS = timed({
  name: 'lsns, start alone',
  contenders: [original('/usr/bin/lsns', '--help'), ours('ts-lsns', '--list-columns')],
});

/** A mount namespace with so many bind mounts, for as long as a process of ours sleeps in it. A hundred, bound recursively, make many quickly. */
const MANY = `
  mount -t tmpfs tmpfs "$0" && cd "$0" && mkdir x a b &&
  for i in $(seq 100); do mkdir a/$i && mount --bind x a/$i || exit; done &&
  for i in $(seq $(($1 / 100 - 1))); do mkdir b/$i && mount --rbind a b/$i || exit; done &&
  exec sleep infinity`;

function mounts(count: number): Bench {
  let inside = '';
  const around = (): Disposable => {
    const folder = mkdtempSync(join(tmpdir(), 'ts-bench-'));
    const made = spawn('unshare', ['-m', 'sh', '-c', MANY, folder, String(count)], { stdio: 'ignore' });
    inside = String(made.pid);
    const isReady = () => execFileSync('cat', [`/proc/${inside}/comm`], { encoding: 'utf8' }) === 'sleep\n';
    while (made.exitCode === null && !isReady()) pause(20);
    return {
      [Symbol.dispose]: () => {
        made.kill('SIGKILL');
        rmSync(folder, { recursive: true });
      },
    };
  };
  return {
    name: `mounts, ${count}`,
    run(runs) {
      if (process.getuid?.() !== 0) return [];
      using _around = around();
      const into = (who: string, program: string) => ({
        who,
        argv: ['/usr/bin/nsenter', '-t', inside, '-m', program],
      });
      const contenders = [into('mount', '/usr/bin/mount'), into('ts-mount', `${bin}/ts-mount`)];
      return timed({ name: `mounts, ${count}`, contenders }).run(runs);
    },
  };
}

const NAME = `ts-bench-${process.pid}`;

const groups = (count: number): Bench =>
  timed({
    name: `lscgroup, ${count} groups`,
    around: () => {
      const tool = (name: string, ...rest: string[]) => execFileSync(join(bin, name), rest, { stdio: 'ignore' });
      for (let made = 0; made < count; made += 250)
        tool(
          'ts-cgcreate',
          ...Array.from({ length: Math.min(250, count - made) }, (_, i) => ['-g', `pids:${NAME}/${made + i}`]).flat(),
        );
      return { [Symbol.dispose]: () => tool('ts-cgdelete', '-r', '-g', `pids:${NAME}`) };
    },
    contenders: [original('/usr/bin/lscgroup', `pids:/${NAME}`), ours('ts-lscgroup', `pids:/${NAME}`)],
  });

export const scaleBenches = (): Bench[] => [
  ...[1250, 2500, 5000].map(processes),
  STARTS,
  ...[2500, 5000, 10_000].map(mounts),
  ...[250, 500, 1000].map(groups),
];
