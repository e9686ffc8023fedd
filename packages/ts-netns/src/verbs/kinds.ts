/** Key words of each kind of link, behind `type KIND`: one table a kind, of which its usage is made, too. */
import {
  BRIDGE,
  BRIDGE_PORT,
  IPVLAN,
  isMulticast,
  type LinkAttributes,
  linkInfo,
  MACVLAN,
  parseHardware,
  portInfo,
  type Schema,
  type ValuesOf,
  VLAN,
  VRF,
  VXLAN,
} from '@ts/netlink';
import * as sys from '@ts/sys';
import { Failure, U32_MAX } from '@ts/sys';
import type { Context } from '../context.ts';
import { numberOf } from '../names.ts';
import {
  addressFrom,
  FAILED,
  garbage,
  hardwareFrom,
  numberIn,
  oneOf,
  onOff,
  parseLong,
  parseNumber,
  type Rows,
  rowOf,
  type Words,
  WRONG,
  type Writable,
  wrong,
} from '../words.ts';

type Info = NonNullable<LinkAttributes['info']>;
type Row<S extends Schema> = Rows<State<S>>[number];

/** What a row is given: the values so far, and where names of links can be looked up. */
interface State<S extends Schema> {
  readonly data: Writable<ValuesOf<S>>;
  readonly context: Context;
  /** Key words that were there. */
  readonly seen: Set<string>;
}

interface Kind {
  /** `isNew`: the link is made, not changed. */
  parse(words: Words, context: Context, isNew: boolean): Info;
  /** What `ip link help KIND` shows. */
  readonly usage: string;
}

/** What is peculiar to a kind. */
interface Peculiarities<S extends Schema> {
  /** Its values are those of a member of a master. */
  readonly port?: boolean;
  /** What it calls a word that it does not know. */
  readonly unknown?: string;
  /** What is looked at, and what follows from it, when all words are there. */
  readonly settle?: (state: State<S>, isNew: boolean) => void;
  /** Of its usage: what stands before the words of the table, before each line, and behind all. */
  readonly before?: string;
  readonly indent?: string;
  readonly notes?: string;
}

/** The words of a table as usage: each in brackets, one a line. */
const usageOf = <S extends Schema>(
  name: string,
  rows: Rows<State<S>>,
  { before, indent = '\t\t', notes = '' }: Peculiarities<S>,
) => {
  const words = rows.flatMap(([, , usage]) => (usage === undefined ? [] : [`[ ${usage} ]`]));
  return `Usage: ... ${[name, ...(before === undefined ? [] : [before])].join(' ')}${before === undefined ? ' ' : words.length ? `\n${indent}` : ''}${words.join(`\n${indent}`)}\n${notes}`;
};

/** A kind whose words are all in a table. */
function kind<S extends Schema>(name: string, schema: S, rows: Rows<State<S>>, own: Peculiarities<S> = {}): Kind {
  const { port = false, unknown = 'command', settle = () => {} } = own;
  return {
    parse: (words, context, isNew) => {
      const state: State<S> = { data: {} as State<S>['data'], context, seen: new Set() };
      for (let word = words.take(); word !== undefined; word = words.take()) {
        const row = rowOf(rows, word);
        if (!row) throw new Failure(`${name}: unknown ${unknown} "${word}"?`, FAILED);
        row[1](state, words, word);
      }
      settle(state, isNew);
      return (port ? portInfo : linkInfo)(name.replace('_slave', ''), schema, state.data as ValuesOf<S>);
    },
    get usage() {
      return usageOf(name, rows, own);
    },
  };
}

/** How the argument of a key word is read. */
type Read<T> = (words: Words, word: string, context: Context) => T;

/** Makes rows of one schema: key word, attribute, how its value is read, and its argument in the usage (none, by default its own name). */
const rowsFor =
  <S extends Schema>(_: S) =>
  <K extends keyof S & string>(
    names: string,
    key: K,
    read: Read<NonNullable<ValuesOf<S>[K]>>,
    usage: string | undefined = `${names} ${names.toUpperCase()}`,
  ): Row<S> => [
    names,
    ({ data, context }, words, word) => {
      data[key] = read(words, word, context);
    },
    usage,
  ];

