/** `connect` and `disconnect`: a namespace at a bridge, with address, route, NAT, ports and name servers, all or nothing. */

import {
  addLink,
  addressRequest,
  BRIDGE,
  BRIDGE_PORT,
  deleteLink,
  encodeAttributes,
  findLink,
  formatAddress,
  getNamespaceId,
  type Link,
  linkInfo,
  listAddresses,
  listLinks,
  listRoutes,
  masked,
  type Prefix,
  parsePrefix,
  portInfo,
  routeRequest,
  sameBytes,
  setLink,
  VETH,
} from '@ts/netlink';
import * as sys from '@ts/sys';
import { Failure } from '@ts/sys';
import { type Context, openNamed } from '../context.ts';
import { alone, uninterrupted } from '../lock.ts';
import { checkNamespace, ETC, pathOf } from '../namespaces.ts';
import {
  FAILED,
  isLinkName,
  linkNameFrom,
  numberIn,
  prefixFrom,
  type Rows,
  rowOf,
  type Words,
  WRONG,
  wrong,
} from '../words.ts';
import { release } from './forwarding.ts';
import { make, unname } from './namespace.ts';
import {
  formatPublication,
  grant,
  masqueradeWish,
  type Publication,
  parsePublications,
  publicationWish,
  publishedBy,
  revoke,
  takesPort,
  type Wish,
} from './nat.ts';

export interface Connection {
  bridge: string;
  address?: Prefix;
  gateway?: Prefix;
  /** What the link is called inside. */
  device: string;
  /** What its other end is called. */
  host?: string;
  nat: boolean;
  out?: string;
  publish: Publication[];
  dns: string[];
  mtu?: number;
}

const CONNECTION_ROWS: Rows<Connection> = [
  [
    '--connect',
    () => {}, // reads well in front of `run`'s words
  ],
  [
    '--bridge',
    (connection, words) => {
      connection.bridge = linkNameFrom(words);
    },
  ],
  [
    '--address',
    (connection, words) => {
      connection.address = prefixFrom(words.argument());
    },
  ],
  [
    '--gateway',
    (connection, words) => {
      connection.gateway = prefixFrom(words.argument());
    },
  ],
  [
    '--device',
    (connection, words) => {
      connection.device = linkNameFrom(words);
    },
  ],
  [
    '--host-device',
    (connection, words) => {
      connection.host = linkNameFrom(words);
    },
  ],
  [
    '--nat',
    (connection) => {
      connection.nat = true;
    },
  ],
  [
    '--out',
    (connection, words) => {
      connection.out = linkNameFrom(words);
    },
  ],
  [
    '--publish',
    (connection, words) => {
      connection.publish.push(...parsePublications(words.argument()));
    },
  ],
  [
    '--dns',
    (connection, words) => {
      const text = words.argument();
      if (!parsePrefix(text) || text.includes('/')) throw wrong(text, 'a name server is an address');
      connection.dns.push(text);
    },
  ],
  [
    '--mtu',
    (connection, words) => {
      const text = words.argument();
      connection.mtu = numberIn(text, 68, 65535, () => wrong(text, 'Invalid "mtu" value\n'));
    },
  ],
];

/** Takes the options, up to the first word that is none, or behind `--`. */
export function connectionFrom(words: Words): Connection {
  const connection: Connection = { bridge: '', device: 'eth0', nat: false, publish: [], dns: [] };
  while (words.next?.startsWith('--')) {
    const word = words.argument();
    if (word === '--') break;
    const equals = word.indexOf('=');
    const name = equals < 0 ? word : word.slice(0, equals);
    const row = rowOf(CONNECTION_ROWS, name);
    if (!row) throw new Failure(`Option "${word}" is unknown, try "ts-netns --help".`, WRONG);
    if (equals >= 0) words.insert(word.slice(equals + 1));
    row[1](connection, words, name);
  }
  return checked(connection);
}

