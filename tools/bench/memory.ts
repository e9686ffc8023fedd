/** Memory: the most that a run has, and what a parent that waits for its child keeps. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compile } from './compile.ts';
import { original, ours, standalone } from './contenders.ts';
import { childrenOf, pause } from './crowd.ts';
import { type Bench, type Contender, inTurn, present, say } from './measure.ts';

const UNIT = 'KB';

const peaks = (name: string, contenders: readonly Contender[]): Bench => ({
  name,
  run(runs) {
    const folder = mkdtempSync(join(tmpdir(), 'ts-bench-'));
    try {
      const peak = join(folder, 'peak');
      if (!compile('tools/bench/peak.c', peak)) {
        say(`${name}: left out (no C compiler)`);
        return [];
      }
      const once = ({ argv, who }: Contender) => {
        const { status, output } = spawnSync(peak, argv, {
          stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
          encoding: 'utf8',
        });
        if (status !== 0) throw new Error(`${who} failed: ${status}`);
        return Number(output[3]);
      };
      return inTurn(name, present(name, contenders), Math.min(runs, 5), once, UNIT);
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
});

const residentOf = (pid: number) => Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);

/** Waits until its child sleeps: from then on the parent only waits. */
function waiting({ argv, who }: Contender): number {
  const parent = spawn(argv[0] as string, argv.slice(1), { stdio: 'ignore' });
  const pid = parent.pid as number;
  try {
    for (let tries = 0; tries < 500; tries++) {
      const child = Number(childrenOf(pid)[0]);
      if (child && readFileSync(`/proc/${child}/comm`, 'utf8') === 'sleep\n') return residentOf(pid);
      pause(10);
    }
    throw new Error(`${who} has no child that sleeps`);
  } finally {
    for (const child of childrenOf(pid)) process.kill(Number(child), 'SIGKILL');
    parent.kill('SIGKILL');
  }
}

export const memoryBenches = (): Bench[] => [
  peaks('memory, unshare', [
    original('/usr/bin/unshare', '-u', '/bin/true'),
    ours('ts-unshare', '-u', '/bin/true'),
    standalone('unshare', '-u', '/bin/true'),
    { who: 'node, empty script', argv: [process.execPath, '-e', '0'] },
  ]),
  peaks('memory, lsns', [original('/usr/bin/lsns'), ours('ts-lsns'), standalone('lsns')]),
  {
    name: 'memory, waiting parent',
    run(runs) {
      if (process.getuid?.() !== 0) return [];
      const argv = ['--fork', '--pid', 'sleep', 'infinity'];
      const contenders = [
        original('/usr/bin/unshare', ...argv),
        ours('ts-unshare', ...argv),
        standalone('unshare', ...argv),
      ];
      const name = 'memory, waiting parent';
      return inTurn(name, present(name, contenders), Math.min(runs, 5), waiting, UNIT);
    },
  },
];