/** A row that stands in no usage text: an alias. */
const hidden = <S extends Schema>([names, take]: Row<S>): Row<S> => [names, take];

const number =
  (most = U32_MAX, why = (word: string) => `invalid ${word}`): Read<number> =>
  (words, word) => {
    const text = words.argument();
    return numberIn(text, 0, most, () => wrong(text, why(word)));
  };
const U8 = 0xff;
const U16 = 0xffff;

/** A number of 64 bits. */
const long =
  (why = (word: string) => `invalid ${word}`): Read<bigint> =>
  (words, word) => {
    const text = words.argument();
    const value = parseLong(text);
    if (value === undefined) throw wrong(text, why(word));
    return value;
  };

const yes: Read<true> = () => true;

const hardware: Read<Uint8Array> = (words) => hardwareFrom(words.argument());

const named =
  (values: Readonly<Record<string, number>>): Read<number> =>
  (words, word) =>
    oneOf(word, words.argument(), values);

const SWITCH = { off: 0, on: 1 };

const PROTOCOLS: Readonly<Record<string, number>> = { '802.1q': 0x8100, '802.1ad': 0x88a8 };

/** A protocol of frames by name or number. */
const protocol =
  (why: string): Read<number> =>
  (words) => {
    const text = words.argument();
    const name = text.toLowerCase();
    if (Object.hasOwn(PROTOCOLS, name)) return PROTOCOLS[name] as number;
    return numberIn(text, 0, U16, () => wrong(text, why));
  };

const device =
  (why: string): Read<number> =>
  (words, _, context) => {
    const name = words.argument();
    const index = context.findIndex(name);
    if (index === undefined) throw wrong(name, why);
    return index;
  };

const ofBridge = rowsFor(BRIDGE);

/** Usage of a word whose argument is called as it is, less `mcast_`. */
const unprefixed = (word: string) => `${word} ${word.replace('mcast_', '').toUpperCase()}`;

/** One bit of a set: only those that were named are changed. */
const bridgeSwitch = (word: string, bit: number, argument = word.toUpperCase()): Row<typeof BRIDGE> => [
  word,
  ({ data, context }, words) => {
    const { values = 0, mask = 0 } = data.switches ?? {};
    const on = number(U8)(words, word, context) !== 0;
    data.switches = { mask: mask | bit, values: on ? values | bit : values & ~bit };
  },
  `${word} ${argument}`,
];

