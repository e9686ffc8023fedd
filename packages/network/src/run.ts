/** A namespace without a name, connected as long as its program lives. */
import { deleteLink, findLink, setLink } from '@ts/netlink';
import { IFF_UP, Journal } from '@ts/sys';
import { type Connection, checkPorts, hostName, plug, removeBridge, wishesOf } from './connect.ts';
import { release, TABLE } from './forwarding.ts';
import { alone, uninterrupted } from './lock.ts';
import { makeUnnamed } from './namespaces.ts';
import type { Network } from './network.ts';
import { lend } from './rules.ts';

/** What is to be taken back when the program has ended. */
export interface Left {
  /** The outer end of the pair. */
  readonly host: string;
  readonly bridge: string;
  /** Comment of the table that is gone: what it had turned on. */
  readonly comment: string;
}

export interface Connected {
  /** Descriptor of the namespace. */
  readonly namespace: number;
  /** Descriptor that our table is bound to; undefined where there is none. */
  readonly filter?: number;
  readonly left: Left;
}

/** A namespace with no link but lo, which is up. Result: its descriptor. */
export const makeLonely = (network: Network): number =>
  alone(network, () => holding(network, (fd) => up(network, fd)).fd);

/** Makes a namespace and does something with it; it goes again where that fails. */
function holding<T>(network: Network, act: (fd: number) => T): { fd: number; made: T } {
  const fd = makeUnnamed(network.sys);
  try {
    return { fd, made: act(fd) };
  } catch (error) {
    network.sys.look('close', fd);
    throw error;
  }
}

function up(network: Network, namespace: number): void {
  const inner = network.inside(namespace);
  try {
    inner.route.request(setLink({ index: 1, flags: IFF_UP, change: IFF_UP }, {}), 'link set lo up');
  } finally {
    inner.close();
  }
}

/**
 * Makes a namespace and connects it; when a step fails, all others are taken back. Its rules are in a table that lives as long
 * as the descriptor of the packet filter: the network stays open until then.
 *
 * @param pid Process that the namespace is for: its number is in the names of what is made.
 */
export function connectUnnamed(network: Network, pid: number, connection: Connection): Connected {
  const { fd, made } = alone(network, () =>
    holding(network, (namespace) => connectTo(network, pid, namespace, connection)),
  );
  return { namespace: fd, ...made };
}

function connectTo(
  network: Network,
  pid: number,
  fd: number,
  connection: Connection,
): Pick<Connected, 'filter' | 'left'> {
  const name = `run-${pid}`;
  const undo = new Journal();
  try {
    checkPorts(network, name, connection);
    plug(network, connection, { name, fd, made: false }, undo);
    const wishes = wishesOf(name, connection);
    const comment = wishes.length ? lend(network, `${TABLE}-${pid}`, wishes, undo) : undefined;
    return {
      filter: comment === undefined ? undefined : network.filter.fd,
      left: { host: connection.host ?? hostName(name), bridge: connection.bridge, comment: comment ?? '' },
    };
  } catch (error) {
    undo.run();
    throw error;
  }
}

/** Takes back what is left when the program has ended and the table is gone: the pair, the bridge, forwarding where it was off. */
export function takeBack(network: Network, { host, bridge, comment }: Left): void {
  alone(network, () =>
    uninterrupted(() => {
      const link = findLink(network.route, host);
      if (link) network.route.request(deleteLink({ index: link.index }), 'link del');
      removeBridge(network, findLink(network.route, bridge)?.index);
      release(network, comment);
    }),
  );
}
