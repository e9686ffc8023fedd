/** Neighbours, the ARP and NDP tables: `ip neighbour`. rtnetlink(7), RTM_*NEIGH. */
import {
  NDA_CACHEINFO,
  NDA_DST,
  NDA_FLAGS_EXT,
  NDA_IFINDEX,
  NDA_LLADDR,
  NDA_MASTER,
  NDA_PROBES,
  NDA_PROTOCOL,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  RTM_DELNEIGH,
  RTM_GETNEIGH,
  RTM_NEWNEIGH,
} from '@ts/sys';
import { bytes, u8, u32, type ValuesOf } from '../attribute.ts';
import { type Decoded, format } from '../message.ts';
import type { NetlinkSocket, Request } from '../socket.ts';
import { struct } from '../struct.ts';

/** struct ndmsg. `state`: NUD_*, `flags`: NTF_*. */
const HEADER = {
  family: 'u8',
  pad1: 'u8',
  pad2: 'u16',
  index: 's32',
  state: 'u16',
  flags: 'u8',
  type: 'u8',
} as const;

const SCHEMA = {
  destination: [NDA_DST, bytes],
  hardware: [NDA_LLADDR, bytes],
  /** Hundredths of a second since. */
  cache: [NDA_CACHEINFO, struct({ confirmed: 'u32', used: 'u32', updated: 'u32', references: 'u32' })],
  probes: [NDA_PROBES, u32],
  master: [NDA_MASTER, u32],
  /** In requests of lists: the link. Of an entry of a VXLAN link: through which link its packets go. */
  linkIndex: [NDA_IFINDEX, u32],
  protocol: [NDA_PROTOCOL, u8],
  /** NTF_EXT_* */
  moreFlags: [NDA_FLAGS_EXT, u32],
} as const;

const FORMAT = format(HEADER, SCHEMA);

/** A neighbour, as the kernel lists it. */
export type Neighbor = Decoded<typeof HEADER, typeof SCHEMA>;
/** A neighbour of an answer or a notification. */
export const decodeNeighbor = ({ body }: { readonly body: Buffer }): Neighbor => FORMAT.decode(body);
/** Structure of a request: family, index of the link, NUD_*, NTF_*. */
export type NeighborHeader = Partial<Record<keyof typeof HEADER, number>>;
/** Attributes of a request. `destination`: its address; `hardware`: that of its link. */
export type NeighborAttributes = ValuesOf<typeof SCHEMA>;

/** Equivalent to `ip neighbour show [dev]`; `flags` NTF_PROXY for `show proxy`. */
export const listNeighbors = (socket: NetlinkSocket, { family = 0, index = 0, flags = 0 } = {}): Neighbor[] =>
  socket
    .dump(
      { type: RTM_GETNEIGH, body: FORMAT.encode({ family, flags }, index ? { linkIndex: index } : {}) },
      'list neighbours',
    )
    .map(({ body }) => FORMAT.decode(body));

const FLAGS = {
  add: NLM_F_CREATE | NLM_F_EXCL,
  change: NLM_F_REPLACE,
  replace: NLM_F_CREATE | NLM_F_REPLACE,
  append: NLM_F_CREATE,
} as const;

/** Equivalent to `ip neighbour add|change|replace`. @throws When sent, NetlinkError: EEXIST (add), ENOENT (change), EINVAL for a link without neighbours. */
export const neighborRequest = (
  how: keyof typeof FLAGS,
  header: NeighborHeader,
  attributes: NeighborAttributes,
): Request => ({ type: RTM_NEWNEIGH, flags: FLAGS[how], body: FORMAT.encode(header, attributes) });

/** Equivalent to `ip neighbour del`. @throws When sent, NetlinkError: ENOENT. */
export const deleteNeighbor = (header: NeighborHeader, attributes: NeighborAttributes): Request => ({
  type: RTM_DELNEIGH,
  body: FORMAT.encode(header, attributes),
});

/** Equivalent to `ip neighbour get`. @throws NetlinkError ENOENT. */
export const getNeighbor = (socket: NetlinkSocket, header: NeighborHeader, attributes: NeighborAttributes): Neighbor =>
  FORMAT.decode(socket.get({ type: RTM_GETNEIGH, body: FORMAT.encode(header, attributes) }, 'get neighbour').body);
