/** Runs programs for tests: bytes and exit status as a caller would see them. */
import { type SpawnSyncOptions, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { forget, remember } from './leftovers.ts';

export const root = resolve(import.meta.dirname, '../..');
/** The stand-alone executable, where it is what is tested instead of the single files: TS_TEST_STANDALONE is its path. */
export const standalone = process.env.TS_TEST_STANDALONE ? resolve(root, process.env.TS_TEST_STANDALONE) : undefined;
/** Where the built files are: below the workspace, or copies of them where other users cannot reach that (../globalSetup.ts). */
const place = process.env.TS_TEST_PLACE ?? join(root, 'dist');
/** The built single files, or links to the stand-alone executable. */
export const bin = join(place, standalone ? 'standalone/bin' : 'bin');
/** Links with the originals' names to them, made by the test run's own set-up. */
export const compat = join(place, standalone ? 'standalone/compat' : 'compat');
/** The newest originals, where the test run's set-up has them. */
export const newest = join(place, 'newest/bin');

export interface Result {
  readonly status: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly input?: string;
  readonly cwd?: string;
  readonly timeout?: number;
  /** Runs as this user and group id, without supplementary groups. */
  readonly uid?: number;
}

/** The originals' names mean our tools; a tool's own name is found too. Nothing else changes. */
export const compatPath = [
  compat,
  bin,
  '/usr/local/sbin',
  '/usr/local/bin',
  '/usr/sbin',
  '/usr/bin',
  '/sbin',
  '/bin',
].join(delimiter);
/** The originals, and our tools by their own names. */
export const originalPath = [bin, '/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'].join(
  delimiter,
);

/** Runs a program; `argv[0]` is searched in `env.PATH`, by default that of the originals and our own names. */
export function run(
  argv: readonly string[],
  { env = {}, input = '', cwd, timeout = 60_000, uid }: RunOptions = {},
): Result {
  const options: SpawnSyncOptions = {
    env: { PATH: originalPath, LC_ALL: 'C', HOME: '/', ...env },
    input,
    cwd,
    timeout,
    // A waiting unshare(1) holds SIGTERM back.
    killSignal: 'SIGKILL',
    encoding: 'utf8',
    uid,
    gid: uid,
  };
  const [program, ...rest] = argv as [string, ...string[]];
  const { status, signal, stdout, stderr, error } = spawnSync(program, rest, options);
  // A program may end without having read its input.
  if (error && (error as NodeJS.ErrnoException).code !== 'EPIPE') throw error;
  return { status, signal, stdout: String(stdout), stderr: String(stderr) };
}

/** Runs a shell script; `words` are its arguments. `compat`: word for word, with our tools under the originals' names. */
export const shell = (
  script: string,
  options: RunOptions & { compat?: boolean; words?: readonly string[] } = {},
): Result =>
  run(
    ['sh', '-c', script, 'sh', ...(options.words ?? [])],
    options.compat ? { ...options, env: { PATH: compatPath, ...options.env } } : options,
  );

/** An ordinary user that exists on every Debian: no rights, no home. */
export const NOBODY = 65534;

export const isRoot = process.getuid?.() === 0;

/** Path of a program of the host, outside our folders. */
export const original = (name: string): string | undefined =>
  originalPath
    .split(delimiter)
    .slice(1)
    .map((folder) => join(folder, name))
    .find((path) => existsSync(path));

/** A name that no other test and no other run uses. */
export const uniqueName = (prefix: string): string =>
  `${prefix}-${process.pid}-${Math.random().toString(36).slice(2, 8)}`;

/** A folder that is removed when the test's scope ends, with what is mounted in it: `using folder = temporaryFolder()`. Readable by everybody. */
export function temporaryFolder(): { readonly path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), 'ts-e2e-'));
  chmodSync(path, 0o755);
  const folder = {
    path,
    [Symbol.dispose]() {
      forget(folder);
      const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
        .split('\n')
        .map((line) => line.split(' ')[4] ?? '');
      for (const mount of mounts.reverse()) if (mount.startsWith(path)) spawnSync('umount', ['-l', mount]);
      rmSync(path, { recursive: true, force: true });
    },
  };
  remember(folder);
  return folder;
}

/** Runs one of our tools and kills it at the `when`-th of its calls of that name, whichever process makes it. Needs strace. */
export const runKilledAt = (call: string, when: number, [tool, ...words]: readonly string[], cwd: string): Result =>
  run(
    [
      'strace',
      '-f',
      '-qqq',
      '-o',
      '/dev/null',
      '-e',
      `inject=${call}:signal=KILL:when=${when}`,
      join(bin, tool ?? ''),
      ...words,
    ],
    { cwd },
  );
