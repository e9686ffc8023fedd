/** What each kind of link shows of its own with -details. */
import {
  BRIDGE,
  BRIDGE_PORT,
  formatAddress,
  formatHardware,
  IPVLAN,
  isMulticast,
  kindData,
  type Link,
  MACVLAN,
  TUN,
  VLAN,
  VRF,
  VXLAN,
} from '@ts/netlink';
import * as sys from '@ts/sys';
import type { Context } from '../context.ts';
import type { Entry } from '../entry.ts';
import { Digits } from '../json.ts';
import { IPVLAN_MODES, MACVLAN_FLAGS, MACVLAN_MODES, PORT_STATES } from '../verbs/kinds.ts';

type Bytes = Uint8Array | undefined;
type Show = (entry: Entry, data: Bytes, context: Context) => void;

const hex = (value: number) => `0x${value.toString(16)}`;
const protocolName = (value: number) => ({ 33024: '802.1Q', 34984: '802.1ad' })[value] ?? `[${value.toString(16)}]`;

/** `8000.1:2:3:4:5:6`: priority, hardware address without leading zeros. */
const bridgeId = (bytes: Uint8Array) =>
  `${Buffer.from(bytes.subarray(0, 2)).toString('hex')}.${[...bytes.subarray(2)].map((byte) => byte.toString(16)).join(':')}`;

/** Rows of one number each: key in JSON, word, value; those that the kernel does not send are left out. */
function numbers(
  entry: Entry,
  rows: readonly (readonly [key: string, word: string, value: number | bigint | undefined])[],
) {
  for (const [key, word, value] of rows) if (value !== undefined) entry.both(key, value, `${word} ${value} `);
}

function timer(entry: Entry, word: string, value: bigint | undefined): void {
  if (value === undefined) return;
  const text = (Number(value) / 100).toFixed(2);
  entry.both(word, new Digits(text), `${word} ${text.padStart(7)} `);
}

