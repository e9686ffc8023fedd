/** `type vxlan`. */
import { formatAddress, isMulticast, VXLAN } from '@ts/netlink';
import * as sys from '@ts/sys';
import { Failure, U32_MAX } from '@ts/sys';
import { numberOf } from '../names.ts';
import {
  type Attribute,
  type Form,
  hexadecimal,
  isSet,
  long,
  type Read,
  type RowOptions,
  row,
  U8_MAX,
  U16_MAX,
  type Wire,
} from '../rows.ts';
import { addressFrom, FAILED, numberIn, parseNumber, type Words, WRONG, wrong } from '../words.ts';
import { kind, type StateOf } from './kind.ts';
import { fragments, once, onceRead, pair } from './tunnel.ts';

type VxlanState = StateOf<typeof VXLAN_ROWS>;

/** An address of a tunnel; those of one tunnel are of one family. */
function endFrom(state: VxlanState, words: Words, key: 'group' | 'remote' | 'local'): void {
  const text = words.argument();
  const { data } = state;
  once(state, key, text);
  const known = data.group ?? data.local ?? data.group6 ?? data.local6;
  const { family, bytes } = addressFrom(
    text,
    known ? (known.length === 4 ? sys.AF_INET : sys.AF_INET6) : sys.AF_UNSPEC,
  );
  if (isMulticast(bytes) !== (key === 'group')) throw wrong(text, `invalid ${key} address`);
  const which = key === 'local' ? 'local' : 'group';
  data[family === sys.AF_INET6 ? (`${which}6` as const) : which] = bytes;
}

const end = (key: 'group' | 'remote' | 'local') => (state: VxlanState, words: Words) => endFrom(state, words, key);

/** The other end, or the group, of either family. */
const group = (wire: Wire<Uint8Array>, suffix: '' | '6'): Attribute<Uint8Array> => ({
  wire,
  words: [],
  show: (entry, bytes) => {
    if (!isSet(bytes)) return;
    const word = isMulticast(bytes) ? 'group' : 'remote';
    entry.both(`${word}${suffix}`, formatAddress(bytes), `${word} ${formatAddress(bytes)} `);
  },
});
const local = (wire: Wire<Uint8Array>, json: string): Attribute<Uint8Array> => ({
  wire,
  words: [],
  show: (entry, bytes) => {
    if (isSet(bytes)) entry.both(json, formatAddress(bytes), `local ${formatAddress(bytes)} `);
  },
});

/** A number whose key word may be there once. `none` stands for 0, and what is said of 0. */
const counted = (key: string, most: number, why: string, none?: string): Form<number> => ({
  read: onceRead(key, (text) => (text === none ? 0 : numberIn(text, 0, most, () => wrong(text, why)))),
  show: (value) => [value, value ? undefined : none],
});

const NO_PORT = [
  'vxlan: destination port not specified',
  'Will use Linux kernel default (non-standard value)',
  "Use 'dstport 4789' to get the IANA assigned value",
  "Use 'dstport 0' to get default and quiet this message",
].join('\n');

/** The port of VXLAN-GPE. */
const GPE_PORT = 4790;

function settle({ data, seen, context }: VxlanState, isNew: boolean): undefined {
  if (data.external && seen.has('id')) throw new Failure("vxlan: both 'external' and vni cannot be specified", FAILED);
  // A tunnel whose ends come with the packets learns nothing.
  if (data.external) data.learning ??= 0;
  if (!isNew) return;
  if (!data.external && !seen.has('id')) throw new Failure('vxlan: missing virtual network identifier', FAILED);
  if (seen.has('group') && data.link === undefined)
    throw new Failure("vxlan: 'group' requires 'dev' to be specified", FAILED);
  if (data.port !== undefined) return;
  if (data.gpe) data.port = GPE_PORT;
  else context.world.warn(NO_PORT);
}

function ttlFrom(state: VxlanState, words: Words): void {
  const text = words.argument();
  once(state, 'ttl', text);
  if (text === 'inherit') state.data.ttlInherit = true;
  else if (text === 'auto') state.data.ttl = 0;
  else
    state.data.ttl = numberIn(text, 0, U8_MAX, () =>
      wrong(
        text,
        (parseNumber(text) ?? -1) > U8_MAX && (parseNumber(text) ?? 0) <= U32_MAX
          ? 'TTL must be <= 255'
          : 'invalid TTL',
      ),
    );
}

