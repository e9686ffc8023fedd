/** Expressions that choose rows, in the grammar of libsmartcols' filters (scols-filter(5)). Pure. */

/** What a column or a literal is; undefined where a cell is empty. */
export type Value = string | number | boolean | undefined;

export interface Filter {
  /** Names of columns, as written. */
  readonly names: readonly string[];
  matches(cell: (name: string) => Value): boolean;
}

type Evaluate = (cell: (name: string) => Value) => Value;

const TOKEN =
  /\s*(?:(?<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?<number>\d+(?:\.\d+)?)(?![\w.])|(?<word>[A-Za-z_][\w.%:/-]*)|(?<sign>=~|!~|==|!=|<=|>=|&&|\|\||[<>!()]))/y;

const SPELLED: Readonly<Record<string, string>> = {
  eq: '==',
  ne: '!=',
  lt: '<',
  le: '<=',
  gt: '>',
  ge: '>=',
  and: '&&',
  or: '||',
  not: '!',
};

interface Token {
  readonly sort: 'literal' | 'name' | 'sign' | 'end';
  readonly text: string;
  readonly value?: Value;
}

const WORDS: Readonly<Record<string, boolean>> = { true: true, false: false };

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  const source = text.trimEnd();
  for (TOKEN.lastIndex = 0; TOKEN.lastIndex < source.length; ) {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(source);
    if (!match) throw new SyntaxError(`syntax error at '${source.slice(at).trim()}'`);
    const { string, number, word, sign } = match.groups as Record<string, string | undefined>;
    if (string !== undefined)
      tokens.push({ sort: 'literal', text: string, value: string.slice(1, -1).replace(/\\(.)/g, '$1') });
    else if (number !== undefined) tokens.push({ sort: 'literal', text: number, value: Number(number) });
    else if (sign !== undefined) tokens.push({ sort: 'sign', text: sign });
    else if (word !== undefined) {
      const spelled = SPELLED[word.toLowerCase()];
      const truth = WORDS[word.toLowerCase()];
      if (spelled) tokens.push({ sort: 'sign', text: spelled });
      else if (truth !== undefined) tokens.push({ sort: 'literal', text: word, value: truth });
      else tokens.push({ sort: 'name', text: word });
    }
  }
  return [...tokens, { sort: 'end', text: '' }];
}

/** By number where both are numbers or read as such, otherwise as strings. */
function compare(a: Value, b: Value): number | undefined {
  if (a === undefined || b === undefined) return undefined;
  const isText = (value: Value) => typeof value === 'string' && !/^-?\d+(\.\d+)?$/.test(value);
  if (isText(a) || isText(b)) return String(a) < String(b) ? -1 : Number(String(a) > String(b));
  return Number(a) - Number(b);
}

const ORDER: Readonly<Record<string, (difference: number) => boolean>> = {
  '==': (difference) => difference === 0,
  '!=': (difference) => difference !== 0,
  '<': (difference) => difference < 0,
  '<=': (difference) => difference <= 0,
  '>': (difference) => difference > 0,
  '>=': (difference) => difference >= 0,
};

function expressionOf(pattern: string): RegExp {
  try {
    return new RegExp(pattern, 'u');
  } catch {
    throw new SyntaxError('Invalid regular expression');
  }
}

const isTrue = (value: Value) => value !== undefined && value !== '' && value !== 0 && value !== false;

/** Reads an expression. @throws SyntaxError that says where it stops to make sense. */
export function parseFilter(text: string): Filter {
  const tokens = tokensOf(text);
  const names = new Set<string>();
  let at = 0;
  const next = () => tokens[at] as Token;
  const takes = (...signs: string[]): string | undefined => {
    const { sort, text: sign } = next();
    if (sort !== 'sign' || !signs.includes(sign)) return undefined;
    at += 1;
    return sign;
  };
  const fail = (): never => {
    const { sort, text: word } = next();
    throw new SyntaxError(sort === 'end' ? 'syntax error, unexpected end of file' : `syntax error at '${word}'`);
  };

  const operand = (): Evaluate => {
    if (takes('(')) {
      const inner = either();
      if (!takes(')')) fail();
      return inner;
    }
    const token = next();
    if (token.sort === 'sign' || token.sort === 'end') return fail();
    at += 1;
    if (token.sort === 'literal') return () => token.value;
    names.add(token.text);
    return (cell) => cell(token.text);
  };
  const comparison = (): Evaluate => {
    const left = operand();
    const search = takes('=~', '!~');
    if (search) {
      const pattern = next();
      if (pattern.sort !== 'literal' || typeof pattern.value !== 'string') fail();
      at += 1;
      const expression = expressionOf(pattern.value as string);
      return (cell) => expression.test(String(left(cell) ?? '')) === (search === '=~');
    }
    const sign = takes(...Object.keys(ORDER));
    if (!sign) return left;
    const right = operand();
    return (cell) => {
      const difference = compare(left(cell), right(cell));
      return difference === undefined ? sign === '!=' : ORDER[sign]?.(difference);
    };
  };
  const negation = (): Evaluate => {
    if (!takes('!')) return comparison();
    const inner = negation();
    return (cell) => !isTrue(inner(cell));
  };
  const both = (): Evaluate => {
    let left = negation();
    while (takes('&&')) {
      const [first, second] = [left, negation()];
      left = (cell) => isTrue(first(cell)) && isTrue(second(cell));
    }
    return left;
  };
  function either(): Evaluate {
    let left = both();
    while (takes('||')) {
      const [first, second] = [left, both()];
      left = (cell) => isTrue(first(cell)) || isTrue(second(cell));
    }
    return left;
  }

  const evaluate = either();
  if (next().sort !== 'end') fail();
  return { names: [...names], matches: (cell) => isTrue(evaluate(cell)) };
}
