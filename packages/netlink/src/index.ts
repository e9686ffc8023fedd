/**
 * @ts/netlink: the kernel's network configuration by messages. rtnetlink(7) for links, addresses, routes, next hops,
 * neighbours and ids of namespaces; nfnetlink for tables of the packet filter.
 *
 *     using socket = NetlinkSocket.open(live(), NETLINK_ROUTE);
 *     socket.request(addLink({}, { name: 'br0', info: linkInfo('bridge', BRIDGE, { stpState: 1 }) }));
 *     for (const { index, name } of listLinks(socket)) console.log(index, name);
 */
export * from './attribute.ts';
export * from './error.ts';
export * from './inet.ts';
export * from './message.ts';
export * from './namespace.ts';
export * from './nftables/index.ts';
export * from './route/address.ts';
export * from './route/kinds.ts';
export * from './route/link.ts';
export * from './route/neighbor.ts';
export * from './route/nexthop.ts';
export * from './route/nsid.ts';
export * from './route/route.ts';
export * from './route/rule.ts';
export * from './socket.ts';
export * from './struct.ts';