const bridge = kind(
  'bridge',
  BRIDGE,
  [
    ofBridge('fdb_flush', 'flush', yes, 'fdb_flush'),
    ofBridge('forward_delay', 'forwardDelay', number()),
    ofBridge('hello_time', 'helloTime', number()),
    ofBridge('max_age', 'maxAge', number()),
    ofBridge('ageing_time', 'ageingTime', number()),
    ofBridge('stp_state', 'stpState', number()),
    bridgeSwitch('mst_enabled', 4),
    ofBridge('priority', 'priority', number(U16)),
    hidden(
      ofBridge(
        'prio',
        'priority',
        number(U16, () => 'invalid priority'),
      ),
    ),
    ofBridge('group_fwd_mask', 'groupForwardMask', number(U16), 'group_fwd_mask MASK'),
    ofBridge('group_address', 'groupAddress', hardware, 'group_address ADDRESS'),
    bridgeSwitch('no_linklocal_learn', 1),
    ofBridge('fdb_max_learned', 'fdbMaxLearned', number()),
    ofBridge('vlan_filtering', 'vlanFiltering', number(U8)),
    ofBridge('vlan_protocol', 'vlanProtocol', protocol('invalid vlan_protocol')),
    ofBridge('vlan_default_pvid', 'vlanDefaultPvid', number(U16)),
    ofBridge('vlan_stats_enabled', 'vlanStatistics', number(U8)),
    ofBridge('vlan_stats_per_port', 'vlanStatisticsPerPort', number(U8)),
    ofBridge('mcast_snooping', 'multicastSnooping', number(U8), 'mcast_snooping MULTICAST_SNOOPING'),
    bridgeSwitch('mcast_vlan_snooping', 2, 'MULTICAST_VLAN_SNOOPING'),
    ofBridge('mcast_router', 'multicastRouter', number(U8), 'mcast_router MULTICAST_ROUTER'),
    ofBridge('mcast_query_use_ifaddr', 'multicastQueryUseAddress', number(U8)),
    ofBridge('mcast_querier', 'multicastQuerier', number(U8), 'mcast_querier MULTICAST_QUERIER'),
    ofBridge('mcast_hash_elasticity', 'multicastHashElasticity', number(), unprefixed('mcast_hash_elasticity')),
    ofBridge('mcast_hash_max', 'multicastHashMax', number(), unprefixed('mcast_hash_max')),
    ofBridge('mcast_last_member_count', 'multicastLastMemberCount', number(), unprefixed('mcast_last_member_count')),
    ofBridge(
      'mcast_startup_query_count',
      'multicastStartupQueryCount',
      number(),
      unprefixed('mcast_startup_query_count'),
    ),
    ofBridge(
      'mcast_last_member_interval',
      'multicastLastMemberInterval',
      long(),
      unprefixed('mcast_last_member_interval'),
    ),
    ofBridge(
      'mcast_membership_interval',
      'multicastMembershipInterval',
      long(),
      unprefixed('mcast_membership_interval'),
    ),
    ofBridge('mcast_querier_interval', 'multicastQuerierInterval', long(), unprefixed('mcast_querier_interval')),
    ofBridge('mcast_query_interval', 'multicastQueryInterval', long(), unprefixed('mcast_query_interval')),
    ofBridge(
      'mcast_query_response_interval',
      'multicastQueryResponseInterval',
      long(),
      unprefixed('mcast_query_response_interval'),
    ),
    ofBridge(
      'mcast_startup_query_interval',
      'multicastStartupQueryInterval',
      long(),
      unprefixed('mcast_startup_query_interval'),
    ),
    ofBridge('mcast_stats_enabled', 'multicastStatistics', number(U8)),
    ofBridge('mcast_igmp_version', 'igmpVersion', number(U8), unprefixed('mcast_igmp_version')),
    ofBridge('mcast_mld_version', 'mldVersion', number(U8), unprefixed('mcast_mld_version')),
    ofBridge('nf_call_iptables', 'callIptables', number(U8)),
    ofBridge('nf_call_ip6tables', 'callIp6tables', number(U8)),
    ofBridge('nf_call_arptables', 'callArptables', number(U8)),
  ],
  { indent: '\t\t  ', notes: '\nWhere: VLAN_PROTOCOL := { 802.1Q | 802.1ad }\n' },
);

/** By number: BR_STATE_*. */
export const PORT_STATES = ['disabled', 'listening', 'learning', 'forwarding', 'blocking'];

const ofPort = rowsFor(BRIDGE_PORT);
const isInvalid = (word: string) => `${word} is invalid`;
const portSwitch = (word: string, key: Parameters<typeof ofPort>[1], usage = true): Row<typeof BRIDGE_PORT> => {
  const row = ofPort(word, key as 'hairpin', named(SWITCH), `${word} {on | off}`);
  return usage ? row : hidden(row);
};

