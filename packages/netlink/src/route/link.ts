/** Links, the network interfaces: `ip link`. rtnetlink(7), RTM_*LINK. */
import * as sys from '@ts/sys';
import {
  bytes,
  type Codec,
  decodeAttributes,
  encodeAttributes,
  list,
  nested,
  type Schema,
  s32,
  string,
  u8,
  u32,
  type ValuesOf,
} from '../attribute.ts';
import { type Decoded, type Format, format } from '../message.ts';
import type { NetlinkSocket, Request } from '../socket.ts';
import { struct } from '../struct.ts';

/** struct ifinfomsg. `type`: ARPHRD_*; `flags`: IFF_*, of which `change` are set. */
const HEADER = { family: 'u8', pad: 'u8', type: 'u16', index: 's32', flags: 'u32', change: 'u32' } as const;

/** struct rtnl_link_stats64, as far as it is shown. */
const STATISTICS = {
  rxPackets: 'u64',
  txPackets: 'u64',
  rxBytes: 'u64',
  txBytes: 'u64',
  rxErrors: 'u64',
  txErrors: 'u64',
  rxDropped: 'u64',
  txDropped: 'u64',
  multicast: 'u64',
  collisions: 'u64',
  rxLengthErrors: 'u64',
  rxOverErrors: 'u64',
  rxCrcErrors: 'u64',
  rxFrameErrors: 'u64',
  rxFifoErrors: 'u64',
  rxMissedErrors: 'u64',
  txAbortedErrors: 'u64',
  txCarrierErrors: 'u64',
  txFifoErrors: 'u64',
  txHeartbeatErrors: 'u64',
  txWindowErrors: 'u64',
  rxCompressed: 'u64',
  txCompressed: 'u64',
  rxNoHandler: 'u64',
} as const;

/** `data` and `portData` are attributes whose schema the kind decides: ./kinds.ts. */
const INFO = {
  kind: [sys.IFLA_INFO_KIND, string],
  data: [sys.IFLA_INFO_DATA, bytes],
  portKind: [sys.IFLA_INFO_SLAVE_KIND, string],
  portData: [sys.IFLA_INFO_SLAVE_DATA, bytes],
} as const;

const INET6 = { addrGenMode: [sys.IFLA_INET6_ADDR_GEN_MODE, u8] } as const;

