/**
 * A network for a container by hand: a bridge with an address, a namespace, a pair between the two, a route, and what came of it.
 * Needs CAP_NET_ADMIN and CAP_SYS_ADMIN where it is run; leaves the bridge there.
 */
import {
  addLink,
  addressRequest,
  BRIDGE,
  encodeAttributes,
  findIndex,
  formatPrefix,
  inNewNamespace,
  linkInfo,
  listAddresses,
  listLinks,
  NetlinkError,
  NetlinkSocket,
  ownNamespace,
  type Prefix,
  parsePrefix,
  routeRequest,
  setLink,
  VETH,
} from '@ts/netlink';
import { AF_INET, IFF_UP, live, NETLINK_ROUTE, RT_TABLE_MAIN, RTN_UNICAST, RTPROT_BOOT } from '@ts/sys';

const sys = live();
const UP = { flags: IFF_UP, change: IFF_UP };
const addressOf = (text: string, index: number) => {
  const { family, bytes, length } = parsePrefix(text) as Prefix;
  return addressRequest('add', { family, prefixLength: length, index }, { local: bytes, address: bytes });
};

/** Lives as long as this descriptor. */
const namespace = inNewNamespace(sys, () => ownNamespace(sys));
using outside = NetlinkSocket.open(sys, NETLINK_ROUTE);
using inside = NetlinkSocket.open(sys, NETLINK_ROUTE, { namespace });

outside.request(addLink({}, { name: 'br-example', info: linkInfo('bridge', BRIDGE, { stpState: 0 }) }));
const bridge = findIndex(outside, 'br-example') as number;
const peer = { name: 'eth0', namespaceFd: namespace };
outside.requestAll([
  addressOf('10.77.0.1/24', bridge),
  setLink({ index: bridge, ...UP }, {}),
  addLink(
    { ...UP },
    { name: 've-example', master: bridge, info: { kind: 'veth', data: encodeAttributes(VETH, { peer }) } },
  ),
]);

const eth0 = findIndex(inside, 'eth0') as number;
inside.requestAll([addressOf('10.77.0.2/24', eth0), setLink({ index: eth0, ...UP }, {})]);
const gateway = (parsePrefix('10.77.0.1') as Prefix).bytes;
const way = { family: AF_INET, table8: RT_TABLE_MAIN, type: RTN_UNICAST, protocol: RTPROT_BOOT };
inside.request(routeRequest('add', way, { gateway, index: eth0 }));

for (const { index, name } of listLinks(inside)) console.log(`${index}: ${name}`);
for (const { family, local, prefixLength: length } of listAddresses(inside, { family: AF_INET }))
  if (local) console.log(formatPrefix({ family: family as typeof AF_INET, bytes: local, length }));

try {
  inside.request(routeRequest('add', way, { gateway, index: eth0 }), 'the route again');
} catch (error) {
  if (!(error instanceof NetlinkError)) throw error;
  console.log(error.code, error.message);
}
