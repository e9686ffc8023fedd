/** `type geneve`. */
import { be16, be32, bytes, flag, formatAddress, isMulticast, u8, u32 } from '@ts/netlink';
import * as sys from '@ts/sys';
import { Failure, U32_MAX } from '@ts/sys';
import { type Attribute, hexadecimal, isSet, mark, U8_MAX, U16_MAX } from '../rows.ts';
import { addressFrom, FAILED, numberIn, parseNumber, wrong } from '../words.ts';
import { kind } from './kind.ts';
import { external, fragments, once, onceRead, pair, picked, tosForm } from './tunnel.ts';

const MOST_ID = (1 << 24) - 1;
const MOST_LABEL = 0xfffff;

const remote = (type: number, json: string): Attribute<Uint8Array> => ({
  wire: [type, bytes],
  words: [],
  show: (entry, value) => {
    if (isSet(value) && !isMulticast(value)) entry.both(json, formatAddress(value), `remote ${formatAddress(value)} `);
  },
});

const toggle = (type: number, word: string, json: string): Attribute<number> => ({
  wire: [type, u8],
  words: pair(word),
  show: (entry, value) => entry.both(json, value !== 0, `${value ? '' : 'no'}${word} `),
});

export const GENEVE_ROWS = {
  external: {
    ...external(sys.IFLA_GENEVE_COLLECT_METADATA),
    words: ['external', 'noexternal'].map((names, index) => ({
      names: `${names}~`,
      take: (_, word, state) => {
        once(state, 'external', word, word);
        return index ? undefined : true;
      },
      usage: index ? undefined : '[no]external',
    })),
  } satisfies Attribute<boolean>,
  id: {
    wire: [sys.IFLA_GENEVE_ID, u32],
    words: [
      {
        names: 'id~ vni~',
        take: onceRead('id', (text) => numberIn(text, 0, MOST_ID, () => wrong(text, 'invalid id'))),
      },
    ],
    show: (entry, value) => entry.both('id', value, `id ${value} `),
  } satisfies Attribute<number>,
  remote: {
    ...remote(sys.IFLA_GENEVE_REMOTE, 'remote'),
    words: [
      {
        names: 'remote~',
        take: (words, _, state) => {
          const text = words.argument();
          once(state, 'remote', text);
          const found = addressFrom(text, sys.AF_UNSPEC);
          if (isMulticast(found.bytes)) throw wrong(text, 'invalid remote address');
          if (found.family === sys.AF_INET) return found.bytes;
          state.data.remote6 = found.bytes;
          return undefined;
        },
      },
    ],
  } satisfies Attribute<Uint8Array>,
  remote6: remote(sys.IFLA_GENEVE_REMOTE6, 'remote6'),
  ttlInherit: {
    wire: [sys.IFLA_GENEVE_TTL_INHERIT, u8],
    words: [],
    show: (entry, value) => {
      if (value) entry.both('ttl', 'inherit', 'ttl inherit ');
    },
  } satisfies Attribute<number>,
  ttl: {
    wire: [sys.IFLA_GENEVE_TTL, u8],
    words: [
      {
        names: 'ttl~ hoplimit~',
        take: (words, _, state) => {
          const text = words.argument();
          once(state, 'ttl', text);
          if (text === 'inherit') {
            state.data.ttlInherit = 1;
            return undefined;
          }
          if (text === 'auto') return 0;
          return numberIn(text, 0, U8_MAX, () => {
            const value = parseNumber(text) ?? -1;
            return wrong(text, value > U8_MAX && value <= U32_MAX ? 'TTL must be <= 255' : 'invalid TTL');
          });
        },
        usage: 'ttl TTL',
      },
    ],
    show: (entry, value, { values }) => {
      if (!values.ttlInherit) entry.both('ttl', value, `ttl ${value || 'auto'} `);
    },
  } satisfies Attribute<number>,
  tos: {
    wire: [sys.IFLA_GENEVE_TOS, u8],
    words: [
      {
        names: 'tos~ dsfield~',
        take: (words, word, state) => {
          once(state, 'tos', words.next ?? '');
          return tosForm.read(words, word, state);
        },
        usage: 'tos TOS',
      },
    ],
    show: (entry, value) => {
      if (value) entry.both('tos', hexadecimal(value), `tos ${value === 1 ? 'inherit' : hexadecimal(value)} `);
    },
  } satisfies Attribute<number>,
  df: fragments([sys.IFLA_GENEVE_DF, u8]),
  label: {
    wire: [sys.IFLA_GENEVE_LABEL, be32],
    words: [
      {
        names: 'label~ flowlabel~',
        take: onceRead('flowlabel', (text) => numberIn(text, 0, MOST_LABEL, () => wrong(text, 'invalid flowlabel'))),
        usage: 'flowlabel LABEL',
      },
    ],
    show: (entry, value) => {
      if (value) entry.both('label', hexadecimal(value), `flowlabel ${hexadecimal(value)} `);
    },
  } satisfies Attribute<number>,
  port: {
    wire: [sys.IFLA_GENEVE_PORT, be16],
    words: [
      {
        names: 'dstport~',
        take: onceRead('dstport', (text) => numberIn(text, 0, U16_MAX, () => wrong(text, 'dstport'))),
        usage: 'dstport PORT',
      },
    ],
    show: (entry, value) => entry.both('port', value, `dstport ${value} `),
  } satisfies Attribute<number>,
  udpChecksum: toggle(sys.IFLA_GENEVE_UDP_CSUM, 'udpcsum', 'udp_csum'),
  udpZeroChecksum6Tx: toggle(sys.IFLA_GENEVE_UDP_ZERO_CSUM6_TX, 'udp6zerocsumtx', 'udp_zero_csum6_tx'),
  udpZeroChecksum6Rx: toggle(sys.IFLA_GENEVE_UDP_ZERO_CSUM6_RX, 'udp6zerocsumrx', 'udp_zero_csum6_rx'),
  inner: {
    wire: [sys.IFLA_GENEVE_INNER_PROTO_INHERIT, flag],
    words: [mark('innerprotoinherit~', true, 'innerprotoinherit')],
    show: (entry) => entry.both('inner_proto_inherit', true, 'innerprotoinherit '),
  } satisfies Attribute<boolean>,
};

