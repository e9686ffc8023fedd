/** A table as text: aligned columns, or raw words. Pure. */
import { cut, displayWidth, escapeCell, escapeRaw } from './cell.ts';
import { type Branch, type Column, forest, type Row } from './table.ts';

export interface Layout {
  readonly headings: boolean;
  /** The locale shows more than ASCII. */
  readonly utf8: boolean;
  /** Columns of the terminal; undefined where the output is none, and nothing is cut. */
  readonly terminal?: number;
}

interface Lines {
  /** Before a row that others follow at its level, before the last one, below the one and below the other. */
  readonly branch: string;
  readonly last: string;
  readonly through: string;
  readonly none: string;
}

const UTF8: Lines = { branch: '├─', last: '└─', through: '│ ', none: '  ' };
const ASCII: Lines = { branch: '|-', last: '`-', through: '| ', none: '  ' };

interface Line {
  readonly cells: readonly (string | undefined)[];
  /** Tree lines before the first and before the further lines of the row. */
  readonly first: string;
  readonly further: string;
}

function linesOf(branches: readonly Branch[], lines: Lines, above?: string): Line[] {
  return branches.flatMap(({ row, branches: below }, index) => {
    const isLast = index === branches.length - 1;
    const first = above === undefined ? '' : above + (isLast ? lines.last : lines.branch);
    const beside = above === undefined ? '' : above + (isLast ? lines.none : lines.through);
    const further = beside + (below.length ? lines.through : '');
    return [{ cells: row.cells, first, further }, ...linesOf(below, lines, beside)];
  });
}

/** A row of the table as lines: more than one where a cell wraps. */
function chunks(columns: readonly Column[], { cells, first, further }: Line, utf8: boolean): string[][] {
  const parts = columns.map(({ tree, wrap }, index) => {
    const text = escapeCell(cells[index] ?? '', { utf8, lineEnds: wrap });
    const [top = '', ...rest] = wrap ? text.split('\n') : [text];
    return tree ? [first + top, ...rest.map((part) => further + part)] : [top, ...rest];
  });
  const height = Math.max(...parts.map(({ length }) => length));
  return Array.from({ length: height }, (_, at) =>
    parts.map((part, index) => part[at] ?? (columns[index]?.tree ? further : '')),
  );
}

/** Cells by which a column is narrowed at a time: the first of several that may be cut, unless it is the widest, and the others. */
const STEP = { first: 1, other: 3 };

/** A width that two thirds of the cells keep to, where they are spread evenly: their mean and the standard deviation. */
function usual(cells: readonly string[]): number {
  const sizes = cells.map(displayWidth);
  const mean = sizes.reduce((sum, size) => sum + size, 0) / sizes.length;
  const variance = sizes.reduce((sum, size) => sum + (size - mean) ** 2, 0) / sizes.length;
  return Math.ceil(mean + Math.sqrt(variance));
}

/**
 * Narrows columns that may be cut until a line fits, as libsmartcols is seen to do since util-linux 2.40: the widest one loses what few
 * cells need, then all are narrowed in turn, from the last one on. So a line may become some cells shorter than the terminal. What ends
 * the line gets back what is left over.
 *
 * @param cellsOf Cells of a column.
 */
function narrow(
  columns: readonly Column[],
  widths: number[],
  least: (column: Column) => number,
  cellsOf: (index: number) => readonly string[],
  terminal: number,
): void {
  const full = [...widths];
  let excess = widths.reduce((sum, width) => sum + width + 1, -1) - terminal;
  const order = columns.flatMap(({ truncate }, index) => (truncate ? [index] : [])).reverse();
  const spare = (index: number, above = least(columns[index] as Column)) =>
    Math.max(0, (widths[index] as number) - above);
  const take = (index: number, cells: number) => {
    widths[index] = (widths[index] as number) - cells;
    excess -= cells;
  };
  if (excess <= 0 || !order.length) return;
  const widest = order.reduce((one, other) => ((widths[other] as number) > (widths[one] as number) ? other : one));
  take(widest, Math.min(excess, spare(widest), spare(widest, usual(cellsOf(widest)))));
  while (excess > 0 && order.some((index) => spare(index) > 0))
    for (const [turn, index] of order.entries()) {
      if (excess <= 0) break;
      const isFirst = turn > 0 && turn === order.length - 1 && index !== widest;
      take(index, Math.min(isFirst ? STEP.first : STEP.other, spare(index)));
    }
  const end = columns.length - 1;
  if (excess < 0 && columns[end]?.truncate)
    widths[end] = Math.min(full[end] as number, (widths[end] as number) - excess);
}

/** Widths of the columns: of the widest cell, but never below a heading that is printed, and cut where that makes the line fit. */
function widthsOf(columns: readonly Column[], body: readonly (readonly string[])[], layout: Layout): number[] {
  const { headings, terminal } = layout;
  const headingOf = ({ name }: Column) => (headings ? displayWidth(name) : 0);
  const widths = columns.map((column, index) => {
    const { width: hint = 0 } = column;
    const heading = headingOf(column);
    const widest = body.reduce((most, cells) => Math.max(most, displayWidth(cells[index] as string)), 0);
    if (widest < heading) return heading;
    return widest < hint && heading < hint ? hint : widest;
  });
  const cellsOf = (index: number) => body.map((cells) => cells[index] as string);
  if (terminal !== undefined) narrow(columns, widths, headingOf, cellsOf, terminal);
  return widths;
}

const fill = (text: string, width: number) => ' '.repeat(Math.max(0, width - displayWidth(text)));

/** Aligned columns; nothing at all where there are no rows. */
export function formatTable(columns: readonly Column[], rows: readonly Row[], layout: Layout): string {
  if (!rows.length) return '';
  const { headings, utf8, terminal } = layout;
  const body = linesOf(forest(columns, rows), utf8 ? UTF8 : ASCII).flatMap((line) => chunks(columns, line, utf8));
  const widths = widthsOf(columns, body, layout);
  const lines = headings ? [columns.map(({ name }) => name), ...body] : body;
  const last = columns.length - 1;
  return lines
    .map((cells) => {
      const words = cells.map((cell, index) => {
        const { right, truncate } = columns[index] as Column;
        const width = widths[index] as number;
        const text = truncate && terminal !== undefined && displayWidth(cell) > width ? cut(cell, width) : cell;
        // The last column is not filled up behind its text; where it is empty, not at all.
        if (right && (text || index !== last)) return fill(text, width) + text;
        return index === last ? text : text + fill(text, width);
      });
      return `${words.join(' ')}\n`;
    })
    .join('');
}

/** One blank between words that hold none. */
export function formatRaw(columns: readonly Column[], rows: readonly Row[], { headings, utf8 }: Layout): string {
  if (!rows.length) return '';
  const body = linesOf(forest(columns, rows), utf8 ? UTF8 : ASCII).map(({ cells, first }) =>
    columns.map(({ tree }, index) => escapeRaw((tree ? first : '') + (cells[index] ?? ''))),
  );
  const lines = headings ? [columns.map(({ name }) => name), ...body] : body;
  return lines.map((words) => `${words.join(' ')}\n`).join('');
}
