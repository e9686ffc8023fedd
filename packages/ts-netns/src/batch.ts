/** `-batch FILE`: commands, one a line, by one process over the same sockets. */
import { Failure, readOpenText, readText, saying } from '@ts/sys';
import { FAILED, WRONG } from './words.ts';

/** Most words of a line. */
const MOST_WORDS = 511;

const skipBlanks = (text: string) => text.replace(/^[ \t\r\n]+/, '');

/** What ends a batch whatever `-force` says. */
const fatal = (message: string) => new Failure(message, FAILED);

/**
 * Words of a line as iproute2 parts them: blanks between them, and quotes around one that begins with a quote. A quote inside of a word
 * is a character of it.
 */
export function wordsOf(line: string): string[] {
  const words: string[] = [];
  for (let rest = skipBlanks(line); rest !== ''; rest = skipBlanks(rest)) {
    if (words.length === MOST_WORDS) throw fatal('Too many arguments to command');
    const [, quote, quoted, plain = ''] = /^(?:(["'])(.*?)\1|([^ \t\r\n]+))/s.exec(rest) ?? [];
    if (quote === undefined && /^["']/.test(plain)) throw fatal('Unterminated quoted string');
    words.push(quoted ?? plain);
    rest = rest.slice(quote === undefined ? plain.length : (quoted as string).length + 2);
  }
  return words;
}

/**
 * Lines with their numbers: # and what follows is left out, wherever it stands, and a line that ends in a backslash goes on in the next.
 */
export function* linesOf(text: string): Generator<readonly [line: string, number: number]> {
  const lines = text.split('\n');
  let before = '';
  let goesOn = false;
  for (const [index, line] of lines.entries()) {
    const isLast = index === lines.length - 1;
    if (isLast && line === '') break;
    const [kept = ''] = line.split('#', 1);
    goesOn = !isLast && kept === line && line.endsWith('\\');
    before += goesOn ? line.slice(0, -1) : kept;
    if (goesOn) continue;
    yield [before, index + 1];
    before = '';
  }
  if (goesOn) throw fatal('Missing continuation line');
}

function readBatch(file: string): string {
  return saying(
    `Cannot open file "${file}" for reading`,
    () => (file === '-' ? readOpenText(0) : readText(file)),
    FAILED,
  );
}

/**
 * Runs every line. One that the kernel refuses ends the batch, unless `force`; wrong words end it in any case.
 *
 * @returns The exit status: 0, or that of the failure.
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
      if (!(error instanceof Failure)) throw error;
      if (error.said !== '') complain(error.said);
      if (error.remedy !== undefined) hint(error.remedy);
      if (error.status === WRONG) return WRONG;
      complain(`Command failed ${file}:${number}`);
      status = FAILED;
      if (!force) break;
    }
  }
  return status;
}
