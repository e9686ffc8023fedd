/** NAT, published ports, filters: rules in a table of our own, each one known by its comment. */

import {
  type Address,
  addChain,
  addRule,
  addTable,
  bitsOf,
  deleteRule,
  deleteTable,
  destinationNat,
  type Expression,
  findTable,
  formatAddress,
  formatPrefix,
  isDestinationPort,
  isDestinationType,
  isFamily,
  isInterface,
  isProtocol,
  isWithin,
  listAddresses,
  listRules,
  masked,
  masquerade,
  NetlinkError,
  type Prefix,
  parseAddress,
  parsePrefix,
  type Request,
  type Rule,
  sameBytes,
  transaction,
} from '@ts/netlink';
import * as sys from '@ts/sys';
import { Failure } from '@ts/sys';
import { NetworkFailure } from './failure.ts';
import { forward, release, TABLE } from './forwarding.ts';
import { alone } from './lock.ts';
import { openNamed } from './namespaces.ts';
import type { Network } from './network.ts';

/** Exit statuses: the arguments are wrong; what is asked for cannot be had. */
const WRONG = 255;
const REFUSED = 2;

const INET = sys.NFPROTO_INET;
/** Numbers of protocols with ports. */
export const PROTOCOLS: Readonly<Record<string, number>> = { tcp: 6, udp: 17, sctp: 132 };

/** Chains and where they stand: as nft(8) names the priorities, dstnat, srcnat and filter. */
const CHAINS = [
  { name: 'prerouting', type: 'nat', hook: { point: sys.NF_INET_PRE_ROUTING, priority: -100 } },
  { name: 'output', type: 'nat', hook: { point: sys.NF_INET_LOCAL_OUT, priority: -100 } },
  { name: 'postrouting', type: 'nat', hook: { point: sys.NF_INET_POST_ROUTING, priority: 100 } },
  { name: 'forward', type: 'filter', hook: { point: sys.NF_INET_FORWARD, priority: 0 } },
] as const;
type ChainName = (typeof CHAINS)[number]['name'];

/** What is wanted of the packet filter, in words, and the rules that make it so. */
export interface Wish {
  /** The same words always mean the same wish; the comment of each of its rules. */
  readonly comment: string;
  readonly family: number;
  readonly rules: readonly (readonly [chain: ChainName, expressions: readonly Expression[]])[];
}

/** NFPROTO_* of an address family. */
export const nfproto = (family: number) => (family === sys.AF_INET6 ? sys.NFPROTO_IPV6 : sys.NFPROTO_IPV4);

/** Addresses of `source` become that of the link they leave by; among themselves they stay. `owner`: the namespace it is for. */
export function masqueradeWish(source: Prefix, out: string | undefined, owner?: string): Wish {
  const net = { ...source, bytes: masked(source.bytes, source.length, 0) };
  const comment = ['nat', formatPrefix(net), out && `out ${out}`, owner && `for ${owner}`].filter(Boolean).join(' ');
  const expressions = [
    ...isFamily(nfproto(net.family)),
    ...isWithin('source', net),
    ...(out === undefined ? isWithin('destination', net, true) : isInterface('output', out)),
    ...masquerade,
  ];
  return { comment, family: net.family, rules: [['postrouting', expressions]] };
}

const LOOPBACK = parsePrefix('127.0.0.0/8') as Prefix;
const LOOPBACK6 = parsePrefix('::1/128') as Prefix;

const isIn = (address: Address, net: Prefix) =>
  address.family === net.family && sameBytes(masked(address.bytes, net.length, 0), masked(net.bytes, net.length, 0));

/** A port of the host, and the port of a namespace that connections to it reach. */
export interface Publication {
  readonly address?: Address;
  readonly outside: number;
  readonly inside: number;
  readonly protocol: string;
}

/** The same of one port. @throws NetworkFailure `ports`, `loopback` */
export function parsePublication(text: string): Publication {
  const [publication, another] = parsePublications(text);
  if (!publication || another) throw wrongPorts(text);
  return publication;
}

