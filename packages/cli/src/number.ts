/** Decimal numbers of a command line. */
import { errnoOf, parseSigned, strerror } from '@ts/sys';
import { ToolError } from './errors.ts';

/**
 * A number as util-linux reads one: blanks and a sign may stand before the digits, and nothing behind them.
 *
 * @param says Words of the failure, as in "failed to parse uid".
 * @throws ToolError
 */
export function parseNumber(text: string, says: string, min: number, max: number): number {
  const number = parseSigned(text, min, max);
  if (number !== undefined) return number;
  const isNumber = parseSigned(text, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY) !== undefined;
  throw new ToolError(`${says}: '${text}'${isNumber ? `: ${strerror(errnoOf('ERANGE'))}` : ''}`);
}

/** The kernel's pid_t is a signed 32-bit number. */
export const PID_MAX = 0x7fff_ffff;
