/** JSON as iproute2's writer lays it out. */

/** A number with the digits that it is to be shown with. */
export class Digits {
  constructor(readonly text: string) {}
}

export type Json =
  | string
  | number
  | bigint
  | boolean
  | null
  | Digits
  | readonly Json[]
  | { readonly [key: string]: Json };

const ESCAPES: Readonly<Record<string, string>> = {
  '\t': '\\t',
  '\n': '\\n',
  '\r': '\\r',
  '\f': '\\f',
  '\b': '\\b',
  '\\': '\\\\',
  '"': '\\"',
};
const quote = (text: string) => `"${text.replace(/[\t\n\r\f\b\\"]/g, (character) => ESCAPES[character] ?? character)}"`;

/** `depth`: how many objects and arrays it stands in; undefined for all in one line. */
function write(value: Json, depth: number | undefined): string {
  if (typeof value === 'string') return quote(value);
  if (value instanceof Digits) return value.text;
  if (value === null || typeof value !== 'object') return String(value);
  const inner = depth === undefined ? undefined : depth + 1;
  if (Array.isArray(value)) {
    const items = value.map((item) => write(item, inner)).join(',');
    if (depth === undefined) return `[${items}]`;
    return value.length ? `[ ${items} ]` : '[ ]';
  }
  const line = (level: number | undefined) => (level === undefined ? '' : `\n${'    '.repeat(level)}`);
  const entries = Object.entries(value as Record<string, Json>);
  const colon = depth === undefined ? ':' : ': ';
  const members = entries.map(([key, item]) => `${line(inner)}${quote(key)}${colon}${write(item, inner)}`);
  return entries.length ? `{${members.join(',')}${line(depth)}}` : '{}';
}

/** A whole text with its line end. */
export const formatJson = (value: Json, pretty: boolean): string => `${write(value, pretty ? 0 : undefined)}\n`;
