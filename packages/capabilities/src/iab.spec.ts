import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatIab, parseIab } from './iab.ts';
import { CAPABILITY_NAMES, firstCapabilities } from './names.ts';

const COUNT = CAPABILITY_NAMES.length;

test.each([
  ['', ''],
  ['cap_kill', 'cap_kill'],
  ['CAP_KILL,', 'cap_kill'],
  ['^cap_kill,!cap_chown,%cap_setuid', '!cap_chown,^cap_kill,cap_setuid'],
  ['^!cap_kill', '!^cap_kill'],
  ['!%cap_kill', '!%cap_kill'],
  ['!cap_kill,^cap_kill', '!^cap_kill'],
  ['5', 'cap_kill'],
  ['63', ''],
])('%j is %j', (text, expected) => {
  const vectors = parseIab(text);
  expect(vectors && formatIab(vectors, COUNT)).toBe(expected);
});

test.each([',cap_kill', ' cap_kill', 'all', '^64', 'cap_kill cap_chown', 'cap_kill,,cap_chown'])('%j is none', (text) =>
  expect(parseIab(text)).toBeUndefined(),
);

test('the text of any vectors means these vectors', () => {
  const set = fc.bigInt(0n, firstCapabilities(COUNT));
  fc.assert(
    fc.property(set, set, set, (inheritable, ambient, blocked) => {
      // What is ambient is inheritable too.
      const vectors = { inheritable: inheritable | ambient, ambient, blocked };
      expect(parseIab(formatIab(vectors, COUNT))).toEqual(vectors);
    }),
  );
});
