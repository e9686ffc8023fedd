/** Numbers on a command line, as the tools of util-linux read them: by strtoimax(3) with base 10, the whole word or none of it. */
import { Failure } from '@ts/sys';

/** Blanks of the C locale, a sign, decimal digits. */
const INTEGER = /^[ \t-\r]*[+-]?\d+$/;

/**
 * An integer from `min` to `max`, both included.
 *
 * @param message What is said before the word where it is no number ("failed to parse pid") or out of range.
 */
export function parseBigInteger(text: string, message: string, min: bigint, max: bigint): bigint {
  if (!INTEGER.test(text)) throw new Failure(`${message}: '${text}'`);
  const value = BigInt(text);
  if (value < min || value > max) throw new Failure(`${message}: '${text}': Numerical result out of range`);
  return value;
}

/** The same where 53 bits are enough. */
export const parseInteger = (text: string, message: string, min: number, max: number): number =>
  Number(parseBigInteger(text, message, BigInt(min), BigInt(max)));

/** Largest int of C: process ids, descriptors. */
export const INT_MAX = 0x7fff_ffff;

/** A number that a descriptor can have. */
export const parseDescriptor = (text: string, message = 'failed to parse file descriptor'): number =>
  parseInteger(text, message, 0, INT_MAX);
