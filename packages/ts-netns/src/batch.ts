/** `-batch FILE`: commands, one a line, by one process over the same sockets. */
import { readFileSync } from 'node:fs';
import { ToolError } from '@ts/cli';
import { encode, SysError, strerror } from '@ts/sys';
import { FAILED } from './words.ts';

/** Words of a line as iproute2 parts them: blanks, quotes, # for a comment. */
export function wordsOf(line: string): string[] {
  const words: string[] = [];
  for (const [, double, single, plain] of line.matchAll(/"([^"]*)"|'([^']*)'|(#.*|[^\s"']+)/g)) {
    if (plain?.startsWith('#')) break;
    words.push(double ?? single ?? plain ?? '');
  }
  return words;
}

/** Lines, with those that a backslash goes on joined, and the number of the last one of each. */
export function* linesOf(text: string): Generator<readonly [line: string, number: number]> {
  let before = '';
  let number = 0;
  for (const line of text.split('\n')) {
    number++;
    if (line.endsWith('\\')) before += line.slice(0, -1);
    else {
      yield [before + line, number];
      before = '';
    }
  }
}

function readBatch(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : encode(file), 'utf8');
  } catch (error) {
    const { errno = 0 } = error as NodeJS.ErrnoException;
    throw new ToolError(`Cannot open file "${file}" for reading: ${strerror(-errno)}`, FAILED);
  }
}

/**
 * Runs every line; ends at the first that fails, unless `force`.
 *
 * @returns The exit status: 0, or 1 where a line has failed.
 */
export function runBatch(
  file: string,
  force: boolean,
  run: (words: readonly string[]) => void,
  complain: (message: string) => void,
  hint: (remedy: string) => void,
): number {
  let status = 0;
  for (const [line, number] of linesOf(readBatch(file))) {
    const words = wordsOf(line);
    if (!words.length) continue;
    try {
      run(words);
    } catch (error) {
      if (!(error instanceof ToolError || error instanceof SysError)) throw error;
      complain(error instanceof ToolError ? error.message : `${error.context ?? error.call}: ${strerror(error.errno)}`);
      if (error instanceof ToolError && error.hint !== undefined) hint(error.hint);
      complain(`Command failed ${file}:${number}`);
      status = FAILED;
      if (!force) break;
    }
  }
  return status;
}
