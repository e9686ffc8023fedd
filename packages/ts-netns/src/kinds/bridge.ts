/** `type bridge`, and `type bridge_slave` of its members. */
import { BRIDGE, BRIDGE_PORT } from '@ts/netlink';
import { U32_MAX } from '@ts/sys';
import {
  type Attribute,
  alternate,
  answer,
  device,
  hardware,
  hexadecimal,
  long,
  mark,
  number,
  type RowOptions,
  row,
  type Shown,
  shownAs,
  switched,
  timer,
  U8_MAX,
  U16_MAX,
  UNSEEN,
  type Wire,
} from '../rows.ts';
import { oneOf, wrong } from '../words.ts';
import { kind } from './kind.ts';
import { protocol } from './vlan.ts';

const u8 = number(U8_MAX);
const u16 = number(U16_MAX);
const u32 = number();

/** `8000.1:2:3:4:5:6`: priority, hardware address without leading zeros. */
const bridgeId = (bytes: Uint8Array): readonly [string] => [
  `${Buffer.from(bytes.subarray(0, 2)).toString('hex')}.${[...bytes.subarray(2)].map((byte) => byte.toString(16)).join(':')}`,
];

const alternately = (value: number): readonly [string] => [alternate(value)];
const inHexadecimal = (value: number): readonly [string] => [hexadecimal(value)];

type Switches = NonNullable<ReturnType<(typeof BRIDGE.switches)[1]['decode']>>;
/** Words of one set of bits, in the order in which they are shown; only those that were named are changed. */
const SWITCHES = [
  ['no_linklocal_learn', 1],
  ['mcast_vlan_snooping', 2],
  ['mst_enabled', 4],
] as const;

const switches: Attribute<Switches> = {
  wire: BRIDGE.switches,
  words: SWITCHES.map(([names, bit]) => ({
    names,
    take: (words, word, state, { values = 0, mask = 0 } = { values: 0, mask: 0 }) => {
      const on = u8.read(words, word, state) !== 0;
      return { mask: mask | bit, values: on ? values | bit : values & ~bit };
    },
    usage: `${names} ${names.replace('mcast_', 'multicast_').toUpperCase()}`,
  })),
  show: (entry, { values }) => {
    for (const [word, bit] of SWITCHES) {
      const on = values & bit ? 1 : 0;
      entry.both(word, on, `${word} ${on} `);
    }
  },
};

/** Usage of a word whose argument is called as it is, less `mcast_`. */
const unprefixed = (word: string) => `${word} ${word.replace('mcast_', '').toUpperCase()}`;
/** Usage of a word whose argument is called in full. */
const inFull = (word: string) => `${word} ${word.replace('mcast_', 'multicast_').toUpperCase()}`;

/** Shorter in JSON than on the command line. */
const short = (word: string): RowOptions<unknown> => ({
  usage: unprefixed(word),
  json: word.replace(/_count$/, '_cnt').replace(/_interval$/, '_intvl'),
});

