/** Resources and limits, as prlimit(1) writes them. Pure. */
import * as sys from '@ts/sys';

export interface Resource {
  /** As it stands in the table; in lower case the option. */
  readonly name: string;
  readonly short: string;
  readonly number: number;
  readonly says: string;
  readonly unit?: string;
  readonly help: string;
}

const resource = (
  name: string,
  short: string,
  number: number,
  [says, unit]: readonly [string, string?],
  help: string,
): Resource => ({ name, short, number, says, unit, help });

/** In the order of the original's table. */
export const RESOURCES: readonly Resource[] = [
  resource('AS', 'v', sys.RLIMIT_AS, ['address space limit', 'bytes'], 'size of the virtual memory'),
  resource('CORE', 'c', sys.RLIMIT_CORE, ['max core file size', 'bytes'], 'size of core files'),
  resource('CPU', 't', sys.RLIMIT_CPU, ['CPU time', 'seconds'], 'CPU time in seconds'),
  resource('DATA', 'd', sys.RLIMIT_DATA, ['max data size', 'bytes'], 'size of the data segment'),
  resource('FSIZE', 'f', sys.RLIMIT_FSIZE, ['max file size', 'bytes'], 'size of files that are written'),
  resource('LOCKS', 'x', sys.RLIMIT_LOCKS, ['max number of file locks held', 'locks'], 'number of file locks'),
  resource('MEMLOCK', 'l', sys.RLIMIT_MEMLOCK, ['max locked-in-memory address space', 'bytes'], 'locked memory'),
  resource(
    'MSGQUEUE',
    'q',
    sys.RLIMIT_MSGQUEUE,
    ['max bytes in POSIX mqueues', 'bytes'],
    'bytes in POSIX message queues',
  ),
  resource('NICE', 'e', sys.RLIMIT_NICE, ['max nice prio allowed to raise'], 'priority that may be taken: 20 - nice'),
  resource('NOFILE', 'n', sys.RLIMIT_NOFILE, ['max number of open files', 'files'], 'number of open files'),
  resource('NPROC', 'u', sys.RLIMIT_NPROC, ['max number of processes', 'processes'], 'number of processes of the user'),
  resource('RSS', 'm', sys.RLIMIT_RSS, ['max resident set size', 'bytes'], 'size of the resident set'),
  resource('RTPRIO', 'r', sys.RLIMIT_RTPRIO, ['max real-time priority'], 'real-time priority that may be taken'),
  resource(
    'RTTIME',
    'y',
    sys.RLIMIT_RTTIME,
    ['timeout for real-time tasks', 'microsecs'],
    'CPU time in microseconds of a real-time process between blocking calls',
  ),
  resource(
    'SIGPENDING',
    'i',
    sys.RLIMIT_SIGPENDING,
    ['max number of pending signals', 'signals'],
    'number of pending signals',
  ),
  resource('STACK', 's', sys.RLIMIT_STACK, ['max stack size', 'bytes'], 'size of the stack'),
];

export interface Limit {
  /** What is left out stays as it is. */
  readonly soft?: bigint;
  readonly hard?: bigint;
}

const UNLIMITED = 'unlimited';

function parseValue(text: string): bigint | undefined {
  if (text === UNLIMITED) return sys.RLIM_INFINITY;
  const [, sign, digits] = /^[\t-\r ]*([+-]?)(\d+)$/.exec(text) ?? [];
  if (digits === undefined) return undefined;
  const value = BigInt(digits);
  if (value > sys.RLIM_INFINITY) return undefined;
  return sign === '-' ? BigInt.asUintN(64, -value) : value;
}

/** `10`, `unlimited`, `10:20`, `10:` (soft alone) or `:20` (hard alone); undefined for anything else. */
export function parseLimit(text: string): Limit | undefined {
  const colon = text.indexOf(':');
  if (colon < 0) {
    const both = parseValue(text);
    return both === undefined ? undefined : { soft: both, hard: both };
  }
  const [softText, hardText] = [text.slice(0, colon), text.slice(colon + 1)];
  const [soft, hard] = [parseValue(softText), parseValue(hardText)];
  if (softText === '' && hard !== undefined) return { hard };
  if (soft === undefined) return undefined;
  if (hardText === '') return { soft };
  return hard === undefined ? undefined : { soft, hard };
}

export const formatLimit = (value: bigint): string => (value === sys.RLIM_INFINITY ? UNLIMITED : String(value));
