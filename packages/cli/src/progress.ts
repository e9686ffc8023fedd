/** One line on a terminal that says how far long work has come; nothing where nobody watches. */
import { writeText } from './output.ts';
import { formatSize } from './size.ts';
import { isTerminal } from './terminal.ts';

/** Milliseconds before the line appears, and between two of its states. */
const FIRST = 500;
const NEXT = 100;
const WIDTH = 30;

/** The line. Pure. @param total Bytes in all, where that is known. @param seconds Since the start. */
export function progressLine(what: string, done: number, total: number | undefined, seconds: number): string {
  const rate = `${formatSize(done)}, ${formatSize(Math.round(done / seconds))}/s`;
  if (!total) return `${what}: ${rate}`;
  const part = Math.min(1, done / total);
  const full = Math.round(part * WIDTH);
  return `${what} [${'#'.repeat(full)}${' '.repeat(WIDTH - full)}] ${Math.floor(part * 100)}% ${rate}`;
}

export interface Progress {
  /** Counts bytes that have been dealt with. */
  advance(bytes: number): void;
  /** Takes the line away. */
  end(): void;
}

const SILENT: Progress = { advance: () => undefined, end: () => undefined };

/** @param total Bytes in all, where that is known. */
export function progress(what: string, total: number | undefined, isWanted = true): Progress {
  if (!isWanted || !isTerminal(2)) return SILENT;
  const start = Date.now();
  let due = start + FIRST;
  let done = 0;
  return {
    advance(bytes) {
      done += bytes;
      const now = Date.now();
      if (now < due) return;
      due = now + NEXT;
      writeText(2, `\r${progressLine(what, done, total, (now - start) / 1000)}\x1b[K`, true);
    },
    end() {
      if (due > start + FIRST) writeText(2, '\r\x1b[K', true);
    },
  };
}
