/** Rules of policy routing, which choose the table of a route: `ip rule`. RTM_*RULE, ip-rule(8). */
import * as sys from '@ts/sys';
import { be32, be64, bytes, string, u8, u16, u32, type ValuesOf } from '../attribute.ts';
import { type Decoded, format, type Message } from '../message.ts';
import type { NetlinkSocket, Request } from '../socket.ts';
import { struct } from '../struct.ts';

/** struct fib_rule_hdr. `action`: FR_ACT_*, or RTN_* from RTN_BLACKHOLE on; `flags`: FIB_RULE_*. */
const HEADER = {
  family: 'u8',
  destinationLength: 'u8',
  sourceLength: 'u8',
  tos: 'u8',
  table8: 'u8',
  reserved1: 'u8',
  reserved2: 'u8',
  action: 'u8',
  flags: 'u32',
} as const;

const range32 = struct({ start: 'u32', end: 'u32' });
const range16 = struct({ start: 'u16', end: 'u16' });

/** Attributes of a rule: a selector each, or what is done. */
export const ROUTING_RULE = {
  destination: [sys.FRA_DST, bytes],
  source: [sys.FRA_SRC, bytes],
  /** Names of links, which need not be there. */
  input: [sys.FRA_IIFNAME, string],
  output: [sys.FRA_OIFNAME, string],
  /** Priority of the rule that is looked at next. */
  target: [sys.FRA_GOTO, u32],
  /** Only in requests, and not of use since Linux 2.6. */
  nat: [sys.FRA_UNUSED2, bytes],
  /** The order of rules, the lowest first. */
  priority: [sys.FRA_PRIORITY, u32],
  mark: [sys.FRA_FWMARK, u32],
  markMask: [sys.FRA_FWMASK, u32],
  /** Of source and destination, 16 bits each. */
  realms: [sys.FRA_FLOW, u32],
  tunnelId: [sys.FRA_TUN_ID, be64],
  /** Routes of such an interface group, and those with a prefix no longer than this, do not count; -1 for none. */
  suppressGroup: [sys.FRA_SUPPRESS_IFGROUP, u32],
  suppressLength: [sys.FRA_SUPPRESS_PREFIXLEN, u32],
  table: [sys.FRA_TABLE, u32],
  /** 1: the table of the VRF that the packet belongs to. */
  vrf: [sys.FRA_L3MDEV, u8],
  users: [sys.FRA_UID_RANGE, range32],
  /** RTPROT_*: who has made the rule. */
  protocol: [sys.FRA_PROTOCOL, u8],
  ipProtocol: [sys.FRA_IP_PROTO, u8],
  sourcePorts: [sys.FRA_SPORT_RANGE, range16],
  sourcePortsMask: [sys.FRA_SPORT_MASK, u16],
  destinationPorts: [sys.FRA_DPORT_RANGE, range16],
  destinationPortsMask: [sys.FRA_DPORT_MASK, u16],
  dscp: [sys.FRA_DSCP, u8],
  dscpMask: [sys.FRA_DSCP_MASK, u8],
  flowLabel: [sys.FRA_FLOWLABEL, be32],
  flowLabelMask: [sys.FRA_FLOWLABEL_MASK, be32],
} as const;

const FORMAT = format(HEADER, ROUTING_RULE);

/** A rule, as the kernel lists it. */
export type RoutingRule = Decoded<typeof HEADER, typeof ROUTING_RULE>;
/** Structure of a request; `table8`: a table below 256, others in the attribute `table`. */
export type RoutingRuleHeader = Partial<Record<keyof typeof HEADER, number>>;
/** Attributes of a request. */
export type RoutingRuleAttributes = ValuesOf<typeof ROUTING_RULE>;

/** The rules of a family as messages, which can be kept and sent again. */
export const dumpRoutingRules = (socket: NetlinkSocket, family: number): Message[] =>
  socket.dump({ type: sys.RTM_GETRULE, body: FORMAT.encode({ family }) }, 'list rules');

/** A rule of a message. */
export const decodeRoutingRule = ({ body }: Pick<Message, 'body'>): RoutingRule => FORMAT.decode(body);

/** Equivalent to `ip rule show`. @param family AF_INET, AF_INET6. */
export const listRoutingRules = (socket: NetlinkSocket, family: number): RoutingRule[] =>
  dumpRoutingRules(socket, family).map(decodeRoutingRule);

/** Equivalent to `ip rule add`. @throws When sent, NetlinkError: EEXIST, EINVAL in words, EAFNOSUPPORT. */
export const addRoutingRule = (header: RoutingRuleHeader, attributes: RoutingRuleAttributes): Request => ({
  type: sys.RTM_NEWRULE,
  flags: sys.NLM_F_CREATE | sys.NLM_F_EXCL,
  body: FORMAT.encode(header, attributes),
});

/** Equivalent to `ip rule del`: the first rule that has all of this. @throws When sent, NetlinkError: ENOENT. */
export const deleteRoutingRule = (header: RoutingRuleHeader, attributes: RoutingRuleAttributes): Request => ({
  type: sys.RTM_DELRULE,
  body: FORMAT.encode(header, attributes),
});
