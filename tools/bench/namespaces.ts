/** 500 namespaces, each with a veth pair on one bridge, made and removed: by one process, and by one process a step. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bin } from './contenders.ts';
import { childrenOf } from './crowd.ts';
import { type Bench, present, type Row, rowsOf, say } from './measure.ts';

const COUNT = 500;
const IP = '/usr/sbin/ip';
const OURS = join(bin, 'ts-netns');

/** Commands in the words of ip(8), which our tool takes by its own name, too. */
const made = Array.from({ length: COUNT }, (_, i) => [
  `netns add bench${i}`,
  `link add bv${i} type veth peer name eth0 netns bench${i}`,
  `link set bv${i} master br0 up`,
]).flat();
const UP = ['link add br0 type bridge', 'link set br0 up', ...made];
const DOWN = [...Array.from({ length: COUNT }, (_, i) => `netns del bench${i}`), 'link del br0'];

/** In a network and with a /run of its own: nothing of the host is touched, and all is gone at the end. */
const PRIVATE = ['-n', '-m', 'sh', '-c'];

interface Contender {
  readonly who: string;
  readonly argv: readonly string[];
  /** `$0` is the folder with the batches. */
  readonly script: string;
}

const CONTENDERS: readonly Contender[] = [
  { who: 'ip -batch', argv: [IP], script: `${IP} -batch $0/up && ${IP} -batch $0/down` },
  { who: 'ts-netns -batch', argv: [OURS], script: `${OURS} -batch $0/up && ${OURS} -batch $0/down` },
  { who: 'ip, once a step', argv: [IP], script: `while read -r line; do ${IP} $line || exit; done < $0/all` },
];

const peakOf = (pid: number): number => {
  try {
    return Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
  } catch {
    return 0; // has ended
  }
};
/** Milliseconds, and the most memory that one of its processes had, in kilobytes. */
function once({ who, script }: Contender, folder: string): Promise<{ time: number; peak: number }> {
  const start = process.hrtime.bigint();
  const child = spawn('/usr/bin/unshare', [...PRIVATE, `mount -t tmpfs tmpfs /run && ${script}`, folder], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  let peak = 0;
  const timer = setInterval(() => {
    for (const pid of childrenOf(child.pid as number)) peak = Math.max(peak, peakOf(Number(pid)));
  }, 5);
  return new Promise((done, failed) => {
    child.on('error', failed);
    child.on('close', (status) => {
      clearInterval(timer);
      if (status === 0) done({ time: Number(process.hrtime.bigint() - start) / 1e6, peak });
      else failed(new Error(`${who} failed: ${status}`));
    });
  });
}

const NAME = `netns, ${COUNT} namespaces`;

async function namespaces(runs: number): Promise<Row[]> {
  if (process.getuid?.() !== 0) {
    say(`${NAME}: left out (needs root)`);
    return [];
  }
  const contenders = present(NAME, CONTENDERS);
  const folder = mkdtempSync(join(tmpdir(), 'bench-'));
  try {
    for (const [name, lines] of [
      ['up', UP],
      ['down', DOWN],
      ['all', [...UP, ...DOWN]],
    ] as const)
      writeFileSync(join(folder, name), `${lines.join('\n')}\n`);
    const results = contenders.map(() => [] as { time: number; peak: number }[]);
    for (let run = 0; run < runs; run++)
      for (const [index, contender] of contenders.entries()) results[index]?.push(await once(contender, folder));
    const rows = (value: 'time' | 'peak', unit?: string) =>
      rowsOf(
        NAME,
        contenders.map(({ who }, index) => ({ who, values: (results[index] ?? []).map((each) => each[value]) })),
        unit,
      );
    return [...rows('time'), ...rows('peak', 'KB')];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Seconds each: fewer runs than others have. */
export const namespaceBenches = (): Bench[] => [
  { name: NAME, run: (runs) => namespaces(Math.max(1, Math.round(runs / 5))) },
];
