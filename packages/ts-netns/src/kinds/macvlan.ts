/** `type macvlan` and `type macvtap`. */
import { formatHardware, MACVLAN, parseHardware } from '@ts/netlink';
import * as sys from '@ts/sys';
import { Failure, U32_MAX } from '@ts/sys';
import { type Attribute, answer, type Form, number, row, UNSEEN } from '../rows.ts';
import { FAILED, hardwareFrom, numberIn, type Words } from '../words.ts';
import { type Kind, kind, type StateOf } from './kind.ts';

const MODES: Readonly<Record<string, number>> = {
  private: sys.MACVLAN_MODE_PRIVATE,
  vepa: sys.MACVLAN_MODE_VEPA,
  bridge: sys.MACVLAN_MODE_BRIDGE,
  passthru: sys.MACVLAN_MODE_PASSTHRU,
  source: sys.MACVLAN_MODE_SOURCE,
};

/** MACVLAN_FLAG_*. */
const FLAGS = { nopromisc: 1, nodst: 2 } as const;

/** `"a", "b" or "c"`, as iproute2 lists what a word may be. */
const anyOf = (names: readonly string[]) =>
  `${names
    .slice(0, -1)
    .map((name) => `"${name}"`)
    .join(', ')} or "${names.at(-1)}"`;

function choice<T>(word: string, text: string, values: Readonly<Record<string, T>>): T {
  if (Object.hasOwn(values, text)) return values[text] as T;
  throw new Failure(`Error: argument of "${word}" must be ${anyOf(Object.keys(values))}, not "${text}"`, FAILED);
}

/** MACVLAN_MACADDR_*: what is done with the addresses of mode "source". */
const ADDRESS_MODES: Readonly<Record<string, number>> = { add: 0, del: 1, flush: 2, set: 3 };

/** `macaddr add|del ADDRESS`, `flush`, `set [ADDRESS...]`. */
function addressesFrom(data: StateOf<typeof MACVLAN_ROWS>['data'], words: Words, usage: string): void {
  const how = words.argument();
  const mode = Object.hasOwn(ADDRESS_MODES, how) ? ADDRESS_MODES[how] : undefined;
  if (mode === undefined) throw new Failure(usage.trimEnd(), FAILED);
  data.addressMode = mode;
  if (how === 'add' || how === 'del') data.address = hardwareFrom(words.argument());
  if (how !== 'set') return;
  // As many as there are; what is none is the next key word.
  const addresses: Uint8Array[] = [];
  for (let next = words.next; next !== undefined && parseHardware(next); next = words.next)
    addresses.push(hardwareFrom(words.argument()));
  data.addresses = addresses;
}

const mode: Form<number> = {
  read: (words) => choice('mode', words.argument(), MODES),
  show: (value) => [Object.keys(MODES).find((each) => MODES[each] === value) ?? '<unknown>'],
};

const u32 = number();
/** A number, refused in the words of this kind. */
const own = (low: number, high: number, fail: (text: string) => string): Form<number> => ({
  read: (words) => {
    const text = words.argument();
    return numberIn(text, low, high, () => new Failure(`Error: ${fail(text)}`, FAILED));
  },
  show: (value) => [value],
});

export const MACVLAN_ROWS = {
  mode: row(MACVLAN.mode, 'mode~', mode, { usage: null }),
  flags: {
    wire: MACVLAN.flags,
    words: [
      {
        names: 'flag~',
        take: (words, _, __, before = 0) => before | choice('flag', words.argument(), { ...FLAGS, null: 0 }),
      },
      ...Object.entries(FLAGS).map(([word, bit]) => ({
        names: `${word}~`,
        take: (_: Words, __: string, ___: unknown, before = 0) => before | bit,
      })),
    ],
    show: (entry, value) => {
      for (const [word, bit] of Object.entries(FLAGS)) if (value & bit) entry.both(word, true, `${word} `);
    },
  } satisfies Attribute<number>,
  broadcastQueue: row(
    MACVLAN.broadcastQueue,
    'bcqueuelen',
    own(0, U32_MAX, (text) => `argument of "bcqueuelen" must be a positive integer [0-4294967295], not "${text}"`),
    { usage: null },
  ),
  broadcastQueueUsed: answer(MACVLAN.broadcastQueueUsed, 'usedbcqueuelen', u32.show),
  broadcastLimit: row(
    MACVLAN.broadcastLimit,
    'bclim',
    own(-0x8000_0000, 0x7fff_ffff, (text) => `illegal value for "bclim": "${text}"`),
    { usage: null },
  ),
  addressMode: { wire: MACVLAN.addressMode, words: [], show: UNSEEN } satisfies Attribute<number>,
  address: { wire: MACVLAN.address, words: [], show: UNSEEN } satisfies Attribute<Uint8Array>,
  addressCount: {
    wire: MACVLAN.addressCount,
    words: [],
    show: (entry, count) => {
      if (count) entry.both('macaddr_count', count, `remotes (${count}) `);
    },
  } satisfies Attribute<number>,
  addresses: {
    wire: MACVLAN.addresses,
    words: [],
    show: (entry, addresses, { values }) => {
      if (!values.addressCount) return;
      const shown = addresses.map(formatHardware);
      entry.both('macaddr_data', shown, shown.map((each) => `${each} `).join(''));
    },
  } satisfies Attribute<readonly Uint8Array[]>,
};

const macvlanOf = (name: string): Kind => {
  const made: Kind = kind(name, MACVLAN_ROWS, {
    unknown: 'option',
    more: [['macaddr', ({ data }, words) => addressesFrom(data, words, made.usage)]],
    settle: ({ data }) => {
      if ((data.flags ?? 0) & FLAGS.nopromisc && data.mode !== sys.MACVLAN_MODE_PASSTHRU)
        throw new Failure(`${name}: nopromisc flag only valid in passthru mode`, FAILED);
      return undefined;
    },
    before: 'mode MODE [flag MODE_FLAG] MODE_OPTS [bcqueuelen BC_QUEUE_LEN] [bclim BCLIM]',
    notes: [
      `\nMODE: ${Object.keys(MODES).join(' | ')}`,
      `MODE_FLAG: null | ${Object.keys(FLAGS).join(' | ')}`,
      'MODE_OPTS: for mode "source":',
      '\tmacaddr { { add | del } <macaddr> | set [ <macaddr> [ <macaddr>  ... ] ] | flush }',
      'BC_QUEUE_LEN: Length of the rx queue for broadcast/multicast: [0-4294967295]',
      'BCLIM: Threshold for broadcast queueing: 32-bit integer\n',
    ].join('\n'),
  });
  return made;
};

export const macvlan = macvlanOf('macvlan');
export const macvtap = macvlanOf('macvtap');
