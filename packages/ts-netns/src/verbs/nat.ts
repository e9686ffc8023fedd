/** `nat`, `publish`, `filter`: rules in a table of our own, each one known by its comment. */

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
  verdict,
} from '@ts/netlink';
import * as sys from '@ts/sys';
import { Failure } from '@ts/sys';
import { type Context, openNamed } from '../context.ts';
import { Entry, render } from '../entry.ts';
import { alone } from '../lock.ts';
import { checkNamespace } from '../namespaces.ts';
import { FAILED, incomplete, linkNameFrom, prefixFrom, type Rows, takeAll, type Words, WRONG } from '../words.ts';
import { forward, release, TABLE } from './forwarding.ts';

const INET = sys.NFPROTO_INET;
const PROTOCOLS: Readonly<Record<string, number>> = { tcp: 6, udp: 17, sctp: 132 };

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

const nfproto = (family: number) => (family === sys.AF_INET6 ? sys.NFPROTO_IPV6 : sys.NFPROTO_IPV4);

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

export function parsePublication(text: string): Publication {
  const [publication, another] = parsePublications(text);
  if (!publication || another) throw wrongPorts(text);
  return publication;
}

const wrongPorts = (text: string, why = 'ports are needed') =>
  new Failure(
    `Error: argument "${text}" is wrong: ${why}`,
    WRONG,
    'as in 8080:80/tcp or 8000-8009:9000-9009/udp: ports outside, those inside, and tcp, udp or sctp; an address of the host may stand before',
  );

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

/** `[ADDRESS:]PORT[-PORT][:PORT[-PORT]][/PROTOCOL]`: a range means each of its ports, in order. */
export function parsePublications(text: string): Publication[] {
  const match = /^(?:(\[[^\]]+\]|\d+\.[\d.]+):)?([\d-]+)(?::([\d-]+))?(?:\/(\w+))?$/.exec(text);
  if (!match) throw wrongPorts(text);
  const [, where, left = '', right = left, protocol = 'tcp'] = match;
  const [[outside, count], [inside, others]] = [portsOf(text, left), portsOf(text, right)];
  if (count !== others) throw wrongPorts(text, 'the two ranges differ in length');
  if (!Object.hasOwn(PROTOCOLS, protocol))
    throw new Failure(`Error: argument "${protocol}" is wrong: tcp, udp or sctp`, WRONG);
  const address = where === undefined ? undefined : parseAddress(where.replace(/[[\]]/g, ''));
  if (where !== undefined && !address) throw new Failure(`Error: argument "${where}" is wrong: no address`, WRONG);
  if (address && [LOOPBACK, LOOPBACK6].some((net) => isIn(address, net)))
    throw new Failure(
      `Error: argument "${where}" is wrong: connections to a loopback address cannot be forwarded`,
      WRONG,
      'leave the address out: the port is then published on every other address of this host',
    );
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

/** What the packet filter refuses, in words that help. */
function refused(error: unknown): never {
  if (!(error instanceof NetlinkError)) throw error;
  const hint =
    error.code === 'EPERM'
      ? 'this needs CAP_NET_ADMIN in the network namespace: be root, or do it in namespaces of your own: ts-unshare --map-root-user --net'
      : ['ENOENT', 'EOPNOTSUPP', 'EPROTONOSUPPORT', 'EINVAL'].includes(error.code)
        ? 'the kernel may lack nf_tables with nat, masquerade and fib (CONFIG_NF_TABLES_INET, NFT_NAT, NFT_MASQ, NFT_FIB_INET)'
        : undefined;
  throw new Failure(
    `the packet filter refuses: ${sys.strerror(error.errno)}${error.text ? ` (${error.text})` : ''}`,
    2,
    hint,
  );
}

const scaffold = (table: string, comment: string, flags: number): Request[] => [
  addTable(INET, { name: table, flags: flags || undefined, comment: comment || undefined }),
  ...CHAINS.map((chain) => addChain(INET, { table, ...chain, policy: sys.NF_ACCEPT })),
];

const rulesOf = (table: string, { comment, rules }: Wish) =>
  rules.map(([chain, expressions]) => addRule(INET, { table, chain, expressions, comment }));

const present = (context: Context, table = TABLE): Rule[] =>
  findTable(context.filter, INET, table) ? listRules(context.filter, INET, table) : [];

/** A table cannot change its comment: it is made anew, with its rules, in one transaction. */
function rebuilt(context: Context, comment: string): Request[] {
  const table = findTable(context.filter, INET, TABLE);
  if (!table || (table.comment ?? '') === comment) return [];
  const rules = present(context).map(({ chain = '', expressions = [], comment: words }) =>
    addRule(INET, { table: TABLE, chain, expressions, comment: words }),
  );
  return [deleteTable(INET, TABLE), ...scaffold(TABLE, comment, 0), ...rules];
}

