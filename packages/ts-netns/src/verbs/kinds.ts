/** Key words of each kind of link, behind `type KIND`. */
import { ToolError } from '@ts/cli';
import {
  BRIDGE,
  BRIDGE_PORT,
  isMulticast,
  type LinkAttributes,
  linkInfo,
  MACVLAN,
  parseHardware,
  portInfo,
  type Schema,
  type ValuesOf,
  VLAN,
  VXLAN,
} from '@ts/netlink';
import * as sys from '@ts/sys';
import type { Context } from '../context.ts';
import {
  addressFrom,
  FAILED,
  garbage,
  numberIn,
  onOff,
  type Rows,
  rowOf,
  type Words,
  WRONG,
  type Writable,
  wrong,
} from '../words.ts';

type Info = NonNullable<LinkAttributes['info']>;

/** What a row is given: the values so far, and where names of links can be looked up. */
interface State<S extends Schema> {
  readonly data: Writable<ValuesOf<S>>;
  readonly context: Context;
  /** Key words that were there. */
  readonly seen: Set<string>;
}

/** `isNew`: the link is made, not changed. */
type KindParser = (words: Words, context: Context, isNew: boolean) => Info;

/** What is peculiar to a kind. */
interface Peculiarities<S extends Schema> {
  /** Its values are those of a member of a master. */
  readonly port?: boolean;
  /** What it calls a word that it does not know. */
  readonly unknown?: string;
  /** What is looked at, and what follows from it, when all words are there. */
  readonly settle?: (state: State<S>, isNew: boolean) => void;
}

/** A kind whose words are all in a table. */
function kind<S extends Schema>(
  name: string,
  schema: S,
  rows: Rows<State<S>>,
  { port = false, unknown = 'command', settle = () => {} }: Peculiarities<S> = {},
): KindParser {
  return (words, context, isNew) => {
    const state: State<S> = { data: {} as State<S>['data'], context, seen: new Set() };
    for (let word = words.take(); word !== undefined; word = words.take()) {
      const row = rowOf(rows, word);
      if (!row) throw new ToolError(`${name}: unknown ${unknown} "${word}"?`, FAILED);
      row[1](state, words, word);
    }
    settle(state, isNew);
    return (port ? portInfo : linkInfo)(name.replace('_slave', ''), schema, state.data as ValuesOf<S>);
  };
}

/** Rows for values that are plain numbers, by key word. */
const numbers = <S extends Schema, K extends string>(
  keys: Readonly<Record<K, keyof S & string>>,
  most = 0xffff_ffff,
): Rows<State<S>> =>
  (Object.entries(keys) as [K, keyof S & string][]).map(
    ([word, key]) =>
      [
        word,
        ({ data }: State<S>, words: Words) => {
          const text = words.argument();
          const value = numberIn(text, 0, most, () => wrong(text, `invalid ${word}`));
          (data as Record<string, number>)[key] = value;
        },
      ] as const,
  );

const longs = <S extends Schema>(keys: Readonly<Record<string, keyof S & string>>): Rows<State<S>> =>
  Object.entries(keys).map(
    ([word, key]) =>
      [
        word,
        ({ data }: State<S>, words: Words) => {
          const text = words.argument();
          if (!/^\d+$/.test(text)) throw wrong(text, `invalid ${word}`);
          (data as Record<string, bigint>)[key] = BigInt(text);
        },
      ] as const,
  );

/** `on`, `off`. */
const switches = <S extends Schema>(keys: Readonly<Record<string, keyof S & string>>): Rows<State<S>> =>
  Object.entries(keys).map(
    ([word, key]) =>
      [
        word,
        ({ data }: State<S>, words: Words) => {
          const text = words.argument();
          if (text !== 'on' && text !== 'off')
            throw new ToolError(`Error: argument of "${word}" must be one of "off", "on", not "${text}"`, FAILED);
          (data as Record<string, number>)[key] = text === 'on' ? 1 : 0;
        },
      ] as const,
  );

/** `proxy`, `noproxy`. */
const pairs = <S extends Schema>(keys: Readonly<Record<string, keyof S & string>>): Rows<State<S>> =>
  Object.entries(keys).flatMap(([word, key]) =>
    ([word, `no${word}`] as const).map(
      (name, index) =>
        [
          name,
          ({ data }: State<S>) => {
            (data as Record<string, number>)[key] = index ? 0 : 1;
          },
        ] as const,
    ),
  );