const SCHEMA = {
  name: [sys.IFLA_IFNAME, string],
  address: [sys.IFLA_ADDRESS, bytes],
  broadcast: [sys.IFLA_BROADCAST, bytes],
  permanentAddress: [sys.IFLA_PERM_ADDRESS, bytes],
  mtu: [sys.IFLA_MTU, u32],
  minMtu: [sys.IFLA_MIN_MTU, u32],
  maxMtu: [sys.IFLA_MAX_MTU, u32],
  /** Index of the other end or of what carries it; in the namespace `linkNamespaceId` where that is there. */
  link: [sys.IFLA_LINK, s32],
  linkNamespaceId: [sys.IFLA_LINK_NETNSID, s32],
  newNamespaceId: [sys.IFLA_NEW_NETNSID, s32],
  targetNamespaceId: [sys.IFLA_TARGET_NETNSID, s32],
  qdisc: [sys.IFLA_QDISC, string],
  master: [sys.IFLA_MASTER, u32],
  queueLength: [sys.IFLA_TXQLEN, u32],
  operState: [sys.IFLA_OPERSTATE, u8],
  linkMode: [sys.IFLA_LINKMODE, u8],
  group: [sys.IFLA_GROUP, u32],
  alias: [sys.IFLA_IFALIAS, string],
  promiscuity: [sys.IFLA_PROMISCUITY, u32],
  allMulticast: [sys.IFLA_ALLMULTI, u32],
  txQueues: [sys.IFLA_NUM_TX_QUEUES, u32],
  rxQueues: [sys.IFLA_NUM_RX_QUEUES, u32],
  gsoMaxSize: [sys.IFLA_GSO_MAX_SIZE, u32],
  gsoMaxSegments: [sys.IFLA_GSO_MAX_SEGS, u32],
  tsoMaxSize: [sys.IFLA_TSO_MAX_SIZE, u32],
  tsoMaxSegments: [sys.IFLA_TSO_MAX_SEGS, u32],
  groMaxSize: [sys.IFLA_GRO_MAX_SIZE, u32],
  gsoIpv4MaxSize: [sys.IFLA_GSO_IPV4_MAX_SIZE, u32],
  groIpv4MaxSize: [sys.IFLA_GRO_IPV4_MAX_SIZE, u32],
  carrier: [sys.IFLA_CARRIER, u8],
  carrierChanges: [sys.IFLA_CARRIER_CHANGES, u32],
  protoDown: [sys.IFLA_PROTO_DOWN, u8],
  /** Bits of who has taken it down, of which `mask` are set. */
  protoDownReason: [
    sys.IFLA_PROTO_DOWN_REASON,
    nested({ mask: [sys.IFLA_PROTO_DOWN_REASON_MASK, u32], value: [sys.IFLA_PROTO_DOWN_REASON_VALUE, u32] }),
  ],
  statistics: [sys.IFLA_STATS64, struct(STATISTICS)],
  info: [sys.IFLA_LINKINFO, nested(INFO)],
  perFamily: [sys.IFLA_AF_SPEC, nested({ inet6: [sys.AF_INET6, nested(INET6)] })],
  alternativeNames: [sys.IFLA_PROP_LIST, list(sys.IFLA_ALT_IFNAME, string)],
  alternativeName: [sys.IFLA_ALT_IFNAME, string],
  parentBus: [sys.IFLA_PARENT_DEV_BUS_NAME, string],
  parentDevice: [sys.IFLA_PARENT_DEV_NAME, string],
  /** A namespace that the link is made in or moved to: one that a process is in, or a descriptor of it. */
  namespacePid: [sys.IFLA_NET_NS_PID, u32],
  namespaceFd: [sys.IFLA_NET_NS_FD, u32],
  newIndex: [sys.IFLA_NEW_IFINDEX, s32],
  /** RTEXT_FILTER_* */
  filter: [sys.IFLA_EXT_MASK, u32],
} as const;

const FORMAT: Format<typeof HEADER, typeof SCHEMA> = format(HEADER, SCHEMA);

/** A link, as the kernel lists it. MTU and lengths in bytes, length of the queue in packets. */
export type Link = Decoded<typeof HEADER, typeof SCHEMA>;
/** A link of an answer or a notification. */
export const decodeLink = ({ body }: { readonly body: Buffer }): Link => FORMAT.decode(body);
/** Structure of a request; `index` 0 where the kernel is to choose, or the name says which. */
export type LinkHeader = Partial<Record<keyof typeof HEADER, number>>;
/** Attributes of a request. */
export type LinkAttributes = ValuesOf<typeof SCHEMA>;

/** A link in an attribute: the other end of a pair. */
export const linkPeer: Codec<LinkHeader & LinkAttributes> = {
  encode: ({ family, pad, type, index, flags, change, ...attributes }) =>
    FORMAT.encode({ family, pad, type, index, flags, change }, attributes),
  decode: (body) => FORMAT.decode(body),
};

/** The other end of a pair, as a link of its own: name, namespace, address and so on. */
export const VETH = { peer: [sys.VETH_INFO_PEER, linkPeer] } as const;

/** The part of a kind's own: `linkInfo('bridge', BRIDGE, { stpState: 1 })` for `LinkAttributes.info`. */
export const linkInfo = <S extends Schema>(kind: string, schema: S, data: ValuesOf<S>): ValuesOf<typeof INFO> => ({
  kind,
  data: Object.keys(data).length ? encodeAttributes(schema, data) : undefined,
});

/** The part of a master's kind for its members. */
export const portInfo = <S extends Schema>(kind: string, schema: S, data: ValuesOf<S>): ValuesOf<typeof INFO> => ({
  portKind: kind,
  portData: encodeAttributes(schema, data),
});

/** What a link's kind has of its own, by that kind's schema. */
export const kindData = <S extends Schema>(schema: S, data: Uint8Array | undefined): ValuesOf<S> =>
  data ? decodeAttributes(schema, Buffer.from(data.buffer, data.byteOffset, data.byteLength)) : {};

/** What a dump is limited to: members of a master, links of a kind. */
export interface LinkFilter {
  readonly master?: number;
  readonly kind?: string;
}

