/** Next hops as objects of their own, and groups of them, which routes name by id: `ip nexthop`. RTM_*NEXTHOP, Linux 5.3. */
import {
  NHA_BLACKHOLE,
  NHA_FDB,
  NHA_GATEWAY,
  NHA_GROUP,
  NHA_GROUP_STATS,
  NHA_GROUP_STATS_ENTRY,
  NHA_GROUP_STATS_ENTRY_ID,
  NHA_GROUP_STATS_ENTRY_PACKETS,
  NHA_GROUP_STATS_ENTRY_PACKETS_HW,
  NHA_GROUP_TYPE,
  NHA_GROUPS,
  NHA_HW_STATS_ENABLE,
  NHA_HW_STATS_USED,
  NHA_ID,
  NHA_MASTER,
  NHA_OIF,
  NHA_OP_FLAG_DUMP_HW_STATS,
  NHA_OP_FLAG_DUMP_STATS,
  NHA_OP_FLAGS,
  NHA_RES_GROUP,
  NHA_RES_GROUP_BUCKETS,
  NHA_RES_GROUP_IDLE_TIMER,
  NHA_RES_GROUP_UNBALANCED_TIME,
  NHA_RES_GROUP_UNBALANCED_TIMER,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  RTM_DELNEXTHOP,
  RTM_GETNEXTHOP,
  RTM_NEWNEXTHOP,
} from '@ts/sys';
import { bytes, type Codec, flag, list, nested, u16, u32, u64, uint, type ValuesOf } from '../attribute.ts';
import { type Decoded, format } from '../message.ts';
import type { NetlinkSocket, Request } from '../socket.ts';

/** struct nhmsg. `scope`: RT_SCOPE_*, only in answers; `protocol`: RTPROT_*; `flags`: RTNH_F_*. */
const HEADER = { family: 'u8', scope: 'u8', protocol: 'u8', pad: 'u8', flags: 'u32' } as const;

/** A member of a group. */
export interface GroupMember {
  /** Id of a next hop. */
  readonly id: number;
  /** Its share of the traffic, from 1 to 65536 (to 256 before Linux 6.12). */
  readonly weight: number;
}

/** struct nexthop_grp: the id, then the weight less one, low byte and high byte. */
const MEMBER_SIZE = 8;

const members: Codec<readonly GroupMember[]> = {
  encode: (values) =>
    Buffer.concat(
      values.map(({ id, weight }) => {
        const member = Buffer.alloc(MEMBER_SIZE);
        member.writeUInt32LE(id, 0);
        member.writeUInt16LE(weight - 1, 4);
        return member;
      }),
    ),
  decode: (value) =>
    Array.from({ length: Math.floor(value.length / MEMBER_SIZE) }, (_, index) => ({
      id: value.readUInt32LE(index * MEMBER_SIZE),
      weight: value.readUInt16LE(index * MEMBER_SIZE + 4) + 1,
    })),
};

const SCHEMA = {
  id: [NHA_ID, u32],
  group: [NHA_GROUP, members],
  /** NEXTHOP_GRP_TYPE_* */
  groupType: [NHA_GROUP_TYPE, u16],
  /** What a group of type NEXTHOP_GRP_TYPE_RES has of its own; times in hundredths of a second. */
  resilient: [
    NHA_RES_GROUP,
    nested({
      buckets: [NHA_RES_GROUP_BUCKETS, u16],
      idleTimer: [NHA_RES_GROUP_IDLE_TIMER, u32],
      unbalancedTimer: [NHA_RES_GROUP_UNBALANCED_TIMER, u32],
      unbalancedTime: [NHA_RES_GROUP_UNBALANCED_TIME, u64],
    }),
  ],
  blackhole: [NHA_BLACKHOLE, flag],
  /** Index of the link. */
  index: [NHA_OIF, u32],
  gateway: [NHA_GATEWAY, bytes],
  /** In requests: NHA_OP_FLAG_*, what is to be told of statistics. */
  operation: [NHA_OP_FLAGS, u32],
  /** Packets that a group has sent by each of its members. */
  statistics: [
    NHA_GROUP_STATS,
    list(
      NHA_GROUP_STATS_ENTRY,
      nested({
        id: [NHA_GROUP_STATS_ENTRY_ID, u32],
        packets: [NHA_GROUP_STATS_ENTRY_PACKETS, uint],
        hardwarePackets: [NHA_GROUP_STATS_ENTRY_PACKETS_HW, uint],
      }),
    ),
  ],
  /** Whether the hardware counts. */
  hardwareStatisticsUsed: [NHA_HW_STATS_USED, u32],
  /** 1 where the hardware is to count what a group forwards. */
  hardwareStatistics: [NHA_HW_STATS_ENABLE, u32],
  /** Of the forwarding table of a bridge, not of routes. */
  fdb: [NHA_FDB, flag],
  /** In requests of lists: only groups. */
  groups: [NHA_GROUPS, flag],
  /** In requests of lists: only those whose link has this master, by index. */
  master: [NHA_MASTER, u32],
} as const;