function checked(connection: Connection): Connection {
  const { bridge, address, gateway, publish, nat } = connection;
  if (bridge === '') throw new Failure('Error: argument "--bridge" is required', WRONG);
  if (!address && (gateway || nat || publish.length))
    throw new Failure('Error: argument "--address" is required', WRONG);
  if (address && address.length === (address.family === sys.AF_INET6 ? 128 : 32))
    throw new Failure(
      `Error: argument "--address" is wrong: ${formatAddress(address.bytes)} has no prefix length`,
      WRONG,
      `write it with the length of its net: ${formatAddress(address.bytes)}/24`,
    );
  if (address && gateway) {
    const isInside =
      gateway.family === address.family &&
      sameBytes(masked(gateway.bytes, address.length, 0), masked(address.bytes, address.length, 0));
    if (!isInside)
      throw new Failure(
        `Error: the gateway ${formatAddress(gateway.bytes)} is not in the net of ${formatAddress(address.bytes)}/${address.length}`,
        WRONG,
      );
    if (sameBytes(gateway.bytes, address.bytes))
      throw new Failure('Error: the gateway is the other end: it needs another address than --address', WRONG);
  }
  return connection;
}

/** A short name that is always the same for the same text (FNV-1a). */
function digest(text: string): string {
  let hash = 0x811c9dc5;
  for (const byte of sys.encode(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash.toString(36).padStart(7, '0');
}

/** Name of the outer end: that of the namespace, where it is short enough. */
export const hostName = (namespace: string): string =>
  isLinkName(`ve-${namespace}`) ? `ve-${namespace}` : `ve-${digest(namespace)}`;

/** What our links say of themselves: whose they are, and what was made for them. */
const MARK = 'ts-netns';
const aliasOf = (owner: string, made: boolean) => `${MARK} ${owner}${made ? ' made' : ''}`;
const isOwn = (link: Link | undefined, owner: string) =>
  link?.alias === aliasOf(owner, false) || link?.alias === aliasOf(owner, true);

/**
 * A pair as `connect` makes it in its first step, before it is marked: what is left of one that was killed between the two. Nobody
 * uses it: it is down, has no name of its own and no master, and its other end is in the namespace that is to be connected.
 */
function isUnfinished({ route }: Context, link: Link, namespace: number): boolean {
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

const hasAddress = (context: Context, index: number, prefix: Prefix) =>
  listAddresses(context.route, { family: prefix.family, index }).some(
    (each) => each.index === index && sameBytes(each.local ?? each.address, prefix.bytes),
  );

const UP = { flags: sys.IFF_UP, change: sys.IFF_UP } as const;

/** The bridge, made and given the gateway's address where it is not there. */
function bridgeFor(context: Context, { bridge, gateway, address }: Connection, undo: sys.Journal): number {
  let link = findLink(context.route, bridge);
  if (link && link.info?.kind !== 'bridge') throw new Failure(`${bridge} is there, and no bridge`, FAILED);
  if (!link) {
    context.route.request(addLink({}, { name: bridge, info: linkInfo('bridge', BRIDGE, {}) }), 'link add');
    undo.add(() => context.route.request(deleteLink({ index: context.index(bridge) })));
    link = findLink(context.route, bridge) as Link;
    context.route.request(setLink({ index: link.index }, { alias: MARK }), 'link set');
  }
  const { index } = link;
  if (gateway && address) {
    const own = { ...gateway, length: address.length };
    if (!hasAddress(context, index, own)) {
      context.route.request(scopeAddress(own, index), 'address add');
      undo.add(() => context.route.request({ ...scopeAddress(own, index), type: sys.RTM_DELADDR, flags: 0 }));
    }
  }
  if (!(link.flags & sys.IFF_UP)) context.route.request(setLink({ index, ...UP }, {}), 'link set');
  return index;
}

/** The pair: one end here at the bridge, the other one in the namespace. */
function pairFor(
  context: Context,
  connection: Connection,
  owner: { name: string; fd: number; made: boolean },
  master: number,
  undo: sys.Journal,
): void {
  const { route } = context;
  const name = connection.host ?? hostName(owner.name);
  const there = findLink(route, name);
  const isLeft = there !== undefined && isUnfinished(context, there, owner.fd);
  if (there && !isLeft && !isOwn(there, owner.name))
    throw new Failure(
      `${name} is there already, and not for ${owner.name}`,
      2,
      'choose another name: --host-device NAME',
    );
  if (!there) {
    const peer = { name: connection.device, namespaceFd: owner.fd, mtu: connection.mtu };
    route.request(
      addLink({}, { name, mtu: connection.mtu, info: { kind: 'veth', data: encodeAttributes(VETH, { peer }) } }),
      'link add',
    );
  }
  if (!there || isLeft) undo.add(() => route.request(deleteLink({ index: context.index(name) })));
  const index = context.index(name);
  const alias = there && !isLeft ? undefined : aliasOf(owner.name, owner.made);
  route.request(setLink({ index, ...UP }, { master, alias, mtu: connection.mtu }), 'link set');
  // What the namespace sends to its own published port comes back to it by the way it went.
  if (connection.publish.length)
    route.request(setLink({ index }, { info: portInfo('bridge', BRIDGE_PORT, { hairpin: 1 }) }), 'link set');
}

/** What is set up in the namespace itself. Nothing of it needs taking back: it goes with the pair. */
function inside(inner: Context, { device, address, gateway }: Connection): void {
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
export function checkPorts(context: Context, owner: string, { publish }: Connection): void {
  if (!publish.length) return;
  const taken = publishedBy(context).filter((comment) => comment.split(' ')[1] !== owner);
  for (const publication of publish) {
    const by = taken.find((comment) => takesPort(comment, publication));
    if (by) throw new Failure(`port ${formatPublication(publication)} is published by ${by.split(' ')[1]} already`, 2);
  }
}

/** Everything outside the packet filter; in the order in which each step needs the one before. */
export function plug(
  context: Context,
  connection: Connection,
  owner: { name: string; fd: number; made: boolean },
  undo: sys.Journal,
): void {
  const master = bridgeFor(context, connection, undo);
  pairFor(context, connection, owner, master, undo);
  const inner = context.inside(owner.fd);
  try {
    inside(inner, connection);
  } finally {
    inner.close();
  }
}

const WRITTEN = '# written by ts-netns connect\n';

/** /etc/netns/NAME/resolv.conf, which `exec` puts in the place of that in /etc. */
function nameServers(context: Context, name: string, dns: readonly string[], undo: sys.Journal): void {
  if (!dns.length) return;
  const folder = `${ETC}/${name}`;
  const path = `${folder}/resolv.conf`;
  const text = `${WRITTEN}${dns.map((server) => `nameserver ${server}\n`).join('')}`;
  const before = context.world.read(path);
  if (before === text) return;
  if (before !== undefined && !before.startsWith(WRITTEN))
    throw new Failure(`${path} is there already, and not ours`, FAILED, 'leave out --dns, or remove that file');
  for (const each of [ETC, folder]) {
    if (context.world.exists(each)) continue;
    context.sys.or(`cannot create '${each}'`).mkdir(each, 0o755);
    undo.add(() => context.sys.rmdir(each));
  }
  undo.add(() => (before === undefined ? context.sys.unlink(path) : writeFile(context, path, before)));
  writeFile(context, path, text);
}

function writeFile({ sys: live }: Context, path: string, text: string): void {
  const step = live.or(`cannot write '${path}'`);
  const fd = step.open(path, sys.O_WRONLY | sys.O_CREAT | sys.O_TRUNC | sys.O_NOFOLLOW, 0o644);
  try {
    step.write(fd, sys.encode(text));
  } finally {
    live.close(fd);
  }
}

/** Directories that are empty now; one that somebody else has put something in stays. */
const removeFolders = ({ sys: live }: Context, folder: string): void => {
  for (const each of [folder, ETC]) live.ignoring().rmdir(each);
};

/** What `connect` does, as one would do it by hand; of each line, only what is not there yet. */
function inWords(name: string, connection: Connection): string {
  const { bridge, address, gateway, device, host = hostName(name), dns } = connection;
  const length = address?.length;
  const lines = [
    `ip netns add ${name}`,
    `ip link add ${bridge} type bridge`,
    gateway && `ip address add ${formatAddress(gateway.bytes)}/${length} brd + dev ${bridge}`,
    `ip link set ${bridge} up`,
    `ip link add ${host} type veth peer name ${device} netns ${name}`,
    `ip link set ${host} master ${bridge} up`,
    `ip -n ${name} link set lo up`,
    address && `ip -n ${name} address add ${formatAddress(address.bytes)}/${length} brd + dev ${device}`,
    `ip -n ${name} link set ${device} up`,
    gateway && `ip -n ${name} route replace default via ${formatAddress(gateway.bytes)} dev ${device}`,
    ...wishesOf(name, connection).map(({ comment }) => `table inet ts-netns: ${comment}`),
    dns.length > 0 && `/etc/netns/${name}/resolv.conf: ${dns.map((server) => `nameserver ${server}`).join(', ')}`,
  ];
  return lines
    .filter(Boolean)
    .map((line) => `${line}\n`)
    .join('');
}

/** `connect NS --bridge … `: what is there already stays as it is. */
export function connect(context: Context, words: Words): void {
  const name = words.take();
  if (name === undefined) throw new Failure('No netns name specified', FAILED);
  checkNamespace(name);
  const connection = connectionFrom(words);
  if (words.next !== undefined) throw new Failure(`"${words.next}" is unknown here, try "ts-netns --help".`, WRONG);
  if (context.sys.dry) {
    context.print(inWords(name, connection));
    return;
  }
  alone(context, () => uninterrupted(() => connectAlone(context, name, connection)));
}

function connectAlone(context: Context, name: string, connection: Connection): void {
  const undo = new sys.Journal();
  let fd: number | undefined;
  try {
    checkPorts(context, name, connection);
    const made = !context.world.exists(pathOf(name));
    if (made) {
      make(context, name);
      undo.add(() => unname(context, name));
    }
    fd = openNamed(context.sys, name);
    plug(context, connection, { name, fd, made }, undo);
    undo.add(grant(context, wishesOf(name, connection)));
    nameServers(context, name, connection.dns, undo);
  } catch (error) {
    undo.run();
    throw error;
  } finally {
    if (fd !== undefined) context.sys.look('close', fd);
  }
}

/** The bridge goes where we had made it and nobody is at it any more. */
function removeBridge(context: Context, index: number | undefined): void {
  if (index === undefined) return;
  const links = listLinks(context.route);
  const bridge = links.find((link) => link.index === index);
  if (bridge?.alias === MARK && !links.some(({ master }) => master === index))
    context.route.request(deleteLink({ index }), 'link del');
}

/** What is left of a `run` that has ended: its pair, its bridge, and forwarding where that had been off. */
function released(context: Context, words: Words): void {
  const [host = '', bridge = '', ...comment] = words.rest();
  const link = findLink(context.route, host);
  if (link) context.route.request(deleteLink({ index: link.index }), 'link del');
  removeBridge(context, findLink(context.route, bridge)?.index);
  release(context, comment.join(' '));
}

/** `disconnect NS`: takes away what `connect` has made, and nothing else. */
export function disconnect(context: Context, words: Words): void {
  const name = words.take();
  if (name === undefined) throw new Failure('No netns name specified', FAILED);
  const act = () => (name === '--released' ? released(context, words) : disconnectAlone(context, checkNamespace(name)));
  alone(context, () => uninterrupted(act));
}

function disconnectAlone(context: Context, name: string): void {
  const link = listLinks(context.route).find((each) => isOwn(each, name));
  const count = revoke(context, ({ comment = '' }) => {
    const parts = comment.split(' ');
    return (parts[0] === 'publish' && parts[1] === name) || comment.endsWith(` for ${name}`);
  });
  const path = `${ETC}/${name}/resolv.conf`;
  const written = context.world.read(path)?.startsWith(WRITTEN);
  if (!link && !count && !written) throw new Failure(`namespace ${name} is not connected`, FAILED);
  if (written) {
    context.sys.or(`cannot remove '${path}'`).unlink(path);
    removeFolders(context, `${ETC}/${name}`);
  }
  if (!link) return;
  context.route.request(deleteLink({ index: link.index }), 'link del');
  removeBridge(context, link.master);
  if (link.alias === aliasOf(name, true) && context.world.exists(pathOf(name))) unname(context, name);
}
