/** Of node:util what libraries use for their messages: texts, numbers and the like as Node writes them, objects as JSON. */

/** A value as it stands in a message, texts in quotes. */
export function inspect(value: unknown): string {
  if (typeof value === 'string') return value.includes("'") ? JSON.stringify(value) : `'${value}'`;
  return plain(value);
}

function plain(value: unknown): string {
  if (typeof value === 'bigint') return `${value}n`;
  if (Object.is(value, -0)) return '-0';
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value);
}

const number =
  (parsed: (value: unknown) => number) =>
  (value: unknown): string =>
    typeof value === 'bigint' ? `${value}n` : typeof value === 'symbol' ? 'NaN' : plain(parsed(value));

const WAYS: Readonly<Record<string, (value: unknown) => string>> = {
  s: (value) => (typeof value === 'string' ? value : plain(value)),
  d: number(Number),
  i: number((value) => Number.parseInt(value as string, 10)),
  f: (value) => (typeof value === 'symbol' ? 'NaN' : plain(Number.parseFloat(value as string))),
  j: (value) => String(JSON.stringify(value)),
};

const behind = (value: unknown) => (typeof value === 'string' ? value : inspect(value));

/** As printf(3), by %s, %d, %i, %f, %j and %%; what is over is put behind. */
export function format(...operands: unknown[]): string {
  const [first, ...rest] = operands;
  if (typeof first !== 'string') return operands.map(behind).join(' ');
  if (rest.length === 0) return first;
  let used = 0;
  const text = first.replace(/%([sdifj%])/g, (whole, letter: string) => {
    if (letter === '%') return '%';
    return used < rest.length ? (WAYS[letter] as (value: unknown) => string)(rest[used++]) : whole;
  });
  return [text, ...rest.slice(used).map(behind)].join(' ');
}
