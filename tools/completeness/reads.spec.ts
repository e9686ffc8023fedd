import { describe, expect, it } from 'vitest';
import { type Words, wordsIn } from './reads.ts';

const found = (kind: keyof Words, text: string): string[] => [...wordsIn('file.ts', text)[kind]];

describe('values', () => {
  it.each([
    ['values.one;', ['one']],
    ["input.values['two-words'];", ['two-words']],
    ['const { one, two: other, three = 3 } = values;', ['one', 'two', 'three']],
    ['const { one } = parsed.values as Values;', ['one']],
    ['const { one, ...values } = early ? valuesOf(steps) : all;', ['one']],
    ['const plan = ({ values: { one } }: Input) => one;', ['one']],
    ['other.one; values[name]; ({ values: { one: 1 } });', []],
  ])('%s', (text, names) => expect(found('values', text)).toEqual(names));
});

describe('strings', () => {
  it('are those of code, templates included', () => {
    expect(found('strings', `f('one'); \`two \${three} four\`;`)).toEqual(['one', 'two ', ' four']);
  });

  it.each([
    ["import x from 'one';"],
    ["let x: 'one' | undefined;"],
    ["const options = [{ long: 'one', help: 'two', implies: ['three'] }];"],
    ["// 'one'\n"],
  ])('are not those of %s', (text) => expect(found('strings', text)).toEqual([]));
});

it('keys are those of tables at the top', () => {
  expect(
    found('keys', "const A = { one: 1, 'two-words': 2 } as const; function f() { const b = { three: 3 }; }"),
  ).toEqual(['one', 'two-words']);
  expect(found('keys', "export const option = { long: 'one', help: 'two' };")).toEqual(['long', 'help']);
});

it('prefixes are what is asked for', () => {
  expect(found('prefixes', "long.startsWith('make-') && long.startsWith(x);")).toEqual(['make-']);
});

it('a file that cannot be parsed is refused', () => {
  expect(() => wordsIn('file.ts', 'import {')).toThrow('file.ts');
});
