/** Routes: `ip route`. rtnetlink(7), RTM_*ROUTE. */
import {
  NLM_F_APPEND,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  RTA_CACHEINFO,
  RTA_DPORT,
  RTA_DST,
  RTA_EXPIRES,
  RTA_FLOW,
  RTA_FLOWLABEL,
  RTA_GATEWAY,
  RTA_IIF,
  RTA_IP_PROTO,
  RTA_MARK,
  RTA_METRICS,
  RTA_MULTIPATH,
  RTA_NEWDST,
  RTA_NH_ID,
  RTA_OIF,
  RTA_PREF,
  RTA_PREFSRC,
  RTA_PRIORITY,
  RTA_SPORT,
  RTA_SRC,
  RTA_TABLE,
  RTA_TTL_PROPAGATE,
  RTA_UID,
  RTA_VIA,
  RTAX_ADVMSS,
  RTAX_CC_ALGO,
  RTAX_CWND,
  RTAX_FASTOPEN_NO_COOKIE,
  RTAX_FEATURES,
  RTAX_HOPLIMIT,
  RTAX_INITCWND,
  RTAX_INITRWND,
  RTAX_LOCK,
  RTAX_MTU,
  RTAX_QUICKACK,
  RTAX_REORDERING,
  RTAX_RTO_MIN,
  RTAX_RTT,
  RTAX_RTTVAR,
  RTAX_SSTHRESH,
  RTAX_WINDOW,
  RTM_DELROUTE,
  RTM_GETROUTE,
  RTM_NEWROUTE,
} from '@ts/sys';
import {
  be16,
  be32,
  bytes,
  type Codec,
  decodeAttributes,
  encodeAttributes,
  nested,
  string,
  u8,
  u16,
  u32,
  type ValuesOf,
} from '../attribute.ts';
import { type Decoded, format } from '../message.ts';
import type { NetlinkSocket, Request } from '../socket.ts';
import { struct } from '../struct.ts';

/** struct rtmsg. `type`: RTN_*, `scope`: RT_SCOPE_*, `flags`: RTNH_F_*, RTM_F_*. */
const HEADER = {
  family: 'u8',
  destinationLength: 'u8',
  sourceLength: 'u8',
  tos: 'u8',
  table8: 'u8',
  protocol: 'u8',
  scope: 'u8',
  type: 'u8',
  flags: 'u32',
} as const;

const METRICS = {
  /** Bit n: metric n may not be changed. */
  lock: [RTAX_LOCK, u32],
  mtu: [RTAX_MTU, u32],
  window: [RTAX_WINDOW, u32],
  rtt: [RTAX_RTT, u32],
  rttvar: [RTAX_RTTVAR, u32],
  ssthresh: [RTAX_SSTHRESH, u32],
  cwnd: [RTAX_CWND, u32],
  advmss: [RTAX_ADVMSS, u32],
  reordering: [RTAX_REORDERING, u32],
  hoplimit: [RTAX_HOPLIMIT, u32],
  initcwnd: [RTAX_INITCWND, u32],
  features: [RTAX_FEATURES, u32],
  rto_min: [RTAX_RTO_MIN, u32],
  initrwnd: [RTAX_INITRWND, u32],
  quickack: [RTAX_QUICKACK, u32],
  congctl: [RTAX_CC_ALGO, string],
  fastopen_no_cookie: [RTAX_FASTOPEN_NO_COOKIE, u32],
} as const;
/** Metrics of a route. Lengths in bytes; rtt in eighths, rttvar in quarters of a millisecond, rto_min in milliseconds. */
export type Metrics = ValuesOf<typeof METRICS>;

/** One of several ways. */
export interface NextHop {
  /** RTNH_F_* */
  readonly flags: number;
  /** Share of the traffic, less one. */
  readonly hops: number;
  readonly index: number;
  readonly gateway?: Uint8Array;
  /** A gateway of another family than the destination: its family (16 bits), then its address. */
  readonly via?: Uint8Array;
  /** Of its source and its destination, 16 bits each. */
  readonly realms?: number;
}

const HOP = { gateway: [RTA_GATEWAY, bytes], via: [RTA_VIA, bytes], realms: [RTA_FLOW, u32] } as const;
const HOP_SIZE = 8;

/** struct rtnexthop and attributes, one behind the other. */
const hops: Codec<readonly NextHop[]> = {
  encode: (values) =>
    Buffer.concat(
      values.map(({ flags, hops: weight, index, ...attributes }) => {
        const rest = encodeAttributes(HOP, attributes);
        const header = Buffer.alloc(HOP_SIZE);
        header.writeUInt16LE(HOP_SIZE + rest.length, 0);
        header.writeUInt8(flags & 0xff, 2);
        header.writeUInt8(weight, 3);
        header.writeInt32LE(index, 4);
        return Buffer.concat([header, rest]);
      }),
    ),
  decode: (value) => {
    const found: NextHop[] = [];
    for (let at = 0; at + HOP_SIZE <= value.length; ) {
      const length = value.readUInt16LE(at);
      if (length < HOP_SIZE || at + length > value.length)
        throw new RangeError(`a next hop of ${length} bytes where ${value.length - at} are left`);
      found.push({
        flags: value.readUInt8(at + 2),
        hops: value.readUInt8(at + 3),
        index: value.readInt32LE(at + 4),
        ...decodeAttributes(HOP, value.subarray(at + HOP_SIZE, at + length)),
      });
      at += (length + 3) & ~3;
    }
    return found;
  },
};

