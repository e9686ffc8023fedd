import { expect, test } from 'vitest';
import type { Context } from './context.ts';
import { Entry } from './entry.ts';
import { KINDS } from './kinds/index.ts';
import {
  type Attributes,
  decodeRows,
  encodeRows,
  number,
  row,
  type State,
  showRows,
  UNSEEN,
  type Values,
  wordsOf,
} from './rows.ts';
import { RULE_ROWS } from './rules.ts';
import { rowOf, Words } from './words.ts';

/** A machine with links of the indexes that are asked for, and no files. */
const context = {
  settings: { details: 0, numeric: false },
  linkName: (index: number) => `link${index}`,
  findIndex: (name: string) => Number(/^link(\d+)$/.exec(name)?.[1] ?? 0) || undefined,
  paint: (_: unknown, text: string) => text,
  world: { read: () => undefined, warn: () => {}, user: () => undefined, group: () => undefined },
} as unknown as Context;

const TABLES: Readonly<Record<string, Attributes>> = {
  rule: RULE_ROWS,
  ...Object.fromEntries(Object.values(KINDS).map(({ name, attributes }) => [name, attributes])),
};

test.each(Object.entries(TABLES))(
  '%s: what is shown with another row has that row; numbers stand for one row each',
  (_, table) => {
    const types = Object.values(table).flatMap((each) => ('wire' in each ? [each.wire[0]] : []));
    expect(new Set(types).size).toBe(types.length);
    for (const each of Object.values(table))
      if ('wire' in each && typeof each.show === 'object') expect(table).toHaveProperty(each.show.with);
  },
);

/** Arguments that some word of a row takes. */
const ARGUMENTS = [
  ...[
    '1',
    'on',
    'link7',
    '02:00:00:00:00:05',
    '10.0.0.1',
    'fd00::1',
    'l2',
    '802.1ad',
    '1:2',
    'bridge',
    '5-9',
    '10.0.0.0/8',
  ],
  ...[
    '9 12',
    'tcp',
    'main',
    'set',
    'active',
    'any',
    'always',
    'layer2',
    'slow',
    'stable',
    'fou',
    'default',
    'ingress',
    'check',
  ],
  ...[
    'none',
    'nodst',
    'balance-rr',
    '10.0.0.1,10.0.0.2',
    'fd00::1,fd00::2',
    'inherit',
    'ipip',
    'ip6ip6',
    '2001:db8::/32',
    'better',
    'gcm-aes-256',
    'off',
    'mac',
    'ipv4',
  ],
];

test.each(Object.entries(TABLES))(
  '%s: every word of a row gives a value that is encoded, decoded and shown',
  (_, table) => {
    const rows = wordsOf<State>(table);
    for (const [key, attribute] of Object.entries(table))
      for (const { names } of attribute.words) {
        const word = (names.split(' ')[0] as string).replace('~', '');
        const shown = ['', ...ARGUMENTS].flatMap((argument) => {
          const state: State = { data: {}, header: { family: 0 }, context, seen: new Set() };
          try {
            const words = new Words(argument === '' ? [] : argument.split(' '));
            rowOf(rows, word)?.[1](state, words, word);
            if (words.next !== undefined) return [];
          } catch {
            return []; // an argument of another word
          }
          const bytes = encodeRows(table, state.data as Values<Attributes>);
          const values = decodeRows(table, bytes);
          expect(encodeRows(table, values).toString('hex')).toBe(bytes.toString('hex'));
          const entry = new Entry('\n');
          showRows(table, entry, { ...state.header, ...values }, context);
          const before = new Entry('\n');
          showRows(table, before, { family: 0 }, context);
          return [entry.text !== before.text || JSON.stringify(entry.json) !== JSON.stringify(before.json)];
        });
        expect(shown.length, `${key}: ${word} takes none of the arguments`).toBeGreaterThan(0);
        if ('wire' in attribute && attribute.show !== UNSEEN) expect(shown, `${key}: ${word}`).toContain(true);
      }
  },
);

test('a row: word, attribute, range, and how it is shown', () => {
  const table = {
    speed: row([1, { encode: () => Buffer.of(7), decode: () => 7 }], 'speed', number(9), { json: 'rate' }),
  };
  const entry = new Entry('\n');
  showRows(table, entry, { speed: 7 }, context);
  expect([entry.text, entry.json]).toEqual(['speed 7 ', { rate: 7 }]);
  const [take] = wordsOf<State>(table);
  const state: State = { data: {}, header: {}, context, seen: new Set() };
  expect(() => take?.[1](state, new Words(['10']), 'speed')).toThrow('invalid speed');
  expect(take?.[2]).toBe('speed SPEED');
});