const ports: Read<Uint8Array> = (words, _, state) => {
  const bounds = ['min port', 'max port'].map((why) => {
    const text = words.argument();
    return numberIn(text, 0, U16_MAX, () => wrong(text, why));
  });
  once(state, 'srcport', String(bounds[0]));
  const range = Buffer.alloc(4);
  for (const [index, bound] of bounds.entries()) range.writeUInt16BE(bound, 2 * index);
  return range;
};

const some = (value: number) => value !== 0;
const reserved = long(() => 'reserved_bits');

/** `external`, `noexternal` and the like: said where it is not as usual, or with -details twice. */
const toggle = (wire: Wire<number>, word: string, usual: boolean, says = word): Attribute<number> => ({
  wire,
  words: pair(word),
  show: (entry, value, { context }) => {
    const on = value !== 0;
    entry.note(says, on);
    if (on !== usual || context.settings.details > 1) entry.say(`${on ? '' : 'no'}${says} `);
  },
});

/** A word alone. */
const alone = (wire: Wire<boolean>, word: string): Attribute<boolean> => ({
  wire,
  words: [
    {
      names: word,
      take: (_, __, state) => {
        once(state, word, word);
        return true;
      },
      usage: word,
    },
  ],
  show: (entry, value) => {
    if (value) entry.both(word, null, `${word} `);
  },
});

const said = (usage: string, more: RowOptions<number> = {}): RowOptions<number> => ({ usage, ...more });

