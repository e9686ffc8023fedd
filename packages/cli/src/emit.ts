/** `--emit FILE`: the tape and its runner as an executable of a few KB, and what of it is settled now or when it runs. */
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { type Playing, type Recording, strerror, type Tape, tapeImage } from '@ts/sys';
import { ToolError, UsageError } from './errors.ts';
import type { Parsed } from './option.ts';
import type { World } from './world.ts';

const PARTS = ['user', 'path', 'environment', 'arguments'] as const;

export interface Emission {
  readonly file: string;
  /** What is settled now; the rest is that of each run. */
  readonly fixed: ReadonlySet<(typeof PARTS)[number]>;
}

export function emissionOf(parsed: Parsed): Emission | undefined {
  const value = (long: string) => parsed.steps.findLast(({ option }) => option.long === long)?.value;
  const file = value('emit');
  const fixed = value('emit-fixed');
  if (file === undefined) {
    if (fixed !== undefined) throw new UsageError('--emit-fixed says more of --emit, which is missing');
    return undefined;
  }
  if (file === '') throw new UsageError('--emit wants the name of a file');
  const names = (fixed ?? '').split(',').filter(Boolean);
  const unknown = names.find((name) => !PARTS.some((part) => part === name));
  if (unknown !== undefined) throw new UsageError(`--emit-fixed knows ${PARTS.join(', ')}, not '${unknown}'`);
  return { file, fixed: new Set(PARTS.filter((part) => names.includes(part))) };
}

/** What was planned for one user does not run as another. */
export function recordUserCheck(sys: Recording, { prog, euid, egid }: World, status: number): void {
  for (const [ask, id, noun] of [
    ['geteuid', euid, 'user'],
    ['getegid', egid, 'group'],
  ] as const)
    sys.when(sys.do(ask) as ReturnType<Recording['fork']>, 'notEqual', id, () => {
      sys.print(2, [`${prog}: this was made for ${noun} ${id}: run it as that ${noun}, or emit it anew\n`]);
      sys.end(status);
    });
}

/** Under its name stands all of it or what was there before. */
export function writeExecutable(file: string, tape: Tape, playing: Playing): void {
  const unfinished = `${file}.${process.pid}`;
  try {
    writeFileSync(unfinished, tapeImage(tape, playing), { mode: 0o777, flag: 'wx' });
    renameSync(unfinished, file);
  } catch (error) {
    const { errno = 0, code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    if (code !== 'EEXIST') rmSync(unfinished, { force: true });
    throw new ToolError(`cannot write ${file}: ${strerror(-errno)}`);
  }
}
