/** A table as JSON, in the form of libsmartcols. Pure. */
import { type Branch, type Column, forest, type Row } from './table.ts';

const SHORT: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
};

/** A string as JSON has it; bytes that are no UTF-8 stay as they are. */
export const jsonString = (text: string): string =>
  `"${text.replace(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what JSON wants escaped
    /["\\\u0000-\u001f]/g,
    (character) => SHORT[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )}"`;

const INDENT = '   ';

function list(columns: readonly Column[], branches: readonly Branch[], depth: number): string {
  const indent = INDENT.repeat(depth);
  const inner = indent + INDENT;
  const objects = branches.map(({ row, branches: below }) => {
    const members = columns.map(({ name, json }, index) => {
      const cell = row.cells[index];
      const value = !cell ? 'null' : json === 'number' ? cell : jsonString(cell);
      return `${inner}${jsonString(name.toLowerCase())}: ${value}`;
    });
    if (below.length) members.push(`${inner}"children": [\n${list(columns, below, depth + 2)}${inner}]`);
    return `{\n${members.join(',\n')}\n${indent}}`;
  });
  return objects.length ? `${indent}${objects.join(',')}\n` : '\n';
}

/** `{ "name": [ rows ] }`; rows of a tree hold those below them as "children". An empty cell is null. */
export const formatJson = (name: string, columns: readonly Column[], rows: readonly Row[]): string =>
  `{\n${INDENT}${jsonString(name)}: [\n${list(columns, forest(columns, rows), 2)}${INDENT}]\n}\n`;
