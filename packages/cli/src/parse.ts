/** The values of a command line: split as getopt(3) does, collected by yargs' parser as the option table says. */
import yargsParser from 'yargs-parser';
import { type Grammar, getopt } from './getopt.ts';
import type { Option, Parsed, Step, ValuesOf } from './option.ts';

const CONFIGURATION = {
  'boolean-negation': false,
  'camel-case-expansion': false,
  'dot-notation': false,
  'duplicate-arguments-array': false,
  'greedy-arrays': false,
  'parse-numbers': false,
  'parse-positional-numbers': false,
  'short-option-groups': false,
};

const named = (table: readonly Option[], wanted: (option: Option) => boolean) =>
  table.filter(wanted).map((option) => option.long);

/** The values by long name, collected from options in the order given. */
export function valuesOf<Table extends readonly Option[]>(table: Table, steps: readonly Step[]): ValuesOf<Table> {
  const words = steps.map(({ option, value }) =>
    option.arg === undefined ? `--${option.long}` : `--${option.long}=${value ?? ''}`,
  );
  const { _, ...values } = yargsParser(words, {
    boolean: named(table, (option) => option.arg === undefined),
    string: named(table, (option) => option.arg !== undefined),
    array: named(table, (option) => option.repeat === true && option.arg !== undefined),
    configuration: CONFIGURATION,
  });
  // Without 'duplicate-arguments-array' the parser keeps the last of several; with it, options that do not repeat become lists.
  for (const { long, repeat } of table)
    if (repeat && long in values)
      values[long] = steps.filter(({ option }) => option.long === long).map(({ value }) => value ?? '');
  return values as ValuesOf<Table>;
}

export function parse<Table extends readonly Option[]>(
  table: Table,
  argv: readonly string[],
  grammar: Grammar = {},
): Parsed<Table> {
  const { steps, operands, beforeDashes } = getopt(table, argv, grammar);
  return { values: valuesOf(table, steps), steps, operands, beforeDashes };
}

/** The parts of a command line between the options that begin a new one (`Grammar.group`): all of it where there is none. */
export function groupsOf<Table extends readonly Option[]>(
  table: Table,
  parsed: Parsed<Table>,
  { group }: Grammar = {},
): Parsed<Table>[] {
  const { steps, operands, beforeDashes } = parsed;
  const starts = steps.flatMap(({ option }, index) => (group !== undefined && option.long === group ? [index] : []));
  if (!starts.length) return [parsed];
  const at = (index: number | undefined) =>
    index === undefined ? operands.length : (steps[index]?.operands ?? operands.length);
  return [-1, ...starts].map((start, index) => {
    const [from, to] = [start < 0 ? 0 : at(start), at(starts[index])];
    const own = steps.slice(start + 1, starts[index]);
    return {
      values: valuesOf(table, own),
      steps: own,
      operands: operands.slice(from, to),
      beforeDashes: Math.min(Math.max(beforeDashes - from, 0), to - from),
    };
  });
}