export const BRIDGE_ROWS = {
  flush: {
    wire: BRIDGE.flush,
    words: [mark('fdb_flush', true, 'fdb_flush')],
    show: UNSEEN,
  } satisfies Attribute<boolean>,
  forwardDelay: row(BRIDGE.forwardDelay, 'forward_delay', u32),
  helloTime: row(BRIDGE.helloTime, 'hello_time', u32),
  maxAge: row(BRIDGE.maxAge, 'max_age', u32),
  ageingTime: row(BRIDGE.ageingTime, 'ageing_time', u32),
  stpState: row(BRIDGE.stpState, 'stp_state', u32),
  priority: row(
    BRIDGE.priority,
    'priority',
    number(U16_MAX, () => 'invalid priority'),
    { aliases: 'prio' },
  ),
  vlanFiltering: row(BRIDGE.vlanFiltering, 'vlan_filtering', u8),
  vlanProtocol: row(BRIDGE.vlanProtocol, 'vlan_protocol', protocol('invalid vlan_protocol')),
  bridgeId: answer(BRIDGE.bridgeId, 'bridge_id', bridgeId),
  rootId: answer(BRIDGE.rootId, 'designated_root', bridgeId, 'root_id'),
  rootPort: answer(BRIDGE.rootPort, 'root_port', u16.show),
  rootPathCost: answer(BRIDGE.rootPathCost, 'root_path_cost', u32.show),
  topologyChange: answer(BRIDGE.topologyChange, 'topology_change', u8.show),
  topologyChangeDetected: answer(BRIDGE.topologyChangeDetected, 'topology_change_detected', u8.show),
  helloTimer: answer(BRIDGE.helloTimer, 'hello_timer', timer),
  tcnTimer: answer(BRIDGE.tcnTimer, 'tcn_timer', timer),
  topologyChangeTimer: answer(BRIDGE.topologyChangeTimer, 'topology_change_timer', timer),
  gcTimer: answer(BRIDGE.gcTimer, 'gc_timer', timer),
  fdbLearned: answer(BRIDGE.fdbLearned, 'fdb_n_learned', u32.show),
  fdbMaxLearned: row(BRIDGE.fdbMaxLearned, 'fdb_max_learned', u32),
  vlanDefaultPvid: row(BRIDGE.vlanDefaultPvid, 'vlan_default_pvid', u16),
  vlanStatistics: row(BRIDGE.vlanStatistics, 'vlan_stats_enabled', u8),
  vlanStatisticsPerPort: row(BRIDGE.vlanStatisticsPerPort, 'vlan_stats_per_port', u8),
  groupForwardMask: row(BRIDGE.groupForwardMask, 'group_fwd_mask', shownAs(u16, alternately), {
    usage: 'group_fwd_mask MASK',
  }),
  groupAddress: row(BRIDGE.groupAddress, 'group_address', hardware, {
    json: 'group_addr',
    usage: 'group_address ADDRESS',
  }),
  multicastSnooping: row(BRIDGE.multicastSnooping, 'mcast_snooping', u8, { usage: inFull('mcast_snooping') }),
  switches,
  multicastRouter: row(BRIDGE.multicastRouter, 'mcast_router', u8, { usage: inFull('mcast_router') }),
  multicastQueryUseAddress: row(BRIDGE.multicastQueryUseAddress, 'mcast_query_use_ifaddr', u8),
  multicastQuerier: row(BRIDGE.multicastQuerier, 'mcast_querier', u8, { usage: inFull('mcast_querier') }),
  multicastHashElasticity: row(BRIDGE.multicastHashElasticity, 'mcast_hash_elasticity', u32, {
    usage: unprefixed('mcast_hash_elasticity'),
  }),
  multicastHashMax: row(BRIDGE.multicastHashMax, 'mcast_hash_max', u32, { usage: unprefixed('mcast_hash_max') }),
  multicastLastMemberCount: row(
    BRIDGE.multicastLastMemberCount,
    'mcast_last_member_count',
    u32,
    short('mcast_last_member_count'),
  ),
  multicastStartupQueryCount: row(
    BRIDGE.multicastStartupQueryCount,
    'mcast_startup_query_count',
    u32,
    short('mcast_startup_query_count'),
  ),
  multicastLastMemberInterval: row(
    BRIDGE.multicastLastMemberInterval,
    'mcast_last_member_interval',
    long(),
    short('mcast_last_member_interval'),
  ),
  multicastMembershipInterval: row(
    BRIDGE.multicastMembershipInterval,
    'mcast_membership_interval',
    long(),
    short('mcast_membership_interval'),
  ),
  multicastQuerierInterval: row(
    BRIDGE.multicastQuerierInterval,
    'mcast_querier_interval',
    long(),
    short('mcast_querier_interval'),
  ),
  multicastQueryInterval: row(
    BRIDGE.multicastQueryInterval,
    'mcast_query_interval',
    long(),
    short('mcast_query_interval'),
  ),
  multicastQueryResponseInterval: row(
    BRIDGE.multicastQueryResponseInterval,
    'mcast_query_response_interval',
    long(),
    short('mcast_query_response_interval'),
  ),
  multicastStartupQueryInterval: row(
    BRIDGE.multicastStartupQueryInterval,
    'mcast_startup_query_interval',
    long(),
    short('mcast_startup_query_interval'),
  ),
  multicastStatistics: row(BRIDGE.multicastStatistics, 'mcast_stats_enabled', u8),
  igmpVersion: row(BRIDGE.igmpVersion, 'mcast_igmp_version', u8, { usage: unprefixed('mcast_igmp_version') }),
  mldVersion: row(BRIDGE.mldVersion, 'mcast_mld_version', u8, { usage: unprefixed('mcast_mld_version') }),
  callIptables: row(BRIDGE.callIptables, 'nf_call_iptables', u8),
  callIp6tables: row(BRIDGE.callIp6tables, 'nf_call_ip6tables', u8),
  callArptables: row(BRIDGE.callArptables, 'nf_call_arptables', u8),
};

