import { describe, expect, it } from 'vitest';
import { type Words, wordsIn } from './reads.ts';
import { documentFaults, type Row, rowFaults, type ToolFacts, testFaults } from './rules.ts';

const none = new Set<string>();

function toolWith(given: Partial<ToolFacts> & { source?: string; library?: string }): ToolFacts {
  const { source = '', library = '', ...facts } = given;
  return {
    name: 'ts-a',
    replaces: ['a'],
    options: [],
    own: [wordsIn('a.ts', source)],
    libraries: [wordsIn('library.ts', library)],
    unitTests: ['packages/ts-a/src/a.spec.ts'],
    ...facts,
  };
}

describe('rowFaults', () => {
  const faults = (row: Row, source: string, library = '') =>
    rowFaults(toolWith({ options: [row], source, library }), none);
  const unread = (long: string) => [`ts-a: nothing reads the option '${long}'`];

  it.each([
    ['one', 'values.one'],
    ['one', "steps.find(({ option }) => option.long === 'one')"],
    ['one', "words.includes('--one')"],
    ['make-slave', "long.startsWith('make-')"],
    ['redirect-dir', 'const FEATURES = { redirect_dir: 1 };'],
    ['nofile', "const RESOURCES = [{ name: 'NOFILE' }];"],
  ])('%s is read by %s', (long, source) => expect(faults({ long }, source)).toEqual([]));

  it.each([
    ['one', "const options = [{ long: 'one', help: 'one' }];"],
    ['one', 'other.one'],
    ['one', "text.startsWith('o')"],
    ['one-more', 'values.one'],
  ])('%s is not read by %s', (long, source) => expect(faults({ long }, source)).toEqual(unread(long)));

  it('a library reads by its members, not by any word in it', () => {
    expect(faults({ long: 'one' }, '', 'values.one')).toEqual([]);
    expect(faults({ long: 'one' }, '', "f('one')")).toEqual(unread('one'));
  });

  it('what is marked as ignored must be so', () => {
    expect(faults({ long: 'one', ignored: true }, '')).toEqual([]);
    expect(faults({ long: 'one', ignored: true }, 'values.one')).toEqual([
      "ts-a: the option 'one' is marked as ignored, but something reads it",
    ]);
  });

  it('what every tool has is answered elsewhere', () => {
    expect(rowFaults(toolWith({ options: [{ long: 'help' }] }), new Set(['help']))).toEqual([]);
  });
});

describe('testFaults', () => {
  const endToEnd = (text: string): Words[] => [wordsIn('a.spec.ts', text)];
  const missing = 'ts-a: there is no end-to-end test that runs it';

  it.each([["run('ts-a')"], ["run('a -x')"], [`sh(\`cd /; \${bin}/ts-a -x\`)`]])('%s runs it', (text) => {
    expect(testFaults(toolWith({}), endToEnd(text))).toEqual([]);
  });

  it.each([["run('ts-ab')"], ["run('is a')"], ["run('ts-a-b')"], ['// ts-a\n']])('%s does not', (text) => {
    expect(testFaults(toolWith({}), endToEnd(text))).toEqual([missing]);
  });

  it('tells a tool without unit tests', () => {
    expect(testFaults(toolWith({ unitTests: [] }), [])).toEqual([
      'ts-a: there is no unit test in packages/ts-a',
      missing,
    ]);
  });
});

describe('documentFaults', () => {
  const wanted = new Map([['docs/tools/ts-a.md', 'new']]);

  it('accepts what is current', () => expect(documentFaults(wanted, wanted)).toEqual([]));

  it.each([
    [{}, 'docs/tools/ts-a.md: is missing: npm run docs writes it'],
    [{ 'docs/tools/ts-a.md': 'old' }, 'docs/tools/ts-a.md: is not what the tools say: npm run docs writes it'],
    [{ 'docs/tools/ts-a.md': 'new', 'docs/tools/ts-b.md': 'x' }, 'docs/tools/ts-b.md: belongs to no tool'],
  ])('%j: %s', (present, fault) => {
    expect(documentFaults(wanted, new Map(Object.entries(present)))).toEqual([fault]);
  });
});
