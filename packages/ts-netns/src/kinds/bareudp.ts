/** `type bareudp`. */
import { be16, flag, u16 } from '@ts/netlink';
import * as sys from '@ts/sys';
import { type Attribute, U16_MAX } from '../rows.ts';
import { missing, numberIn, wrong } from '../words.ts';
import { kind } from './kind.ts';
import { once, onceRead, picked } from './tunnel.ts';

/** Protocols of frames that such a tunnel carries, as iproute2 calls them: ETH_P_*. */
const PROTOCOLS: Readonly<Record<string, number>> = {
  ip: 0x800,
  ipv4: 0x800,
  ipv6: 0x86dd,
  mpls_uc: 0x8847,
  mpls_mc: 0x8848,
};
const SHOWN: Readonly<Record<number, string>> = { 2048: 'ip', 34525: 'ipv6', 34887: 'mpls_uc', 34888: 'mpls_mc' };

const port = (type: number, word: string, codec: typeof be16): Attribute<number> => ({
  wire: [type, codec],
  words: [
    {
      names: `${word}~`,
      take: onceRead(word, (text) => numberIn(text, 0, U16_MAX, () => wrong(text, word))),
      usage: word === 'dstport' ? undefined : `${word} PORT`,
    },
  ],
  show: (entry, value) => entry.both(word, value, `${word} ${value} `),
});

export const BAREUDP_ROWS = {
  port: port(sys.IFLA_BAREUDP_PORT, 'dstport', be16),
  protocol: {
    wire: [sys.IFLA_BAREUDP_ETHERTYPE, be16],
    words: [
      {
        names: 'ethertype~',
        take: onceRead('ethertype', (text) => {
          const name = text.toLowerCase();
          if (Object.hasOwn(PROTOCOLS, name)) return PROTOCOLS[name] as number;
          return numberIn(text, 0, U16_MAX, () => wrong(text, 'ethertype'));
        }),
      },
    ],
    show: (entry, value) => {
      const name = SHOWN[value] ?? `[${value}]`;
      entry.both('ethertype', name, `ethertype ${name} `);
    },
  } satisfies Attribute<number>,
  least: port(sys.IFLA_BAREUDP_SRCPORT_MIN, 'srcportmin', u16),
  multi: {
    wire: [sys.IFLA_BAREUDP_MULTIPROTO_MODE, flag],
    words: ['multiproto', 'nomultiproto'].map((names, index) => ({
      names: `${names}~`,
      take: (_, word, state) => {
        once(state, 'multiproto', word, word);
        return index ? undefined : true;
      },
      usage: index ? undefined : '[no]multiproto',
    })),
    show: (entry) => entry.both('multiproto', true, 'multiproto '),
    absent: (entry) => entry.both('multiproto', false, 'nomultiproto '),
  } satisfies Attribute<boolean>,
};

export const bareudp = kind('bareudp', BAREUDP_ROWS, {
  settle: ({ data }) => {
    if (data.port === undefined) throw missing('dstport');
    if (data.protocol === undefined) throw missing('ethertype');
    return picked(data, 'port', 'protocol', 'least', 'multi');
  },
  before: 'dstport PORT\n\t\tethertype PROTO',
  notes: [
    '\nWhere:\tPORT  := UDP_PORT',
    '\tPROTO := ETHERTYPE',
    '\nNote: ETHERTYPE can be given as number or as protocol name ("ipv4", "ipv6",',
    '      "mpls_uc", etc.).\n',
  ].join('\n'),
});