const bridgePort = kind(
  'bridge_slave',
  BRIDGE_PORT,
  [
    ofPort('fdb_flush', 'flush', yes, 'fdb_flush'),
    ofPort('state', 'state', number(U8, isInvalid)),
    ofPort('priority', 'priority', number(U16, isInvalid), 'priority PRIO'),
    ofPort('cost', 'cost', number(U32_MAX, isInvalid)),
    portSwitch('guard', 'guard'),
    portSwitch('hairpin', 'hairpin'),
    portSwitch('fastleave', 'fastLeave'),
    portSwitch('root_block', 'rootBlock'),
    portSwitch('learning', 'learning'),
    portSwitch('flood', 'flood'),
    portSwitch('proxy_arp', 'proxyArp'),
    portSwitch('proxy_arp_wifi', 'proxyArpWifi'),
    ofPort('mcast_router', 'multicastRouter', number(U8), 'mcast_router MULTICAST_ROUTER'),
    portSwitch('mcast_fast_leave', 'fastLeave'),
    portSwitch('mcast_flood', 'multicastFlood'),
    portSwitch('bcast_flood', 'broadcastFlood'),
    portSwitch('mcast_to_unicast', 'multicastToUnicast'),
    ofPort('group_fwd_mask', 'groupForwardMask', number(U16), 'group_fwd_mask MASK'),
    portSwitch('neigh_suppress', 'neighborSuppress'),
    portSwitch('neigh_vlan_suppress', 'neighborVlanSuppress'),
    portSwitch('vlan_tunnel', 'vlanTunnel'),
    portSwitch('isolated', 'isolated'),
    portSwitch('locked', 'locked'),
    portSwitch('mab', 'mab'),
    ofPort('backup_port', 'backupPort', device('Device does not exist\n'), 'backup_port DEVICE ] [ nobackup_port'),
    hidden(ofPort('nobackup_port', 'backupPort', () => 0)),
    ofPort('backup_nhid', 'backupNextHop', number(U32_MAX, isInvalid), 'backup_nhid NHID'),
  ],
  { port: true, unknown: 'option', indent: '\t\t\t' },
);

const ofVlan = rowsFor(VLAN);

const vlanFlag = (word: string, bit: number): Row<typeof VLAN> => [
  word,
  ({ data }, words) => {
    const { flags = 0, mask = 0 } = data.flags ?? {};
    const set = onOff(word, words.argument());
    data.flags = { mask: mask | bit, flags: set ? flags | bit : flags & ~bit };
  },
  `${word} { on | off }`,
];

/** `FROM:TO...`, as many as there are. */
const qosMap: Read<{ from: number; to: number }[]> = (words, word) => {
  const pairs: { from: number; to: number }[] = [];
  if (words.next === undefined) words.argument();
  for (let text = words.next; text?.includes(':'); text = words.next) {
    words.take();
    const [first = '', second = ''] = text.split(/:(.*)/s);
    const part = (digits: string) => numberIn(digits, 0, U32_MAX, () => wrong(first, `invalid ${word}`));
    pairs.push({ from: part(first), to: part(second) });
  }
  return pairs;
};

const vlan = kind(
  'vlan',
  VLAN,
  [
    ofVlan('protocol~', 'protocol', protocol('protocol is invalid'), 'protocol VLANPROTO'),
    hidden(
      ofVlan(
        'id~',
        'id',
        number(U16, () => 'id is invalid'),
      ),
    ),
    vlanFlag('reorder_hdr', 1),
    vlanFlag('gvrp', 2),
    vlanFlag('mvrp', 8),
    vlanFlag('loose_binding', 4),
    vlanFlag('bridge_binding', 16),
    ofVlan('ingress-qos-map', 'ingressQos', qosMap, 'ingress-qos-map QOS-MAP'),
    ofVlan('egress-qos-map', 'egressQos', qosMap, 'egress-qos-map QOS-MAP'),
  ],
  {
    before: 'id VLANID',
    notes:
      '\nVLANID := 0-4095\nVLANPROTO: [ 802.1Q | 802.1ad ]\nQOS-MAP := [ QOS-MAP ] QOS-MAPPING\nQOS-MAPPING := FROM:TO\n',
  },
);

export const MACVLAN_MODES: Readonly<Record<string, number>> = {
  private: sys.MACVLAN_MODE_PRIVATE,
  vepa: sys.MACVLAN_MODE_VEPA,
  bridge: sys.MACVLAN_MODE_BRIDGE,
  passthru: sys.MACVLAN_MODE_PASSTHRU,
  source: sys.MACVLAN_MODE_SOURCE,
};

