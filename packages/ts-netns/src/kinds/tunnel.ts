/** What kinds of tunnels have in common. */
import { be16, be32, bytes, flag, formatAddress, parseAddress, u8, u16, u32 } from '@ts/netlink';
import * as sys from '@ts/sys';
import { Failure, U32_MAX } from '@ts/sys';
import type { Entry } from '../entry.ts';
import { numberOf } from '../names.ts';
import {
  type Attribute,
  device,
  type Form,
  hexadecimal,
  isSet,
  mark,
  type Read,
  row,
  type State,
  U8_MAX,
  U16_MAX,
  type Wire,
} from '../rows.ts';
import { addressFrom, garbage, numberIn, parseNumber, WRONG, wrong } from '../words.ts';

/** Notes that a key word was there; each is allowed once. */
export function once({ seen }: { readonly seen: Set<string> }, key: string, text: string, shown = key): void {
  if (seen.has(key)) throw garbage(shown, text);
  seen.add(key);
}

/** Reads the argument of a key word that may be there once. */
export const onceRead =
  <T>(key: string, read: (text: string, state: State) => T): Read<T> =>
  (words, _, state) => {
    const text = words.argument();
    once(state, key, text);
    return read(text, state);
  };

/** `proxy`, `noproxy`: 1 and 0, either of them once. */
export const pair = (word: string, usage: string | undefined = `[no]${word}`): Attribute<number>['words'] =>
  [word, `no${word}`].map((names, index) => ({
    names,
    take: (_, given, state) => {
      once(state, word, given, given);
      return index ? 0 : 1;
    },
    usage: index ? undefined : usage,
  }));

/** An end of a tunnel; `any` stands for none. @param shows Whether "any" is said, too. */
export const endpoint = (
  type: number,
  word: 'remote' | 'local',
  family: number,
  names = `${word}~`,
): Attribute<Uint8Array> => ({
  wire: [type, bytes],
  words: [
    {
      names,
      take: (words) => {
        const text = words.argument();
        if (text === 'any') return new Uint8Array(family === sys.AF_INET6 ? 16 : 4);
        return addressFrom(text, family).bytes;
      },
      usage: `${word} ADDR`,
    },
  ],
  show: (entry, value) => {
    const text = isSet(value) ? formatAddress(value) : 'any';
    entry.both(word, text, `${word} ${text} `);
  },
  absent: (entry) => entry.both(word, 'any', `${word} any `),
});

/** The link that carries it. */
export const carrier = (type: number, fail: (name: string) => Error): Attribute<number> =>
  row([type, u32], 'dev~', device(fail), { json: 'link', usage: 'dev PHYS_DEV', when: (value) => value !== 0 });

export const cannotFind = (name: string) => new Failure(`Cannot find device "${name}"`, WRONG);

/** A number of one byte, or `inherit`. */
export const ttl = (type: number, names: string, says: string, why: string): Attribute<number> => ({
  wire: [type, u8],
  words: [
    {
      names,
      take: (words) => {
        const text = words.argument();
        return text === 'inherit' ? 0 : numberIn(text, 0, U8_MAX, () => wrong(text, why));
      },
      usage: `${says} TTL`,
    },
  ],
  show: (entry, value) => entry.both('ttl', value, `${says} ${value || 'inherit'} `),
  absent: (entry) => entry.both('ttl', 0, `${says} inherit `),
});

/** A type of service, or `inherit`. */
export const tosForm: Form<number> = {
  read: (words) => {
    const text = words.argument();
    const tos = text === 'inherit' ? 1 : numberOf('rt_dsfield', text);
    if (tos === undefined) throw wrong(text, 'bad TOS value');
    return tos;
  },
  show: (value) => [hexadecimal(value), value === 1 ? 'inherit' : hexadecimal(value)],
};
export const tos = (type: number, names: string): Attribute<number> =>
  row([type, u8], names, tosForm, { usage: 'tos TOS', when: (value) => value !== 0 });

/** Discovery of the path's MTU. @param says Whether it is said where it is on. */
export const pathMtu = (type: number, says: boolean): Attribute<number> => ({
  wire: [type, u8],
  words: [mark('nopmtudisc~', 0), mark('pmtudisc~', 1, '[no]pmtudisc')],
  show: (entry, value) => entry.both('pmtudisc', value !== 0, value ? (says ? 'pmtudisc ' : '') : 'nopmtudisc '),
  absent: (entry) => {
    if (says) entry.both('pmtudisc', false, 'nopmtudisc ');
  },
});

