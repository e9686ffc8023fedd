/** `type ipip`, `sit`, `ip6tnl`, `vti` and `vti6`. */
import { be32, bytes, formatAddress, u8, u16 } from '@ts/netlink';
import * as sys from '@ts/sys';
import { Failure } from '@ts/sys';
import { type Attribute, mark, type State } from '../rows.ts';
import { abbreviates, FAILED, prefixFrom, type Words, WRONG, wrong } from '../words.ts';
import { kind } from './kind.ts';
import {
  cannotFind,
  carrier,
  DEFAULT_HOPS,
  DEFAULT_LIMIT,
  dotted,
  encapsulated,
  encapsulation,
  endpoint,
  ends,
  external,
  keyFrom,
  mark32,
  overIpv6,
  pathMtu,
  tos,
  ttl,
} from './tunnel.ts';

const isInvalid = (name: string) => wrong(name, '"dev" is invalid');

const ENCAP = encapsulation({
  type: sys.IFLA_IPTUN_ENCAP_TYPE,
  flags: sys.IFLA_IPTUN_ENCAP_FLAGS,
  source: sys.IFLA_IPTUN_ENCAP_SPORT,
  destination: sys.IFLA_IPTUN_ENCAP_DPORT,
});

interface Mode {
  readonly number: number;
  /** Words for it; the first is shown. */
  readonly words: readonly string[];
}

/** What the tunnel carries. */
const mode = (modes: readonly Mode[], names: string): Attribute<number> => ({
  wire: [sys.IFLA_IPTUN_PROTO, u8],
  words: [
    {
      names,
      take: (words) => {
        const text = words.argument();
        const found = modes.find((each) => each.words.includes(text));
        if (!found) throw wrong(text, 'Cannot guess tunnel mode.');
        return found.number;
      },
      usage: `mode { ${modes.map(({ words: [first] }) => first).join(' | ')} }`,
    },
  ],
  show: (entry, value) => {
    const name = modes.find((each) => each.number === value)?.words[0];
    if (name !== undefined) entry.both('proto', name, `${name} `);
  },
});

const IP_IN_IP: Mode = { number: sys.IPPROTO_IPIP, words: ['ipip', 'ipv4/ipv4', 'ip4ip4'] };
const MPLS: Mode = { number: sys.IPPROTO_MPLS, words: ['mplsip', 'mpls/ipv4'] };
const ANY: Mode = { number: 0, words: ['any', 'any/ipv4'] };
const SIT: Mode = { number: sys.IPPROTO_IPV6, words: ['ip6ip', 'ipv6/ipv4'] };

/** Words of 6rd, which set a prefix and its length. */
const rapid = (name: string, family: number, key: string) => ({
  names: name,
  take: (words: Words, _: string, { data }: State) => {
    const { bytes: address, length } = prefixFrom(words.argument(), family);
    data[`${key}Length`] = length;
    return family === sys.AF_INET ? Buffer.from(address).readUInt32BE(0) : address;
  },
  usage: `${name} ADDR`,
});

const base = (modes: readonly Mode[]) => ({
  external: external(sys.IFLA_IPTUN_COLLECT_METADATA),
  mode: mode(modes, 'mode'),
  remote: endpoint(sys.IFLA_IPTUN_REMOTE, 'remote', sys.AF_INET, 'remote'),
  local: endpoint(sys.IFLA_IPTUN_LOCAL, 'local', sys.AF_INET, 'local'),
  link: carrier(sys.IFLA_IPTUN_LINK, isInvalid),
  ttl: ttl(sys.IFLA_IPTUN_TTL, 'ttl hoplimit hlim', 'ttl', 'invalid TTL\n'),
  tos: tos(sys.IFLA_IPTUN_TOS, 'tos tclass dsfield~'),
  pathMtu: pathMtu(sys.IFLA_IPTUN_PMTUDISC, true),
});

