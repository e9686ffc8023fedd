/** The values of a command line, split as getopt(3) does, by the names of the option table. */
import { type Grammar, getopt } from './getopt.ts';
import type { Option, Parsed, Step, ValuesOf } from './option.ts';

/** An argument, or that there is none: an empty argument is one. */
type Given = string | true;

/** The values by long name, collected from options in the order given: of several the last one, or a list of all. */
export function valuesOf<Table extends readonly Option[]>(steps: readonly Step[]): ValuesOf<Table> {
  const values: Record<string, Given | Given[]> = {};
  for (const { option, value = true } of steps) {
    const { long, repeat } = option;
    if (!repeat) values[long] = value;
    else values[long] = [...((values[long] as Given[] | undefined) ?? []), value];
  }
  return values as ValuesOf<Table>;
}

export function parse<Table extends readonly Option[]>(
  table: Table,
  argv: readonly string[],
  grammar: Grammar = {},
): Parsed<Table> {
  const { steps, operands, beforeDashes } = getopt(table, argv, grammar);
  return { values: valuesOf(steps), steps, operands, beforeDashes };
}

/** The parts of a command line between the options that begin a new one (`Grammar.group`): all of it where there is none. */
export function groupsOf<Table extends readonly Option[]>(
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
      values: valuesOf(own),
      steps: own,
      operands: operands.slice(from, to),
      beforeDashes: Math.min(Math.max(beforeDashes - from, 0), to - from),
    };
  });
}
