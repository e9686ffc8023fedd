/** What a table is: columns, rows, and the tree that rows make. Pure. */

export interface Column {
  readonly name: string;
  /** Width that a column with wider cells than its heading has at least. */
  readonly width?: number;
  /** Cells stand at the right edge. */
  readonly right?: boolean;
  /** May be cut to fit a terminal. */
  readonly truncate?: boolean;
  /** A line end in a cell starts another line of the table. */
  readonly wrap?: boolean;
  /** Shows the tree that the rows make. Where no column does, the rows are a list. */
  readonly tree?: boolean;
  /** How JSON has it; a string where left out. */
  readonly json?: 'string' | 'number';
}

export interface Row {
  /** One a column; undefined where there is nothing to say. */
  readonly cells: readonly (string | undefined)[];
  /** The row it hangs below; one that comes before it. */
  readonly parent?: Row;
}

export interface Branch {
  readonly row: Row;
  readonly branches: Branch[];
}

/** The rows as a forest, each level in the order of the rows; without a tree column all are roots. */
export function forest(columns: readonly Column[], rows: readonly Row[]): Branch[] {
  const isTree = columns.some(({ tree }) => tree);
  const roots: Branch[] = [];
  const made = new Map<Row, Branch>();
  for (const row of rows) {
    const branch: Branch = { row, branches: [] };
    made.set(row, branch);
    const above = isTree && row.parent ? made.get(row.parent) : undefined;
    (above?.branches ?? roots).push(branch);
  }
  return roots;
}
