/** What a source file says of options and of programs, as far as its text tells. */
import { type ESTree, parseSync, Visitor } from 'vite';

type Node = ESTree.Node | null | undefined;

export interface Words {
  /** What is read out of `values`, the parser's result: its members, and the names that it is taken apart into. */
  readonly values: ReadonlySet<string>;
  /** Keys of the tables at the top of the file. */
  readonly keys: ReadonlySet<string>;
  /** Strings and parts of templates; none of rows of option tables, of imports or of types. */
  readonly strings: ReadonlySet<string>;
  /** Beginnings that are asked for by `startsWith`. */
  readonly prefixes: ReadonlySet<string>;
}

const isNamed = (node: Node, name: string): boolean => node?.type === 'Identifier' && node.name === name;

/** `values` or `….values`. */
function isValues(node: Node): boolean {
  if (node?.type === 'TSAsExpression' || node?.type === 'TSNonNullExpression') return isValues(node.expression);
  if (node?.type === 'MemberExpression') return !node.computed && isNamed(node.property, 'values');
  return isNamed(node, 'values');
}

function nameOf(key: Node): string | undefined {
  if (key?.type === 'Identifier') return key.name;
  return key?.type === 'Literal' && typeof key.value === 'string' ? key.value : undefined;
}

const textOf = (node: Node): string | undefined => (node?.type === 'Literal' ? nameOf(node) : undefined);

/** The literal behind `as const`, `satisfies` and Object.freeze. */
function plain(node: Node): Node {
  if (node?.type === 'TSAsExpression' || node?.type === 'TSSatisfiesExpression') return plain(node.expression);
  return node?.type === 'CallExpression' ? plain(node.arguments[0]) : node;
}

function keysOf(node: Node): string[] {
  const object = node?.type === 'AssignmentPattern' ? node.left : node;
  if (object?.type !== 'ObjectPattern' && object?.type !== 'ObjectExpression') return [];
  return object.properties.flatMap((property) =>
    property.type === 'Property' && !property.computed ? (nameOf(property.key) ?? []) : [],
  );
}

/** `{ one, two, ...values }`: what it is taken from had the options' values. */
function leavesValues(node: Node): boolean {
  if (node?.type !== 'ObjectPattern') return false;
  return node.properties.some((property) => property.type === 'RestElement' && isNamed(property.argument, 'values'));
}

function isRow(node: ESTree.ObjectExpression): boolean {
  const keys = keysOf(node);
  return keys.includes('long') && keys.includes('help');
}

/** @throws Where the text cannot be parsed. */
export function wordsIn(file: string, text: string): Words {
  const { program, errors } = parseSync(file, text);
  if (errors[0]) throw new Error(`${file}: ${errors[0].message}`);
  const values: string[] = [];
  const keys: string[] = [];
  const prefixes: string[] = [];
  const strings: { at: number; text: string }[] = [];
  const apart: ESTree.Node[] = [];
  const leaveOut = (node: ESTree.Node): void => {
    apart.push(node);
  };
  for (const statement of program.body) {
    const declared = statement.type === 'ExportNamedDeclaration' ? statement.declaration : statement;
    if (declared?.type !== 'VariableDeclaration') continue;
    for (const { init } of declared.declarations) keys.push(...keysOf(plain(init)));
  }
  new Visitor({
    ImportDeclaration: leaveOut,
    TSLiteralType: leaveOut,
    ObjectExpression: (node) => {
      if (isRow(node)) leaveOut(node);
    },
    MemberExpression: (node) => {
      if (!isValues(node.object)) return;
      const name = node.computed ? textOf(node.property) : nameOf(node.property);
      if (name !== undefined) values.push(name);
    },
    VariableDeclarator: (node) => {
      if (isValues(node.init) || leavesValues(node.id)) values.push(...keysOf(node.id));
    },
    Property: (node) => {
      if (nameOf(node.key) === 'values' && node.value.type !== 'ObjectExpression') values.push(...keysOf(node.value));
    },
    CallExpression: (node) => {
      const { callee } = node;
      if (callee.type !== 'MemberExpression' || !isNamed(callee.property, 'startsWith')) return;
      const prefix = textOf(node.arguments[0]);
      if (prefix) prefixes.push(prefix);
    },
    Literal: (node) => {
      if (typeof node.value === 'string') strings.push({ at: node.start, text: node.value });
    },
    TemplateElement: (node) => {
      strings.push({ at: node.start, text: node.value.cooked ?? node.value.raw });
    },
  }).visit(program);
  const isApart = (at: number): boolean => apart.some(({ start, end }) => start <= at && at < end);
  return {
    values: new Set(values),
    keys: new Set(keys),
    strings: new Set(strings.filter(({ at }) => !isApart(at)).map(({ text }) => text)),
    prefixes: new Set(prefixes),
  };
}