/**
 * Equivalent to `ip link show`. Statistics only where they are asked for.
 *
 * @param choice.family AF_INET6: only links that IPv6 uses, with less about each.
 */
export function listLinks(
  socket: NetlinkSocket,
  { master, kind, statistics = false, family = 0 }: LinkFilter & { statistics?: boolean; family?: number } = {},
): Link[] {
  const info = kind === undefined ? undefined : { kind };
  const body = FORMAT.encode({ family }, family ? {} : { filter: filterOf(statistics), master, info });
  return socket.dump({ type: sys.RTM_GETLINK, body }, 'list links').map((message) => FORMAT.decode(message.body));
}

const filterOf = (statistics: boolean) => sys.RTEXT_FILTER_VF | (statistics ? 0 : sys.RTEXT_FILTER_SKIP_STATS);

/** Equivalent to `ip link show dev`: by index, or by name or alternative name. ENODEV where there is none. */
export const getLink = (socket: NetlinkSocket, which: number | string, statistics = false): Link =>
  FORMAT.decode(askFor(socket, which, statistics));

function askFor(socket: NetlinkSocket, which: number | string, statistics = false): Buffer {
  const filter = filterOf(statistics);
  const name = (text: string) => (Buffer.byteLength(text) < 16 ? { name: text } : { alternativeName: text });
  const body =
    typeof which === 'number'
      ? FORMAT.encode({ index: which }, { filter })
      : FORMAT.encode({}, { ...name(which), filter });
  return socket.get({ type: sys.RTM_GETLINK, body }, `get link ${which}`).body;
}

/** The index of a link by name or alternative name, undefined where there is none. */
export const findIndex = (socket: NetlinkSocket, name: string): number | undefined =>
  orNone(() => askFor(socket, name).readInt32LE(INDEX_OFFSET));

/** Where struct ifinfomsg has it. */
const INDEX_OFFSET = 4;

/** The link of a name, undefined where there is none. */
export const findLink = (socket: NetlinkSocket, name: string): Link | undefined => orNone(() => getLink(socket, name));

function orNone<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (error instanceof sys.SysError && error.code === 'ENODEV') return undefined;
    throw error;
  }
}

/**
 * Equivalent to `ip link add`. Made by the kernel, wholly or not at all: both ends of a veth pair, for instance.
 *
 * @throws When sent, NetlinkError: EEXIST where the name is taken, EOPNOTSUPP where the kernel lacks the kind, EPERM without
 * CAP_NET_ADMIN in the namespace.
 */
export const addLink = (header: LinkHeader, attributes: LinkAttributes): Request => ({
  type: sys.RTM_NEWLINK,
  flags: sys.NLM_F_CREATE | sys.NLM_F_EXCL,
  body: FORMAT.encode(header, attributes),
});

/**
 * Equivalent to `ip link set`: the link of the header's index, or of the name where that is 0. `flags` counts where `change` has the
 * bit; `master` 0 for none; `namespaceFd` and `namespacePid` move it.
 *
 * @throws When sent, NetlinkError: ENODEV, EBUSY for what a link that is up refuses, EINVAL for an MTU out of bounds.
 */
export const setLink = (header: LinkHeader, attributes: LinkAttributes): Request => ({
  type: sys.RTM_NEWLINK,
  body: FORMAT.encode(header, attributes),
});

/** Equivalent to `ip link property add|del`: alternative names. */
export const changeNames = (how: 'add' | 'del', header: LinkHeader, attributes: LinkAttributes): Request => ({
  type: how === 'add' ? sys.RTM_NEWLINKPROP : sys.RTM_DELLINKPROP,
  flags: how === 'add' ? sys.NLM_F_CREATE | sys.NLM_F_EXCL : 0,
  body: FORMAT.encode(header, attributes),
});

/** Equivalent to `ip link del`: by index, or all of a group. @throws When sent, NetlinkError: ENODEV, EOPNOTSUPP for one that cannot go (lo). */
export const deleteLink = (header: LinkHeader, attributes: LinkAttributes = {}): Request => ({
  type: sys.RTM_DELLINK,
  body: FORMAT.encode(header, attributes),
});