const FORMAT = format(HEADER, SCHEMA);

/** A next hop, or a group of them. */
export type NextHopObject = Decoded<typeof HEADER, typeof SCHEMA>;
/** A next hop of an answer or a notification. */
export const decodeNextHop = ({ body }: { readonly body: Buffer }): NextHopObject => FORMAT.decode(body);
/** Structure of a request. */
export type NextHopHeader = Partial<Record<keyof typeof HEADER, number>>;
/** Attributes of a request. */
export type NextHopAttributes = ValuesOf<typeof SCHEMA>;

/**
 * Equivalent to `ip nexthop show`.
 *
 * @param family AF_UNSPEC for all. @param filter What the kernel is to choose by: `index`, `master`, `groups`, `fdb`.
 * @param statistics 1 for packets of groups, 2 with those that the hardware has sent (Linux 6.9).
 * @throws NetlinkError EOPNOTSUPP before Linux 5.3.
 */
export const listNextHops = (
  socket: NetlinkSocket,
  family = 0,
  filter: Pick<NextHopAttributes, 'index' | 'master' | 'groups' | 'fdb'> = {},
  statistics = 0,
): NextHopObject[] =>
  socket
    .dump(
      { type: RTM_GETNEXTHOP, body: FORMAT.encode({ family }, { ...filter, operation: operationOf(statistics) }) },
      'list next hops',
    )
    .map(({ body }) => FORMAT.decode(body));

/** Equivalent to `ip nexthop get id ID`. @throws NetlinkError ENOENT where there is none. */
export const getNextHop = (socket: NetlinkSocket, id: number, statistics = 0): NextHopObject => {
  const body = FORMAT.encode({}, { id, operation: operationOf(statistics) });
  return FORMAT.decode(socket.get({ type: RTM_GETNEXTHOP, body }, `get next hop ${id}`).body);
};

const operationOf = (statistics: number): number | undefined =>
  statistics ? NHA_OP_FLAG_DUMP_STATS | (statistics > 1 ? NHA_OP_FLAG_DUMP_HW_STATS : 0) : undefined;

const FLAGS = { add: NLM_F_CREATE | NLM_F_EXCL, replace: NLM_F_CREATE | NLM_F_REPLACE } as const;

/** Equivalent to `ip nexthop add|replace`. Without an id the kernel chooses one. @throws When sent, NetlinkError: EEXIST (add), EINVAL in words. */
export const nextHopRequest = (
  how: keyof typeof FLAGS,
  header: NextHopHeader,
  attributes: NextHopAttributes,
): Request => ({ type: RTM_NEWNEXTHOP, flags: FLAGS[how], body: FORMAT.encode(header, attributes) });

/** Equivalent to `ip nexthop del id ID`. Routes that name it go with it; it leaves the groups that it is in. @throws When sent, NetlinkError: ENOENT. */
export const deleteNextHop = (id: number | undefined): Request => ({
  type: RTM_DELNEXTHOP,
  body: FORMAT.encode({}, { id }),
});