const wrongPorts = (text: string, why = 'ports are needed') => new NetworkFailure('ports', why, WRONG, text);

/** Most ports of a range: each one has rules of its own. */
const MOST_PORTS = 1024;

/** The first port of "80" or "80-89", and how many there are. */
function portsOf(text: string, range: string): readonly [first: number, count: number] {
  const [, start = '', end = start] = /^(\d+)(?:-(\d+))?$/.exec(range) ?? [];
  const [first = 0, last = 0] = [start, end].map((port) => sys.parseDecimal(port, 65535));
  if (first === 0 || last < first) throw wrongPorts(text);
  if (last - first >= MOST_PORTS) throw wrongPorts(text, `a range has at most ${MOST_PORTS} ports`);
  return [first, last - first + 1];
}

/**
 * `[ADDRESS:]PORT[-PORT][:PORT[-PORT]][/PROTOCOL]`: a range means each of its ports, in order.
 *
 * @throws NetworkFailure `ports`, `word`, `loopback`
 */
export function parsePublications(text: string): Publication[] {
  const match = /^(?:(\[[^\]]+\]|\d+\.[\d.]+):)?([\d-]+)(?::([\d-]+))?(?:\/(\w+))?$/.exec(text);
  if (!match) throw wrongPorts(text);
  const [, where, left = '', right = left, protocol = 'tcp'] = match;
  const [[outside, count], [inside, others]] = [portsOf(text, left), portsOf(text, right)];
  if (count !== others) throw wrongPorts(text, 'the two ranges differ in length');
  if (!Object.hasOwn(PROTOCOLS, protocol)) throw new NetworkFailure('word', 'tcp, udp or sctp', WRONG, protocol);
  const address = where === undefined ? undefined : parseAddress(where.replace(/[[\]]/g, ''));
  if (where !== undefined && !address) throw new NetworkFailure('word', 'no address', WRONG, where);
  if (address && [LOOPBACK, LOOPBACK6].some((net) => isIn(address, net)))
    throw new NetworkFailure('loopback', 'connections to a loopback address cannot be forwarded', WRONG, where);
  // The address of none means every address, as elsewhere.
  const own = address?.bytes.some((byte) => byte !== 0) ? address : undefined;
  return Array.from({ length: count }, (_, index) => ({
    address: own,
    outside: outside + index,
    inside: inside + index,
    protocol,
  }));
}

export const formatPublication = ({ address, outside, inside, protocol }: Publication): string => {
  const where = address
    ? `${address.bytes.length === 16 ? `[${formatAddress(address.bytes)}]` : formatAddress(address.bytes)}:`
    : '';
  return `${where}${outside}:${inside}/${protocol}`;
};

const whole = (address: Address): Prefix => ({ ...address, length: bitsOf(address.family) });

/**
 * Connections to a port of the host go to a port of a namespace: those from elsewhere, those of the host itself (not to its
 * loopback address: nothing may leave from there), and those of the namespace, which would otherwise be answered past the host.
 */
export function publicationWish(owner: string, to: Address, publication: Publication): Wish {
  const { address, outside, inside, protocol } = publication;
  const target = whole(to);
  if (address && address.family !== to.family)
    throw new Failure(
      `${formatAddress(address.bytes)} and ${formatAddress(to.bytes)} are of different families`,
      WRONG,
    );
  const family = isFamily(nfproto(to.family));
  const number = PROTOCOLS[protocol] as number;
  const here = address ? isWithin('destination', whole(address)) : isDestinationType(sys.RTN_LOCAL);
  const reached = [...family, ...here, ...isProtocol(number), ...isDestinationPort(outside)];
  const notLoopback = isWithin('destination', to.family === sys.AF_INET6 ? LOOPBACK6 : LOOPBACK, true);
  const sent = destinationNat(target, inside);
  return {
    comment: `publish ${owner} ${formatPublication(publication)} to ${formatAddress(to.bytes)}`,
    family: to.family,
    rules: [
      ['prerouting', [...reached, ...sent]],
      ['output', [...family, ...notLoopback, ...reached.slice(2), ...sent]],
      [
        'postrouting',
        [
          ...family,
          ...isWithin('source', target),
          ...isWithin('destination', target),
          ...isProtocol(number),
          ...isDestinationPort(inside),
          ...masquerade,
        ],
      ],
    ],
  };
}

