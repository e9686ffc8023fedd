/** `type gre`, `gretap`, `erspan`, and the same over IPv6. */
import { be16, be32, isMulticast, u8, u16, u32 } from '@ts/netlink';
import * as sys from '@ts/sys';
import { Failure, U32_MAX } from '@ts/sys';
import { type Attribute, hexadecimal, mark, number, row, type State, U8_MAX, U16_MAX } from '../rows.ts';
import { abbreviates, FAILED, numberIn, type Words, WRONG, wrong } from '../words.ts';
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

const INPUT = 'inputFlags';
const OUTPUT = 'outputFlags';

/** Sets a bit of what comes in, of what goes out, or of both. */
function change({ data }: State, sides: readonly string[], bit: number, on: boolean): void {
  for (const side of sides) {
    const before = (data[side] as number | undefined) ?? 0;
    data[side] = on ? before | bit : before & ~bit;
  }
}

const SIDES = [
  ['', [INPUT, OUTPUT]],
  ['i', [INPUT]],
  ['o', [OUTPUT]],
] as const;

/** `seq`, `iseq`, `oseq`, and with `no` before: a bit of either side or of both. */
const bitWords = (word: string, bit: number): Attribute<number>['words'] =>
  SIDES.flatMap(([letter, sides]) =>
    [true, false].map((on) => ({
      names: on ? `${letter}${word}~` : `no${letter}${word}`,
      take: (_: Words, __: string, state: State) => {
        change(state, sides, bit, on);
        return undefined;
      },
      usage: letter === '' && on ? `[no][i|o]${word}` : undefined,
    })),
  );

/** `key`, `ikey`, `okey`: the key and the bit that says that there is one. */
const keyWords: Attribute<number>['words'] = SIDES.flatMap(([letter, sides]) => [
  {
    names: `${letter}key~`,
    take: (words: Words, word: string, state: State) => {
      const key = keyFrom(words, abbreviates(word, `${letter}key`) ? `${letter}key` : word, state);
      change(state, sides, sys.GRE_KEY, true);
      for (const side of sides) state.data[side === INPUT ? 'inputKey' : 'outputKey'] = key;
      return undefined;
    },
    usage: letter === '' ? '[i|o]key KEY | no[i|o]key' : undefined,
  },
  {
    names: `no${letter}key`,
    take: (_: Words, __: string, state: State) => {
      change(state, sides, sys.GRE_KEY, false);
      for (const side of sides) state.data[side === INPUT ? 'inputKey' : 'outputKey'] = 0;
      return undefined;
    },
  },
]);

const FLAGS = [
  [INPUT, sys.GRE_SEQ, 'iseq'],
  [OUTPUT, sys.GRE_SEQ, 'oseq'],
  [INPUT, sys.GRE_CSUM, 'icsum'],
  [OUTPUT, sys.GRE_CSUM, 'ocsum'],
] as const;

const has = (values: Readonly<Record<string, unknown>>, side: string, bit: number) =>
  (((values[side] as number | undefined) ?? 0) & bit) !== 0;

const key = (type: number, word: string, side: string, words: Attribute<number>['words']): Attribute<number> => ({
  wire: [type, be32],
  words,
  show: (entry, value, { values }) => {
    if (has(values, side, sys.GRE_KEY)) entry.both(word, dotted(value), `${word} ${dotted(value)} `);
  },
});

const KEYS = {
  inputKey: key(sys.IFLA_GRE_IKEY, 'ikey', INPUT, keyWords),
  outputKey: key(sys.IFLA_GRE_OKEY, 'okey', OUTPUT, []),
  inputFlags: {
    wire: [sys.IFLA_GRE_IFLAGS, be16],
    words: [...bitWords('seq', sys.GRE_SEQ), ...bitWords('csum', sys.GRE_CSUM)],
    show: { with: OUTPUT },
  } satisfies Attribute<number>,
  outputFlags: {
    wire: [sys.IFLA_GRE_OFLAGS, be16],
    words: [],
    show: (entry, _, { values }) => {
      for (const [side, bit, word] of FLAGS) if (has(values, side, bit)) entry.both(word, true, `${word} `);
    },
  } satisfies Attribute<number>,
};

const DIRECTIONS = ['ingress', 'egress'];
/** 20 bits. */
const MOST_INDEX = 0xfffff;

