/** Many small scripts in one go, each in a folder of its own: a process a script instead of several. */
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { originals, type Version } from './parity.ts';
import { bin, compatPath, original, run, temporaryFolder } from './run.ts';

export interface BatchOptions {
  /** Of the originals; the newest where left out. */
  readonly version?: Version;
  /** Done in the folder before, as root with the originals. */
  readonly before?: string;
  /** Done in the folder afterwards, likewise; what it prints is `left`. */
  readonly after?: string;
  readonly uid?: number;
}

export interface BatchResult {
  /** As the shell sees it: 128 and the number for a signal. */
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly left: string;
}

const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

/** Runs the scripts one after the other, with the originals or with ours under their names. */
export function runBatch(
  scripts: readonly string[],
  whose: 'theirs' | 'ours',
  options: BatchOptions = {},
): BatchResult[] {
  using folder = temporaryFolder();
  const { before = ':', after = ':', uid, version } = options;
  const as = uid === undefined ? '' : `${original('setpriv')} --reuid ${uid} --regid ${uid} --clear-groups `;
  const path = whose === 'ours' ? compatPath : `${bin}:${originals(version)}`;
  const lines = scripts.map(
    (script, index) =>
      `mkdir ${index} && cd ${index} || exit 9; { ${before}; } >/dev/null
${as}env PATH=${path} sh -c ${quoted(script)} >../${index}.out 2>../${index}.err </dev/null; echo $? >../${index}.status
{ ${after}; } >../${index}.left 2>&1; cd ..`,
  );
  const driver = join(folder.path, 'driver');
  writeFileSync(driver, lines.join('\n'));
  chmodSync(driver, 0o755);
  const { status, stderr } = run(['sh', driver], { cwd: folder.path, timeout: 240_000 });
  if (status !== 0) throw new Error(`the batch has ended with ${status}: ${stderr}`);
  const read = (index: number, what: string) => readFileSync(join(folder.path, `${index}.${what}`), 'utf8');
  return scripts.map((_, index) => ({
    status: Number(read(index, 'status')),
    stdout: read(index, 'out'),
    stderr: read(index, 'err'),
    left: read(index, 'left'),
  }));
}

/** Results of both by script, made when the first is asked for. */
export function batchBoth(scripts: readonly string[], options: BatchOptions = {}) {
  let results: Record<'theirs' | 'ours', BatchResult[]> | undefined;
  return (script: string): { theirs: BatchResult; ours: BatchResult } => {
    results ??= { theirs: runBatch(scripts, 'theirs', options), ours: runBatch(scripts, 'ours', options) };
    const index = scripts.indexOf(script);
    return { theirs: results.theirs[index] as BatchResult, ours: results.ours[index] as BatchResult };
  };
}

/** What ours does otherwise for a reason: not as theirs, but as said; text in full or by a pattern. */
export function expectDifferent(
  { theirs, ours }: { theirs: BatchResult; ours: BatchResult },
  expected: Partial<Record<keyof BatchResult, number | string | RegExp>>,
): void {
  expect(ours).not.toEqual(theirs);
  for (const [key, value] of Object.entries(expected)) {
    const got = ours[key as keyof BatchResult];
    if (value instanceof RegExp) expect(got).toMatch(value);
    else expect(got, key).toBe(value);
  }
}