/** The mark of its packets. */
export const mark32 = (type: number): Attribute<number> => ({
  wire: [type, u32],
  words: [
    {
      names: 'fwmark',
      take: (words) => {
        const text = words.argument();
        return numberIn(text, 0, U32_MAX, () => wrong(text, 'invalid fwmark\n'));
      },
      usage: 'fwmark MARK',
    },
  ],
  show: (entry, value) => {
    if (value) entry.both('fwmark', hexadecimal(value), `fwmark ${hexadecimal(value)} `);
  },
});

/** Its ends come with the packets. */
export const external = (type: number, text = 'external '): Attribute<boolean> => ({
  wire: [type, flag],
  words: [mark('external', true, 'external')],
  show: (entry) => entry.both('external', true, text),
});

/** A key of GRE: a number, or as an IPv4 address. */
export const keyFrom: Read<number> = (words, word) => {
  const text = words.argument();
  const dotted = text.includes('.') ? parseAddress(text, sys.AF_INET) : undefined;
  if (text.includes('.') && !dotted) throw new Failure(`Error: an IP address is expected rather than "${text}"`, 1);
  if (dotted) return Buffer.from(dotted.bytes).readUInt32BE(0);
  const value = parseNumber(text);
  if (value === undefined || value < 0 || value > U32_MAX)
    throw new Failure(`invalid value for "${word}": "${text}"; it should be an unsigned integer`, WRONG);
  return value;
};

export const dotted = (value: number): string => formatAddress(be32.encode(value, 0));

/** Encapsulation in UDP: four attributes, shown as one object. */
const TYPES = ['none', 'fou', 'gue'];
const FLAGS = [
  ['csum', 'encap-csum', sys.TUNNEL_ENCAP_FLAG_CSUM],
  ['csum6', 'encap-csum6', sys.TUNNEL_ENCAP_FLAG_CSUM6],
  ['remcsum', 'encap-remcsum', sys.TUNNEL_ENCAP_FLAG_REMCSUM],
] as const;

const port = (type: number, word: string, why: string, auto: boolean): Attribute<number> => ({
  wire: [type, be16],
  words: [
    {
      names: word,
      take: (words) => {
        const text = words.argument();
        return auto && text === 'auto' ? 0 : numberIn(text, 0, U16_MAX, () => wrong(text, why));
      },
      usage: `${word} PORT`,
    },
  ],
  show: { with: 'encapType' },
});

export const encapsulation = (types: { type: number; flags: number; source: number; destination: number }) => ({
  encapType: {
    wire: [types.type, u16],
    words: [
      mark('noencap', 0, 'noencap'),
      {
        names: 'encap',
        take: (words) => {
          const text = words.argument();
          const type = TYPES.indexOf(text);
          if (type < 0) throw wrong(text, 'Invalid encap type.');
          return type;
        },
        usage: 'encap { fou | gue | none }',
      },
    ],
    show: (entry, type, { values }) => {
      if (!type) return;
      const { encapSource = 0, encapDestination = 0, encapFlags = 0 } = values as Record<string, number>;
      entry.inside('encap', (own) => {
        const name = TYPES[type] ?? 'unknown';
        own.both('type', name, `encap ${name} `);
        if (encapSource) own.note('sport', encapSource);
        own.say(`encap-sport ${encapSource || 'auto'} `);
        own.both('dport', encapDestination, `encap-dport ${encapDestination} `);
        for (const [json, word, bit] of FLAGS) {
          const on = (encapFlags & bit) !== 0;
          own.both(json, on, `${on ? '' : 'no'}${word} `);
        }
      });
    },
  } satisfies Attribute<number>,
  encapFlags: {
    wire: [types.flags, u16],
    words: FLAGS.flatMap(([, word, bit]) => [
      {
        names: word === 'encap-csum6' ? 'encap-udp6-csum encap-csum6' : word,
        take: (_: unknown, __: string, ___: State, before = 0) => before | bit,
        usage: `[no]${word}`,
      },
      {
        names: word === 'encap-csum6' ? 'noencap-udp6-csum noencap-csum6' : `no${word}`,
        take: (_: unknown, __: string, ___: State, before = 0) => before & ~bit,
      },
    ]),
    show: { with: 'encapType' },
  } satisfies Attribute<number>,
  encapSource: port(types.source, 'encap-sport', 'Invalid source port.', true),
  encapDestination: port(types.destination, 'encap-dport', 'Invalid destination port.', false),
});

