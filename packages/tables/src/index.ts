/** @ts/tables: rows and columns as text, as libsmartcols lays them out: a table, raw words, JSON, trees. */
export * from './cell.ts';
export * from './filter.ts';
export * from './json.ts';
export * from './table.ts';
export * from './text.ts';
