/** Whole runs of commands, in turn, so that a machine that slows down slows all of them. */
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';

export interface Contender {
  readonly who: string;
  readonly argv: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export interface Comparison {
  readonly name: string;
  /** The first one is what the others are measured against. */
  readonly contenders: readonly Contender[];
  /** Makes what is there while it is measured. As root only. */
  readonly around?: () => Disposable;
}

export interface Row {
  readonly what: string;
  readonly who: string;
  /** Milliseconds. */
  readonly minimum: number;
  readonly median: number;
  /** Minimum against that of the first contender. */
  readonly ratio: number;
}

const isThere = (path: string) => {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

/** Contenders whose program (an absolute path) is there, and names of the others. */
export function existing({ contenders }: Comparison): { present: Contender[]; missing: string[] } {
  const there = ({ argv }: Contender) => isThere(argv[0] as string);
  return {
    present: contenders.filter(there),
    missing: contenders.filter((each) => !there(each)).map(({ who }) => who),
  };
}

function once({ argv, env, who }: Contender): number {
  const [program, ...rest] = argv as [string, ...string[]];
  const start = process.hrtime.bigint();
  const { status, stderr } = spawnSync(program, rest, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const milliseconds = Number(process.hrtime.bigint() - start) / 1e6;
  if (status !== 0) throw new Error(`${who} failed: ${stderr}`);
  return milliseconds;
}

export function measure(what: string, contenders: readonly Contender[], runs: number): Row[] {
  const times = contenders.map(() => [] as number[]);
  for (const contender of contenders) once(contender);
  for (let run = 0; run < runs; run++)
    for (const [index, contender] of contenders.entries()) times[index]?.push(once(contender));
  const minima = times.map((list) => Math.min(...list));
  return contenders.map(({ who }, index) => {
    const sorted = [...(times[index] as number[])].sort((a, b) => a - b);
    const minimum = minima[index] as number;
    return { what, who, minimum, median: sorted[sorted.length >> 1] as number, ratio: minimum / (minima[0] as number) };
  });
}
