/** `--emit FILE`: the tape and its runner as an executable of a few KB, and what of it is settled now or when it runs. */
import { dirname, join } from 'node:path';
import {
  AT_FDCWD,
  atOnce,
  live,
  O_CREAT,
  O_EXCL,
  O_WRONLY,
  type Playing,
  type Recording,
  type Tape,
  tapeImage,
  writeAll,
} from '@ts/sys';
import { UsageError } from './errors.ts';
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

/**
 * Under its name stands all of it or what was there before. What holds an environment, secrets included, is for its owner alone.
 *
 * @throws SysError "cannot write FILE".
 */
export function writeExecutable({ file, fixed }: Emission, tape: Tape, playing: Playing, status: number): void {
  const sys = live(status).or(`cannot write ${file}`);
  const bytes = tapeImage(tape, playing);
  const unfinished = join(dirname(file), `.ts-emit-${process.pid}`);
  const fd = sys.open(unfinished, O_WRONLY | O_CREAT | O_EXCL, fixed.has('environment') ? 0o700 : 0o777);
  atOnce(sys, (steps) => {
    steps.undo((back) => back.unlink(unfinished));
    // The default permissions of a folder do not count.
    if (fixed.has('environment')) sys.do('fchmod', fd, 0o700);
    writeAll(fd, bytes, (to, rest) => sys.write(to, rest));
    sys.close(fd);
    sys.do('renameat2', AT_FDCWD, unfinished, AT_FDCWD, file, 0);
  });
}
