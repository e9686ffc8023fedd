/** Of node:assert what libraries check by. */

const failure = (message: string | undefined, otherwise: string) =>
  Object.assign(new Error(message ?? otherwise), { name: 'AssertionError', code: 'ERR_ASSERTION' });

export function strictEqual(actual: unknown, expected: unknown, message?: string): void {
  if (!Object.is(actual, expected))
    throw failure(message, `Expected values to be strictly equal: ${String(actual)}, ${String(expected)}`);
}

export function notStrictEqual(actual: unknown, expected: unknown, message?: string): void {
  if (Object.is(actual, expected))
    throw failure(message, `Expected "actual" to be strictly unequal to: ${String(expected)}`);
}
