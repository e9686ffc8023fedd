/** The option table of a tool: parsing, help, man page, README table and completion all come from its rows. */
export interface Option {
  /** Name behind `--`. Also the key of its value. */
  readonly long: string;
  /** Letter behind `-`. */
  readonly short?: string;
  /** True where only the short form exists; `long` is then just the key. */
  readonly shortOnly?: true;
  /** Name of the argument; none where left out. */
  readonly arg?: string;
  /** The argument may be left out: `--long=ARG`, never `--long ARG`. */
  readonly optional?: true;
  /** The argument stands behind "=", never in the next word. */
  readonly attached?: true;
  /** What the short form takes, where that differs from the long one. */
  readonly shortArg?: 'none' | 'optional' | 'required';
  /** Every occurrence counts: the value is a list. */
  readonly repeat?: true;
  readonly help: string;
  /** More, for the man page. */
  readonly details?: string;
  /** Options that this one turns on. */
  readonly implies?: readonly string[];
  /** Heading in the help text. */
  readonly group?: string;
  /** Not in the original tool. */
  readonly ours?: true;
  /** Not shown in help. */
  readonly hidden?: true;
  /** Taken as the original takes it, and without effect: no plan reads it, and `npm run check` asks for none that does. */
  readonly ignored?: true;
}

/** One occurrence: an optional argument that was left out is `true`, which an empty one ('') is not. */
type Given<O extends Option> = O extends { arg: string }
  ? O extends { optional: true }
    ? string | true
    : string
  : true;

type Value<O extends Option> = O extends { repeat: true } ? readonly Given<O>[] : Given<O>;

/** Values by long name; an option that was not given is undefined. */
export type ValuesOf<Table extends readonly Option[]> = {
  readonly [O in Table[number] as O['long']]?: Value<O>;
};

/** One option as it was given. */
export interface Step {
  readonly option: Option;
  /** Its argument; undefined where none was given. */
  readonly value?: string;
  /** How many operands stood before it. */
  readonly operands?: number;
}

export interface Parsed<Table extends readonly Option[] = readonly Option[]> {
  readonly values: ValuesOf<Table>;
  /** The options in the order given. */
  readonly steps: readonly Step[];
  readonly operands: readonly string[];
  /** Operands before a `--`; all of them where there was none. */
  readonly beforeDashes: number;
}

/** Options that every tool has. */
export const COMMON_OPTIONS = [
  { long: 'dry-run', help: 'print what would be done, in order, and do nothing', group: 'Ours', ours: true },
  { long: 'trace', help: 'print each system call as it is made', group: 'Ours', ours: true },
  {
    long: 'emit',
    arg: 'file',
    help: 'do nothing but write what would be done into an executable file that needs no Node',
    details:
      'For what ends in a program. The user, PATH, the environment and further arguments are those of its later run; files that planning reads are read now',
    group: 'Ours',
    ours: true,
  },
  {
    long: 'emit-fixed',
    arg: 'user,path,environment,arguments',
    help: 'what of these is fixed when the file is written',
    details: 'Of another user, and with further arguments, it refuses to run then',
    group: 'Ours',
    ours: true,
  },
  { long: 'completion', arg: 'shell', help: 'print a completion script for bash or zsh', group: 'Ours', ours: true },
] as const satisfies readonly Option[];

/** The two options of util-linux and most others. */
export const HELP_OPTIONS = [
  { long: 'help', short: 'h', help: 'display this help' },
  { long: 'version', short: 'V', help: 'display version' },
] as const satisfies readonly Option[];

/** The same where the original has no --version: it is ours then, and leaves the letter V alone. */
export const HELP_AND_OUR_VERSION = [
  { long: 'help', short: 'h', help: 'display this help' },
  { long: 'version', help: 'display version', ours: true },
] as const satisfies readonly Option[];
