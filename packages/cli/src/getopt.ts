/** Splits a command line as getopt_long(3) does: clusters, attached and optional arguments, abbreviations. Pure. */
import { UsageError } from './errors.ts';
import type { Option, Step } from './option.ts';

export interface Grammar {
  /** Options may stand behind operands (mount); otherwise the first operand ends them (unshare). */
  readonly permute?: boolean;
  /** Long options may be abbreviated. Default true. */
  readonly abbreviate?: boolean;
  /** With `permute`: this many operands; the next one ends the options, since it is a program. */
  readonly operandsBeforeProgram?: number;
  /** Long name of an option behind which options and operands begin anew: `operandsBeforeProgram` counts from there. */
  readonly group?: string;
  /** Splits by rules of its own instead (capsh). */
  readonly split?: (table: readonly Option[], argv: readonly string[]) => Split;
}

export interface Split {
  readonly steps: readonly Step[];
  readonly operands: readonly string[];
  readonly beforeDashes: number;
}

const shortArg = (option: Option) =>
  option.shortArg ?? (option.arg === undefined ? 'none' : option.optional ? 'optional' : 'required');

/** The option a long name means. An abbreviation means an original option before one of ours. `shown`: the word as given. */
function findLong(table: readonly Option[], name: string, abbreviate: boolean, shown: string): Option {
  const rows = table.filter((option) => !option.shortOnly);
  const exact = rows.find((option) => option.long === name);
  if (exact) return exact;
  const starting = abbreviate ? rows.filter((option) => option.long.startsWith(name) && !option.hidden) : [];
  const originals = starting.filter((option) => !option.ours);
  const candidates = originals.length ? originals : starting;
  if (candidates.length === 1) return candidates[0] as Option;
  if (candidates.length > 1) {
    const names = candidates.map((option) => ` '--${option.long}'`).join('');
    throw new UsageError(`option '${shown}' is ambiguous; possibilities:${names}`, true);
  }
  throw new UsageError(`unrecognized option '${shown}'`, true, nearest(rows, name));
}

/** An option that differs by one letter or by its end. */
function nearest(rows: readonly Option[], name: string): string | undefined {
  const near = rows.filter((option) => !option.hidden).find((option) => isNear(option.long, name));
  return near && `did you mean '--${near.long}'?`;
}

function isNear(a: string, b: string): boolean {
  if (a.length < 3 || b.length < 3 || Math.abs(a.length - b.length) > 1) return false;
  let from = 0;
  while (from < a.length && from < b.length && a[from] === b[from]) from++;
  const rests: [string, string][] = [
    [a.slice(from + 1), b.slice(from + 1)],
    [a.slice(from + 1), b.slice(from)],
    [a.slice(from), b.slice(from + 1)],
  ];
  const swapped = a[from] === b[from + 1] && a[from + 1] === b[from] && a.slice(from + 2) === b.slice(from + 2);
  return swapped || rests.some(([x, y]) => x === y);
}

export function getopt(table: readonly Option[], argv: readonly string[], grammar: Grammar = {}): Split {
  if (grammar.split) return grammar.split(table, argv);
  const { permute = false, abbreviate = true, operandsBeforeProgram = Number.POSITIVE_INFINITY } = grammar;
  const steps: Step[] = [];
  const operands: string[] = [];
  let at = 0;
  let first = 0;

  const take = (step: Step) => {
    if (step.option.long === grammar.group) first = operands.length;
    steps.push({ ...step, operands: operands.length });
  };

  const long = (word: string) => {
    const equals = word.indexOf('=');
    const name = equals < 0 ? word.slice(2) : word.slice(2, equals);
    const option = findLong(table, name, abbreviate, word);
    const attached = equals < 0 ? undefined : word.slice(equals + 1);
    if (option.arg === undefined && attached !== undefined)
      throw new UsageError(`option '--${option.long}' doesn't allow an argument`, true);
    if (option.arg === undefined || option.optional || attached !== undefined) {
      take({ option, value: attached });
      return;
    }
    const value = argv[at++];
    if (value === undefined) throw new UsageError(`option '--${option.long}' requires an argument`, true);
    take({ option, value });
  };

  const cluster = (word: string) => {
    for (let i = 1; i < word.length; i++) {
      const letter = word[i] as string;
      const option = table.find((row) => row.short === letter);
      if (!option) throw new UsageError(`invalid option -- '${letter}'`, true);
      const takes = shortArg(option);
      if (takes === 'none') {
        take({ option });
        continue;
      }
      const attached = word.slice(i + 1);
      if (attached) take({ option, value: attached });
      else if (takes === 'optional') take({ option });
      else {
        const value = argv[at++];
        if (value === undefined) throw new UsageError(`option requires an argument -- '${letter}'`, true);
        take({ option, value });
      }
      return;
    }
  };

  while (at < argv.length) {
    const word = argv[at++] as string;
    if (word === '--') {
      const beforeDashes = operands.length;
      return { steps, operands: [...operands, ...argv.slice(at)], beforeDashes };
    }
    if (word.startsWith('--')) long(word);
    else if (word.startsWith('-') && word.length > 1) cluster(word);
    else if (permute && operands.length - first < operandsBeforeProgram) operands.push(word);
    else {
      operands.push(word, ...argv.slice(at));
      break;
    }
  }
  return { steps, operands, beforeDashes: operands.length };
}
