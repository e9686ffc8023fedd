/** The values of a command line: split as getopt(3) does, collected by yargs' parser as the option table says. */
import yargsParser from 'yargs-parser';
import { type Grammar, getopt } from './getopt.ts';
import type { Option, Parsed, ValuesOf } from './option.ts';

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

export function parse<Table extends readonly Option[]>(
  table: Table,
  argv: readonly string[],
  grammar: Grammar = {},
): Parsed<Table> {
  const { steps, operands, beforeDashes } = getopt(table, argv, grammar);
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
  return { values: values as ValuesOf<Table>, steps, operands, beforeDashes };
}