const ERSPAN = {
  erspanIndex: row(
    [sys.IFLA_GRE_ERSPAN_INDEX, u32],
    'erspan',
    {
      read: (words) => {
        const text = words.argument();
        const index = numberIn(text, 0, U32_MAX, () => wrong(text, 'invalid erspan index\n'));
        if (!index || index > MOST_INDEX) throw wrong(text, 'erspan index must be > 0 and <= 20-bit\n');
        return index;
      },
      show: (value) => [value],
    },
    { says: 'erspan_index', json: 'erspan_index', usage: 'erspan IDX' },
  ),
  erspanVersion: row(
    [sys.IFLA_GRE_ERSPAN_VER, u8],
    'erspan_ver',
    {
      read: (words) => {
        const text = words.argument();
        const version = numberIn(text, 0, U8_MAX, () => wrong(text, 'invalid erspan version\n'));
        if (version > 2) throw wrong(text, 'erspan version must be 0/1/2\n');
        return version;
      },
      show: (value) => [value],
    },
    { usage: 'erspan_ver version' },
  ),
  erspanDirection: row(
    [sys.IFLA_GRE_ERSPAN_DIR, u8],
    'erspan_dir',
    {
      read: (words) => {
        const text = words.argument();
        const direction = DIRECTIONS.findIndex((name) => abbreviates(text, name));
        if (direction < 0) throw wrong(text, 'Invalid erspan direction.');
        return direction;
      },
      show: (value) => [DIRECTIONS[value ? 1 : 0] as string],
    },
    { usage: 'erspan_dir { ingress | egress }' },
  ),
  erspanHardware: row(
    [sys.IFLA_GRE_ERSPAN_HWID, u16],
    'erspan_hwid',
    { ...number(U16_MAX, () => 'invalid erspan hwid\n'), show: (value) => [hexadecimal(value)] },
    { usage: 'erspan_hwid hwid' },
  ),
};

const ENCAP = encapsulation({
  type: sys.IFLA_GRE_ENCAP_TYPE,
  flags: sys.IFLA_GRE_ENCAP_FLAGS,
  source: sys.IFLA_GRE_ENCAP_SPORT,
  destination: sys.IFLA_GRE_ENCAP_DPORT,
});

export const GRE_ROWS = {
  external: external(sys.IFLA_GRE_COLLECT_METADATA),
  remote: endpoint(sys.IFLA_GRE_REMOTE, 'remote', sys.AF_INET),
  local: endpoint(sys.IFLA_GRE_LOCAL, 'local', sys.AF_INET),
  link: carrier(sys.IFLA_GRE_LINK, cannotFind),
  ttl: ttl(sys.IFLA_GRE_TTL, 'ttl~ hoplimit~ hlim~', 'ttl', 'invalid TTL\n'),
  tos: tos(sys.IFLA_GRE_TOS, 'tos~ tclass~ dsfield~'),
  pathMtu: pathMtu(sys.IFLA_GRE_PMTUDISC, false),
  ignoreDf: {
    wire: [sys.IFLA_GRE_IGNORE_DF, u8],
    words: [mark('ignore-df', 1, '[no]ignore-df'), mark('noignore-df', 0)],
    show: (entry, value) => {
      if (value) entry.both('ignore_df', true, 'ignore-df ');
    },
  } satisfies Attribute<number>,
  ...KEYS,
  mark: mark32(sys.IFLA_GRE_FWMARK),
  ...ERSPAN,
  ...ENCAP,
};

/** Those of ERSPAN that its version has. */
function erspan(data: {
  erspanVersion?: number;
  erspanIndex?: number;
  erspanDirection?: number;
  erspanHardware?: number;
}) {
  const { erspanVersion, erspanIndex, erspanDirection = 0, erspanHardware = 0 } = data;
  return {
    erspanVersion,
    erspanIndex: erspanVersion === 1 && erspanIndex ? erspanIndex : undefined,
    erspanDirection: erspanVersion === 2 ? erspanDirection : undefined,
    erspanHardware: erspanVersion === 2 ? erspanHardware : undefined,
  };
}

/** Refused as iproute2 does: by the usage, as wrong words. */
const refuse = (_: string, usage: string) => new Failure(usage.trimEnd(), WRONG);

const NOTES = [
  '\nWhere:\tADDR := { IP_ADDRESS | any }',
  '\tTOS  := { NUMBER | inherit }',
  '\tTTL  := { 1..255 | inherit }',
  '\tKEY  := { DOTTED_QUAD | NUMBER }',
  '\tMARK := { 0x0..0xffffffff }\n',
].join('\n');