/** What the packet filter refuses. */
function refused(error: unknown): never {
  if (!(error instanceof NetlinkError)) throw error;
  const words = error.text ? ` (${error.text})` : '';
  const message = `the packet filter refuses: ${sys.strerror(error.errno)}${words}`;
  throw new NetworkFailure('filter', message, REFUSED, undefined, error.code);
}

const scaffold = (table: string, comment: string, flags: number): Request[] => [
  addTable(INET, { name: table, flags: flags || undefined, comment: comment || undefined }),
  ...CHAINS.map((chain) => addChain(INET, { table, ...chain, policy: sys.NF_ACCEPT })),
];

const rulesOf = (table: string, { comment, rules }: Wish) =>
  rules.map(([chain, expressions]) => addRule(INET, { table, chain, expressions, comment }));

const present = (network: Network, table = TABLE): Rule[] =>
  findTable(network.filter, INET, table) ? listRules(network.filter, INET, table) : [];

/** A table cannot change its comment: it is made anew, with its rules, in one transaction. */
function rebuilt(network: Network, comment: string): Request[] {
  const table = findTable(network.filter, INET, TABLE);
  if (!table || (table.comment ?? '') === comment) return [];
  const rules = present(network).map(({ chain = '', expressions = [], comment: words }) =>
    addRule(INET, { table: TABLE, chain, expressions, comment: words }),
  );
  return [deleteTable(INET, TABLE), ...scaffold(TABLE, comment, 0), ...rules];
}

/** Makes what is wished and not there yet. Result: how to take it back; undefined where all was there. */
export function grant(network: Network, wishes: readonly Wish[]): (() => void) | undefined {
  try {
    const before = new Set(present(network).map(({ comment }) => comment));
    const wanted = wishes.filter(({ comment }) => !before.has(comment));
    if (!wanted.length) return undefined;
    const undo = new sys.Journal();
    try {
      const comment = forwarding(network, wanted, TABLE, undo);
      transaction(network.filter, [
        ...rebuilt(network, comment),
        ...scaffold(TABLE, comment, 0),
        ...wanted.flatMap((wish) => rulesOf(TABLE, wish)),
      ]);
    } catch (error) {
      undo.run();
      throw error;
    }
    const comments = wanted.map((wish) => wish.comment);
    return () => revoke(network, (rule) => comments.includes(rule.comment ?? ''));
  } catch (error) {
    return refused(error);
  }
}

/**
 * A table that is there as long as this process has its socket open. Result: its comment.
 *
 * @param undo Gets what takes back that packets are passed on.
 */
export function lend(network: Network, table: string, wishes: readonly Wish[], undo: sys.Journal): string {
  try {
    const comment = forwarding(network, wishes, table, undo);
    transaction(network.filter, [
      ...scaffold(table, comment, sys.NFT_TABLE_F_OWNER),
      ...wishes.flatMap((wish) => rulesOf(table, wish)),
    ]);
    return comment;
  } catch (error) {
    return refused(error);
  }
}

/** Has packets passed on as the wishes need it. Result: the comment of their table. */
function forwarding(network: Network, wishes: readonly Wish[], table: string, undo: sys.Journal): string {
  const families = new Set(wishes.map((wish) => wish.family));
  const words = [...families].flatMap((family) => forward(network, family, table, undo).split(' '));
  return [...new Set(words)].filter(Boolean).join(' ');
}