const showBridge: Show = (entry, data) => {
  const d = kindData(BRIDGE, data);
  numbers(entry, [
    ['forward_delay', 'forward_delay', d.forwardDelay],
    ['hello_time', 'hello_time', d.helloTime],
    ['max_age', 'max_age', d.maxAge],
    ['ageing_time', 'ageing_time', d.ageingTime],
    ['stp_state', 'stp_state', d.stpState],
    ['priority', 'priority', d.priority],
    ['vlan_filtering', 'vlan_filtering', d.vlanFiltering],
  ]);
  if (d.vlanProtocol !== undefined) {
    const name = protocolName(d.vlanProtocol);
    entry.both('vlan_protocol', name, `vlan_protocol ${name} `);
  }
  if (d.bridgeId) entry.both('bridge_id', bridgeId(d.bridgeId), `bridge_id ${bridgeId(d.bridgeId)} `);
  if (d.rootId) entry.both('root_id', bridgeId(d.rootId), `designated_root ${bridgeId(d.rootId)} `);
  numbers(entry, [
    ['root_port', 'root_port', d.rootPort],
    ['root_path_cost', 'root_path_cost', d.rootPathCost],
    ['topology_change', 'topology_change', d.topologyChange],
    ['topology_change_detected', 'topology_change_detected', d.topologyChangeDetected],
  ]);
  timer(entry, 'hello_timer', d.helloTimer);
  timer(entry, 'tcn_timer', d.tcnTimer);
  timer(entry, 'topology_change_timer', d.topologyChangeTimer);
  timer(entry, 'gc_timer', d.gcTimer);
  numbers(entry, [
    ['fdb_n_learned', 'fdb_n_learned', d.fdbLearned],
    ['fdb_max_learned', 'fdb_max_learned', d.fdbMaxLearned],
    ['vlan_default_pvid', 'vlan_default_pvid', d.vlanDefaultPvid],
    ['vlan_stats_enabled', 'vlan_stats_enabled', d.vlanStatistics],
    ['vlan_stats_per_port', 'vlan_stats_per_port', d.vlanStatisticsPerPort],
  ]);
  if (d.groupForwardMask !== undefined)
    entry.both(
      'group_fwd_mask',
      d.groupForwardMask ? hex(d.groupForwardMask) : '0',
      `group_fwd_mask ${d.groupForwardMask ? hex(d.groupForwardMask) : '0'} `,
    );
  if (d.groupAddress)
    entry.both('group_addr', formatHardware(d.groupAddress), `group_address ${formatHardware(d.groupAddress)} `);
  numbers(entry, [['mcast_snooping', 'mcast_snooping', d.multicastSnooping]]);
  const switches = d.switches;
  if (switches)
    numbers(entry, [
      ['no_linklocal_learn', 'no_linklocal_learn', switches.values & 1],
      ['mcast_vlan_snooping', 'mcast_vlan_snooping', (switches.values >> 1) & 1],
      ['mst_enabled', 'mst_enabled', (switches.values >> 2) & 1],
    ]);
  numbers(entry, [
    ['mcast_router', 'mcast_router', d.multicastRouter],
    ['mcast_query_use_ifaddr', 'mcast_query_use_ifaddr', d.multicastQueryUseAddress],
    ['mcast_querier', 'mcast_querier', d.multicastQuerier],
    ['mcast_hash_elasticity', 'mcast_hash_elasticity', d.multicastHashElasticity],
    ['mcast_hash_max', 'mcast_hash_max', d.multicastHashMax],
    ['mcast_last_member_cnt', 'mcast_last_member_count', d.multicastLastMemberCount],
    ['mcast_startup_query_cnt', 'mcast_startup_query_count', d.multicastStartupQueryCount],
    ['mcast_last_member_intvl', 'mcast_last_member_interval', d.multicastLastMemberInterval],
    ['mcast_membership_intvl', 'mcast_membership_interval', d.multicastMembershipInterval],
    ['mcast_querier_intvl', 'mcast_querier_interval', d.multicastQuerierInterval],
    ['mcast_query_intvl', 'mcast_query_interval', d.multicastQueryInterval],
    ['mcast_query_response_intvl', 'mcast_query_response_interval', d.multicastQueryResponseInterval],
    ['mcast_startup_query_intvl', 'mcast_startup_query_interval', d.multicastStartupQueryInterval],
    ['mcast_stats_enabled', 'mcast_stats_enabled', d.multicastStatistics],
    ['mcast_igmp_version', 'mcast_igmp_version', d.igmpVersion],
    ['mcast_mld_version', 'mcast_mld_version', d.mldVersion],
    ['nf_call_iptables', 'nf_call_iptables', d.callIptables],
    ['nf_call_ip6tables', 'nf_call_ip6tables', d.callIp6tables],
    ['nf_call_arptables', 'nf_call_arptables', d.callArptables],
  ]);
};

