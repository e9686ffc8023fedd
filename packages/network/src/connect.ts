/** A namespace at a bridge, with address, route, NAT, ports and name servers, all or nothing. */

import {
  addLink,
  addressRequest,
  BRIDGE,
  BRIDGE_PORT,
  deleteLink,
  encodeAttributes,
  findLink,
  getNamespaceId,
  type Link,
  linkInfo,
  listAddresses,
  listLinks,
  listRoutes,
  masked,
  type Prefix,
  portInfo,
  routeRequest,
  sameBytes,
  setLink,
  VETH,
} from '@ts/netlink';
import * as sys from '@ts/sys';
import { Failure } from '@ts/sys';
import { NetworkFailure } from './failure.ts';
import { alone, uninterrupted } from './lock.ts';
import { checkNamespace, ETC, makeNamed, openNamed, pathOf, unname } from './namespaces.ts';
import { isLinkName, type Network } from './network.ts';
import {
  formatPublication,
  grant,
  granted,
  masqueradeWish,
  type Publication,
  publicationWish,
  revoke,
  takesPort,
  type Wish,
} from './rules.ts';

/** How a namespace is connected. */
export interface Connection {
  /** Made where it is not there. */
  readonly bridge: string;
  /** The namespace's address, with the length of its net. */
  readonly address?: Prefix;
  /** The bridge's address, in the same net, and the way out of the namespace. */
  readonly gateway?: Prefix;
  /** What the link is called inside. */
  readonly device: string;
  /** What its other end is called; by default the namespace's name behind "ve-", or a short one made of it. */
  readonly host?: string;
  /** Packets to elsewhere leave with the address of the link they leave by. */
  readonly nat: boolean;
  /** Only those that leave by this link. */
  readonly out?: string;
  readonly publish: readonly Publication[];
  /** Addresses of name servers, as text. */
  readonly dns: readonly string[];
  /** Bytes. */
  readonly mtu?: number;
}

/** Exit status: what is asked for cannot be had. */
const REFUSED = 2;

