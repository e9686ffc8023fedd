/** A tape as text, one line an entry: for --dry-run and for tests that compare recordings. */

import { formatCall } from '#trace';
import { decode } from '../bytes.ts';
import { MadeText, type Ref } from '../operand.ts';
import { quote } from '../quote.ts';
import type { Entry, Piece, Tape } from './entry.ts';

export const piece = (part: Piece) =>
  typeof part === 'string'
    ? JSON.stringify(part).slice(1, -1)
    : 'read' in part
      ? '{what was read}'
      : 'result' in part
        ? `{${part.result.entry}}`
        : 'exitStatus' in part
          ? `{status of ${part.exitStatus.entry}}`
          : `{signal of ${part.signal.entry}}`;

/** References to results as the number of the entry that gives them; texts to be made as far as they are known. */
function withNumbers(entry: Extract<Entry, { op: 'call' }>): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the marks that formatCall leaves
  return formatCall(entry.name, entry.operands).replaceAll(/[\u0001\u0002](\d)/g, (_, number: string) => {
    const operand = entry.operands[Number(number)] as Ref | MadeText;
    return operand instanceof MadeText ? operand.shown : `{${operand.entry}}`;
  });
}

function words(entry: Entry): string {
  switch (entry.op) {
    case 'call':
      return withNumbers(entry);
    case 'format':
      return `text "${entry.pieces.map(piece).join('')}"`;
    case 'store':
      return `store {${entry.value.entry}} at byte ${entry.offset} of ${entry.into.length}`;
    case 'show':
      return `show as ${decode(entry.words.subarray(0, -1)).split('\0').map(quote).join(' ')}`;
    case 'branch':
      return typeof entry.left === 'number'
        ? `go to ${entry.label.entry}`
        : `if {${(entry.left as { entry: number }).entry}} is ${{ equal: '', notEqual: 'not ', less: 'below ' }[entry.condition]}${typeof entry.right === 'number' ? entry.right : `{${entry.right.entry}}`} go to ${entry.label.entry}`;
    case 'exec':
      return entry.text ?? 'execve';
    case 'wait':
      return `wait for {${entry.pid.entry}}${entry.forward ? ', passing signals on' : ''}${entry.mirrorStops ? ', stopping with it' : ''}`;
    case 'endAsChild':
      return `end as {${entry.status.entry}} ended`;
    case 'end':
      return entry.status === 'failed' ? 'end, having failed' : `exit ${entry.status}`;
  }
}

function consequences(entry: Entry): string {
  if (entry.op === 'branch' || entry.op === 'format' || entry.op === 'store' || entry.op === 'show') return '';
  const { ignore } = entry.failure ?? {};
  if (entry.otherwise) return `  # on failure go to ${entry.otherwise.label.entry}`;
  if (ignore !== undefined) return '  # may fail';
  return entry.undo ? `  # on failure go to ${entry.undo.entry}` : '';
}

/** Lines "number: call", as strace(1) would print it; `{n}` is the result of entry n. */
export function formatTape(tape: Tape): string {
  const width = String(tape.entries.length).length;
  return tape.entries
    .map((entry, index) => `${String(index).padStart(width)}: ${words(entry)}${consequences(entry)}\n`)
    .join('');
}
