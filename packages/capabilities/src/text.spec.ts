import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bit, CAPABILITY_NAMES, firstCapabilities } from './names.ts';
import { formatCapabilitySets, NO_CAPABILITIES, parseCapabilitySets } from './text.ts';

const COUNT = CAPABILITY_NAMES.length;
const ALL = firstCapabilities(COUNT);

const formatted = (text: string) => {
  const sets = parseCapabilitySets(text, COUNT);
  return sets && formatCapabilitySets(sets, COUNT);
};

const EVEN = `=p ${CAPABILITY_NAMES.slice(0, 18).join(',')}+e ${CAPABILITY_NAMES.slice(36).join(',')}-p`;

describe('texts as libcap 2.66 reads and writes them', () => {
  test.each([
    ['', '='],
    ['=', '='],
    ['=ep', '=ep'],
    ['ALL=p', '=p'],
    [' =p', '=p'],
    ['cap_kill+p', 'cap_kill=p'],
    ['CAP_KILL+p', 'cap_kill=p'],
    ['0x5+p', 'cap_kill=p'],
    ['05,6+p', 'cap_kill,cap_setgid=p'],
    ['63+p', '= 63+p'],
    ['cap_kill=', '='],
    ['cap_kill=-p', '='],
    ['cap_kill=ep-e', 'cap_kill=p'],
    ['cap_kill+p\tcap_chown+e', 'cap_kill=p cap_chown+e'],
    ['=eip cap_kill-e', '=eip cap_kill-e'],
    ['=ep cap_kill-ep cap_chown-p+i', '=ep cap_chown+i-p cap_kill-ep'],
    ['cap_kill,cap_chown=ep cap_setuid+i', 'cap_setuid=i cap_chown,cap_kill+ep'],
    ['41,42,43+ep cap_kill+e', 'cap_kill=e 41,42,43+ep'],
    ['=eip 41-eip', '=eip'],
    ['41,all+e', '=e'],
    ['0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17+ep 18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33,34,35+p', EVEN],
    ['cap_net_raw+ip cap_setpcap,cap_setuid,cap_setgid+ep', 'cap_net_raw=ip cap_setgid,cap_setuid,cap_setpcap+ep'],
  ])('%j is %j', (text, expected) => expect(formatted(text)).toBe(expected));

  test.each([
    '+p',
    'cap_kill',
    'cap_kill+',
    'cap_kill+p-',
    'cap_kill=e=p',
    'cap_kill+e-p=i',
    'kill+p',
    'cap_kill,+p',
    ',cap_kill+p',
    '64+p',
    '08+p',
    'cap_kill+p;',
    '=p+i',
    'cap_kill =p x',
    'none+p',
    'cap_kill+E',
  ])('%j is none', (text) => expect(parseCapabilitySets(text, COUNT)).toBeUndefined());
});

test('operators work on the sets they name, in order', () => {
  expect(parseCapabilitySets('=ip cap_kill-i+e', COUNT)).toEqual({
    effective: bit(5),
    permitted: ALL,
    inheritable: ALL & ~bit(5),
  });
  expect(parseCapabilitySets('', COUNT)).toEqual(NO_CAPABILITIES);
});

const sets = fc.record({
  effective: fc.bigInt(0n, 2n ** 64n - 1n),
  permitted: fc.bigInt(0n, 2n ** 64n - 1n),
  inheritable: fc.bigInt(0n, 2n ** 64n - 1n),
});

test('the text of any sets means these sets', () => {
  fc.assert(
    fc.property(sets, fc.integer({ min: 30, max: COUNT }), (any, count) => {
      expect(parseCapabilitySets(formatCapabilitySets(any, count), count)).toEqual(any);
    }),
  );
});

test('a text that is written again stays as it is', () => {
  const word = fc.constantFrom(...CAPABILITY_NAMES, 'all', '5', '63');
  const clause = fc
    .tuple(fc.array(word, { minLength: 1, maxLength: 4 }), fc.constantFrom('+ep', '=i', '-p', '+e-p', '=eip-e', '='))
    .map(([words, actions]) => words.join(',') + actions);
  fc.assert(
    fc.property(fc.array(clause, { maxLength: 5 }), (clauses) => {
      const text = formatted(clauses.join(' ')) as string;
      expect(formatted(text)).toBe(text);
    }),
  );
});