/** The four of them as they are sent, in the order of iproute2. */
export const encapsulated = ({
  encapType = 0,
  encapFlags = 0,
  encapSource = 0,
  encapDestination = 0,
}: {
  readonly encapType?: number;
  readonly encapFlags?: number;
  readonly encapSource?: number;
  readonly encapDestination?: number;
}) => ({ encapType, encapFlags, encapSource, encapDestination });

/** What the outer header says of fragments. */
const DF = ['unset', 'set', 'inherit'];
export const fragments = (wire: Wire<number>): Attribute<number> => ({
  wire,
  words: [
    {
      names: 'df',
      take: onceRead('df', (text) => {
        const value = DF.indexOf(text);
        if (value < 0) throw wrong(text, "DF must be 'unset', 'set' or 'inherit'");
        return value;
      }),
      usage: 'df DF',
    },
  ],
  show: (entry, value) => {
    const text = DF[value] ?? String(value);
    entry.note('df', text);
    if (value) entry.say(`df ${text} `);
  },
});

/** Flags of tunnels over IPv6: IP6_TNL_F_*. */
const set = (before: number, bit: number, on: boolean): number => (on ? before | bit : before & ~bit) >>> 0;
const TCLASS = 0x0ff0_0000;
const FLOW_LABEL = 0x000f_ffff;

const hexadecimalIn = (text: string, most: number, why: string): number => {
  const value = /^(0x)?[0-9a-f]+$/i.test(text) ? Number.parseInt(text, 16) : Number.NaN;
  if (!(value <= most)) throw wrong(text, why);
  return value;
};

/** A value, or `inherit`, which is a flag. */
const flowPart = (names: string, mask: number, shift: number, bit: number, why: string, usage: string) => ({
  names,
  take: (words: { argument(): string }, _: string, { data }: State, before = 0) => {
    const text = words.argument();
    const inherits = text === 'inherit';
    data.flags = set((data.flags as number | undefined) ?? 0, bit, inherits);
    const rest = (before & ~mask) >>> 0;
    return inherits ? rest : (rest | (hexadecimalIn(text, mask >>> shift, why) << shift)) >>> 0;
  },
  usage,
});

const flagsOf = (values: Readonly<Record<string, unknown>>): number => (values.flags as number | undefined) ?? 0;

/** What a flag says in the place of a value: its bit, key, text. */
type Instead = readonly [bit: number, key: string, text: string];
const NO_LIMIT: Instead = [sys.IP6_TNL_F_IGN_ENCAP_LIMIT, 'ip6_tnl_f_ign_encap_limit', 'encaplimit none '];
const TCLASS_INHERITED: Instead = [sys.IP6_TNL_F_USE_ORIG_TCLASS, 'ip6_tnl_f_use_orig_tclass', 'tclass inherit '];
const LABEL_INHERITED: Instead = [
  sys.IP6_TNL_F_USE_ORIG_FLOWLABEL,
  'ip6_tnl_f_use_orig_flowlabel',
  'flowlabel inherit ',
];
const MARK_INHERITED: Instead = [sys.IP6_TNL_F_USE_ORIG_FWMARK, 'ip6_tnl_f_use_orig_fwmark', 'fwmark inherit '];

/** Result: whether the flag is set, and has been shown. */
function showInherited(entry: Entry, values: Readonly<Record<string, unknown>>, [bit, key, text]: Instead): boolean {
  if (!(flagsOf(values) & bit)) return false;
  entry.both(key, true, text);
  return true;
}

