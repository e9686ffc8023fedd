import { HELP_AND_OUR_VERSION, type Option, type Split, type Step } from '@ts/cli';

/** Keys of words that are no options: what a file is to have, and the file. */
export const CAPABILITIES = 'capabilities';
export const FILE = 'file';

export const options = [
  ...HELP_AND_OUR_VERSION,
  { long: 'license', help: 'show the licence, and end' },
  { long: 'quiet', short: 'q', shortOnly: true, help: 'say nothing' },
  { long: 'verify', short: 'v', shortOnly: true, help: 'compare with what the file has, and change nothing' },
  {
    long: 'force',
    short: 'f',
    shortOnly: true,
    help: 'set what makes no sense to the kernel, too, and remove what is not there',
  },
  {
    long: 'rootid',
    short: 'n',
    shortOnly: true,
    arg: 'rootid',
    help: 'for the user namespace whose root is this user; not 0',
  },
  { long: 'remove', short: 'r', shortOnly: true, help: 'remove the capabilities of the file' },
  { long: 'json', help: 'with -v: print a list of objects', group: 'Ours', ours: true },
  { long: CAPABILITIES, arg: 'text', help: 'what the next file is to have', hidden: true },
  { long: FILE, arg: 'file', help: 'a file', hidden: true },
] as const satisfies readonly Option[];

/** setcap's own grammar: options by their exact word before each pair of capabilities and file; `--` ends it. Pure. */
export function split(table: readonly Option[], argv: readonly string[]): Split {
  const row = (long: string) => table.find((option) => option.long === long) as Option;
  const steps: Step[] = [];
  let at = 0;
  while (at < argv.length && argv[at] !== '--') {
    const word = argv[at++] as string;
    const [, name, value] = /^--([\w-]+)(?:=(.*))?$/s.exec(word) ?? [];
    const long = table.find((option) => option.long === name && !option.shortOnly && !option.hidden);
    const short = table.find((option) => option.short && word === `-${option.short}`);
    if (long && (long.arg !== undefined || value === undefined))
      steps.push({ option: long, value: long.arg !== undefined ? (value ?? argv[at++]) : undefined });
    else if (short?.arg !== undefined) steps.push({ option: short, value: argv[at++] });
    else if (short && short.long !== 'remove') steps.push({ option: short });
    else {
      steps.push(short ? { option: short } : { option: row(CAPABILITIES), value: word });
      // The next word is the file, whatever it looks like.
      if (at < argv.length && argv[at] !== '--') steps.push({ option: row(FILE), value: argv[at++] });
    }
  }
  const operands = argv.slice(at + 1);
  return { steps, operands, beforeDashes: 0 };
}