const showBridgePort: Show = (entry, data, context) => {
  const d = kindData(BRIDGE_PORT, data);
  const onOff = (key: string, value: number | undefined, word = key) => {
    if (value !== undefined) entry.both(key, value !== 0, `${word} ${value ? 'on' : 'off'} `);
  };
  if (d.state !== undefined) {
    const state = PORT_STATES[d.state] ?? `${d.state}`;
    entry.both('state', state, `state ${state} `);
  }
  numbers(entry, [
    ['priority', 'priority', d.priority],
    ['cost', 'cost', d.cost],
  ]);
  onOff('hairpin', d.hairpin);
  onOff('guard', d.guard);
  onOff('root_block', d.rootBlock);
  onOff('fastleave', d.fastLeave);
  onOff('learning', d.learning);
  onOff('flood', d.flood);
  if (d.id !== undefined) entry.both('id', hex(d.id), `port_id ${hex(d.id)} `);
  if (d.number !== undefined) entry.both('no', hex(d.number), `port_no ${hex(d.number)} `);
  numbers(entry, [
    ['designated_port', 'designated_port', d.designatedPort],
    ['designated_cost', 'designated_cost', d.designatedCost],
  ]);
  if (d.bridgeId) entry.both('bridge_id', bridgeId(d.bridgeId), `designated_bridge ${bridgeId(d.bridgeId)} `);
  if (d.rootId) entry.both('root_id', bridgeId(d.rootId), `designated_root ${bridgeId(d.rootId)} `);
  timer(entry, 'hold_timer', d.holdTimer);
  timer(entry, 'message_age_timer', d.messageAgeTimer);
  timer(entry, 'forward_delay_timer', d.forwardDelayTimer);
  numbers(entry, [
    ['topology_change_ack', 'topology_change_ack', d.topologyChangeAck],
    ['config_pending', 'config_pending', d.configPending],
  ]);
  onOff('proxy_arp', d.proxyArp);
  onOff('proxy_arp_wifi', d.proxyArpWifi);
  numbers(entry, [['multicast_router', 'mcast_router', d.multicastRouter]]);
  if (d.fastLeave !== undefined) entry.say(`mcast_fast_leave ${d.fastLeave ? 'on' : 'off'} `);
  onOff('mcast_flood', d.multicastFlood);
  onOff('bcast_flood', d.broadcastFlood);
  onOff('mcast_to_unicast', d.multicastToUnicast);
  onOff('neigh_suppress', d.neighborSuppress);
  onOff('neigh_vlan_suppress', d.neighborVlanSuppress);
  if (d.groupForwardMask !== undefined) {
    const text = d.groupForwardMask ? hex(d.groupForwardMask) : '0';
    entry.both('group_fwd_mask', text, `group_fwd_mask ${text} `);
    entry.both('group_fwd_mask_str', hex(d.groupForwardMask), `group_fwd_mask_str ${hex(d.groupForwardMask)} `);
  }
  onOff('vlan_tunnel', d.vlanTunnel);
  onOff('isolated', d.isolated);
  onOff('locked', d.locked);
  onOff('mab', d.mab);
  if (d.backupPort)
    entry.both('backup_port', context.linkName(d.backupPort), `backup_port ${context.linkName(d.backupPort)} `);
  if (d.backupNextHop) numbers(entry, [['backup_nhid', 'backup_nhid', d.backupNextHop]]);
};

const VLAN_FLAGS = ['REORDER_HDR', 'GVRP', 'LOOSE_BINDING', 'MVRP', 'BRIDGE_BINDING'];

const showVlan: Show = (entry, data) => {
  const { protocol, id, flags, ingressQos, egressQos } = kindData(VLAN, data);
  if (protocol !== undefined) {
    const name = protocolName(protocol);
    entry.both('protocol', name, `protocol ${name} `);
  }
  if (id !== undefined) entry.both('id', id, `id ${id} `);
  if (flags) {
    const names = VLAN_FLAGS.filter((_, bit) => flags.flags & (1 << bit));
    entry.both('flags', names, `<${names.join(',')}> `);
  }
  for (const [key, word, map] of [
    ['ingress_qos', 'ingress-qos-map', ingressQos],
    ['egress_qos', 'egress-qos-map', egressQos],
  ] as const)
    if (map) {
      const pairs = map.map(({ from, to }) => ({ from, to }));
      entry.both(key, pairs, `\n      ${word} { ${pairs.map(({ from, to }) => `${from}:${to} `).join('')}} `);
    }
};

