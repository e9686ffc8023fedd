/** Addresses of links: `ip address`. rtnetlink(7), RTM_*ADDR. */
import {
  IFA_ADDRESS,
  IFA_ANYCAST,
  IFA_BROADCAST,
  IFA_CACHEINFO,
  IFA_FLAGS,
  IFA_LABEL,
  IFA_LOCAL,
  IFA_PROTO,
  IFA_RT_PRIORITY,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  RTM_DELADDR,
  RTM_GETADDR,
  RTM_NEWADDR,
} from '@ts/sys';
import { bytes, string, u8, u32, type ValuesOf } from '../attribute.ts';
import { type Decoded, format } from '../message.ts';
import type { NetlinkSocket, Request } from '../socket.ts';
import { struct } from '../struct.ts';

/** struct ifaddrmsg. */
const HEADER = { family: 'u8', prefixLength: 'u8', flags8: 'u8', scope: 'u8', index: 'u32' } as const;

const SCHEMA = {
  address: [IFA_ADDRESS, bytes],
  local: [IFA_LOCAL, bytes],
  label: [IFA_LABEL, string],
  broadcast: [IFA_BROADCAST, bytes],
  anycast: [IFA_ANYCAST, bytes],
  /** Seconds; 0xffffffff is for ever. Times of making and changing in hundredths of a second. */
  lifetimes: [IFA_CACHEINFO, struct({ preferred: 'u32', valid: 'u32', created: 'u32', updated: 'u32' })],
  /** IFA_F_* */
  flags: [IFA_FLAGS, u32],
  /** Metric of the route to the prefix. */
  metric: [IFA_RT_PRIORITY, u32],
  protocol: [IFA_PROTO, u8],
} as const;

const FORMAT = format(HEADER, SCHEMA);

/** An address of a link, as the kernel lists it. */
export type LinkAddress = Decoded<typeof HEADER, typeof SCHEMA>;
/** An address of an answer or a notification. */
export const decodeAddress = ({ body }: { readonly body: Buffer }): LinkAddress => FORMAT.decode(body);
/** Structure of a request: family, bits of the prefix, IFA_F_* as far as they fit into 8 bits, RT_SCOPE_*, index of the link. */
export type AddressHeader = Partial<Record<keyof typeof HEADER, number>>;
/** Attributes of a request. `local`: the address itself; `address`: that of the other end, else the same. */
export type AddressAttributes = ValuesOf<typeof SCHEMA>;

/** Equivalent to `ip address show`; `family` AF_UNSPEC for all, `index` for those of one link. */
export const listAddresses = (socket: NetlinkSocket, { family = 0, index = 0 } = {}): LinkAddress[] =>
  socket
    .dump({ type: RTM_GETADDR, body: FORMAT.encode({ family, index }) }, 'list addresses')
    .map(({ body }) => FORMAT.decode(body));

const FLAGS = {
  add: NLM_F_CREATE | NLM_F_EXCL,
  change: NLM_F_REPLACE,
  replace: NLM_F_CREATE | NLM_F_REPLACE,
} as const;

/** Equivalent to `ip address add|change|replace`. @throws When sent, NetlinkError: EEXIST (add), ENODEV, EADDRNOTAVAIL (change). */
export const addressRequest = (
  how: keyof typeof FLAGS,
  header: AddressHeader,
  attributes: AddressAttributes,
): Request => ({ type: RTM_NEWADDR, flags: FLAGS[how], body: FORMAT.encode(header, attributes) });

/** Equivalent to `ip address del`. Of IPv4 the secondary ones of its net go with it. @throws When sent, NetlinkError: EADDRNOTAVAIL. */
export const deleteAddress = (header: AddressHeader, attributes: AddressAttributes): Request => ({
  type: RTM_DELADDR,
  body: FORMAT.encode(header, attributes),
});
