/** capsh's own grammar: exact words `--name` and `--name=argument`, in order, to the first word that ends them. Pure. */
import type { Option, Split, Step } from '@ts/cli';
import { ENDS, UNKNOWN } from './options.ts';

function stepOf(table: readonly Option[], word: string): Step {
  const equals = word.indexOf('=');
  const name = equals < 0 ? word : word.slice(0, equals);
  const option = table.find(({ long, short }) => name === `--${long}` || (short && word === `-${short}`));
  const value = equals < 0 ? undefined : word.slice(equals + 1);
  const fits = option && (option.optional || (option.arg !== undefined) === (value !== undefined));
  if (fits && option.long !== UNKNOWN) return { option, value };
  return { option: table.find(({ long }) => long === UNKNOWN) as Option, value: word };
}

/** The operands begin with the word that ended the options. */
export function split(table: readonly Option[], argv: readonly string[]): Split {
  const end = argv.findIndex((word) => Object.hasOwn(ENDS, word));
  const words = end < 0 ? argv : argv.slice(0, end);
  const operands = end < 0 ? [] : argv.slice(end);
  return { steps: words.map((word) => stepOf(table, word)), operands, beforeDashes: operands.length };
}