export const geneve = kind('geneve', GENEVE_ROWS, {
  before: 'id VNI\n\t\tremote ADDR',
  settle: ({ data, seen }, isNew) => {
    if (data.external && seen.has('id'))
      throw new Failure("geneve: both 'external' and vni cannot be specified", FAILED);
    if (!data.external && !seen.has('id')) throw new Failure('geneve: missing virtual network identifier', FAILED);
    if (!data.external && isNew && !data.remote && !data.remote6)
      throw new Failure('geneve: remote link partner not specified', FAILED);
    const values = {
      ...data,
      id: data.id ?? 0,
      ...(isNew ? { label: data.label ?? 0, ttl: data.ttl ?? 0, tos: data.tos ?? 0 } : {}),
      ttl: data.ttl ?? (isNew || seen.has('ttl') ? 0 : undefined),
      port: data.port || undefined,
    };
    // What is sent first is what iproute2 sends while it reads.
    const early = Object.keys(data).filter((key) => key === 'ttlInherit' || key === 'df') as ('ttlInherit' | 'df')[];
    return picked(
      values,
      ...early,
      ...(['id', 'remote', 'remote6', 'label', 'ttl', 'tos', 'port', 'external', 'inner'] as const),
      ...(['udpChecksum', 'udpZeroChecksum6Tx', 'udpZeroChecksum6Rx'] as const),
    );
  },
  notes: [
    '\nWhere:\tVNI   := 0-16777215',
    '\tADDR  := IP_ADDRESS',
    '\tTOS   := { NUMBER | inherit }',
    '\tTTL   := { 1..255 | auto | inherit }',
    '\tDF    := { unset | set | inherit }',
    '\tLABEL := 0-1048575\n',
  ].join('\n'),
});
