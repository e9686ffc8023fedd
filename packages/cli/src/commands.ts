/** Tools with commands: the first word says what is done, and which operands and options go with it. Pure. */
import { UsageError } from './errors.ts';
import { type Grammar, getopt, type Split } from './getopt.ts';
import { COMMON_OPTIONS, type Option, type Parsed } from './option.ts';

export interface Command {
  /** Operands, as the usage line has them. */
  readonly operands: string;
  readonly least: number;
  /** As many as given, where left out. */
  readonly most?: number;
  /** Long names of the options that it takes. */
  readonly takes: readonly string[];
}

export type Commands = Readonly<Record<string, Command>>;

/** The key under which the command is found among the values: a row of the option table that nobody sees. */
export const COMMAND_OPTION = {
  long: 'command',
  arg: 'command',
  help: 'the first word',
  hidden: true,
  ours: true,
} as const satisfies Option;

const isCommand = (commands: Commands, word: string | undefined): word is string =>
  word !== undefined && Object.hasOwn(commands, word);

/** Takes the first word for a command where it is one. @param otherwise How the line is split without one. */
export const splitAtCommand =
  (commands: Commands, otherwise: Grammar) =>
  (table: readonly Option[], argv: readonly string[]): Split => {
    const [first, ...rest] = argv;
    if (!isCommand(commands, first)) return getopt(table, argv, otherwise);
    const { steps, ...others } = getopt(table, rest, { permute: true });
    return { steps: [{ option: COMMAND_OPTION, value: first }, ...steps], ...others };
  };

const GENERAL = ['command', 'help', 'version', ...COMMON_OPTIONS.map(({ long }) => long)];

/** Throws where operands or options are not those of the command. */
export function checkCommand(
  commands: Commands,
  name: string,
  { operands, steps }: Pick<Parsed, 'operands' | 'steps'>,
  prog: string,
): void {
  const { least, most = Number.POSITIVE_INFINITY, operands: words, takes } = commands[name] as Command;
  if (operands.length < least || operands.length > most || operands.includes(''))
    throw new UsageError(`usage: ${prog} ${name} ${words}`);
  const foreign = steps.find(({ option: { long } }) => !GENERAL.includes(long) && !takes.includes(long));
  if (foreign) throw new UsageError(`${name} does not take --${foreign.option.long}`);
}

/** The value of an option that is one of some words. */
export function oneOf<Word extends string>(
  long: string,
  words: readonly Word[],
  value: string | undefined,
  otherwise: Word,
): Word {
  const found = words.find((word) => word === (value ?? otherwise));
  if (found === undefined) throw new UsageError(`--${long}: '${value}' is none of ${words.join(', ')}`);
  return found;
}