export const bridge = kind('bridge', BRIDGE_ROWS, {
  indent: '\t\t  ',
  order: [
    ...['fdb_flush', 'forward_delay', 'hello_time', 'max_age', 'ageing_time', 'stp_state', 'mst_enabled', 'priority'],
    ...['prio', 'group_fwd_mask', 'group_address', 'no_linklocal_learn', 'fdb_max_learned', 'vlan_filtering'],
    ...['vlan_protocol', 'vlan_default_pvid', 'vlan_stats_enabled', 'vlan_stats_per_port', 'mcast_snooping'],
    'mcast_vlan_snooping',
  ].join(' '),
  notes: '\nWhere: VLAN_PROTOCOL := { 802.1Q | 802.1ad }\n',
});

/** By number: BR_STATE_*. */
const PORT_STATES = ['disabled', 'listening', 'learning', 'forwarding', 'blocking'];

const isInvalid = (word: string) => `${word} is invalid`;
const invalid8 = number(U8_MAX, isInvalid);
const invalid16 = number(U16_MAX, isInvalid);

const SWITCH = { off: 0, on: 1 };
const onOff = switched((words, word) => oneOf(word, words.argument(), SWITCH));
/** A switch of a member. */
const port = (wire: Wire<number>, word: string) => row(wire, word, onOff, { usage: `${word} {on | off}` });
/** A number that 0 stands for none of. */
const some = (value: number) => value !== 0;

const masterPort = device((name) => wrong(name, 'Device does not exist\n'));

