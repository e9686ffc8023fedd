/** Key words of each kind of link, behind `type KIND`. */
import { ToolError } from '@ts/cli';
import {
  BRIDGE,
  BRIDGE_PORT,
  type LinkAttributes,
  linkInfo,
  MACVLAN,
  parseAddress,
  parseHardware,
  portInfo,
  type Schema,
  type ValuesOf,
  VLAN,
  VXLAN,
} from '@ts/netlink';
import * as sys from '@ts/sys';
import type { Context } from '../context.ts';
import { FAILED, numberIn, onOff, type Rows, rowOf, type Words, type Writable, wrong } from '../words.ts';

type Info = NonNullable<LinkAttributes['info']>;

/** What a row is given: the values so far, and where names of links can be looked up. */
interface State<S extends Schema> {
  readonly data: Writable<ValuesOf<S>>;
  readonly context: Context;
}

type KindParser = (words: Words, context: Context) => Info;

/** A kind whose words are all in a table. */
function kind<S extends Schema>(name: string, schema: S, rows: Rows<State<S>>, port = false): KindParser {
  return (words, context) => {
    const state = { data: {} as State<S>['data'], context };
    for (let word = words.take(); word !== undefined; word = words.take()) {
      const row = rowOf(rows, word);
      if (!row) throw new ToolError(`${name}: unknown command "${word}"?`, FAILED);
      row[1](state, words, word);
    }
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
          (data as Record<string, number>)[key] = onOff(word, words.argument()) ? 1 : 0;
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

function protocolOf(text: string): number {
  const protocol = PROTOCOLS[text.toLowerCase()];
  if (protocol === undefined) throw wrong(text, 'invalid vlan protocol');
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
      data.vlanProtocol = protocolOf(words.argument());
    },
  ],
  [
    'group_address',
    ({ data }, words) => {
      const text = words.argument();
      const address = parseHardware(text);
      if (address?.length !== 6) throw wrong(text, 'invalid group address');
      data.groupAddress = address;
    },
  ],
  [
    'fdb_flush',
    ({ data }) => {
      data.flush = true;
    },
  ],
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
      () => {
        throw new ToolError('bridge_slave: fdb_flush is not supported', FAILED);
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
  true,
);

const VLAN_FLAGS = { reorder_hdr: 1, gvrp: 2, loose_binding: 4, mvrp: 8, bridge_binding: 16 } as const;

const vlan = kind('vlan', VLAN, [
  [
    'protocol~',
    ({ data }, words) => {
      data.protocol = protocolOf(words.argument());
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

function addressFor(words: Words, what: string) {
  const text = words.argument();
  const address = parseAddress(text);
  if (!address) throw wrong(text, `invalid ${what} address`);
  return address;
}

const vxlan = kind('vxlan', VXLAN, [
  [
    'id~ vni',
    ({ data }, words) => {
      const text = words.argument();
      data.id = numberIn(text, 0, (1 << 24) - 1, () => wrong(text, 'invalid id'));
    },
  ],
  [
    'group~ remote',
    ({ data }, words) => {
      const { family, bytes } = addressFor(words, 'group');
      if (family === sys.AF_INET6) data.group6 = bytes;
      else data.group = bytes;
    },
  ],
  [
    'local',
    ({ data }, words) => {
      const { family, bytes } = addressFor(words, 'local');
      if (family === sys.AF_INET6) data.local6 = bytes;
      else data.local = bytes;
    },
  ],
  [
    'dev~',
    ({ data, context }, words) => {
      const name = words.argument();
      data.link = context.index(name);
    },
  ],
  [
    'ttl~ hoplimit',
    ({ data }, words) => {
      const text = words.argument();
      if (text === 'inherit') data.ttlInherit = true;
      else if (text === 'auto') data.ttl = 0;
      else data.ttl = numberIn(text, 1, 255, () => wrong(text, 'TTL must be <= 255'));
    },
  ],
  [
    'tos~ dsfield',
    ({ data }, words) => {
      const text = words.argument();
      data.tos = text === 'inherit' ? 1 : numberIn(text, 0, 255, () => wrong(text, 'bad TOS value'));
    },
  ],
  [
    'df',
    ({ data }, words) => {
      const text = words.argument();
      const value = ['unset', 'set', 'inherit'].indexOf(text);
      if (value < 0) throw wrong(text, "DF must be 'unset', 'set' or 'inherit'");
      data.df = value;
    },
  ],
  [
    'ageing',
    ({ data }, words) => {
      const text = words.argument();
      data.ageing = text === 'none' ? 0 : numberIn(text, 0, 0xffff_ffff, () => wrong(text, 'ageing timer'));
    },
  ],
  [
    'maxaddress',
    ({ data }, words) => {
      const text = words.argument();
      data.limit = text === 'unlimited' ? 0 : numberIn(text, 0, 0xffff_ffff, () => wrong(text, 'max addresses'));
    },
  ],
  [
    'port srcport',
    ({ data }, words) => {
      const range = Buffer.alloc(4);
      for (const at of [0, 2]) {
        const text = words.argument();
        range.writeUInt16BE(
          numberIn(text, 0, 0xffff, () => wrong(text, at ? 'max port' : 'min port')),
          at,
        );
      }
      data.ports = range;
    },
  ],
  [
    'dstport',
    ({ data }, words) => {
      const text = words.argument();
      data.port = numberIn(text, 0, 0xffff, () => wrong(text, 'dst port'));
    },
  ],
  ...pairs<typeof VXLAN>({
    learning: 'learning',
    proxy: 'proxy',
    rsc: 'rsc',
    l2miss: 'l2miss',
    l3miss: 'l3miss',
    udpcsum: 'udpChecksum',
    udp6zerocsumtx: 'udpZeroChecksum6Tx',
    udp6zerocsumrx: 'udpZeroChecksum6Rx',
    external: 'external',
    vnifilter: 'vniFilter',
  }),
]);

/** Kinds with words of their own; any other kind is asked of the kernel by its name alone. veth is in ./link.ts. */
export const KIND_PARSERS: Readonly<Record<string, KindParser>> = {
  bridge,
  bridge_slave: bridgePort,
  vlan,
  macvlan: macvlan('macvlan'),
  macvtap: macvlan('macvtap'),
  vxlan,
};