/** Removes rules; with the last one the table, and what it had turned on. Result: how many there were. */
export function revoke(network: Network, isMeant: (rule: Rule) => boolean): number {
  try {
    const rules = present(network);
    const meant = rules.filter(isMeant);
    if (meant.length && meant.length === rules.length) {
      const comment = findTable(network.filter, INET, TABLE)?.comment ?? '';
      transaction(network.filter, [deleteTable(INET, TABLE)]);
      release(network, comment);
    } else
      transaction(
        network.filter,
        meant.map((rule) => deleteRule(INET, rule)),
      );
    return meant.length;
  } catch (error) {
    return refused(error);
  }
}

/** Comments that begin with a word: every wish once, in order. */
const wishesIn = (rules: readonly Rule[], word: string) => [
  ...new Set(rules.map(({ comment = '' }) => comment).filter((comment) => comment.startsWith(`${word} `))),
];

/** Comments of what there is: `nat`, `publish` or `filter`, in the order of the rules. */
export const granted = (network: Network, word: 'nat' | 'publish' | 'filter'): string[] =>
  wishesIn(present(network), word);

/** Makes a rule. @throws Failure where it is there already. */
export function addWish(network: Network, word: string, wish: Wish): void {
  if (!alone(network, () => grant(network, [wish]))) throw new Failure(`${word}: the rule is there already`, REFUSED);
}

/** Removes a rule. @throws Failure where there is none like it. */
export function removeWish(network: Network, { comment }: Wish): void {
  if (!alone(network, () => revoke(network, (rule) => rule.comment === comment)))
    throw new Failure(`there is no such rule: ${comment}`);
}

/** The first address of a namespace that others can reach. */
function addressIn(network: Network, name: string, family: number = sys.AF_INET): Address {
  const fd = openNamed(network.sys, name);
  const inner = network.inside(fd);
  try {
    const found = listAddresses(inner.route, { family }).find((each) => each.scope === sys.RT_SCOPE_UNIVERSE);
    const bytes = found?.local ?? found?.address;
    if (!bytes)
      throw new NetworkFailure('no address', `namespace ${name} has no address that can be reached`, undefined, name);
    return { family: family as Address['family'], bytes };
  } finally {
    inner.close();
    network.sys.look('close', fd);
  }
}

/**
 * Publishes ports of a named namespace.
 *
 * @param to Its address; by default the first one that others can reach.
 * @throws Failure where one of the ports is published already; nothing is changed then.
 */
export function publish(network: Network, name: string, publications: readonly Publication[], to?: Address): void {
  const target = to ?? addressIn(network, name, publications[0]?.address?.family);
  const wishes = publications.map((publication) => publicationWish(name, target, publication));
  alone(network, () => {
    const taken = granted(network, 'publish');
    const twice = publications.find((publication) => taken.some((comment) => takesPort(comment, publication)));
    if (twice) throw new Failure(`port ${twice.outside}/${twice.protocol} is published already`, REFUSED);
    grant(network, wishes);
  });
}

/** Whether a published port is the one that is wanted. */
export function takesPort(comment: string, wanted: Publication): boolean {
  const [, , ports = ''] = comment.split(' ');
  const taken = parsePublication(ports);
  const where = ({ address }: Publication) => (address ? formatAddress(address.bytes) : undefined);
  return (
    taken.outside === wanted.outside &&
    taken.protocol === wanted.protocol &&
    (where(taken) === where(wanted) || where(taken) === undefined || where(wanted) === undefined)
  );
}

/** Takes back ports of a namespace; all of them where none are named. Result: how many rules there were. */
export function unpublish(network: Network, name: string, publications?: readonly Publication[]): number {
  const ports = publications?.map(formatPublication);
  return alone(network, () =>
    revoke(network, ({ comment = '' }) => {
      const [word, owner, own] = comment.split(' ');
      return word === 'publish' && owner === name && (ports === undefined || ports.includes(own ?? ''));
    }),
  );
}