const PROTOCOLS: Readonly<Record<string, number>> = { '802.1q': 0x8100, '802.1ad': 0x88a8 };

function protocolOf(text: string, what: string): number {
  const protocol = PROTOCOLS[text.toLowerCase()];
  if (protocol === undefined) throw wrong(text, `invalid ${what}`);
  return protocol;
}

const bridge = kind('bridge', BRIDGE, [
  ...numbers<typeof BRIDGE, string>({
    forward_delay: 'forwardDelay',
    hello_time: 'helloTime',
    max_age: 'maxAge',
    ageing_time: 'ageingTime',
    stp_state: 'stpState',
    mcast_hash_elasticity: 'multicastHashElasticity',
    mcast_hash_max: 'multicastHashMax',
    mcast_last_member_count: 'multicastLastMemberCount',
    mcast_startup_query_count: 'multicastStartupQueryCount',
  }),
  ...numbers<typeof BRIDGE, string>(
    {
      priority: 'priority',
      prio: 'priority',
      group_fwd_mask: 'groupForwardMask',
      vlan_default_pvid: 'vlanDefaultPvid',
    },
    0xffff,
  ),
  ...numbers<typeof BRIDGE, string>(
    {
      vlan_filtering: 'vlanFiltering',
      vlan_stats_enabled: 'vlanStatistics',
      vlan_stats_per_port: 'vlanStatisticsPerPort',
      mcast_router: 'multicastRouter',
      mcast_snooping: 'multicastSnooping',
      mcast_query_use_ifaddr: 'multicastQueryUseAddress',
      mcast_querier: 'multicastQuerier',
      mcast_stats_enabled: 'multicastStatistics',
      mcast_igmp_version: 'igmpVersion',
      mcast_mld_version: 'mldVersion',
      nf_call_iptables: 'callIptables',
      nf_call_ip6tables: 'callIp6tables',
      nf_call_arptables: 'callArptables',
    },
    0xff,
  ),
  ...longs<typeof BRIDGE>({
    mcast_last_member_interval: 'multicastLastMemberInterval',
    mcast_membership_interval: 'multicastMembershipInterval',
    mcast_querier_interval: 'multicastQuerierInterval',
    mcast_query_interval: 'multicastQueryInterval',
    mcast_query_response_interval: 'multicastQueryResponseInterval',
    mcast_startup_query_interval: 'multicastStartupQueryInterval',
  }),
  [
    'vlan_protocol',
    ({ data }, words) => {
      data.vlanProtocol = protocolOf(words.argument(), 'vlan_protocol');
    },
  ],
  [
    'group_address',
    ({ data }, words) => {
      const text = words.argument();
      const address = parseHardware(text);
      if (address?.length !== 6) throw new ToolError(`"${text}" is invalid lladdr.`, FAILED);
      data.groupAddress = address;
    },
  ],
  [
    'fdb_flush',
    ({ data }) => {
      data.flush = true;
    },
  ],
  ...(
    [
      ['no_linklocal_learn', 1],
      ['mcast_vlan_snooping', 2],
    ] as const
  ).map(
    ([word, bit]) =>
      [
        word,
        ({ data }: State<typeof BRIDGE>, words: Words) => {
          const text = words.argument();
          const { values = 0, mask = 0 } = data.switches ?? {};
          const on = numberIn(text, 0, 0xff, () => wrong(text, `invalid ${word}`)) !== 0;
          data.switches = { mask: mask | bit, values: on ? values | bit : values & ~bit };
        },
      ] as const,
  ),
]);

const STATES = ['disabled', 'listening', 'learning', 'forwarding', 'blocking'];