/** A short name that is always the same for the same text (FNV-1a). */
function digest(text: string): string {
  let hash = 0x811c9dc5;
  for (const byte of sys.encode(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash.toString(36).padStart(7, '0');
}

/** Name of the outer end: that of the namespace, where it is short enough. */
export const hostName = (namespace: string): string =>
  isLinkName(`ve-${namespace}`) ? `ve-${namespace}` : `ve-${digest(namespace)}`;

/** Whom a connection is for. */
export interface Owner {
  readonly name: string;
  /** Descriptor of the namespace. */
  readonly fd: number;
  /** The namespace was made for it. */
  readonly made: boolean;
}

/** What our links say of themselves: whose they are, and what was made for them. */
const MARK = 'ts-netns';
const aliasOf = (owner: string, made: boolean) => `${MARK} ${owner}${made ? ' made' : ''}`;
const isOwn = (link: Link | undefined, owner: string) =>
  link?.alias === aliasOf(owner, false) || link?.alias === aliasOf(owner, true);

/**
 * A pair as `connect` makes it in its first step, before it is marked: what is left of one that was killed between the two. Nobody
 * uses it: it is down, has no name of its own and no master, and its other end is in the namespace that is to be connected.
 */
function isUnfinished({ route }: Network, link: Link, namespace: number): boolean {
  const { nsid = -1 } = getNamespaceId(route, { fd: namespace });
  return (
    link.info?.kind === 'veth' &&
    link.alias === undefined &&
    !link.master &&
    !(link.flags & sys.IFF_UP) &&
    nsid >= 0 &&
    link.linkNamespaceId === nsid
  );
}

const scopeAddress = (prefix: Prefix, index: number) =>
  addressRequest(
    'replace',
    { family: prefix.family, prefixLength: prefix.length, index },
    {
      local: prefix.bytes,
      address: prefix.bytes,
      broadcast:
        prefix.family === sys.AF_INET && prefix.length < 31 ? masked(prefix.bytes, prefix.length, 1) : undefined,
      flags: prefix.family === sys.AF_INET6 ? sys.IFA_F_NODAD : undefined,
    },
  );

const hasAddress = (network: Network, index: number, prefix: Prefix) =>
  listAddresses(network.route, { family: prefix.family, index }).some(
    (each) => each.index === index && sameBytes(each.local ?? each.address, prefix.bytes),
  );

const UP = { flags: sys.IFF_UP, change: sys.IFF_UP } as const;

/** The bridge, made and given the gateway's address where it is not there. */
function bridgeFor(network: Network, { bridge, gateway, address }: Connection, undo: sys.Journal): number {
  let link = findLink(network.route, bridge);
  if (link && link.info?.kind !== 'bridge') throw new Failure(`${bridge} is there, and no bridge`);
  if (!link) {
    network.route.request(addLink({}, { name: bridge, info: linkInfo('bridge', BRIDGE, {}) }), 'link add');
    undo.add(() => network.route.request(deleteLink({ index: network.index(bridge) })));
    link = findLink(network.route, bridge) as Link;
    network.route.request(setLink({ index: link.index }, { alias: MARK }), 'link set');
  }
  const { index } = link;
  if (gateway && address) {
    const own = { ...gateway, length: address.length };
    if (!hasAddress(network, index, own)) {
      network.route.request(scopeAddress(own, index), 'address add');
      undo.add(() => network.route.request({ ...scopeAddress(own, index), type: sys.RTM_DELADDR, flags: 0 }));
    }
  }
  if (!(link.flags & sys.IFF_UP)) network.route.request(setLink({ index, ...UP }, {}), 'link set');
  return index;
}

/** The pair: one end here at the bridge, the other one in the namespace. */
function pairFor(network: Network, connection: Connection, owner: Owner, master: number, undo: sys.Journal): void {
  const { route } = network;
  const name = connection.host ?? hostName(owner.name);
  const there = findLink(route, name);
  const isLeft = there !== undefined && isUnfinished(network, there, owner.fd);
  if (there && !isLeft && !isOwn(there, owner.name))
    throw new NetworkFailure('link taken', `${name} is there already, and not for ${owner.name}`, REFUSED);
  if (!there) {
    const peer = { name: connection.device, namespaceFd: owner.fd, mtu: connection.mtu };
    route.request(
      addLink({}, { name, mtu: connection.mtu, info: { kind: 'veth', data: encodeAttributes(VETH, { peer }) } }),
      'link add',
    );
  }
  if (!there || isLeft) undo.add(() => route.request(deleteLink({ index: network.index(name) })));
  const index = network.index(name);
  const alias = there && !isLeft ? undefined : aliasOf(owner.name, owner.made);
  route.request(setLink({ index, ...UP }, { master, alias, mtu: connection.mtu }), 'link set');
  // What the namespace sends to its own published port comes back to it by the way it went.
  if (connection.publish.length)
    route.request(setLink({ index }, { info: portInfo('bridge', BRIDGE_PORT, { hairpin: 1 }) }), 'link set');
}

/** What is set up in the namespace itself. Nothing of it needs taking back: it goes with the pair. */
function inside(inner: Network, { device, address, gateway }: Connection): void {
  const { route } = inner;
  const index = inner.index(device);
  route.request(setLink({ index: inner.index('lo'), ...UP }, {}), 'link set');
  if (address && !hasAddress(inner, index, address)) route.request(scopeAddress(address, index), 'address add');
  route.request(setLink({ index, ...UP }, {}), 'link set');
  if (!gateway) return;
  const isThere = listRoutes(route, { family: gateway.family, table8: sys.RT_TABLE_MAIN }).some(
    (each) => each.destinationLength === 0 && sameBytes(each.gateway, gateway.bytes) && each.index === index,
  );
  if (isThere) return;
  route.request(
    routeRequest(
      'replace',
      {
        family: gateway.family,
        table8: sys.RT_TABLE_MAIN,
        protocol: sys.RTPROT_BOOT,
        scope: sys.RT_SCOPE_UNIVERSE,
        type: sys.RTN_UNICAST,
      },
      { gateway: gateway.bytes, index },
    ),
    'route replace',
  );
}

export const wishesOf = (owner: string, { address, nat, out, publish }: Connection): Wish[] =>
  address
    ? [
        ...(nat ? [masqueradeWish(address, out, owner)] : []),
        ...publish.map((publication) => publicationWish(owner, address, publication)),
      ]
    : [];

/** No port is published twice. */
export function checkPorts(network: Network, owner: string, { publish }: Connection): void {
  if (!publish.length) return;
  const taken = granted(network, 'publish').filter((comment) => comment.split(' ')[1] !== owner);
  for (const publication of publish) {
    const by = taken.find((comment) => takesPort(comment, publication));
    if (by)
      throw new Failure(`port ${formatPublication(publication)} is published by ${by.split(' ')[1]} already`, REFUSED);
  }
}

/** Everything outside the packet filter; in the order in which each step needs the one before. */
export function plug(network: Network, connection: Connection, owner: Owner, undo: sys.Journal): void {
  const master = bridgeFor(network, connection, undo);
  pairFor(network, connection, owner, master, undo);
  const inner = network.inside(owner.fd);
  try {
    inside(inner, connection);
  } finally {
    inner.close();
  }
}

/** The first line of a file of ours. */
const WRITTEN = '# written by ts-netns connect\n';

/** /etc/netns/NAME/resolv.conf, which `exec` puts in the place of that in /etc. */
function nameServers(network: Network, name: string, dns: readonly string[], undo: sys.Journal): void {
  if (!dns.length) return;
  const folder = `${ETC}/${name}`;
  const path = `${folder}/resolv.conf`;
  const text = `${WRITTEN}${dns.map((server) => `nameserver ${server}\n`).join('')}`;
  const before = network.files.read(path);
  if (before === text) return;
  if (before !== undefined && !before.startsWith(WRITTEN))
    throw new NetworkFailure('name servers', `${path} is there already, and not ours`, undefined, path);
  for (const each of [ETC, folder]) {
    if (network.files.exists(each)) continue;
    network.sys.or(`cannot create '${each}'`).mkdir(each, 0o755);
    undo.add(() => network.sys.rmdir(each));
  }
  undo.add(() => (before === undefined ? network.sys.unlink(path) : writeFile(network, path, before)));
  writeFile(network, path, text);
}

function writeFile({ sys: live }: Network, path: string, text: string): void {
  const step = live.or(`cannot write '${path}'`);
  const fd = step.open(path, sys.O_WRONLY | sys.O_CREAT | sys.O_TRUNC | sys.O_NOFOLLOW, 0o644);
  try {
    step.write(fd, sys.encode(text));
  } finally {
    live.close(fd);
  }
}

/** Directories that are empty now; one that somebody else has put something in stays. */
const removeFolders = ({ sys: live }: Network, folder: string): void => {
  for (const each of [folder, ETC]) live.ignoring().rmdir(each);
};

/**
 * Makes a named namespace, where there is none, and connects it. What is there already stays as it is; when a step fails, all
 * others are taken back.
 */
export function connect(network: Network, name: string, connection: Connection): void {
  checkNamespace(name);
  alone(network, () => uninterrupted(() => connectAlone(network, name, connection)));
}

function connectAlone(network: Network, name: string, connection: Connection): void {
  const undo = new sys.Journal();
  let fd: number | undefined;
  try {
    checkPorts(network, name, connection);
    const made = !network.files.exists(pathOf(name));
    if (made) {
      makeNamed(network.sys, name);
      undo.add(() => unname(network.sys, name));
    }
    fd = openNamed(network.sys, name);
    plug(network, connection, { name, fd, made }, undo);
    undo.add(grant(network, wishesOf(name, connection)));
    nameServers(network, name, connection.dns, undo);
  } catch (error) {
    undo.run();
    throw error;
  } finally {
    if (fd !== undefined) network.sys.look('close', fd);
  }
}

/** The bridge goes where we had made it and nobody is at it any more. */
export function removeBridge(network: Network, index: number | undefined): void {
  if (index === undefined) return;
  const links = listLinks(network.route);
  const bridge = links.find((link) => link.index === index);
  if (bridge?.alias === MARK && !links.some(({ master }) => master === index))
    network.route.request(deleteLink({ index }), 'link del');
}

/** Takes away what `connect` has made, and nothing else. @throws Failure where the namespace is not connected. */
export function disconnect(network: Network, name: string): void {
  checkNamespace(name);
  alone(network, () => uninterrupted(() => disconnectAlone(network, name)));
}

function disconnectAlone(network: Network, name: string): void {
  const link = listLinks(network.route).find((each) => isOwn(each, name));
  const count = revoke(network, ({ comment = '' }) => {
    const parts = comment.split(' ');
    return (parts[0] === 'publish' && parts[1] === name) || comment.endsWith(` for ${name}`);
  });
  const path = `${ETC}/${name}/resolv.conf`;
  const written = network.files.read(path)?.startsWith(WRITTEN);
  if (!link && !count && !written) throw new Failure(`namespace ${name} is not connected`);
  if (written) {
    network.sys.or(`cannot remove '${path}'`).unlink(path);
    removeFolders(network, `${ETC}/${name}`);
  }
  if (!link) return;
  network.route.request(deleteLink({ index: link.index }), 'link del');
  removeBridge(network, link.master);
  if (link.alias === aliasOf(name, true) && network.files.exists(pathOf(name))) unname(network.sys, name);
}
