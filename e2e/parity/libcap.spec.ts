/** The texts of @ts/capabilities beside those of the installed libcap, bit for bit, by thousands. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  CAPABILITY_NAMES,
  formatCapabilitySets,
  formatIab,
  kernelCapabilities,
  parseCapabilitySets,
  parseIab,
} from '@ts/capabilities';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { compileC, needsCompiler } from '../harness/compile.ts';
import { run, temporaryFolder } from '../harness/run.ts';
import { needs, needsProgram } from '../harness/skip.ts';

const folder = temporaryFolder();
afterAll(() => folder[Symbol.dispose]());

/** Reads texts, one a line behind its kind, and writes what libcap makes of them; "-" where they are none. */
const SOURCE = `
#include <stdio.h>
#include <string.h>
void *cap_from_text(const char *);
char *cap_to_text(void *, long *);
void *cap_iab_from_text(const char *);
char *cap_iab_to_text(void *);
int cap_free(void *);
int main(void) {
	char line[65536];
	while (fgets(line, sizeof line, stdin)) {
		line[strcspn(line, "\\n")] = 0;
		void *it = *line == 'c' ? cap_from_text(line + 1) : cap_iab_from_text(line + 1);
		char *text = !it ? 0 : *line == 'c' ? cap_to_text(it, 0) : cap_iab_to_text(it);
		puts(text ? text : "-");
		if (text) cap_free(text);
		if (it) cap_free(it);
	}
	return 0;
}
`;

function libcap(lines: readonly string[]): string[] {
  const program = join(folder.path, 'libcap-text');
  const source = `${program}.c`;
  writeFileSync(source, SOURCE);
  // The options stand before the source: without the first one the library would be left out.
  compileC(source, program, '-Wl,--no-as-needed', '-l:libcap.so.2');
  const { status, stdout } = run([program], { input: lines.map((line) => `${line}\n`).join('') });
  expect(status).toBe(0);
  return stdout.split('\n').slice(0, -1);
}

const count = kernelCapabilities({ read: (path) => run(['cat', path]).stdout });

const word = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...CAPABILITY_NAMES) },
  fc.constantFrom(
    'all',
    'ALL',
    'CAP_KILL',
    'Cap_Chown',
    '0',
    '5',
    '0x7',
    '010',
    '40',
    '41',
    '63',
    '64',
    'kill',
    'cap_foo',
    '',
  ),
);
const list = (separator: string) => fc.array(word, { maxLength: 6 }).map((words) => words.join(separator));

const action = fc
  .array(fc.tuple(fc.constantFrom('=', '+', '-'), fc.constantFrom('', 'e', 'i', 'p', 'ep', 'ip', 'eip', 'pe', 'E')), {
    maxLength: 3,
  })
  .map((steps) => steps.map((step) => step.join('')).join(''));
const clause = fc.tuple(list(','), action).map((parts) => parts.join(''));
const sets = fc
  .tuple(fc.array(clause, { maxLength: 6 }), fc.constantFrom(' ', '  ', '\t'))
  .map(([clauses, blank]) => clauses.join(blank));

const vectorWord = fc
  .tuple(fc.constantFrom('', '!', '^', '%', '!^', '!%', '^!', '!!', '^%'), word)
  .map((parts) => parts.join(''));
const vectors = fc.array(vectorWord, { maxLength: 8 }).map((words) => words.join(','));

test('sets and vectors: what is a text, and the text of what it means', { timeout: 60_000 }, (context) => {
  needs(context, needsCompiler, needsProgram('capsh'));
  const texts = fc.sample(sets, { numRuns: 4000, seed: 1 });
  const iabs = fc.sample(vectors, { numRuns: 4000, seed: 2 });
  const theirs = libcap([...texts.map((text) => `c${text}`), ...iabs.map((text) => `i${text}`)]);
  const ours = [
    ...texts.map((text) => {
      const parsed = parseCapabilitySets(text, count);
      return parsed ? formatCapabilitySets(parsed, count) : '-';
    }),
    ...iabs.map((text) => {
      const parsed = parseIab(text);
      return parsed ? formatIab(parsed, count) : '-';
    }),
  ];
  const differing = [...texts, ...iabs].flatMap((text, index) =>
    ours[index] === theirs[index] ? [] : [{ text, ours: ours[index], theirs: theirs[index] }],
  );
  expect(differing).toEqual([]);
  // The sample is worth something: many are texts, many are none.
  expect(theirs.filter((text) => text === '-').length).toBeGreaterThan(500);
  expect(new Set(theirs).size).toBeGreaterThan(2000);
});

test('any sets as a text that libcap reads: it writes the same text', { timeout: 60_000 }, (context) => {
  needs(context, needsCompiler, needsProgram('capsh'));
  const set = fc.oneof(fc.bigInt(0n, 2n ** 64n - 1n), fc.bigInt(0n, (1n << BigInt(count)) - 1n), fc.constant(0n));
  const record = fc.record({ effective: set, permitted: set, inheritable: set });
  const texts = fc.sample(record, { numRuns: 800, seed: 3 }).map((each) => formatCapabilitySets(each, count));
  expect(libcap(texts.map((text) => `c${text}`))).toEqual(texts);
});
