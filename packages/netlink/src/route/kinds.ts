/** What each kind of link has of its own: one schema a kind, IFLA_INFO_DATA of rtnetlink(7). */
import * as sys from '@ts/sys';
import { be16, be32, be64, bytes, flag, list, type Schema, s32, u8, u16, u32, u64 } from '../attribute.ts';
import { struct } from '../struct.ts';

/** Times in hundredths of a second. Ids: priority (16 bits, network byte order) and hardware address. */
export const BRIDGE = {
  forwardDelay: [sys.IFLA_BR_FORWARD_DELAY, u32],
  helloTime: [sys.IFLA_BR_HELLO_TIME, u32],
  maxAge: [sys.IFLA_BR_MAX_AGE, u32],
  ageingTime: [sys.IFLA_BR_AGEING_TIME, u32],
  stpState: [sys.IFLA_BR_STP_STATE, u32],
  priority: [sys.IFLA_BR_PRIORITY, u16],
  vlanFiltering: [sys.IFLA_BR_VLAN_FILTERING, u8],
  vlanProtocol: [sys.IFLA_BR_VLAN_PROTOCOL, be16],
  groupForwardMask: [sys.IFLA_BR_GROUP_FWD_MASK, u16],
  rootId: [sys.IFLA_BR_ROOT_ID, bytes],
  bridgeId: [sys.IFLA_BR_BRIDGE_ID, bytes],
  rootPort: [sys.IFLA_BR_ROOT_PORT, u16],
  rootPathCost: [sys.IFLA_BR_ROOT_PATH_COST, u32],
  topologyChange: [sys.IFLA_BR_TOPOLOGY_CHANGE, u8],
  topologyChangeDetected: [sys.IFLA_BR_TOPOLOGY_CHANGE_DETECTED, u8],
  helloTimer: [sys.IFLA_BR_HELLO_TIMER, u64],
  tcnTimer: [sys.IFLA_BR_TCN_TIMER, u64],
  topologyChangeTimer: [sys.IFLA_BR_TOPOLOGY_CHANGE_TIMER, u64],
  gcTimer: [sys.IFLA_BR_GC_TIMER, u64],
  groupAddress: [sys.IFLA_BR_GROUP_ADDR, bytes],
  flush: [sys.IFLA_BR_FDB_FLUSH, flag],
  multicastRouter: [sys.IFLA_BR_MCAST_ROUTER, u8],
  multicastSnooping: [sys.IFLA_BR_MCAST_SNOOPING, u8],
  multicastQueryUseAddress: [sys.IFLA_BR_MCAST_QUERY_USE_IFADDR, u8],
  multicastQuerier: [sys.IFLA_BR_MCAST_QUERIER, u8],
  multicastHashElasticity: [sys.IFLA_BR_MCAST_HASH_ELASTICITY, u32],
  multicastHashMax: [sys.IFLA_BR_MCAST_HASH_MAX, u32],
  multicastLastMemberCount: [sys.IFLA_BR_MCAST_LAST_MEMBER_CNT, u32],
  multicastStartupQueryCount: [sys.IFLA_BR_MCAST_STARTUP_QUERY_CNT, u32],
  multicastLastMemberInterval: [sys.IFLA_BR_MCAST_LAST_MEMBER_INTVL, u64],
  multicastMembershipInterval: [sys.IFLA_BR_MCAST_MEMBERSHIP_INTVL, u64],
  multicastQuerierInterval: [sys.IFLA_BR_MCAST_QUERIER_INTVL, u64],
  multicastQueryInterval: [sys.IFLA_BR_MCAST_QUERY_INTVL, u64],
  multicastQueryResponseInterval: [sys.IFLA_BR_MCAST_QUERY_RESPONSE_INTVL, u64],
  multicastStartupQueryInterval: [sys.IFLA_BR_MCAST_STARTUP_QUERY_INTVL, u64],
  callIptables: [sys.IFLA_BR_NF_CALL_IPTABLES, u8],
  callIp6tables: [sys.IFLA_BR_NF_CALL_IP6TABLES, u8],
  callArptables: [sys.IFLA_BR_NF_CALL_ARPTABLES, u8],
  vlanDefaultPvid: [sys.IFLA_BR_VLAN_DEFAULT_PVID, u16],
  vlanStatistics: [sys.IFLA_BR_VLAN_STATS_ENABLED, u8],
  multicastStatistics: [sys.IFLA_BR_MCAST_STATS_ENABLED, u8],
  igmpVersion: [sys.IFLA_BR_MCAST_IGMP_VERSION, u8],
  mldVersion: [sys.IFLA_BR_MCAST_MLD_VERSION, u8],
  vlanStatisticsPerPort: [sys.IFLA_BR_VLAN_STATS_PER_PORT, u8],
  /** Addresses that have been learned, and how many may be; 0 for no limit. */
  fdbLearned: [sys.IFLA_BR_FDB_N_LEARNED, u32],
  fdbMaxLearned: [sys.IFLA_BR_FDB_MAX_LEARNED, u32],
  /** Bit 0: nothing is learned from link-local addresses; bit 1: multicast snooping for each VLAN; bit 2: multiple spanning trees. */
  switches: [sys.IFLA_BR_MULTI_BOOLOPT, struct({ values: 'u32', mask: 'u32' })],
} as const;

