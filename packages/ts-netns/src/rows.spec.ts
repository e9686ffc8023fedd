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
    '8',
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

/** What a word of this row does, with each argument that it takes: whether anything else is shown than without it. */
function shownBy(table: Attributes, names: string): boolean[] {
  const word = (names.split(' ')[0] as string).replace('~', '');
  const text = (values: object) => {
    const entry = new Entry('\n');
    showRows(table, entry, values, context);
    return `${entry.text} ${JSON.stringify(entry.json, (_, value) => (typeof value === 'bigint' ? String(value) : value))}`;
  };
  // A prefix of a relay is one of 6rd, which has to be there.
  const start = () => ('rapidLength' in table ? { rapidLength: 16 } : {});
  return ['', ...ARGUMENTS].flatMap((argument) => {
    const state = { data: start(), header: { family: 0 }, context, seen: new Set() } as State;
    try {
      const words = new Words(argument === '' ? [] : argument.split(' '));
      rowOf(wordsOf<State>(table), word)?.[1](state, words, word);
      if (words.next !== undefined) return [];
    } catch {
      return []; // an argument of another word
    }
    const bytes = encodeRows(table, state.data as Values<Attributes>);
    const values = decodeRows(table, bytes);
    expect(encodeRows(table, values).toString('hex')).toBe(bytes.toString('hex'));
    return [text({ ...state.header, ...values }) !== text({ family: 0, ...start() })];
  });
}

test.each(Object.entries(TABLES))('%s: what the words of a row set is encoded, decoded and shown', (_, table) => {
  for (const [key, attribute] of Object.entries(table)) {
    const shown = attribute.words.map(({ names }) => {
      const found = shownBy(table, names);
      expect(found.length, `${key}: ${names} takes none of the arguments`).toBeGreaterThan(0);
      return found.includes(true);
    });
    const isSeen = 'says' in attribute || typeof attribute.show === 'function';
    if (shown.length && isSeen) expect(shown, key).toContain(true);
  }
});

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
