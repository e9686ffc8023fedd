import { expect, it } from 'vitest';
import { specifiersIn } from './imports.ts';

function namesIn(text: string): string[] {
  return specifiersIn('file.ts', text).map(({ specifier }) => specifier);
}

it.each([
  [`import a from 'a';`],
  [`import 'a';`],
  [`import type { A } from 'a';`],
  [`export * from 'a';`],
  [`export { b } from 'a';`],
  [`export type { B } from 'a';`],
  [`const b = await import('a');`],
  [`type B = import('a').B;`],
  [`const b = require('a');`],
  [`const b = require.resolve('a');`],
  [`const b = process.getBuiltinModule('a');`],
])('finds %s', (text) => expect(namesIn(text)).toEqual(['a']));

it('finds nothing in comments and strings', () => {
  expect(namesIn(`// import 'a'\nconst b = "import 'a'"; /* require('a') */`)).toEqual([]);
});

it('finds no module in an export of the file itself', () => {
  expect(namesIn('const b = 1; export { b };')).toEqual([]);
});

it('gives the line', () => {
  expect(specifiersIn('file.ts', `\n\nimport 'a';`)).toEqual([{ specifier: 'a', line: 3 }]);
});

it('refuses a file that it cannot parse', () => {
  expect(() => specifiersIn('file.ts', 'import {')).toThrow('file.ts');
});
