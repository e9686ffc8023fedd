/** The gate: calls made live, and tapes of so many calls: recorded, laid out, played. In this process, no start counts. */
import { spawnSync } from 'node:child_process';
import { closeSync, fstatSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { live, recording, type Tape, tapeImage } from '@ts/sys';
import { type Bench, inTurn, type Row } from './measure.ts';

const CALLS = 100_000;
const LENGTHS = [10, 100, 1000, 10_000];

const elapsed = (work: () => void) => {
  const start = process.hrtime.bigint();
  work();
  return Number(process.hrtime.bigint() - start) / 1e6;
};

const inLoop = (work: () => void) =>
  elapsed(() => {
    for (let call = 0; call < CALLS; call++) work();
  });

const rateOf = (milliseconds: number) => (CALLS / milliseconds) * 1000;

/** The rate instead of the time: the quickest run first. */
const asRate = (row: Row): Row => ({
  ...row,
  unit: 'calls/s',
  minimum: rateOf(row.minimum),
  median: rateOf(row.median),
  ratio: 1 / row.ratio,
});

function record(length: number): Tape {
  const sys = recording();
  for (let call = 0; call < length; call++) sys.getppid();
  sys.end(0);
  return sys.finish();
}

/** The whole process of the runner, less one that plays an empty tape. */
function play(length: number): number {
  const folder = mkdtempSync(join(tmpdir(), 'ts-bench-'));
  const timeOf = (calls: number) => {
    const file = join(folder, String(calls));
    writeFileSync(file, tapeImage(record(calls)), { mode: 0o755 });
    return elapsed(() => spawnSync(file));
  };
  try {
    return Math.max(0, timeOf(length) - timeOf(0));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const calls: Bench = {
  name: 'gate, calls',
  run(runs) {
    const sys = live();
    const fd = openSync('/dev/null', 'r');
    const stat = Buffer.alloc(144);
    try {
      return inTurn(
        'gate, calls',
        [
          { who: 'fstat, Node’s own', work: () => fstatSync(fd) },
          { who: 'fstat, live gate', work: () => sys.do('newfstatat', fd, '', stat, 0x1000) },
          { who: 'getppid, live gate', work: () => sys.getppid() },
          { who: 'getppid, recorded', work: recordOne() },
        ],
        Math.min(runs, 7),
        ({ work }) => inLoop(work),
      ).map(asRate);
    } finally {
      closeSync(fd);
    }
  },
};

/** Onto a tape that is begun anew before it grows large. */
function recordOne(): () => void {
  let sys = recording();
  let length = 0;
  return () => {
    if (length++ % 1000 === 0) sys = recording();
    sys.getppid();
  };
}

const tape = (length: number): Bench => ({
  name: `tape of ${length}`,
  run(runs) {
    const recorded = record(length);
    return inTurn(
      `tape of ${length}`,
      [
        { who: 'recorded', measure: () => elapsed(() => record(length)) },
        { who: 'laid out', measure: () => elapsed(() => tapeImage(recorded)) },
        { who: 'played', measure: () => play(length) },
      ],
      runs,
      ({ measure }) => measure(),
    );
  },
});

export const gateBenches = (): Bench[] => [calls, ...LENGTHS.map(tape)];