export const BRIDGE_PORT_ROWS = {
  flush: {
    wire: BRIDGE_PORT.flush,
    words: [mark('fdb_flush', true, 'fdb_flush')],
    show: UNSEEN,
  } satisfies Attribute<boolean>,
  state: row(
    BRIDGE_PORT.state,
    'state',
    shownAs(invalid8, (value) => [PORT_STATES[value] ?? String(value)]),
  ),
  priority: row(BRIDGE_PORT.priority, 'priority', invalid16, { usage: 'priority PRIO' }),
  cost: row(BRIDGE_PORT.cost, 'cost', number(U32_MAX, isInvalid)),
  hairpin: port(BRIDGE_PORT.hairpin, 'hairpin'),
  guard: port(BRIDGE_PORT.guard, 'guard'),
  rootBlock: port(BRIDGE_PORT.rootBlock, 'root_block'),
  fastLeave: row(BRIDGE_PORT.fastLeave, 'fastleave', onOff, {
    usage: 'fastleave {on | off}',
    aliases: 'mcast_fast_leave',
  }),
  learning: port(BRIDGE_PORT.learning, 'learning'),
  flood: port(BRIDGE_PORT.flood, 'flood'),
  id: answer(BRIDGE_PORT.id, 'port_id', inHexadecimal, 'id'),
  number: answer(BRIDGE_PORT.number, 'port_no', inHexadecimal, 'no'),
  designatedPort: answer(BRIDGE_PORT.designatedPort, 'designated_port', u16.show),
  designatedCost: answer(BRIDGE_PORT.designatedCost, 'designated_cost', u16.show),
  bridgeId: answer(BRIDGE_PORT.bridgeId, 'designated_bridge', bridgeId, 'bridge_id'),
  rootId: answer(BRIDGE_PORT.rootId, 'designated_root', bridgeId, 'root_id'),
  holdTimer: answer(BRIDGE_PORT.holdTimer, 'hold_timer', timer),
  messageAgeTimer: answer(BRIDGE_PORT.messageAgeTimer, 'message_age_timer', timer),
  forwardDelayTimer: answer(BRIDGE_PORT.forwardDelayTimer, 'forward_delay_timer', timer),
  topologyChangeAck: answer(BRIDGE_PORT.topologyChangeAck, 'topology_change_ack', u8.show),
  configPending: answer(BRIDGE_PORT.configPending, 'config_pending', u8.show),
  proxyArp: port(BRIDGE_PORT.proxyArp, 'proxy_arp'),
  proxyArpWifi: port(BRIDGE_PORT.proxyArpWifi, 'proxy_arp_wifi'),
  multicastRouter: row(BRIDGE_PORT.multicastRouter, 'mcast_router', u8, {
    json: 'multicast_router',
    usage: inFull('mcast_router'),
  }),
  multicastFlood: {
    ...port(BRIDGE_PORT.multicastFlood, 'mcast_flood'),
    show: (entry, value, shown: Shown) => {
      // The second word of fastleave stands here, in text only.
      const { fastLeave } = shown.values;
      if (fastLeave !== undefined) entry.say(`mcast_fast_leave ${fastLeave ? 'on' : 'off'} `);
      entry.both('mcast_flood', value !== 0, `mcast_flood ${value ? 'on' : 'off'} `);
    },
  } satisfies Attribute<number>,
  broadcastFlood: port(BRIDGE_PORT.broadcastFlood, 'bcast_flood'),
  multicastToUnicast: port(BRIDGE_PORT.multicastToUnicast, 'mcast_to_unicast'),
  neighborSuppress: port(BRIDGE_PORT.neighborSuppress, 'neigh_suppress'),
  neighborVlanSuppress: port(BRIDGE_PORT.neighborVlanSuppress, 'neigh_vlan_suppress'),
  groupForwardMask: {
    ...row(BRIDGE_PORT.groupForwardMask, 'group_fwd_mask', u16, { usage: 'group_fwd_mask MASK' }),
    show: (entry, value) => {
      entry.both('group_fwd_mask', alternate(value), `group_fwd_mask ${alternate(value)} `);
      entry.both('group_fwd_mask_str', hexadecimal(value), `group_fwd_mask_str ${hexadecimal(value)} `);
    },
  } satisfies Attribute<number>,
  vlanTunnel: port(BRIDGE_PORT.vlanTunnel, 'vlan_tunnel'),
  isolated: port(BRIDGE_PORT.isolated, 'isolated'),
  locked: port(BRIDGE_PORT.locked, 'locked'),
  mab: port(BRIDGE_PORT.mab, 'mab'),
  backupPort: row(BRIDGE_PORT.backupPort, 'backup_port', masterPort, {
    usage: 'backup_port DEVICE ] [ nobackup_port',
    when: some,
  }),
  backupNextHop: row(BRIDGE_PORT.backupNextHop, 'backup_nhid', number(U32_MAX, isInvalid), {
    usage: 'backup_nhid NHID',
    when: some,
  }),
};

export const bridgePort = kind('bridge_slave', BRIDGE_PORT_ROWS, {
  port: true,
  unknown: 'option',
  indent: '\t\t\t',
  order: 'fdb_flush state priority cost guard hairpin fastleave root_block',
  more: [
    [
      'nobackup_port',
      ({ data }) => {
        data.backupPort = 0;
      },
    ],
  ],
});
