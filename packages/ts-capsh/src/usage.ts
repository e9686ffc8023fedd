/** The usage text that stands on standard output where a word is no option. */
import { options } from './options.ts';

const COLUMN = 25;

const ENDINGS = [
  ['==', 'become capsh again with the remaining words'],
  ['=+', 'fork first, then the same'],
  ['--', 'become the shell with the remaining words'],
  ['-+', 'fork first, then the same'],
] as const;

function words({ long, arg, optional }: { long: string; arg?: string; optional?: true }): string {
  if (arg === undefined) return `--${long}`;
  return optional ? `--${long}[=<${arg}>]` : `--${long}=<${arg}>`;
}

export function usage(prog: string): string {
  const rows = options
    .filter((option) => !('hidden' in option))
    .map((option) => [words(option as Parameters<typeof words>[0]), option.help] as const);
  const lines = [...rows, ...ENDINGS].map(([left, help]) => `  ${left.padEnd(COLUMN)} ${help}\n`);
  return `usage: ${prog} [options] [-- [arguments]]\n${lines.join('')}`;
}