/** MACVLAN_FLAG_*. */
export const MACVLAN_FLAGS = { nopromisc: 1, nodst: 2 } as const;

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
function addressesFrom(data: State<typeof MACVLAN>['data'], words: Words): void {
  const how = words.argument();
  const mode = Object.hasOwn(ADDRESS_MODES, how) ? ADDRESS_MODES[how] : undefined;
  if (mode === undefined) throw new Failure((kindUsage('macvlan') as string).trimEnd(), FAILED);
  data.addressMode = mode;
  if (how === 'add' || how === 'del') data.address = hardwareFrom(words.argument());
  if (how !== 'set') return;
  // As many as there are; what is none is the next key word.
  const addresses: Uint8Array[] = [];
  for (let next = words.next; next !== undefined && parseHardware(next); next = words.next)
    addresses.push(hardwareFrom(words.argument()));
  data.addresses = addresses;
}

const ofMacvlan = rowsFor(MACVLAN);

const macvlan = (name: string) =>
  kind(
    name,
    MACVLAN,
    [
      hidden(ofMacvlan('mode~', 'mode', (words) => choice('mode', words.argument(), MACVLAN_MODES))),
      [
        'flag~',
        ({ data }, words) => {
          const flag = choice('flag', words.argument(), { ...MACVLAN_FLAGS, null: 0 });
          data.flags = (data.flags ?? 0) | flag;
        },
      ],
      ...Object.entries(MACVLAN_FLAGS).map(
        ([word, bit]): Row<typeof MACVLAN> => [
          `${word}~`,
          ({ data }) => {
            data.flags = (data.flags ?? 0) | bit;
          },
        ],
      ),
      ['macaddr', ({ data }, words) => addressesFrom(data, words)],
      hidden(
        ofMacvlan('bcqueuelen', 'broadcastQueue', (words) => {
          const text = words.argument();
          return numberIn(
            text,
            0,
            U32_MAX,
            () =>
              new Failure(
                `Error: argument of "bcqueuelen" must be a positive integer [0-4294967295], not "${text}"`,
                FAILED,
              ),
          );
        }),
      ),
      hidden(
        ofMacvlan('bclim', 'broadcastLimit', (words) => {
          const text = words.argument();
          const fail = () => new Failure(`Error: illegal value for "bclim": "${text}"`, FAILED);
          return numberIn(text, -0x8000_0000, 0x7fff_ffff, fail);
        }),
      ),
    ],
    {
      unknown: 'option',
      settle: ({ data }) => {
        if ((data.flags ?? 0) & MACVLAN_FLAGS.nopromisc && data.mode !== sys.MACVLAN_MODE_PASSTHRU)
          throw new Failure(`${name}: nopromisc flag only valid in passthru mode`, FAILED);
      },
      before: 'mode MODE [flag MODE_FLAG] MODE_OPTS [bcqueuelen BC_QUEUE_LEN] [bclim BCLIM]',
      notes: [
        `\nMODE: ${Object.keys(MACVLAN_MODES).join(' | ')}`,
        `MODE_FLAG: null | ${Object.keys(MACVLAN_FLAGS).join(' | ')}`,
        'MODE_OPTS: for mode "source":',
        '\tmacaddr { { add | del } <macaddr> | set [ <macaddr> [ <macaddr>  ... ] ] | flush }',
        'BC_QUEUE_LEN: Length of the rx queue for broadcast/multicast: [0-4294967295]',
        'BCLIM: Threshold for broadcast queueing: 32-bit integer\n',
      ].join('\n'),
    },
  );

/** By number: IPVLAN_MODE_*. */
export const IPVLAN_MODES = ['l2', 'l3', 'l3s'];
/** By number: IPVLAN_F_*. */
export const IPVLAN_FLAGS = ['bridge', 'private', 'vepa'];

const ofIpvlan = rowsFor(IPVLAN);

const ipvlan = (name: string) =>
  kind(
    name,
    IPVLAN,
    [
      ofIpvlan(
        'mode',
        'mode',
        (words) => {
          const text = words.argument();
          const mode = IPVLAN_MODES.indexOf(text);
          if (mode < 0) throw new Failure('Error: argument of "mode" must be either "l2", "l3" or "l3s"', FAILED);
          return mode;
        },
        'mode MODE ] [ FLAGS',
      ),
      ...(['private', 'vepa', 'bridge'] as const).map((word) =>
        hidden(ofIpvlan(word, 'flags', () => IPVLAN_FLAGS.indexOf(word))),
      ),
    ],
    {
      unknown: 'option',
      notes:
        '\nMODE: l3 | l3s | l2\nFLAGS: bridge | private | vepa\n(first values are the defaults if nothing is specified).\n',
    },
  );

