/** Colours of names, addresses and states, as iproute2 has them on a terminal. */
import { isTerminal } from '@ts/cli';
import { AF_INET, AF_INET6 } from '@ts/sys';

/** SGR codes of ECMA-48. */
const CODES = { name: 36, hardware: 33, inet: 35, inet6: 34, up: 32, down: 31 } as const;
export type Color = keyof typeof CODES;

/** Puts a colour around a text; none where the colour is undefined. */
export type Paint = (color: Color | undefined, text: string) => string;

const plain: Paint = (_, text) => text;

export const colorOf = (family: number): Color | undefined =>
  family === AF_INET ? 'inet' : family === AF_INET6 ? 'inet6' : undefined;

/** Whether COLORFGBG ("foreground;background") says that the background is dark. */
const isDark = (value = ''): boolean => /;[0-68]$/.test(value);

/** @param choice What -color says; undefined where it was not given. NO_COLOR counts then only. */
export function painterOf(choice: string | undefined, variable: (name: string) => string | undefined): Paint {
  const when = choice ?? (variable('NO_COLOR') ? 'never' : 'auto');
  if (when === 'never' || (when === 'auto' && !isTerminal(1))) return plain;
  const bright = isDark(variable('COLORFGBG')) ? '1;' : '';
  return (color, text) => (color === undefined ? text : `\x1b[${bright}${CODES[color]}m${text}\x1b[0m`);
}