/** A link as member of a bridge: IFLA_INFO_SLAVE_DATA. */
export const BRIDGE_PORT = {
  state: [sys.IFLA_BRPORT_STATE, u8],
  priority: [sys.IFLA_BRPORT_PRIORITY, u16],
  cost: [sys.IFLA_BRPORT_COST, u32],
  hairpin: [sys.IFLA_BRPORT_MODE, u8],
  guard: [sys.IFLA_BRPORT_GUARD, u8],
  rootBlock: [sys.IFLA_BRPORT_PROTECT, u8],
  fastLeave: [sys.IFLA_BRPORT_FAST_LEAVE, u8],
  learning: [sys.IFLA_BRPORT_LEARNING, u8],
  flood: [sys.IFLA_BRPORT_UNICAST_FLOOD, u8],
  proxyArp: [sys.IFLA_BRPORT_PROXYARP, u8],
  proxyArpWifi: [sys.IFLA_BRPORT_PROXYARP_WIFI, u8],
  rootId: [sys.IFLA_BRPORT_ROOT_ID, bytes],
  bridgeId: [sys.IFLA_BRPORT_BRIDGE_ID, bytes],
  designatedPort: [sys.IFLA_BRPORT_DESIGNATED_PORT, u16],
  designatedCost: [sys.IFLA_BRPORT_DESIGNATED_COST, u16],
  id: [sys.IFLA_BRPORT_ID, u16],
  number: [sys.IFLA_BRPORT_NO, u16],
  topologyChangeAck: [sys.IFLA_BRPORT_TOPOLOGY_CHANGE_ACK, u8],
  configPending: [sys.IFLA_BRPORT_CONFIG_PENDING, u8],
  messageAgeTimer: [sys.IFLA_BRPORT_MESSAGE_AGE_TIMER, u64],
  forwardDelayTimer: [sys.IFLA_BRPORT_FORWARD_DELAY_TIMER, u64],
  holdTimer: [sys.IFLA_BRPORT_HOLD_TIMER, u64],
  multicastRouter: [sys.IFLA_BRPORT_MULTICAST_ROUTER, u8],
  multicastFlood: [sys.IFLA_BRPORT_MCAST_FLOOD, u8],
  multicastToUnicast: [sys.IFLA_BRPORT_MCAST_TO_UCAST, u8],
  vlanTunnel: [sys.IFLA_BRPORT_VLAN_TUNNEL, u8],
  broadcastFlood: [sys.IFLA_BRPORT_BCAST_FLOOD, u8],
  groupForwardMask: [sys.IFLA_BRPORT_GROUP_FWD_MASK, u16],
  neighborSuppress: [sys.IFLA_BRPORT_NEIGH_SUPPRESS, u8],
  isolated: [sys.IFLA_BRPORT_ISOLATED, u8],
  locked: [sys.IFLA_BRPORT_LOCKED, u8],
  mab: [sys.IFLA_BRPORT_MAB, u8],
  neighborVlanSuppress: [sys.IFLA_BRPORT_NEIGH_VLAN_SUPPRESS, u8],
  /** Index of the member that takes its place while it has no carrier; 0 for none. */
  backupPort: [sys.IFLA_BRPORT_BACKUP_PORT, u32],
  /** Id of the next hop that redirected packets get; 0 for none. */
  backupNextHop: [sys.IFLA_BRPORT_BACKUP_NHID, u32],
  /** Only in requests: addresses learned there are forgotten. */
  flush: [sys.IFLA_BRPORT_FLUSH, flag],
} as const;

/** Priorities: `from` one of packets to one of frames, or the reverse. */
const qosMap = list(sys.IFLA_VLAN_QOS_MAPPING, struct({ from: 'u32', to: 'u32' }));

/** `id`: 1 to 4094; `protocol`: ETH_P_8021Q or ETH_P_8021AD; `flags`: VLAN_FLAG_*, of which `mask` are set. */
export const VLAN = {
  id: [sys.IFLA_VLAN_ID, u16],
  flags: [sys.IFLA_VLAN_FLAGS, struct({ flags: 'u32', mask: 'u32' })],
  protocol: [sys.IFLA_VLAN_PROTOCOL, be16],
  ingressQos: [sys.IFLA_VLAN_INGRESS_QOS, qosMap],
  egressQos: [sys.IFLA_VLAN_EGRESS_QOS, qosMap],
} as const;