const ofVrf = rowsFor(VRF);

const vrf = kind(
  'vrf',
  VRF,
  [
    hidden(
      ofVrf('table', 'table', (words) => {
        const text = words.argument();
        const table = numberOf('rt_tables', text);
        if (table === undefined) throw wrong(text, 'invalid table ID\n');
        return table;
      }),
    ),
  ],
  { unknown: 'option', before: 'table TABLEID' },
);

type VxlanState = State<typeof VXLAN>;

/** Notes that a key word was there; each is allowed once. */
function once({ seen }: { readonly seen: Set<string> }, key: string, text: string, shown = key): void {
  if (seen.has(key)) throw garbage(shown, text);
  seen.add(key);
}

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

/** A row whose key word may be there once. `names` stand for numbers. */
const onceNumber = (
  words: string,
  key: string,
  set: (data: VxlanState['data'], value: number) => void,
  most: number,
  why: string,
  usage?: string,
  names: Readonly<Record<string, number>> = {},
): Row<typeof VXLAN> => [
  words,
  (state, rest) => {
    const text = rest.argument();
    once(state, key, text);
    set(
      state.data,
      Object.hasOwn(names, text) ? (names[text] as number) : numberIn(text, 0, most, () => wrong(text, why)),
    );
  },
  usage,
];

const NO_PORT = [
  'vxlan: destination port not specified',
  'Will use Linux kernel default (non-standard value)',
  "Use 'dstport 4789' to get the IANA assigned value",
  "Use 'dstport 0' to get default and quiet this message",
].join('\n');

/** The port of VXLAN-GPE. */
const GPE_PORT = 4790;

