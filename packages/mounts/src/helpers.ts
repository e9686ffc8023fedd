/** Programs that mount and unmount what the kernel alone cannot: /sbin/mount.TYPE, /sbin/umount.TYPE. */
import { type LiveSys, stat, unlessRefused } from '@ts/sys';

/** Where they are looked for. Nobody but root writes there; PATH is not asked. */
const FOLDERS = ['/sbin', '/sbin/fs.d', '/sbin/fs'];

export interface Helper {
  readonly path: string;
  /** The whole type, where the program stands for a family of types (mount.fuse for fuse.sshfs). */
  readonly type?: string;
}

const isFile = (path: string) => unlessRefused(() => stat(path))?.type === 'file';

/** The program for a type of file system; undefined where there is none. */
export function findHelper(
  what: 'mount' | 'umount',
  type: string,
  exists: (path: string) => boolean = isFile,
): Helper | undefined {
  if (!/^[^/\0]+$/.test(type)) return undefined;
  const find = (name: string) => FOLDERS.map((folder) => `${folder}/${what}.${name}`).find(exists);
  const path = find(type);
  if (path !== undefined) return { path };
  const family = type.slice(0, type.lastIndexOf('.'));
  const general = type.includes('.') && family !== '' ? find(family) : undefined;
  return general === undefined ? undefined : { path: general, type };
}

/** Variables that a program run for root must not be led by; those of languages only where they name a path. */
const LEADING = /^(BASH_ENV|ENV|HOME|IFS|KRB_CONF|LD_[^=]*|LIBPATH|MAIL|NLSPATH|PATH|SHELL|SHLIB_PATH)=/;
const LANGUAGE = /^(LANG|LANGUAGE|LC_[^=]*)=.*\//s;

/** The environment that a helper is given: that of this process, less what could lead root astray. */
export const helperEnvironment = (environment: readonly string[], euid: number): readonly string[] =>
  euid === 0 ? environment.filter((entry) => !LEADING.test(entry) && !LANGUAGE.test(entry)) : environment;

/** What a helper inherits. */
export interface Inheritance {
  /** NAME=VALUE. */
  readonly environment: readonly string[];
  /** Soft limits that this process was started with, where they are others while it runs. */
  readonly limits?: readonly (readonly [resource: number, soft: bigint])[];
}

/** Does something under the soft limits that this process was started with. */
function underLimits<Result>(sys: LiveSys, limits: Inheritance['limits'], work: () => Result): Result {
  const now = (limits ?? []).map(([resource]) => [resource, sys.getrlimit(0, resource)] as const);
  for (const [resource, soft] of limits ?? [])
    sys.ignoring().setrlimit(0, resource, { cur: soft, max: sys.getrlimit(0, resource).max });
  try {
    return work();
  } finally {
    for (const [resource, limit] of now) sys.ignoring().setrlimit(0, resource, limit);
  }
}

/**
 * Runs a helper and waits for it.
 *
 * @returns its exit status; 128 and the signal's number where one ended it; undefined where it could not be executed.
 */
export function runHelper(
  argv: readonly string[],
  { environment, limits }: Inheritance,
  sys: LiveSys,
): number | undefined {
  const { spawnSync } = process.getBuiltinModule('node:child_process');
  const { constants } = process.getBuiltinModule('node:os');
  const [program = '', ...words] = argv;
  const env = Object.fromEntries(
    environment.flatMap((entry) => {
      const equals = entry.indexOf('=', 1);
      return equals < 0 ? [] : [[entry.slice(0, equals), entry.slice(equals + 1)]];
    }),
  );
  const { status, signal } = underLimits(sys, limits, () => spawnSync(program, words, { stdio: 'inherit', env }));
  if (signal !== null) return 128 + constants.signals[signal];
  return status ?? undefined;
}
