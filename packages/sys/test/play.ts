/** Plays tapes for real: an image in a file, executed here or, for arm64 on another machine, by qemu-user. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Arch, arch as host, type Playing, recording, type TapeRecording, tapeImage } from '../src/index.ts';

const EMULATOR = '/usr/bin/qemu-aarch64-static';

/** Why images of an architecture cannot run here, or undefined. */
export const cannotPlay = (arch: Arch): string | undefined =>
  arch === host
    ? undefined
    : arch === 'arm64' && existsSync(EMULATOR)
      ? undefined
      : `no ${arch} machine and no emulator for it`;

export interface PlayOptions {
  readonly arch?: Arch;
  readonly playing?: Playing;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Words of the runner's own command line. */
  readonly words?: readonly string[];
}

/** Words of a command line that executes the image. */
export const commandFor = (file: string, arch: Arch): readonly [string, ...string[]] =>
  arch === host ? [file] : [EMULATOR, file];

/** A folder that is removed with the scope, for images and what they make. */
export function workFolder(): { readonly path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), 'ts-tape-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** Records with the program name "prog" and failure status 3; writes the image. */
export function makeImage(
  folder: string,
  record: (sys: TapeRecording) => void,
  { arch = host, playing }: PlayOptions = {},
): string {
  const sys = recording(3, playing?.trace !== undefined).speakFor('prog', 'tool prog', 3);
  record(sys);
  const file = join(folder, `image-${arch}`);
  writeFileSync(file, tapeImage(sys.finish(), playing, arch), { mode: 0o755 });
  return file;
}

/** What came of it: output, error output, and the exit status or the signal. */
export function play(record: (sys: TapeRecording) => void, options: PlayOptions = {}) {
  const { arch = host, env = { PATH: '/usr/bin:/bin' }, cwd } = options;
  using folder = workFolder();
  const [command, ...before] = commandFor(makeImage(folder.path, record, options), arch);
  const words = [...before, ...(options.words ?? [])];
  const { status, signal, stdout, stderr, error } = spawnSync(command, words, {
    env,
    cwd,
    encoding: 'latin1',
    timeout: 20_000,
  });
  if (error) throw error;
  return { stdout, stderr, end: signal ?? status };
}