function settleVxlan({ data, seen, context }: VxlanState, isNew: boolean): void {
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

/** `proxy`, `noproxy`: either of them once. */
const pair = (word: string, key: keyof typeof VXLAN, usage: string | undefined = `[no]${word}`): Rows<VxlanState> =>
  [word, `no${word}`].map((name, index) => [
    name,
    (state, _, given) => {
      once(state, word, given, given);
      (state.data as Record<string, number>)[key] = index ? 0 : 1;
    },
    index ? undefined : usage,
  ]);

function ttlFrom(state: VxlanState, words: Words): void {
  const text = words.argument();
  once(state, 'ttl', text);
  if (text === 'inherit') state.data.ttlInherit = true;
  else if (text === 'auto') state.data.ttl = 0;
  else
    state.data.ttl = numberIn(text, 0, U8, () =>
      wrong(
        text,
        (parseNumber(text) ?? -1) > U8 && (parseNumber(text) ?? 0) <= U32_MAX ? 'TTL must be <= 255' : 'invalid TTL',
      ),
    );
}

function portsFrom(state: VxlanState, words: Words): void {
  const bounds = ['min port', 'max port'].map((why) => {
    const text = words.argument();
    return numberIn(text, 0, U16, () => wrong(text, why));
  });
  once(state, 'srcport', String(bounds[0]));
  const range = Buffer.alloc(4);
  for (const [index, bound] of bounds.entries()) range.writeUInt16BE(bound, 2 * index);
  state.data.ports = range;
}

const set = (key: 'id' | 'flowLabel' | 'ageing' | 'limit' | 'port') => (data: VxlanState['data'], value: number) => {
  data[key] = value;
};

const vxlan = kind(
  'vxlan',
  VXLAN,
  [
    onceNumber('id~ vni', 'id', set('id'), (1 << 24) - 1, 'invalid id'),
    ['group', end('group'), '{ group | remote } IP_ADDRESS'],
    ['remote', end('remote')],
    ['local', end('local'), 'local ADDR'],
    ['ttl~ hoplimit', ttlFrom, 'ttl TTL'],
    [
      'tos~ dsfield',
      (state, words) => {
        const text = words.argument();
        once(state, 'tos', text);
        const tos = text === 'inherit' ? 1 : numberOf('rt_dsfield', text);
        if (tos === undefined) throw wrong(text, 'bad TOS value');
        state.data.tos = tos;
      },
      'tos TOS',
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
      'df DF',
    ],
    onceNumber('label~ flowlabel~', 'flowlabel', set('flowLabel'), 0xfffff, 'invalid flowlabel', 'flowlabel LABEL'),
    [
      'dev~',
      (state, words) => {
        const name = words.argument();
        once(state, 'dev', name);
        const index = state.context.findIndex(name);
        if (index === undefined) throw new Failure(`Cannot find device "${name}"`, WRONG);
        state.data.link = index;
      },
      'dev PHYS_DEV',
    ],
    onceNumber('dstport', 'dstport', set('port'), U16, 'dst port', 'dstport PORT'),
    ['port srcport', portsFrom, 'srcport MIN MAX'],
    [
      'reserved_bits',
      (state, words, word) => {
        const text = words.next ?? '';
        const value = long(() => 'reserved_bits')(words, word, state.context);
        once(state, 'reserved_bits', text, text);
        state.data.reservedBits = value;
      },
      'reserved_bits VALUE',
    ],
    ...pair('learning', 'learning'),
    ...pair('proxy', 'proxy'),
    ...pair('rsc', 'rsc'),
    ...pair('l2miss', 'l2miss'),
    ...pair('l3miss', 'l3miss'),
    onceNumber('ageing', 'ageing', set('ageing'), U32_MAX, 'ageing timer', 'ageing SECONDS', { none: 0 }),
    onceNumber('maxaddress', 'maxaddress', set('limit'), U32_MAX, 'max addresses', 'maxaddress NUMBER', {
      unlimited: 0,
    }),
    ...pair('udpcsum', 'udpChecksum'),
    ...pair('udp6zerocsumtx', 'udpZeroChecksum6Tx'),
    ...pair('udp6zerocsumrx', 'udpZeroChecksum6Rx'),
    ...pair('remcsumtx', 'remoteChecksumTx'),
    ...pair('remcsumrx', 'remoteChecksumRx'),
    ...pair('localbypass', 'localBypass'),
    ...pair('external', 'external'),
    ...(['gbp', 'gpe'] as const).map(
      (word): Row<typeof VXLAN> => [
        word,
        (state) => {
          once(state, word, word);
          state.data[word] = true;
        },
        word,
      ],
    ),
    ...pair('vnifilter', 'vniFilter'),
  ],
  {
    settle: settleVxlan,
    before: 'id VNI',
    notes: [
      '\nWhere:\tVNI\t:= 0-16777215',
      '\tADDR\t:= { IP_ADDRESS | any }',
      '\tTOS\t:= { NUMBER | inherit }',
      '\tTTL\t:= { 1..255 | auto | inherit }',
      '\tDF\t:= { unset | set | inherit }',
      '\tLABEL := 0-1048575\n',
    ].join('\n'),
  },
);

/** Kinds with words of their own; any other kind is asked of the kernel by its name alone. The words of veth are in ./link.ts. */
export const KINDS: Readonly<Record<string, Kind>> = {
  bridge,
  bridge_slave: bridgePort,
  ipvlan: ipvlan('ipvlan'),
  ipvtap: ipvlan('ipvtap'),
  macvlan: macvlan('macvlan'),
  macvtap: macvlan('macvtap'),
  vlan,
  vrf,
  vxlan,
};

export const VETH_USAGE =
  "Usage: ip link <options> type veth [peer <options>]\nTo get <options> type 'ip link add help'\n";

/** What `ip link help KIND` shows; undefined of a kind whose words are not known here. */
export const kindUsage = (name: string): string | undefined => {
  if (Object.hasOwn(KINDS, name)) return KINDS[name]?.usage;
  if (name === 'veth') return VETH_USAGE;
  return name === 'dummy' || name === 'ifb' ? `Usage: ... ${name}\n` : undefined;
};