const RAPID = {
  flags: {
    wire: [sys.IFLA_IPTUN_FLAGS, u16],
    words: [mark('isatap', sys.SIT_ISATAP, 'isatap')],
    show: (entry, value) => {
      if (value & sys.SIT_ISATAP) entry.both('isatap', true, 'isatap ');
    },
  } satisfies Attribute<number>,
  rapid: {
    wire: [sys.IFLA_IPTUN_6RD_PREFIX, bytes],
    words: [
      rapid('6rd-prefix', sys.AF_INET6, 'rapid') as Attribute<Uint8Array>['words'][number],
      {
        names: '6rd-reset',
        take: (_, __, { data }) => {
          Object.assign(data, { rapidLength: 16, relay: 0, relayLength: 0 });
          return prefixFrom('2002::', sys.AF_INET6).bytes;
        },
        usage: '6rd-reset',
      },
    ],
    show: (entry, value, { values }) => {
      if (!values.rapidLength) return;
      entry.note('prefix', formatAddress(value));
      entry.both(
        'prefixlen',
        values.rapidLength as number,
        `6rd-prefix ${formatAddress(value)}/${values.rapidLength} `,
      );
    },
  } satisfies Attribute<Uint8Array>,
  rapidLength: {
    wire: [sys.IFLA_IPTUN_6RD_PREFIXLEN, u16],
    words: [],
    show: { with: 'rapid' },
  } satisfies Attribute<number>,
  relay: {
    wire: [sys.IFLA_IPTUN_6RD_RELAY_PREFIX, be32],
    words: [rapid('6rd-relay_prefix', sys.AF_INET, 'relay') as Attribute<number>['words'][number]],
    show: (entry, value, { values }) => {
      if (!value || !values.rapidLength) return;
      const length = (values.relayLength as number | undefined) ?? 0;
      entry.note('relay_prefix', dotted(value));
      entry.both('relay_prefixlen', length, `6rd-relay_prefix ${dotted(value)}/${length} `);
    },
  } satisfies Attribute<number>,
  relayLength: {
    wire: [sys.IFLA_IPTUN_6RD_RELAY_PREFIXLEN, u16],
    words: [],
    show: { with: 'relay' },
  } satisfies Attribute<number>,
};

const NOTES = [
  '\nWhere:\tADDR := { IP_ADDRESS | any }',
  '\tTOS  := { NUMBER | inherit }',
  '\tTTL  := { 1..255 | inherit }',
  '\tMARK := { 0x0..0xffffffff }\n',
].join('\n');

const rowsOf = (modes: readonly Mode[]) => ({
  ...base(modes),
  ...RAPID,
  mark: mark32(sys.IFLA_IPTUN_FWMARK),
  ...ENCAP,
});

export const IPIP_ROWS = rowsOf([IP_IN_IP, MPLS, ANY]);
export const SIT_ROWS = rowsOf([SIT, IP_IN_IP, MPLS, ANY]);

const overIpv4 = (name: string, rows: typeof IPIP_ROWS) =>
  kind(name, rows, {
    refuse: (_, usage) => new Failure(usage.trimEnd(), FAILED),
    indent: '\t\t\t',
    start: (isNew, present) => (isNew ? {} : { ...present }),
    settle: ({ data }) => {
      if (data.ttl && data.pathMtu === 0) throw new Failure('ttl != 0 and nopmtudisc are incompatible', WRONG);
      const proto = data.mode ?? 0;
      if (data.external) return { mode: proto, external: true };
      const isSit = name === 'sit';
      const hasRapid = isSit && (data.rapidLength ?? 0) > 0;
      const hasRelay = isSit && (data.relayLength ?? 0) > 0;
      return {
        mode: proto,
        ...ends(data),
        pathMtu: data.pathMtu ?? 1,
        tos: data.tos ?? 0,
        ttl: data.ttl ?? 0,
        link: data.link ?? 0,
        mark: data.mark ?? 0,
        ...encapsulated(data),
        flags: isSit ? (data.flags ?? 0) : undefined,
        rapid: hasRapid ? data.rapid : undefined,
        rapidLength: hasRapid ? data.rapidLength : undefined,
        relay: hasRelay ? data.relay : undefined,
        relayLength: hasRelay ? data.relayLength : undefined,
      };
    },
    notes: NOTES,
  });

export const ipip = overIpv4('ipip', IPIP_ROWS);
export const sit = overIpv4('sit', SIT_ROWS);

const OVER_IPV6: readonly Mode[] = [
  { number: sys.IPPROTO_IPV6, words: ['ip6ip6', 'ipv6/ipv6'] },
  { number: sys.IPPROTO_IPIP, words: ['ipip6', 'ip/ipv6', 'ipv4/ipv6', 'ip4ip6'] },
  { number: 0, words: ['any', 'any/ipv6'] },
];