/** Makes what is wished and not there yet. Result: how to take it back; undefined where all was there. */
export function grant(context: Context, wishes: readonly Wish[]): (() => void) | undefined {
  try {
    const before = new Set(present(context).map(({ comment }) => comment));
    const wanted = wishes.filter(({ comment }) => !before.has(comment));
    if (!wanted.length) return undefined;
    const undo = new sys.Journal();
    try {
      const comment = forwarding(context, wanted, TABLE, undo);
      transaction(context.filter, [
        ...rebuilt(context, comment),
        ...scaffold(TABLE, comment, 0),
        ...wanted.flatMap((wish) => rulesOf(TABLE, wish)),
      ]);
    } catch (error) {
      undo.run();
      throw error;
    }
    const comments = wanted.map((wish) => wish.comment);
    return () => revoke(context, (rule) => comments.includes(rule.comment ?? ''));
  } catch (error) {
    return refused(error);
  }
}

/**
 * A table that is there as long as this process has its socket open. Result: its comment.
 *
 * @param undo Gets what takes back that packets are passed on.
 */
export function lend(context: Context, table: string, wishes: readonly Wish[], undo: sys.Journal): string {
  try {
    const comment = forwarding(context, wishes, table, undo);
    transaction(context.filter, [
      ...scaffold(table, comment, sys.NFT_TABLE_F_OWNER),
      ...wishes.flatMap((wish) => rulesOf(table, wish)),
    ]);
    return comment;
  } catch (error) {
    return refused(error);
  }
}

/** Has packets passed on as the wishes need it. Result: the comment of their table. */
function forwarding(context: Context, wishes: readonly Wish[], table: string, undo: sys.Journal): string {
  const families = new Set(wishes.map((wish) => wish.family));
  const words = [...families].flatMap((family) => forward(context, family, table, undo).split(' '));
  return [...new Set(words)].filter(Boolean).join(' ');
}

/** Removes rules; with the last one the table, and what it had turned on. Result: how many there were. */
export function revoke(context: Context, isMeant: (rule: Rule) => boolean): number {
  try {
    const rules = present(context);
    const meant = rules.filter(isMeant);
    if (meant.length && meant.length === rules.length) {
      const comment = findTable(context.filter, INET, TABLE)?.comment ?? '';
      transaction(context.filter, [deleteTable(INET, TABLE)]);
      release(context, comment);
    } else
      transaction(
        context.filter,
        meant.map((rule) => deleteRule(INET, rule)),
      );
    return meant.length;
  } catch (error) {
    return refused(error);
  }
}

/** Every wish once, in order. */
const wishesIn = (rules: readonly Rule[], word: string) => [
  ...new Set(rules.map(({ comment = '' }) => comment).filter((comment) => comment.startsWith(`${word} `))),
];

/** Words of a comment as key and value, for JSON. */
const KEYS: Readonly<Record<string, readonly string[]>> = {
  nat: ['source'],
  publish: ['namespace', 'ports'],
  filter: [],
};

function list(context: Context, word: string): void {
  const entries = wishesIn(present(context), word).map((comment) => {
    const [, ...words] = comment.split(' ');
    const entry = new Entry('\n');
    entry.say(`${words.join(' ')}\n`);
    for (const key of KEYS[word] ?? []) entry.note(key, words.shift() ?? '');
    for (let key = words.shift(); key !== undefined; key = words.shift())
      entry.note(key, key === 'drop' || key === 'accept' ? true : (words.shift() ?? ''));
    return entry;
  });
  context.print(render(entries, context.settings));
}

const unknown = (word: string) => new Failure(`"${word}" is unknown here, try "ts-netns --help".`, WRONG);

function natWish(words: Words): Wish {
  const state: { source?: Prefix; out?: string } = {};
  const rows: Rows<typeof state> = [
    [
      '--source source',
      (each) => {
        each.source = prefixFrom(words.argument());
      },
    ],
    [
      '--out out',
      (each) => {
        each.out = linkNameFrom(words);
      },
    ],
  ];
  takeAll(rows, words, state, (word) => {
    throw unknown(word);
  });
  if (!state.source) throw new Failure('Error: argument "--source" is required', WRONG);
  return masqueradeWish(state.source, state.out);
}