const showMacvlan: Show = (entry, data) => {
  const d = kindData(MACVLAN, data);
  const { mode, flags = 0, broadcastQueue, broadcastQueueUsed, broadcastLimit, addressCount, addresses = [] } = d;
  const name = Object.keys(MACVLAN_MODES).find((each) => MACVLAN_MODES[each] === mode) ?? '<unknown>';
  if (mode !== undefined) entry.both('mode', name, `mode ${name} `);
  for (const [word, bit] of Object.entries(MACVLAN_FLAGS)) if (flags & bit) entry.both(word, true, `${word} `);
  numbers(entry, [
    ['bcqueuelen', 'bcqueuelen', broadcastQueue],
    ['usedbcqueuelen', 'usedbcqueuelen', broadcastQueueUsed],
    ['bclim', 'bclim', broadcastLimit],
  ]);
  if (!addressCount) return;
  entry.both('macaddr_count', addressCount, `remotes (${addressCount}) `);
  const shown = addresses.map(formatHardware);
  entry.both('macaddr_data', shown, shown.map((each) => `${each} `).join(''));
};

const isSet = (bytes: Uint8Array | undefined): bytes is Uint8Array => bytes?.some((byte) => byte !== 0) ?? false;

/** Switches of VXLAN, and what each is by default: said where it is another, or with -details twice. */
const VXLAN_SWITCHES = [
  ['external', 'external', false],
  ['vnifilter', 'vniFilter', false],
  ['learning', 'learning', true],
  ['proxy', 'proxy', false],
  ['rsc', 'rsc', false],
  ['l2miss', 'l2miss', false],
  ['l3miss', 'l3miss', false],
  ['udp_csum', 'udpChecksum', true],
  ['udp_zero_csum6_tx', 'udpZeroChecksum6Tx', false],
  ['udp_zero_csum6_rx', 'udpZeroChecksum6Rx', false],
  ['remcsum_tx', 'remoteChecksumTx', false],
  ['remcsum_rx', 'remoteChecksumRx', false],
  ['localbypass', 'localBypass', true],
] as const;

const showVxlan: Show = (entry, data, context) => {
  const d = kindData(VXLAN, data);
  numbers(entry, [['id', 'id', d.id]]);
  const group = isSet(d.group) ? d.group : isSet(d.group6) ? d.group6 : undefined;
  const suffix = group?.length === 16 ? '6' : '';
  if (group && isMulticast(group)) entry.both(`group${suffix}`, formatAddress(group), `group ${formatAddress(group)} `);
  else if (group) entry.both(`remote${suffix}`, formatAddress(group), `remote ${formatAddress(group)} `);
  const local = isSet(d.local) ? d.local : isSet(d.local6) ? d.local6 : undefined;
  if (local)
    entry.both(local.length === 16 ? 'local6' : 'local', formatAddress(local), `local ${formatAddress(local)} `);
  if (d.link) entry.both('link', context.linkName(d.link), `dev ${context.linkName(d.link)} `);
  if (d.ports && d.ports.length >= 4) {
    const ports = Buffer.from(d.ports);
    entry.inside('port_range', (range) => {
      range.both('low', ports.readUInt16BE(0), `srcport ${ports.readUInt16BE(0)} `);
      range.both('high', ports.readUInt16BE(2), `${ports.readUInt16BE(2)} `);
    });
  }
  numbers(entry, [['port', 'dstport', d.port]]);
  if (d.tos) entry.both('tos', hex(d.tos), `tos ${d.tos === 1 ? 'inherit' : hex(d.tos)} `);
  if (d.ttlInherit) entry.say('ttl inherit ');
  else if (d.ttl !== undefined) entry.both('ttl', d.ttl, `ttl ${d.ttl || 'auto'} `);
  if (d.df !== undefined) {
    const text = ['unset', 'set', 'inherit'][d.df] ?? String(d.df);
    entry.note('df', text);
    if (d.df) entry.say(`df ${text} `);
  }
  if (d.flowLabel) entry.both('label', hex(d.flowLabel), `flowlabel ${hex(d.flowLabel)} `);
  if (d.ageing !== undefined) entry.both('ageing', d.ageing, `ageing ${d.ageing || 'none'} `);
  if (d.limit) entry.both('limit', d.limit, `maxaddr ${d.limit} `);
  if (d.reservedBits !== undefined) {
    const text = `0x${d.reservedBits.toString(16)}`;
    entry.both('reserved_bits', text, `reserved_bits ${text} `);
  }
  for (const key of ['gbp', 'gpe'] as const) if (d[key]) entry.both(key, null, `${key} `);
  for (const [word, key, usual] of VXLAN_SWITCHES) {
    if (d[key] === undefined) continue;
    const on = d[key] !== 0;
    entry.note(word, on);
    if (on !== usual || context.settings.details > 1) entry.say(`${on ? '' : 'no'}${word} `);
  }
};

