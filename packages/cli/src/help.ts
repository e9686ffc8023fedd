/** What only a reader needs, loaded when asked for: help text, completion. */
import { Failure } from '@ts/sys';
import yargs from 'yargs';
import type { Option } from './option.ts';
import type { Tool } from './tool.ts';

const WIDTH = 80;
const COLUMN = 27;

/** `-m, --mount[=<file>]` as util-linux writes it. */
export function optionWords(option: Option): string {
  const short = option.short ? `-${option.short}` : '  ';
  const required = option.attached ? `=<${option.arg}>` : ` <${option.arg}>`;
  const argument = option.arg === undefined ? '' : option.optional ? `[=<${option.arg}>]` : required;
  if (option.shortOnly) return `${short}${argument}`;
  return `${short}${option.short ? ',' : ' '} --${option.long}${argument}`;
}

function wrap(text: string, indent: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line && indent + line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = word;
    } else line = line ? `${line} ${word}` : word;
  }
  return [...lines, line];
}

function optionLines(option: Option): string[] {
  const left = ` ${optionWords(option)}`;
  const [first = '', ...rest] = wrap(option.help, COLUMN);
  const under = (line: string) => ' '.repeat(COLUMN) + line;
  return left.length < COLUMN - 1
    ? [left.padEnd(COLUMN) + first, ...rest.map(under)]
    : [left, under(first), ...rest.map(under)];
}

export function helpText(tool: Tool, table: readonly Option[], prog: string): string {
  const shown = table.filter((option) => !option.hidden);
  const groups = [...new Set(shown.map((option) => option.group ?? 'Options'))].sort(
    (a, b) => Number(a === 'Ours') - Number(b === 'Ours'),
  );
  const lines = ['', 'Usage:', ...tool.synopsis.map((synopsis) => ` ${prog} ${synopsis}`), '', tool.summary];
  for (const group of groups) {
    lines.push('', group === 'Ours' ? 'Options beyond the original:' : `${group}:`);
    for (const option of shown) if ((option.group ?? 'Options') === group) lines.push(...optionLines(option));
  }
  if (tool.examples?.length)
    lines.push('', 'Examples:', ...tool.examples.flatMap(({ command, says }) => [` ${command}`, `     ${says}`]));
  return `${lines.join('\n')}\n\nFor more details see ${tool.replaces[0] ?? tool.name}(${tool.section}).\n`;
}

const withOptions = (table: readonly Option[]) =>
  table
    .filter((option) => !option.hidden && !option.shortOnly)
    .reduce(
      (parser, option) =>
        parser.option(option.long, {
          alias: option.short,
          describe: option.help,
          type: option.arg === undefined ? 'boolean' : 'string',
        }),
      yargs([]).help(false).version(false),
    );

/** Words that complete the last one, one a line: the shell function of `completionScript` asks for them. */
export function completions(table: readonly Option[], word: string): string {
  const names = table.filter((option) => !option.hidden && !option.shortOnly).map((option) => `--${option.long}`);
  return names
    .filter((name) => name.startsWith(word))
    .map((name) => `${name}\n`)
    .join('');
}

/** A script for the shell's start-up file, made by yargs. */
export function completionScript(name: string, shell: string): string {
  if (shell !== 'bash' && shell !== 'zsh') throw new Failure(`no completion for '${shell}': bash or zsh`);
  let script = '';
  const log = console.log;
  const before = process.env.SHELL;
  process.env.SHELL = `/bin/${shell}`;
  console.log = (text: string) => {
    script += `${text}\n`;
  };
  try {
    withOptions([]).scriptName(name).completion('completion').showCompletionScript();
  } finally {
    console.log = log;
    process.env.SHELL = before;
  }
  return script;
}