function filterWish(words: Words): Wish {
  const parts: string[] = [];
  const expressions: Expression[] = [];
  const state: { family: number; protocol?: string; decision?: string } = { family: sys.AF_INET };
  const within = (which: 'source' | 'destination') => () => {
    const prefix = prefixFrom(words.argument());
    state.family = prefix.family;
    parts.push(`${which} ${formatPrefix(prefix)}`);
    expressions.push(...isFamily(nfproto(prefix.family)), ...isWithin(which, prefix));
  };
  const through = (which: 'input' | 'output', word: string) => () => {
    const name = linkNameFrom(words);
    parts.push(`${word} ${name}`);
    expressions.push(...isInterface(which, name));
  };
  const decide = (word: string) => () => {
    state.decision = word;
  };
  const rows: Rows<typeof state> = [
    ['--source', within('source')],
    ['--destination', within('destination')],
    ['--in', through('input', 'in')],
    ['--out', through('output', 'out')],
    [
      '--port',
      () => {
        const { outside, protocol } = parsePublication(words.argument());
        parts.push(`port ${outside}/${protocol}`);
        expressions.push(...isProtocol(PROTOCOLS[protocol] as number), ...isDestinationPort(outside));
      },
    ],
    ['--drop', decide('drop')],
    ['--accept', decide('accept')],
  ];
  takeAll(rows, words, state, (word) => {
    throw unknown(word);
  });
  const { decision, family } = state;
  if (decision === undefined) throw new Failure('Error: "--drop" or "--accept" is required', WRONG);
  return {
    comment: ['filter', ...parts, decision].join(' '),
    family,
    rules: [['forward', [...expressions, ...verdict(decision === 'drop' ? sys.NF_DROP : sys.NF_ACCEPT)]]],
  };
}

function forget(context: Context, { comment }: Wish): void {
  if (!revoke(context, (rule) => rule.comment === comment))
    throw new Failure(`there is no such rule: ${comment}`, FAILED);
}

/** The same verbs for what is made of words alone. */
const object =
  (word: 'nat' | 'filter', wish: (words: Words) => Wish) =>
  (context: Context, words: Words): void => {
    const verb = words.take() ?? 'list';
    if (verb === 'list' || verb === 'show') list(context, word);
    else if (verb === 'add') {
      const wanted = wish(words);
      if (!alone(context, () => grant(context, [wanted]))) throw new Failure(`${word}: the rule is there already`, 2);
    } else if (verb === 'del' || verb === 'delete') {
      const unwanted = wish(words);
      alone(context, () => forget(context, unwanted));
    } else throw new Failure(`Command "${verb}" is unknown: add, del or list.`, WRONG);
  };

export const nat = object('nat', natWish);
export const filter = object('filter', filterWish);

/** The first address of a namespace that others can reach. */
function addressIn(context: Context, name: string, family: number = sys.AF_INET): Address {
  const fd = openNamed(context.sys, name);
  const inner = context.inside(fd);
  try {
    const found = listAddresses(inner.route, { family }).find((each) => each.scope === sys.RT_SCOPE_UNIVERSE);
    const bytes = found?.local ?? found?.address;
    if (!bytes)
      throw new Failure(
        `namespace ${name} has no address that can be reached`,
        FAILED,
        `give it one: ts-netns connect ${name} --bridge BRIDGE --address ADDRESS/LENGTH`,
      );
    return { family: family as Address['family'], bytes };
  } finally {
    inner.close();
    context.sys.look('close', fd);
  }
}

function publicationsFrom(words: Words): { name: string; publications: readonly Publication[]; to?: Address } {
  const name = checkNamespace(words.take() as string);
  const text = words.take();
  if (text === undefined) throw incomplete();
  const publications = parsePublications(text);
  let to: Address | undefined;
  if (words.next === '--to') {
    words.take();
    const address = words.argument();
    to = parseAddress(address);
    if (!to) throw new Failure(`Error: any valid address is expected rather than "${address}".`, FAILED);
  }
  if (words.next !== undefined) throw unknown(words.next);
  return { name, publications, to };
}

/** `publish NS PORTS [--to ADDRESS]`; without words, what is published. */
export function publish(context: Context, words: Words): void {
  if (words.next === undefined || words.next === 'list') {
    list(context, 'publish');
    return;
  }
  const { name, publications, to } = publicationsFrom(words);
  const target = to ?? addressIn(context, name, publications[0]?.address?.family);
  const wishes = publications.map((publication) => publicationWish(name, target, publication));
  alone(context, () => {
    const taken = wishesIn(present(context), 'publish');
    const twice = publications.find((publication) => taken.some((comment) => takesPort(comment, publication)));
    if (twice) throw new Failure(`port ${twice.outside}/${twice.protocol} is published already`, 2);
    grant(context, wishes);
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

/** `unpublish NS [PORTS]`: that one, or all of the namespace. */
export function unpublish(context: Context, words: Words): void {
  const name = words.take();
  if (name === undefined) throw incomplete();
  const text = words.take();
  const ports = text === undefined ? undefined : parsePublications(text).map(formatPublication);
  const isMeant = ({ comment = '' }: Rule) => {
    const [word, owner, own] = comment.split(' ');
    return word === 'publish' && owner === name && (ports === undefined || ports.includes(own ?? ''));
  };
  const count = alone(context, () => revoke(context, isMeant));
  if (!count) throw new Failure(`nothing is published of ${name}${text === undefined ? '' : ` as ${text}`}`, FAILED);
}

/** Published ports that others have taken. */
export const publishedBy = (context: Context): string[] => wishesIn(present(context), 'publish');