export const VXLAN_ROWS = {
  id: row(VXLAN.id, 'id~ vni', counted('id', (1 << 24) - 1, 'invalid id'), { usage: null }),
  group: group(VXLAN.group, ''),
  group6: group(VXLAN.group6, '6'),
  local: local(VXLAN.local, 'local'),
  local6: local(VXLAN.local6, 'local6'),
  link: row(
    VXLAN.link,
    'dev~',
    {
      read: (words, _, state) => {
        const name = words.argument();
        once(state, 'dev', name);
        const index = state.context.findIndex(name);
        if (index === undefined) throw new Failure(`Cannot find device "${name}"`, WRONG);
        return index;
      },
      show: (value, { context }) => [context.linkName(value)],
    },
    said('dev PHYS_DEV', { json: 'link', when: some }),
  ),
  ports: {
    wire: VXLAN.ports,
    words: [{ names: 'port srcport', take: ports, usage: 'srcport MIN MAX' }],
    show: (entry, value) => {
      if (value.length < 4) return;
      const bytes = Buffer.from(value);
      entry.inside('port_range', (range) => {
        range.both('low', bytes.readUInt16BE(0), `srcport ${bytes.readUInt16BE(0)} `);
        range.both('high', bytes.readUInt16BE(2), `${bytes.readUInt16BE(2)} `);
      });
    },
  } satisfies Attribute<Uint8Array>,
  port: row(VXLAN.port, 'dstport', counted('dstport', U16_MAX, 'dst port'), said('dstport PORT', { json: 'port' })),
  tos: row(
    VXLAN.tos,
    'tos~ dsfield',
    {
      read: onceRead('tos', (text) => {
        const tos = text === 'inherit' ? 1 : numberOf('rt_dsfield', text);
        if (tos === undefined) throw wrong(text, 'bad TOS value');
        return tos;
      }),
      show: (value) => [hexadecimal(value), value === 1 ? 'inherit' : hexadecimal(value)],
    },
    said('tos TOS', { when: some }),
  ),
  ttlInherit: {
    wire: VXLAN.ttlInherit,
    words: [],
    show: (entry, value) => {
      if (value) entry.say('ttl inherit ');
    },
  } satisfies Attribute<boolean>,
  ttl: {
    wire: VXLAN.ttl,
    words: [],
    show: (entry, value, { values }) => {
      if (!values.ttlInherit) entry.both('ttl', value, `ttl ${value || 'auto'} `);
    },
  } satisfies Attribute<number>,
  df: fragments(VXLAN.df),
  flowLabel: row(
    VXLAN.flowLabel,
    'flowlabel~ label~',
    { ...counted('flowlabel', 0xfffff, 'invalid flowlabel'), show: (value) => [hexadecimal(value)] },
    said('flowlabel LABEL', { json: 'label', when: some }),
  ),
  ageing: row(VXLAN.ageing, 'ageing', counted('ageing', U32_MAX, 'ageing timer', 'none'), said('ageing SECONDS')),
  limit: row(
    VXLAN.limit,
    'maxaddress',
    counted('maxaddress', U32_MAX, 'max addresses', 'unlimited'),
    said('maxaddress NUMBER', { json: 'limit', says: 'maxaddr', when: some }),
  ),
  reservedBits: row(
    VXLAN.reservedBits,
    'reserved_bits',
    {
      read: (words, word, state) => {
        const text = words.next ?? '';
        const value = reserved.read(words, word, state);
        once(state, 'reserved_bits', text, text);
        return value;
      },
      show: (value) => [hexadecimal(value)],
    },
    { usage: 'reserved_bits VALUE' },
  ),
  gbp: alone(VXLAN.gbp, 'gbp'),
  gpe: alone(VXLAN.gpe, 'gpe'),
  external: toggle(VXLAN.external, 'external', false),
  vniFilter: toggle(VXLAN.vniFilter, 'vnifilter', false),
  learning: toggle(VXLAN.learning, 'learning', true),
  proxy: toggle(VXLAN.proxy, 'proxy', false),
  rsc: toggle(VXLAN.rsc, 'rsc', false),
  l2miss: toggle(VXLAN.l2miss, 'l2miss', false),
  l3miss: toggle(VXLAN.l3miss, 'l3miss', false),
  udpChecksum: toggle(VXLAN.udpChecksum, 'udpcsum', true, 'udp_csum'),
  udpZeroChecksum6Tx: toggle(VXLAN.udpZeroChecksum6Tx, 'udp6zerocsumtx', false, 'udp_zero_csum6_tx'),
  udpZeroChecksum6Rx: toggle(VXLAN.udpZeroChecksum6Rx, 'udp6zerocsumrx', false, 'udp_zero_csum6_rx'),
  remoteChecksumTx: toggle(VXLAN.remoteChecksumTx, 'remcsumtx', false, 'remcsum_tx'),
  remoteChecksumRx: toggle(VXLAN.remoteChecksumRx, 'remcsumrx', false, 'remcsum_rx'),
  localBypass: toggle(VXLAN.localBypass, 'localbypass', true),
};

export const vxlan = kind('vxlan', VXLAN_ROWS, {
  more: [
    ['group', end('group'), '{ group | remote } IP_ADDRESS'],
    ['remote', end('remote')],
    ['local', end('local'), 'local ADDR'],
    ['ttl~ hoplimit', ttlFrom, 'ttl TTL'],
  ],
  order: [
    ...['id', 'group', 'remote', 'local', 'ttl', 'tos', 'df', 'flowlabel', 'dev', 'dstport', 'port', 'reserved_bits'],
    ...['learning', 'nolearning', 'proxy', 'noproxy', 'rsc', 'norsc', 'l2miss', 'nol2miss', 'l3miss', 'nol3miss'],
    ...['ageing', 'maxaddress', 'udpcsum', 'noudpcsum', 'udp6zerocsumtx', 'noudp6zerocsumtx', 'udp6zerocsumrx'],
    ...['noudp6zerocsumrx', 'remcsumtx', 'noremcsumtx', 'remcsumrx', 'noremcsumrx', 'localbypass', 'nolocalbypass'],
    ...['external', 'noexternal', 'gbp', 'gpe'],
  ].join(' '),
  settle,
  before: 'id VNI',
  notes: [
    '\nWhere:\tVNI\t:= 0-16777215',
    '\tADDR\t:= { IP_ADDRESS | any }',
    '\tTOS\t:= { NUMBER | inherit }',
    '\tTTL\t:= { 1..255 | auto | inherit }',
    '\tDF\t:= { unset | set | inherit }',
    '\tLABEL := 0-1048575\n',
  ].join('\n'),
});