/** What tunnels over IPv6 have, where their attributes stand. */
export const overIpv6 = (types: { limit: number; flow: number; flags: number; mark: number }) => ({
  limit: {
    wire: [types.limit, u8],
    words: [
      {
        names: 'encaplimit',
        take: (words, _, { data }, before) => {
          const text = words.argument();
          data.flags = set((data.flags as number | undefined) ?? 0, sys.IP6_TNL_F_IGN_ENCAP_LIMIT, text === 'none');
          return text === 'none' ? before : numberIn(text, 0, U8_MAX, () => wrong(text, 'invalid ELIM'));
        },
        usage: 'encaplimit ELIM',
      },
    ],
    show: (entry, value, { values }) => {
      if (!showInherited(entry, values, NO_LIMIT)) entry.both('encap_limit', value, `encaplimit ${value} `);
    },
    absent: (entry, { values }) => {
      showInherited(entry, values, NO_LIMIT);
    },
  } satisfies Attribute<number>,
  flow: {
    wire: [types.flow, be32],
    words: [
      flowPart('tclass~ tos~ dsfield~', TCLASS, 20, sys.IP6_TNL_F_USE_ORIG_TCLASS, 'invalid TClass', 'tclass TCLASS'),
      flowPart(
        'flowlabel fl',
        FLOW_LABEL,
        0,
        sys.IP6_TNL_F_USE_ORIG_FLOWLABEL,
        'invalid Flowlabel',
        'flowlabel FLOWLABEL',
      ),
    ],
    show: (entry, value, { values }) => {
      const tclass = `0x${((value & TCLASS) >>> 20).toString(16).padStart(2, '0')}`;
      if (!showInherited(entry, values, TCLASS_INHERITED)) entry.both('tclass', tclass, `tclass ${tclass} `);
      const label = `0x${(value & FLOW_LABEL).toString(16).padStart(5, '0')}`;
      if (!showInherited(entry, values, LABEL_INHERITED)) entry.both('flowlabel', label, `flowlabel ${label} `);
    },
    absent: (entry, { values }) => {
      for (const part of [TCLASS_INHERITED, LABEL_INHERITED]) showInherited(entry, values, part);
    },
  } satisfies Attribute<number>,
  flags: {
    wire: [types.flags, u32],
    words: [
      {
        names: 'dscp',
        take: (words, _, __, before = 0) => {
          const text = words.argument();
          if (text !== 'inherit') throw wrong(text, 'not inherit');
          return before | sys.IP6_TNL_F_RCV_DSCP_COPY;
        },
        usage: 'dscp inherit',
      },
      {
        names: 'allow-localremote',
        take: (_, __, ___, before = 0) => before | sys.IP6_TNL_F_ALLOW_LOCAL_REMOTE,
        usage: '[no]allow-localremote',
      },
      {
        names: 'noallow-localremote',
        take: (_, __, ___, before = 0) => before & ~sys.IP6_TNL_F_ALLOW_LOCAL_REMOTE,
      },
    ],
    show: (entry, value) => {
      if (value & sys.IP6_TNL_F_RCV_DSCP_COPY) entry.both('ip6_tnl_f_rcv_dscp_copy', true, 'dscp inherit ');
      if (value & sys.IP6_TNL_F_MIP6_DEV) entry.both('ip6_tnl_f_mip6_dev', true, 'mip6 ');
      if (value & sys.IP6_TNL_F_ALLOW_LOCAL_REMOTE)
        entry.both('ip6_tnl_f_allow_local_remote', true, 'allow-localremote ');
    },
  } satisfies Attribute<number>,
  mark: {
    wire: [types.mark, u32],
    words: [
      {
        names: 'fwmark',
        take: (words, _, { data }) => {
          const text = words.argument();
          data.flags = set((data.flags as number | undefined) ?? 0, sys.IP6_TNL_F_USE_ORIG_FWMARK, text === 'inherit');
          return text === 'inherit' ? 0 : numberIn(text, 0, U32_MAX, () => wrong(text, 'invalid fwmark\n'));
        },
        usage: 'fwmark MARK',
      },
    ],
    show: (entry, value, { values }) => {
      if (showInherited(entry, values, MARK_INHERITED)) return;
      if (value) entry.both('fwmark', hexadecimal(value), `fwmark ${hexadecimal(value)} `);
    },
    absent: (entry, { values }) => {
      showInherited(entry, values, MARK_INHERITED);
    },
  } satisfies Attribute<number>,
});

/** What encaplimit and hoplimit are where nothing is said. */
export const DEFAULT_LIMIT = 4;
export const DEFAULT_HOPS = 64;

/** The values under these names, in this order; those that are not there are left out. */
export const picked = <V extends object>(values: V, ...keys: readonly (keyof V & string)[]): V =>
  Object.fromEntries(keys.flatMap((key) => (values[key] === undefined ? [] : [[key, values[key]]]))) as V;

/** The same, without an address that is all zero. */
export const ends = <V extends { local?: Uint8Array; remote?: Uint8Array }>({ local, remote }: V) => ({
  local: local && isSet(local) ? local : undefined,
  remote: remote && isSet(remote) ? remote : undefined,
});