const bridgePort = kind(
  'bridge_slave',
  BRIDGE_PORT,
  [
    [
      'state',
      ({ data }, words) => {
        const text = words.argument();
        const named = STATES.indexOf(text);
        data.state = named >= 0 ? named : numberIn(text, 0, 255, () => wrong(text, 'state'));
      },
    ],
    [
      'fdb_flush',
      ({ data }) => {
        data.flush = true;
      },
    ],
    [
      'backup_port',
      ({ data, context }, words) => {
        const name = words.argument();
        const index = context.findIndex(name);
        if (index === undefined) throw wrong(name, 'Device does not exist\n');
        data.backupPort = index;
      },
    ],
    [
      'nobackup_port',
      ({ data }) => {
        data.backupPort = 0;
      },
    ],
    ...numbers<typeof BRIDGE_PORT, string>({ cost: 'cost' }),
    ...numbers<typeof BRIDGE_PORT, string>({ priority: 'priority', group_fwd_mask: 'groupForwardMask' }, 0xffff),
    ...numbers<typeof BRIDGE_PORT, string>({ mcast_router: 'multicastRouter' }, 0xff),
    ...switches<typeof BRIDGE_PORT>({
      hairpin: 'hairpin',
      guard: 'guard',
      root_block: 'rootBlock',
      fastleave: 'fastLeave',
      mcast_fast_leave: 'fastLeave',
      learning: 'learning',
      flood: 'flood',
      mcast_flood: 'multicastFlood',
      bcast_flood: 'broadcastFlood',
      mcast_to_unicast: 'multicastToUnicast',
      proxy_arp: 'proxyArp',
      proxy_arp_wifi: 'proxyArpWifi',
      neigh_suppress: 'neighborSuppress',
      vlan_tunnel: 'vlanTunnel',
      isolated: 'isolated',
      locked: 'locked',
    }),
  ],
  { port: true, unknown: 'option' },
);

const VLAN_FLAGS = { reorder_hdr: 1, gvrp: 2, loose_binding: 4, mvrp: 8, bridge_binding: 16 } as const;

const vlan = kind('vlan', VLAN, [
  [
    'protocol~',
    ({ data }, words) => {
      data.protocol = protocolOf(words.argument(), 'vlan protocol');
    },
  ],
  [
    'id~',
    ({ data }, words) => {
      const text = words.argument();
      data.id = numberIn(text, 0, 0xffff, () => wrong(text, 'id is invalid'));
    },
  ],
  ...Object.entries(VLAN_FLAGS).map(
    ([word, bit]) =>
      [
        word,
        ({ data }: State<typeof VLAN>, words: Words) => {
          const { flags = 0, mask = 0 } = data.flags ?? {};
          const set = onOff(word, words.argument());
          data.flags = { mask: mask | bit, flags: set ? flags | bit : flags & ~bit };
        },
      ] as const,
  ),
]);

export const MACVLAN_MODES: Readonly<Record<string, number>> = {
  private: sys.MACVLAN_MODE_PRIVATE,
  vepa: sys.MACVLAN_MODE_VEPA,
  bridge: sys.MACVLAN_MODE_BRIDGE,
  passthru: sys.MACVLAN_MODE_PASSTHRU,
  source: sys.MACVLAN_MODE_SOURCE,
};

const macvlan = (name: string) =>
  kind(name, MACVLAN, [
    [
      'mode~',
      ({ data }, words) => {
        const text = words.argument();
        const mode = MACVLAN_MODES[text];
        if (mode === undefined)
          throw new ToolError(
            `Error: argument of "mode" must be "private", "vepa", "bridge", "passthru" or "source", not "${text}"`,
            FAILED,
          );
        data.mode = mode;
      },
    ],
    [
      'nopromisc~',
      ({ data }) => {
        data.flags = (data.flags ?? 0) | 1;
      },
    ],
    ...numbers<typeof MACVLAN, string>({ bcqueuelen: 'broadcastQueue' }),
  ]);

/** Notes that a key word was there; each is allowed once. */
function once({ seen }: { readonly seen: Set<string> }, key: string, text: string): void {
  if (seen.has(key)) throw garbage(key, text);
  seen.add(key);
}

type VxlanState = State<typeof VXLAN>;

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

/** A number behind a key word that may be there once. */
const onceNumber =
  (
    key: string,
    set: (data: VxlanState['data'], value: number) => void,
    most: number,
    why: string,
    names: Readonly<Record<string, number>> = {},
  ) =>
  (state: VxlanState, words: Words) => {
    const text = words.argument();
    once(state, key, text);
    set(state.data, names[text] ?? numberIn(text, 0, most, () => wrong(text, why)));
  };

const NO_PORT = [
  'vxlan: destination port not specified',
  'Will use Linux kernel default (non-standard value)',
  "Use 'dstport 4789' to get the IANA assigned value",
  "Use 'dstport 0' to get default and quiet this message",
].join('\n');

/** The port of VXLAN-GPE. */
const GPE_PORT = 4790;

function settleVxlan({ data, seen, context }: VxlanState, isNew: boolean): void {
  if (data.external && seen.has('id'))
    throw new ToolError("vxlan: both 'external' and vni cannot be specified", FAILED);
  // A tunnel whose ends come with the packets learns nothing.
  if (data.external) data.learning ??= 0;
  if (!isNew) return;
  if (!data.external && !seen.has('id')) throw new ToolError('vxlan: missing virtual network identifier', FAILED);
  if (seen.has('group') && data.link === undefined)
    throw new ToolError("vxlan: 'group' requires 'dev' to be specified", FAILED);
  if (data.port !== undefined) return;
  if (data.gpe) data.port = GPE_PORT;
  else context.world.warn(NO_PORT);
}