const showVrf: Show = (entry, data) => numbers(entry, [['table', 'table', kindData(VRF, data).table]]);

const showIpvlan: Show = (entry, data) => {
  const { mode, flags } = kindData(IPVLAN, data);
  if (mode !== undefined) {
    const name = IPVLAN_MODES[mode] ?? 'unknown';
    entry.both('mode', name, ` mode ${name} `);
  }
  if (flags === undefined) return;
  const name = flags & 1 ? 'private' : flags & 2 ? 'vepa' : 'bridge';
  entry.both(name, true, `${name} `);
};

const showTun: Show = (entry, data, { world }) => {
  const d = kindData(TUN, data);
  const type = d.type === sys.IFF_TAP ? 'tap' : 'tun';
  entry.both('type', type, `type ${type} `);
  const onOff = (key: string, value: number | undefined) => {
    if (value !== undefined) entry.both(key, value !== 0, `${key} ${value ? 'on' : 'off'} `);
  };
  onOff('pi', d.packetInfo);
  onOff('vnet_hdr', d.virtioHeader);
  entry.both('multi_queue', Boolean(d.multiQueue), d.multiQueue ? 'multi_queue ' : '');
  if (d.multiQueue)
    numbers(entry, [
      ['numqueues', 'numqueues', d.queues],
      ['numdisabled', 'numdisabled', d.disabledQueues],
    ]);
  onOff('persist', d.persist);
  const named = (key: string, id: number | undefined, name: string | undefined) => {
    if (id !== undefined) entry.both(key, name ?? String(id), `${key} ${name ?? id} `);
  };
  named('user', d.owner, d.owner === undefined ? undefined : world.user(d.owner)?.name);
  named('group', d.group, d.group === undefined ? undefined : world.group(d.group)?.name);
};

const KINDS: Readonly<Record<string, Show>> = {
  bridge: showBridge,
  vlan: showVlan,
  macvlan: showMacvlan,
  macvtap: showMacvlan,
  vxlan: showVxlan,
  ipvlan: showIpvlan,
  ipvtap: showIpvlan,
  vrf: showVrf,
  tun: showTun,
};

/** The same of a member, by the kind of its master. */
const PORTS: Readonly<Record<string, Show>> = { bridge: showBridgePort, vrf: showVrf };

/** Kind of a link and of its master, each with what it has of its own. */
export function showKind(context: Context, { info }: Link, entry: Entry): void {
  if (!info) return;
  entry.inside('linkinfo', (inner) => {
    const part = (key: string, kind: string, word: string, data: Bytes, show: Show | undefined) => {
      inner.line();
      inner.both(`info_${key}kind`, kind, `    ${word} `);
      if (data && show) inner.inside(`info_${key}data`, (own) => show(own, data, context));
    };
    if (info.kind !== undefined)
      part('', info.kind, info.kind, info.data, Object.hasOwn(KINDS, info.kind) ? KINDS[info.kind] : undefined);
    if (info.portKind !== undefined)
      part(
        'slave_',
        info.portKind,
        `${info.portKind}_slave`,
        info.portData,
        Object.hasOwn(PORTS, info.portKind) ? PORTS[info.portKind] : undefined,
      );
  });
}