/** `mode`: MACVLAN_MODE_*. `addressMode`: MACVLAN_MACADDR_*, what is done with `address` or the list. */
export const MACVLAN = {
  mode: [sys.IFLA_MACVLAN_MODE, u32],
  flags: [sys.IFLA_MACVLAN_FLAGS, u16],
  addressMode: [sys.IFLA_MACVLAN_MACADDR_MODE, u32],
  address: [sys.IFLA_MACVLAN_MACADDR, bytes],
  addresses: [sys.IFLA_MACVLAN_MACADDR_DATA, list(sys.IFLA_MACVLAN_MACADDR, bytes)],
  addressCount: [sys.IFLA_MACVLAN_MACADDR_COUNT, u32],
  broadcastQueue: [sys.IFLA_MACVLAN_BC_QUEUE_LEN, u32],
  broadcastQueueUsed: [sys.IFLA_MACVLAN_BC_QUEUE_LEN_USED, u32],
  /** Broadcasts of so many links and more are queued; negative for none. */
  broadcastLimit: [sys.IFLA_MACVLAN_BC_CUTOFF, s32],
} as const;

/** `mode`: 0 for L2, 1 for L3, 2 for L3S; `flags`: 1 private, 2 VEPA. */
export const IPVLAN = { mode: [sys.IFLA_IPVLAN_MODE, u16], flags: [sys.IFLA_IPVLAN_FLAGS, u16] } as const;

/** The routing table of its members. */
export const VRF = { table: [sys.IFLA_VRF_TABLE, u32] } as const;

/** Ageing in seconds. `link`: index of the link that carries it. */
export const VXLAN = {
  id: [sys.IFLA_VXLAN_ID, u32],
  group: [sys.IFLA_VXLAN_GROUP, bytes],
  group6: [sys.IFLA_VXLAN_GROUP6, bytes],
  link: [sys.IFLA_VXLAN_LINK, u32],
  local: [sys.IFLA_VXLAN_LOCAL, bytes],
  local6: [sys.IFLA_VXLAN_LOCAL6, bytes],
  ttl: [sys.IFLA_VXLAN_TTL, u8],
  ttlInherit: [sys.IFLA_VXLAN_TTL_INHERIT, flag],
  tos: [sys.IFLA_VXLAN_TOS, u8],
  df: [sys.IFLA_VXLAN_DF, u8],
  learning: [sys.IFLA_VXLAN_LEARNING, u8],
  ageing: [sys.IFLA_VXLAN_AGEING, u32],
  limit: [sys.IFLA_VXLAN_LIMIT, u32],
  ports: [sys.IFLA_VXLAN_PORT_RANGE, bytes],
  proxy: [sys.IFLA_VXLAN_PROXY, u8],
  rsc: [sys.IFLA_VXLAN_RSC, u8],
  l2miss: [sys.IFLA_VXLAN_L2MISS, u8],
  l3miss: [sys.IFLA_VXLAN_L3MISS, u8],
  port: [sys.IFLA_VXLAN_PORT, be16],
  udpChecksum: [sys.IFLA_VXLAN_UDP_CSUM, u8],
  udpZeroChecksum6Tx: [sys.IFLA_VXLAN_UDP_ZERO_CSUM6_TX, u8],
  udpZeroChecksum6Rx: [sys.IFLA_VXLAN_UDP_ZERO_CSUM6_RX, u8],
  remoteChecksumTx: [sys.IFLA_VXLAN_REMCSUM_TX, u8],
  remoteChecksumRx: [sys.IFLA_VXLAN_REMCSUM_RX, u8],
  flowLabel: [sys.IFLA_VXLAN_LABEL, be32],
  gbp: [sys.IFLA_VXLAN_GBP, flag],
  gpe: [sys.IFLA_VXLAN_GPE, flag],
  external: [sys.IFLA_VXLAN_COLLECT_METADATA, u8],
  vniFilter: [sys.IFLA_VXLAN_VNIFILTER, u8],
  localBypass: [sys.IFLA_VXLAN_LOCALBYPASS, u8],
  /** Bits of the header that packets may have set. */
  reservedBits: [sys.IFLA_VXLAN_RESERVED_BITS, be64],
} as const;

/** Only read: these links are made by ioctl(2) on /dev/net/tun. `type`: IFF_TUN, IFF_TAP. */
export const TUN = {
  owner: [sys.IFLA_TUN_OWNER, u32],
  group: [sys.IFLA_TUN_GROUP, u32],
  type: [sys.IFLA_TUN_TYPE, u8],
  packetInfo: [sys.IFLA_TUN_PI, u8],
  virtioHeader: [sys.IFLA_TUN_VNET_HDR, u8],
  persist: [sys.IFLA_TUN_PERSIST, u8],
  multiQueue: [sys.IFLA_TUN_MULTI_QUEUE, u8],
  queues: [sys.IFLA_TUN_NUM_QUEUES, u32],
  disabledQueues: [sys.IFLA_TUN_NUM_DISABLED_QUEUES, u32],
} as const;

/** Schemas by the kind's name; veth has its own, since its data is a link again. */
export const KINDS = {
  bridge: BRIDGE,
  vlan: VLAN,
  macvlan: MACVLAN,
  ipvlan: IPVLAN,
  vrf: VRF,
  vxlan: VXLAN,
  tun: TUN,
} as const satisfies Readonly<Record<string, Schema>>;
