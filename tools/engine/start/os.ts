/** Of node:os what a run of a tool seldom needs. */
import { formatAddress, listAddresses, listLinks, NetlinkSocket } from '@ts/netlink';
import { AF_INET, AF_INET6, IFF_LOOPBACK, IFF_RUNNING, live, NETLINK_ROUTE } from '@ts/sys';

const FAMILIES: Readonly<Record<number, 'IPv4' | 'IPv6'>> = { [AF_INET]: 'IPv4', [AF_INET6]: 'IPv6' };

/** Addresses of the interfaces that are up and running, by their names. */
export function networkInterfaces() {
  const socket = NetlinkSocket.open(live(), NETLINK_ROUTE);
  try {
    const links = listLinks(socket).filter(({ flags }) => flags & IFF_RUNNING);
    const addresses = listAddresses(socket);
    return Object.fromEntries(
      links.map(({ name, index, flags }) => [
        name,
        addresses
          .filter((each) => each.index === index && each.family in FAMILIES)
          .map(({ local, address, family }) => ({
            address: formatAddress((local ?? address) as Uint8Array),
            family: FAMILIES[family],
            internal: (flags & IFF_LOOPBACK) !== 0,
          })),
      ]),
    );
  } finally {
    socket.close();
  }
}

/** Numbers by the names that ./child-process.ts gives. */
export const constants = {
  signals: Object.fromEntries(Array.from({ length: 64 }, (_, index) => [`SIG${index + 1}`, index + 1])),
};