const SCHEMA = {
  destination: [RTA_DST, bytes],
  source: [RTA_SRC, bytes],
  inputIndex: [RTA_IIF, u32],
  index: [RTA_OIF, u32],
  gateway: [RTA_GATEWAY, bytes],
  via: [RTA_VIA, bytes],
  metric: [RTA_PRIORITY, u32],
  preferredSource: [RTA_PREFSRC, bytes],
  metrics: [RTA_METRICS, nested(METRICS)],
  nextHops: [RTA_MULTIPATH, hops],
  realms: [RTA_FLOW, u32],
  cache: [
    RTA_CACHEINFO,
    struct({
      references: 'u32',
      lastUse: 'u32',
      expires: 's32',
      error: 'u32',
      used: 'u32',
      id: 'u32',
      timestamp: 'u32',
      timestampAge: 'u32',
    }),
  ],
  table: [RTA_TABLE, u32],
  mark: [RTA_MARK, u32],
  preference: [RTA_PREF, u8],
  expires: [RTA_EXPIRES, u32],
  uid: [RTA_UID, u32],
  /** Of the packet that a route is looked up for: IPPROTO_*, ports. */
  ipProtocol: [RTA_IP_PROTO, u8],
  sourcePort: [RTA_SPORT, be16],
  destinationPort: [RTA_DPORT, be16],
  nextHopId: [RTA_NH_ID, u32],
  flowLabel: [RTA_FLOWLABEL, be32],
  /** What takes the place of the destination in a packet. */
  newDestination: [RTA_NEWDST, bytes],
  ttlPropagate: [RTA_TTL_PROPAGATE, u8],
} as const;

const FORMAT = format(HEADER, SCHEMA);

/** A route, as the kernel lists it. */
export type Route = Decoded<typeof HEADER, typeof SCHEMA>;
/** A route of an answer or a notification. */
export const decodeRoute = ({ body }: { readonly body: Buffer }): Route => FORMAT.decode(body);
/** Structure of a request; `table8`: a table below 256, others in the attribute `table`. */
export type RouteHeader = Partial<Record<keyof typeof HEADER, number>>;
/** Attributes of a request. */
export type RouteAttributes = ValuesOf<typeof SCHEMA>;

/** Equivalent to `ip route show table all`, of one family, and of one table where that is given. */
export const listRoutes = (
  socket: NetlinkSocket,
  header: RouteHeader,
  attributes: Pick<RouteAttributes, 'table' | 'index'> = {},
): Route[] =>
  socket
    .dump({ type: RTM_GETROUTE, body: FORMAT.encode(header, attributes) }, 'list routes')
    .map(({ body }) => FORMAT.decode(body));

/** Equivalent to `ip route get`. @throws NetlinkError ENETUNREACH, EHOSTUNREACH, EACCES: what the route found says. */
export const getRoute = (socket: NetlinkSocket, header: RouteHeader, attributes: RouteAttributes): Route =>
  FORMAT.decode(socket.get({ type: RTM_GETROUTE, body: FORMAT.encode(header, attributes) }, 'get route').body);

const FLAGS = {
  add: NLM_F_CREATE | NLM_F_EXCL,
  change: NLM_F_REPLACE,
  replace: NLM_F_CREATE | NLM_F_REPLACE,
  append: NLM_F_CREATE | NLM_F_APPEND,
  prepend: NLM_F_CREATE,
  test: NLM_F_EXCL,
} as const;

/** Equivalent to `ip route add|change|replace|append|prepend|test`. @throws When sent, NetlinkError: EEXIST, ENETUNREACH for a gateway that no link reaches, ENETDOWN, ENOENT (change). */
export const routeRequest = (how: keyof typeof FLAGS, header: RouteHeader, attributes: RouteAttributes): Request => ({
  type: RTM_NEWROUTE,
  flags: FLAGS[how],
  body: FORMAT.encode(header, attributes),
});

/** Equivalent to `ip route del`: the first that has all that is said. @throws When sent, NetlinkError: ESRCH where there is none. */
export const deleteRoute = (header: RouteHeader, attributes: RouteAttributes): Request => ({
  type: RTM_DELROUTE,
  body: FORMAT.encode(header, attributes),
});

/** Table of a route. */
export const tableOf = ({ table, table8 }: Pick<Route, 'table' | 'table8'>): number => table ?? table8;

/** Family and address of a gateway of another family than the destination. */
export const viaOf = (via: Uint8Array): { readonly family: number; readonly bytes: Uint8Array } => ({
  family: u16.decode(Buffer.from(via.subarray(0, 2))),
  bytes: via.subarray(2),
});
