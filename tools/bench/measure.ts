/** Whole runs of commands, in turn, so that a machine that slows down slows all of them. */
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';

export interface Contender {
  readonly who: string;
  readonly argv: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** What it ends with, where that is not 0. */
  readonly status?: number;
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
  /** "ms" where left out. */
  readonly unit?: string;
  readonly minimum: number;
  readonly median: number;
  /** Minimum against that of the first contender. */
  readonly ratio: number;
}

/** A part of the benchmark: what `--only` chooses from. */
export interface Bench {
  readonly name: string;
  /** @param runs How often each contender is to run. */
  run(runs: number): Row[] | Promise<Row[]>;
}

export const say = (line: string) => process.stdout.write(`${line}\n`);

const isThere = (path: string) => {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

/** Contenders whose program (an absolute path) is there; the others are named as left out. */
export function present<C extends Pick<Contender, 'who' | 'argv'>>(name: string, contenders: readonly C[]): C[] {
  const missing = contenders.filter(({ argv }) => !isThere(argv[0] as string));
  if (missing.length) say(`${name}: without ${missing.map(({ who }) => who).join(', ')} (not installed)`);
  return contenders.filter((contender) => !missing.includes(contender));
}

function once({ argv, env, who, status: expected = 0 }: Contender): number {
  const [program, ...rest] = argv as [string, ...string[]];
  const start = process.hrtime.bigint();
  const { status, stderr } = spawnSync(program, rest, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const milliseconds = Number(process.hrtime.bigint() - start) / 1e6;
  if (status !== expected) throw new Error(`${who} ended with ${status}: ${stderr}`);
  return milliseconds;
}

/** Rows of what each contender took (or used), the first contender's minimum being 1. */
export function rowsOf(
  what: string,
  results: readonly { who: string; values: readonly number[] }[],
  unit?: string,
): Row[] {
  const minima = results.map(({ values }) => Math.min(...values));
  return results.map(({ who, values }, index) => {
    const sorted = [...values].sort((a, b) => a - b);
    const minimum = minima[index] as number;
    const median = sorted[sorted.length >> 1] as number;
    return { what, who, minimum, median, ratio: minimum / (minima[0] as number), ...(unit !== undefined && { unit }) };
  });
}

/** `measureOne` of each contender in turn, so often each, after a first time that does not count. Who fails then is left out by name. */
export function inTurn<C extends { who: string }>(
  what: string,
  contenders: readonly C[],
  runs: number,
  measureOne: (contender: C) => number,
  unit?: string,
): Row[] {
  const able = contenders.filter((contender) => {
    try {
      measureOne(contender);
      return true;
    } catch (error) {
      say(`${what}: without ${contender.who} (${error instanceof Error ? error.message.trim() : error})`);
      return false;
    }
  });
  const values = able.map(() => [] as number[]);
  for (let run = 0; run < runs; run++)
    for (const [index, contender] of able.entries()) values[index]?.push(measureOne(contender));
  return rowsOf(
    what,
    able.map(({ who }, index) => ({ who, values: values[index] as number[] })),
    unit,
  );
}

/** A comparison of times. */
export const timed = ({ name, contenders, around }: Comparison): Bench => ({
  name,
  run(runs) {
    if (around && process.getuid?.() !== 0) {
      say(`${name}: left out (needs root)`);
      return [];
    }
    using _around = around?.() ?? { [Symbol.dispose]: () => undefined };
    return inTurn(name, present(name, contenders), runs, once);
  },
});
