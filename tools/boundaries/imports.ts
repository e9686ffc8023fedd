import { type ESTree, parseSync, Visitor } from 'vite';

export interface Specifier {
  specifier: string;
  line: number;
}

type Node = ESTree.Node | null | undefined;

function isRequire(callee: ESTree.Node): boolean {
  if (callee.type === 'MemberExpression') return isRequire(callee.object);
  return callee.type === 'Identifier' && callee.name === 'require';
}

/** process.getBuiltinModule */
function isBuiltin(callee: ESTree.Node): boolean {
  return (
    callee.type === 'MemberExpression' &&
    callee.property.type === 'Identifier' &&
    callee.property.name === 'getBuiltinModule'
  );
}

function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}

/** Every module that a source file names, be it for its values or only for its types. */
export function specifiersIn(file: string, text: string): Specifier[] {
  const { program, errors } = parseSync(file, text);
  if (errors[0]) throw new Error(`${file}: ${errors[0].message}`);
  const found: Specifier[] = [];
  const add = (node: Node): void => {
    if (node?.type === 'Literal' && typeof node.value === 'string') {
      found.push({ specifier: node.value, line: lineAt(text, node.start) });
    }
  };
  new Visitor({
    ImportDeclaration: (node) => add(node.source),
    ExportAllDeclaration: (node) => add(node.source),
    ExportNamedDeclaration: (node) => add(node.source),
    ImportExpression: (node) => add(node.source),
    TSImportType: (node) => add(node.source),
    TSExternalModuleReference: (node) => add(node.expression),
    CallExpression: (node) => {
      if (isRequire(node.callee) || isBuiltin(node.callee)) add(node.arguments[0]);
    },
  }).visit(program);
  return found;
}