const greOf = (name: string) =>
  kind(name, GRE_ROWS, {
    refuse,
    indent: '\t\t\t',
    start: (isNew, present) => (isNew ? (name === 'erspan' ? { erspanVersion: 1 } : {}) : { ...present }),
    settle: ({ data }) => {
      if (data.external) return { external: true };
      const { remote } = data;
      const { local } = ends(data);
      let { inputKey = 0, outputKey = 0, inputFlags = 0, outputFlags = 0 } = data;
      if (remote && isMulticast(remote)) {
        const group = Buffer.from(remote).readUInt32BE(0);
        if (!inputKey) [inputKey, inputFlags] = [group, inputFlags | sys.GRE_KEY];
        if (!outputKey) [outputKey, outputFlags] = [group, outputFlags | sys.GRE_KEY];
        if (!local) throw new Failure('A broadcast tunnel requires a source address.', FAILED);
      }
      return {
        inputKey,
        outputKey,
        inputFlags,
        outputFlags,
        ...ends(data),
        pathMtu: data.pathMtu ?? 1,
        ignoreDf: data.ignoreDf,
        tos: data.tos ?? 0,
        link: data.link || undefined,
        ttl: data.ttl ?? 0,
        mark: data.mark ?? 0,
        ...(name === 'erspan' ? erspan(data) : {}),
        ...encapsulated(data),
      };
    },
    notes: NOTES,
  });

const { mark: MARK, ...OVER_IPV6 } = overIpv6({
  limit: sys.IFLA_GRE_ENCAP_LIMIT,
  flow: sys.IFLA_GRE_FLOWINFO,
  flags: sys.IFLA_GRE_FLAGS,
  mark: sys.IFLA_GRE_FWMARK,
});

export const GRE6_ROWS = {
  external: external(sys.IFLA_GRE_COLLECT_METADATA),
  remote: endpoint(sys.IFLA_GRE_REMOTE, 'remote', sys.AF_INET6),
  local: endpoint(sys.IFLA_GRE_LOCAL, 'local', sys.AF_INET6),
  link: carrier(sys.IFLA_GRE_LINK, cannotFind),
  ttl: ttl(sys.IFLA_GRE_TTL, 'ttl~ hoplimit~ hlim~', 'hoplimit', 'invalid HLIM\n'),
  ...OVER_IPV6,
  ...KEYS,
  mark: MARK,
  ...ERSPAN,
  ...ENCAP,
};

const NOTES6 = [
  '\nWhere:\tADDR\t  := IPV6_ADDRESS',
  '\tTTL\t  := { 0..255 } (default=64)',
  '\tKEY\t  := { DOTTED_QUAD | NUMBER }',
  '\tELIM\t  := { none | 0..255 }(default=4)',
  '\tTCLASS\t  := { 0x0..0xff | inherit }',
  '\tFLOWLABEL := { 0x0..0xfffff | inherit }',
  '\tMARK\t  := { 0x0..0xffffffff | inherit }\n',
].join('\n');

const gre6Of = (name: string) =>
  kind(name, GRE6_ROWS, {
    refuse,
    indent: '\t\t\t',
    start: (isNew, present) =>
      isNew
        ? { ttl: DEFAULT_HOPS, limit: DEFAULT_LIMIT, erspanVersion: 1, encapFlags: sys.TUNNEL_ENCAP_FLAG_CSUM6 }
        : { ...present },
    settle: ({ data }) =>
      data.external
        ? { external: true }
        : {
            inputKey: data.inputKey ?? 0,
            outputKey: data.outputKey ?? 0,
            inputFlags: data.inputFlags ?? 0,
            outputFlags: data.outputFlags ?? 0,
            ...ends(data),
            link: data.link || undefined,
            ttl: data.ttl ?? 0,
            limit: data.limit ?? DEFAULT_LIMIT,
            flow: data.flow ?? 0,
            flags: data.flags ?? 0,
            mark: data.mark ?? 0,
            ...erspan(data),
            ...encapsulated(data),
          },
    notes: NOTES6,
  });

export const GRE_KINDS = [
  ...['gre', 'gretap', 'erspan'].map(greOf),
  ...['ip6gre', 'ip6gretap', 'ip6erspan'].map(gre6Of),
];
