/** Of node:child_process: a program that is waited for. Forking is safe here, since there is one thread. */
import { encode, errnoOf, live, O_CLOEXEC, SIGCHLD, type SysError } from '@ts/sys';

interface Spawning {
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly argv0?: string;
}

interface Ended {
  /** Exit status; null where a signal ended it, or it could not be executed. */
  readonly status: number | null;
  /** "SIG" and the number of the signal that ended it. */
  readonly signal: string | null;
  readonly error?: Error;
}

/** `constants.signals` of ./os.ts has the number for it. */
const nameOf = (signal: number) => `SIG${signal}`;

export function spawnSync(
  program: string,
  words: readonly string[],
  { env = {}, argv0 = program }: Spawning = {},
): Ended {
  const sys = live();
  const ends = Buffer.alloc(8);
  sys.look('pipe2', ends, O_CLOEXEC);
  const [reader, writer] = [ends.readInt32LE(0), ends.readInt32LE(4)];
  const pid = sys.look('clone', SIGCHLD, 0, 0, 0, 0);
  if (pid === 0) {
    const environment = Object.entries(env).flatMap(([name, value]) =>
      value === undefined ? [] : [`${name}=${value}`],
    );
    try {
      sys.execve(program, [argv0, ...words], environment);
    } catch (error) {
      // Who reads it knows that nothing was executed.
      sys.ignoring().write(writer, encode(String((error as SysError).errno)));
    }
    return sys.exit_group(127) as never;
  }
  sys.look('close', writer);
  const refusal = Buffer.alloc(8);
  const length = sys.ignoring().read(reader, refusal);
  sys.look('close', reader);
  const status = Buffer.alloc(4);
  // Where SIGCHLD is ignored there is no status to be had: it has ended.
  while (sys.ignoring().look('wait4', pid, status, 0, null) === -errnoOf('EINTR'));
  if (length > 0) return { status: null, signal: null, error: new Error(`${program} cannot be executed`) };
  const word = status.readInt32LE();
  const signal = word & 0x7f;
  return signal ? { status: null, signal: nameOf(signal) } : { status: (word >> 8) & 0xff, signal: null };
}