export const IP6TNL_ROWS = {
  external: external(sys.IFLA_IPTUN_COLLECT_METADATA),
  mode: mode(OVER_IPV6, 'mode~'),
  remote: endpoint(sys.IFLA_IPTUN_REMOTE, 'remote', sys.AF_INET6, 'remote'),
  local: endpoint(sys.IFLA_IPTUN_LOCAL, 'local', sys.AF_INET6, 'local'),
  link: carrier(sys.IFLA_IPTUN_LINK, isInvalid),
  ttl: ttl(sys.IFLA_IPTUN_TTL, 'ttl hoplimit hlim', 'hoplimit', 'invalid HLIM\n'),
  ...overIpv6({
    limit: sys.IFLA_IPTUN_ENCAP_LIMIT,
    flow: sys.IFLA_IPTUN_FLOWINFO,
    flags: sys.IFLA_IPTUN_FLAGS,
    mark: sys.IFLA_IPTUN_FWMARK,
  }),
  ...ENCAP,
};

export const ip6tnl = kind('ip6tnl', IP6TNL_ROWS, {
  refuse: (_, usage) => new Failure(usage.trimEnd(), WRONG),
  indent: '\t\t\t',
  start: (isNew, present) =>
    isNew ? { ttl: DEFAULT_HOPS, limit: DEFAULT_LIMIT, encapFlags: sys.TUNNEL_ENCAP_FLAG_CSUM6 } : { ...present },
  settle: ({ data }) =>
    data.external
      ? { mode: data.mode ?? 0, external: true }
      : {
          mode: data.mode ?? 0,
          ...ends(data),
          ttl: data.ttl ?? 0,
          limit: data.limit ?? DEFAULT_LIMIT,
          flow: data.flow ?? 0,
          flags: data.flags ?? 0,
          link: data.link ?? 0,
          mark: data.mark ?? 0,
          ...encapsulated(data),
        },
  notes: [
    '\nWhere:\tADDR\t  := IPV6_ADDRESS',
    '\tELIM\t  := { none | 0..255 }(default=4)',
    '\tHLIM\t  := 0..255 (default=64)',
    '\tTCLASS    := { 0x0..0xff | inherit }',
    '\tFLOWLABEL := { 0x0..0xfffff | inherit }',
    '\tMARK\t  := { 0x0..0xffffffff | inherit }\n',
  ].join('\n'),
});

const vtiKey = (type: number, word: string, words: Attribute<number>['words']): Attribute<number> => ({
  wire: [type, be32],
  words,
  show: (entry, value) => {
    if (value) entry.both(word, dotted(value), `${word} ${dotted(value)} `);
  },
});

const KEY_SIDES = [
  ['key', ['inputKey', 'outputKey']],
  ['ikey', ['inputKey']],
  ['okey', ['outputKey']],
] as const;

const vtiOf = (name: string, family: number) =>
  kind(
    name,
    {
      remote: endpoint(sys.IFLA_VTI_REMOTE, 'remote', family),
      local: endpoint(sys.IFLA_VTI_LOCAL, 'local', family),
      link: carrier(sys.IFLA_VTI_LINK, cannotFind),
      inputKey: vtiKey(
        sys.IFLA_VTI_IKEY,
        'ikey',
        KEY_SIDES.map(([word, keys]) => ({
          names: `${word}~`,
          take: (words, given, state) => {
            const key = keyFrom(words, abbreviates(given, word) ? word : given, state);
            for (const each of keys) state.data[each] = key;
            return undefined;
          },
          usage: word === 'key' ? '[i|o]key KEY' : undefined,
        })),
      ),
      outputKey: vtiKey(sys.IFLA_VTI_OKEY, 'okey', []),
      mark: mark32(sys.IFLA_VTI_FWMARK),
    },
    {
      refuse: (_, usage) => new Failure(usage.trimEnd(), WRONG),
      start: (isNew, present) => (isNew ? {} : { ...present }),
      settle: ({ data }) => ({
        inputKey: data.inputKey ?? 0,
        outputKey: data.outputKey ?? 0,
        ...ends(data),
        mark: data.mark ?? 0,
        link: data.link || undefined,
      }),
      notes: `\nWhere:\tADDR := { ${family === sys.AF_INET ? 'IP_ADDRESS' : 'IPV6_ADDRESS'} }\n\tKEY  := { DOTTED_QUAD | NUMBER }\n\tMARK := { 0x0..0xffffffff }\n`,
    },
  );

export const vti = vtiOf('vti', sys.AF_INET);
export const vti6 = vtiOf('vti6', sys.AF_INET6);
