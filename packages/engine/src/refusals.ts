/** Errors with the classes and codes of Node. */

/** An operand as an error shows it. */
function shown(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`;
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'object' && value !== null) return `an instance of ${value.constructor?.name ?? 'Object'}`;
  return String(value);
}

export const wrongType = (name: string, wanted: string, value: unknown): TypeError =>
  Object.assign(new TypeError(`The "${name}" argument must be ${wanted}. Received ${shown(value)}`), {
    code: 'ERR_INVALID_ARG_TYPE',
  });

export const wrongValue = (name: string, value: unknown): TypeError =>
  Object.assign(new TypeError(`The argument '${name}' is invalid. Received ${shown(value)}`), {
    code: 'ERR_INVALID_ARG_VALUE',
  });

export const unknownEncoding = (encoding: unknown): TypeError =>
  Object.assign(new TypeError(`Unknown encoding: ${encoding}`), { code: 'ERR_UNKNOWN_ENCODING' });

export const outOfRange = (name: string, wanted: string, value: unknown): RangeError =>
  Object.assign(
    new RangeError(`The value of "${name}" is out of range. It must be ${wanted}. Received ${shown(value)}`),
    { code: 'ERR_OUT_OF_RANGE' },
  );

export const outsideBuffer = (): RangeError =>
  Object.assign(new RangeError('Attempt to access memory outside buffer bounds'), {
    code: 'ERR_BUFFER_OUT_OF_BOUNDS',
  });

/** An operand that is a number from `least` to `most`. */
export function checkNumber(name: string, value: unknown, least = -Infinity, most = Infinity): asserts value is number {
  if (typeof value !== 'number') throw wrongType(name, 'of type number', value);
  if (!(value >= least && value <= most)) throw outOfRange(name, `>= ${least} and <= ${most}`, value);
}

/** An operand that is an integer from `least` to `most`. */
export function checkInteger(
  name: string,
  value: unknown,
  least = 0,
  most = Number.MAX_SAFE_INTEGER,
): asserts value is number {
  if (typeof value !== 'number') throw wrongType(name, 'of type number', value);
  if (!Number.isInteger(value)) throw outOfRange(name, 'an integer', value);
  if (value < least || value > most) throw outOfRange(name, `>= ${least} and <= ${most}`, value);
}

/** What getcwd(2) and kill(2) may fail with. */
const CODES: Readonly<Record<number, string>> = {
  1: 'EPERM',
  2: 'ENOENT',
  3: 'ESRCH',
  13: 'EACCES',
  22: 'EINVAL',
  36: 'ENAMETOOLONG',
};

/** @param errno As the host returns it: below 0. */
export function systemError(errno: number, syscall: string): Error {
  const code = CODES[-errno] ?? `errno ${-errno}`;
  return Object.assign(new Error(`${syscall} ${code}`), { errno, code, syscall });
}