const vxlan = kind(
  'vxlan',
  VXLAN,
  [
    [
      'id~ vni',
      onceNumber(
        'id',
        (data, value) => {
          data.id = value;
        },
        (1 << 24) - 1,
        'invalid id',
      ),
    ],
    ['group', end('group')],
    ['remote', end('remote')],
    ['local', end('local')],
    [
      'dev~',
      (state, words) => {
        const name = words.argument();
        once(state, 'dev', name);
        const index = state.context.findIndex(name);
        if (index === undefined) throw new ToolError(`Cannot find device "${name}"`, WRONG);
        state.data.link = index;
      },
    ],
    [
      'ttl~ hoplimit',
      (state, words) => {
        const text = words.argument();
        once(state, 'ttl', text);
        if (text === 'inherit') state.data.ttlInherit = true;
        else if (text === 'auto') state.data.ttl = 0;
        else state.data.ttl = numberIn(text, 0, 255, () => wrong(text, 'TTL must be <= 255'));
      },
    ],
    [
      'tos~ dsfield',
      onceNumber(
        'tos',
        (data, value) => {
          data.tos = value;
        },
        255,
        'bad TOS value',
        { inherit: 1 },
      ),
    ],
    [
      'df',
      (state, words) => {
        const text = words.argument();
        once(state, 'df', text);
        const value = ['unset', 'set', 'inherit'].indexOf(text);
        if (value < 0) throw wrong(text, "DF must be 'unset', 'set' or 'inherit'");
        state.data.df = value;
      },
    ],
    [
      'label~ flowlabel~',
      onceNumber(
        'flowlabel',
        (data, value) => {
          data.flowLabel = value;
        },
        0xfffff,
        'invalid flowlabel',
      ),
    ],
    [
      'ageing',
      onceNumber(
        'ageing',
        (data, value) => {
          data.ageing = value;
        },
        0xffff_ffff,
        'ageing timer',
        { none: 0 },
      ),
    ],
    [
      'maxaddress',
      onceNumber(
        'maxaddress',
        (data, value) => {
          data.limit = value;
        },
        0xffff_ffff,
        'max addresses',
        { unlimited: 0 },
      ),
    ],
    [
      'port srcport',
      (state, words) => {
        once(state, 'srcport', words.next ?? '');
        const range = Buffer.alloc(4);
        for (const at of [0, 2]) {
          const text = words.argument();
          range.writeUInt16BE(
            numberIn(text, 0, 0xffff, () => wrong(text, at ? 'max port' : 'min port')),
            at,
          );
        }
        state.data.ports = range;
      },
    ],
    [
      'dstport',
      onceNumber(
        'dstport',
        (data, value) => {
          data.port = value;
        },
        0xffff,
        'dst port',
      ),
    ],
    ...(['gbp', 'gpe'] as const).map(
      (word) =>
        [
          word,
          (state: VxlanState) => {
            once(state, word, word);
            state.data[word] = true;
          },
        ] as const,
    ),
    ...pairs<typeof VXLAN>({
      learning: 'learning',
      proxy: 'proxy',
      rsc: 'rsc',
      l2miss: 'l2miss',
      l3miss: 'l3miss',
      udpcsum: 'udpChecksum',
      udp6zerocsumtx: 'udpZeroChecksum6Tx',
      udp6zerocsumrx: 'udpZeroChecksum6Rx',
      remcsumtx: 'remoteChecksumTx',
      remcsumrx: 'remoteChecksumRx',
      external: 'external',
      vnifilter: 'vniFilter',
    }).map(
      ([word, take]) =>
        [
          word,
          (state: VxlanState, words: Words, given: string) => {
            once(state, word.replace(/^no/, ''), given);
            take(state, words, given);
          },
        ] as const,
    ),
  ],
  { settle: settleVxlan },
);

/** Kinds with words of their own; any other kind is asked of the kernel by its name alone. veth is in ./link.ts. */
export const KIND_PARSERS: Readonly<Record<string, KindParser>> = {
  bridge,
  bridge_slave: bridgePort,
  vlan,
  macvlan: macvlan('macvlan'),
  macvtap: macvlan('macvtap'),
  vxlan,
};
