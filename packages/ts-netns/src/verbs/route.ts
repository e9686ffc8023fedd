/** `ip route add|replace|append|prepend|change|test|del|get|show|flush`. */
import {
  type Address,
  bitsOf,
  deleteRoute,
  getRoute,
  kindData,
  listRoutes,
  type Metrics,
  masked,
  NetlinkError,
  type NextHop,
  type Prefix,
  type Route,
  type RouteAttributes,
  type RouteHeader,
  routeRequest,
  sameBytes,
  tableOf,
  VRF,
} from '@ts/netlink';
import { noDevice } from '@ts/network';
import * as sys from '@ts/sys';
import { Failure, parseCNumber, U32_MAX } from '@ts/sys';
import { type Context, vrfFrom } from '../context.ts';
import { render } from '../entry.ts';
import { numberOf, realmsFrom } from '../names.ts';
import { protocolNumber } from '../protocols.ts';
import { type RouteView, showRoute, TYPES } from '../show/route.ts';
import { unlessHelp } from '../usage.ts';
import {
  addressFrom,
  destinationFrom,
  FAILED,
  garbage,
  gatewayFrom,
  numberIn,
  prefixFrom,
  REFUSED,
  type Rows,
  rowOf,
  takeAll,
  unsupported,
  type Words,
  WRONG,
  type Writable,
  wrong,
} from '../words.ts';
import { flushAll } from './flush.ts';

interface State {
  readonly context: Context;
  readonly header: Writable<RouteHeader>;
  readonly attributes: Writable<RouteAttributes>;
  destination?: Prefix;
  hasDestination?: boolean;
  gateway?: Address;
  source?: Address;
  device?: string;
  table?: number;
  hasScope?: boolean;
  hops: Hop[];
  metrics: Writable<Metrics>;
  lock: number;
}

interface Hop {
  gateway?: Address;
  device?: string;
  weight?: number;
  realms?: number;
  flags: number;
}

const tableFrom = (text: string, why = '"table" value is invalid\n'): number => {
  const table = numberOf('rt_tables', text);
  if (table === undefined) throw wrong(text, why);
  return table;
};

const typeOf = (word: string) => {
  const type = TYPES.indexOf(word);
  return type > 0 ? type : undefined;
};

const deviceRow = [
  'dev oif~',
  (state: { device?: string }, words: Words) => {
    state.device = words.argument();
  },
] as const;

/** Numbers of a route's metrics by word. */
const METRIC_WORDS: Readonly<Record<string, Exclude<keyof Metrics, 'congctl' | 'lock'>>> = {
  mtu: 'mtu',
  hoplimit: 'hoplimit',
  advmss: 'advmss',
  'reordering~': 'reordering',
  'window~': 'window',
  'cwnd~': 'cwnd',
  'initcwnd~': 'initcwnd',
  'initrwnd~': 'initrwnd',
  'quickack~': 'quickack',
  'ssthresh~': 'ssthresh',
};
const METRIC_BITS: Readonly<Record<string, number>> = {
  mtu: sys.RTAX_MTU,
  hoplimit: sys.RTAX_HOPLIMIT,
  advmss: sys.RTAX_ADVMSS,
  reordering: sys.RTAX_REORDERING,
  window: sys.RTAX_WINDOW,
  cwnd: sys.RTAX_CWND,
  initcwnd: sys.RTAX_INITCWND,
  initrwnd: sys.RTAX_INITRWND,
  features: sys.RTAX_FEATURES,
  quickack: sys.RTAX_QUICKACK,
  ssthresh: sys.RTAX_SSTHRESH,
};

/** A time in milliseconds, or with its unit; without one, the number is what the kernel takes, `fine` times as much. */
function timeFrom(words: Words, key: string, fine: number): number {
  const text = words.argument();
  const [, number = '', unit = ''] = /^(.*?)(s|secs?|ms|msecs?)?$/is.exec(text) ?? [];
  // A point makes it decimal; else it is what C takes for a number.
  const given = /^\d+\.\d*$/.test(number) ? Number(number) : parseCNumber(number);
  const time = given === undefined ? undefined : Math.ceil(given * (/^s/i.test(unit) ? 1000 : 1));
  const value = time === undefined || unit === '' ? time : time * fine;
  if (value === undefined || value > U32_MAX) throw wrong(text, `"${key}" value is invalid\n`);
  return value;
}

const metricRows: Rows<State> = Object.entries(METRIC_WORDS).map(([word, name]) => [
  word,
  (state, words) => {
    if (words.skip('lock')) state.lock |= 1 << (METRIC_BITS[name] as number);
    const text = words.argument();
    const fail = () => wrong(text, `"${name === 'advmss' ? 'mss' : name}" value is invalid\n`);
    const value = numberIn(text, 0, name === 'hoplimit' ? 0xff : U32_MAX, fail);
    if (name === 'quickack' && value > 1) throw wrong(text, '"quickack" value should be 0 or 1\n');
    state.metrics[name] = value;
  },
]);

/** A type of service by name or number. */
function tosFrom(text: string, why: string): number {
  const named = numberOf('rt_dsfield', text);
  if (named === undefined) throw wrong(text, why);
  return named;
}

/** One way of several: `nexthop via ADDRESS dev NAME weight N onlink`. */
const HOP_ROWS: Rows<Hop & { family: number }> = [
  [
    'via',
    (hop, words) => {
      hop.gateway = gatewayFrom(words, hop.family);
    },
  ],
  deviceRow,
  [
    'weight',
    (hop, words) => {
      const text = words.argument();
      hop.weight = numberIn(text, 1, 256, () => wrong(text, '"weight" is invalid\n'));
    },
  ],
  [
    'realms~',
    (hop, words) => {
      hop.realms = realmsFrom(words.argument());
    },
  ],
  [
    'onlink',
    (hop) => {
      hop.flags |= sys.RTNH_F_ONLINK;
    },
  ],
];

/** Takes the rest: behind the first way there are only others. */
function hopsFrom(state: State, words: Words): void {
  words.back();
  while (words.next !== undefined) {
    if (!words.skip('nexthop'))
      throw new Failure(`Error: "nexthop" or end of line is expected instead of "${words.next}"`, WRONG);
    if (words.next === undefined) throw new Failure('Error: unexpected end of line after "nexthop"', WRONG);
    const hop = { flags: 0, family: state.header.family ?? 0 } as Hop & { family: number };
    for (let row = words.rowOf(HOP_ROWS); row; row = words.rowOf(HOP_ROWS)) row[1](hop, words, words.argument());
    state.hops.push(hop);
  }
}

/** Index of the link of one way. */
function hopIndexOf(context: Context, device: string | undefined): number {
  const index = device === undefined ? 0 : context.findIndex(device);
  if (index === undefined) throw new Failure(`Cannot find device "${device}"\nError: cannot parse nexthop`, WRONG);
  return index;
}

const rows: Rows<State> = [
  [
    'src',
    (state, words) => {
      state.source = addressFrom(words.argument(), state.header.family ?? 0);
    },
  ],
  [
    'via',
    (state, words, word) => {
      if (state.gateway) throw wrong(word, 'use nexthop syntax to specify multiple via\n');
      state.gateway = gatewayFrom(words, state.header.family ?? 0);
    },
  ],
  [
    'from',
    (state, words) => {
      const prefix = destinationFrom(words.argument(), state.header.family ?? 0);
      state.header.sourceLength = prefix?.length ?? 0;
      state.attributes.source = prefix?.bytes;
    },
  ],
  [
    'tos dsfield~',
    (state, words) => {
      const text = words.argument();
      state.header.tos = tosFrom(text, '"tos" value is invalid\n');
    },
  ],
  [
    'metric priority~ preference',
    (state, words) => {
      const text = words.argument();
      state.attributes.metric = numberIn(text, 0, 0xffff_ffff, () => wrong(text, '"metric" value is invalid\n'));
    },
  ],
  [
    'scope',
    (state, words) => {
      const text = words.argument();
      const scope = numberOf('rt_scopes', text);
      if (scope === undefined) throw wrong(text, 'invalid "scope" value\n');
      state.header.scope = scope;
      state.hasScope = true;
    },
  ],
  ...metricRows,
  [
    'congctl~',
    (state, words) => {
      if (words.skip('lock')) state.lock |= 1 << sys.RTAX_CC_ALGO;
      state.metrics.congctl = words.argument();
    },
  ],
  [
    'rtt~',
    (state, words) => {
      if (words.skip('lock')) state.lock |= 1 << sys.RTAX_RTT;
      state.metrics.rtt = timeFrom(words, 'rtt', 8);
    },
  ],
  [
    'rttvar~',
    (state, words) => {
      if (words.skip('lock')) state.lock |= 1 << sys.RTAX_RTTVAR;
      state.metrics.rttvar = timeFrom(words, 'rttvar', 4);
    },
  ],
  [
    'rto_min~',
    (state, words) => {
      // Set by hand, it always holds.
      state.lock |= 1 << sys.RTAX_RTO_MIN;
      state.metrics.rto_min = timeFrom(words, 'rto_min', 1);
    },
  ],
  [
    'features~',
    (state, words) => {
      if (words.skip('lock')) state.lock |= 1 << sys.RTAX_FEATURES;
      const text = words.argument();
      if (text !== 'ecn') throw wrong(text, '"features" value not valid\n');
      state.metrics.features = sys.RTAX_FEATURE_ECN;
    },
  ],
  [
    'fastopen_no_cookie',
    (state, words) => {
      const text = words.argument();
      const value = numberIn(text, 0, 0xffff_ffff, () => wrong(text, '"fastopen_no_cookie" value is invalid\n'));
      if (value > 1) throw wrong(text, '"fastopen_no_cookie" value should be 0 or 1\n');
      state.metrics.fastopen_no_cookie = value;
    },
  ],
  [
    'realms~',
    (state, words) => {
      const text = words.argument();
      state.attributes.realms = realmsFrom(text);
    },
  ],
  ['encap', unsupported],
  [
    'as',
    (state, words) => {
      words.skip('to');
      state.attributes.newDestination = addressFrom(words.argument(), state.header.family ?? 0).bytes;
    },
  ],
  [
    'ttl-propagate',
    (state, words) => {
      const text = words.argument();
      const value = ['disabled', 'enabled'].indexOf(text);
      if (value < 0) throw wrong(text, '"ttl-propagate" value is invalid\n');
      state.attributes.ttlPropagate = value;
    },
  ],
  [
    'onlink',
    (state) => {
      state.header.flags = (state.header.flags ?? 0) | sys.RTNH_F_ONLINK;
    },
  ],
  ['nexthop', hopsFrom],
  [
    'nhid',
    (state, words) => {
      const text = words.argument();
      state.attributes.nextHopId = numberIn(text, 1, 0xffff_ffff, () => wrong(text, '"id" value is invalid\n'));
    },
  ],
  [
    'protocol~',
    (state, words) => {
      const text = words.argument();
      const protocol = numberOf('rt_protos', text);
      if (protocol === undefined) throw wrong(text, '"protocol" value is invalid\n');
      state.header.protocol = protocol;
    },
  ],
  [
    'table~',
    (state, words) => {
      state.table = tableFrom(words.argument());
    },
  ],
  deviceRow,
  [
    'pref',
    (state, words) => {
      const text = words.argument();
      state.attributes.preference =
        new Map([
          ['medium', 0],
          ['high', 1],
          ['low', 3],
        ]).get(text) ?? numberIn(text, 0, 0xff, () => wrong(text, '"pref" value is invalid\n'));
    },
  ],
  [
    'expires',
    (state, words) => {
      const text = words.argument();
      state.attributes.expires = numberIn(text, 0, 0xffff_ffff, () => wrong(text, '"expires" value is invalid\n'));
    },
  ],
];

/** Routes that deliver to the host itself are in the local table. */
const LOCAL_TYPES = [sys.RTN_LOCAL, sys.RTN_BROADCAST, sys.RTN_NAT, sys.RTN_ANYCAST];

function indexOf(context: Context, name: string): number {
  const index = context.findIndex(name);
  if (index === undefined) throw noDevice(name);
  return index;
}

function parse(
  context: Context,
  words: Words,
  isDelete: boolean,
): { header: RouteHeader; attributes: RouteAttributes } {
  const { family } = context.settings;
  const state: State = {
    context,
    header: { family, table8: sys.RT_TABLE_MAIN },
    attributes: {},
    hops: [],
    metrics: {},
    lock: 0,
  };
  const { header, attributes } = state;
  takeAll(rows, words, state, (word) => {
    unlessHelp(word, 'route');
    const first = word === 'to' ? words.argument() : word;
    const type = typeOf(first);
    if (type !== undefined) header.type = type;
    const text = type === undefined ? first : words.argument();
    if (state.hasDestination) throw garbage('to', text);
    state.destination = destinationFrom(text, header.family ?? 0);
    state.hasDestination = true;
    if (state.destination) header.family = state.destination.family;
  });
  if (!state.hasDestination && !isDelete && header.type === undefined)
    throw new Failure('Command line is not complete. Try option "help"', 255);
  const { destination, gateway, source, device, hops } = state;
  header.family = header.family || gateway?.family || hops.find((hop) => hop.gateway)?.gateway?.family || sys.AF_INET;
  header.destinationLength = destination?.length ?? 0;
  attributes.destination = destination?.length === 0 ? undefined : destination?.bytes;
  attributes.preferredSource = source?.bytes;
  attributes.index = device === undefined ? undefined : indexOf(context, device);
  const via = (address: Address | undefined) => {
    if (!address) return {};
    if (address.family === header.family) return { gateway: address.bytes };
    const tagged = Buffer.alloc(2);
    tagged.writeUInt16LE(address.family);
    return { via: Buffer.concat([tagged, address.bytes]) };
  };
  Object.assign(attributes, via(gateway));
  if (state.lock) state.metrics.lock = state.lock;
  if (Object.keys(state.metrics).length) attributes.metrics = state.metrics;
  if (hops.length)
    attributes.nextHops = hops.map(
      (hop): NextHop => ({
        flags: hop.flags,
        hops: (hop.weight ?? 1) - 1,
        index: hopIndexOf(context, hop.device),
        realms: hop.realms,
        ...via(hop.gateway),
      }),
    );
  settle(state, isDelete);
  return { header, attributes };
}

/** What follows from what was said. */
function settle({ header, attributes, table, hasScope, gateway, hops }: State, isDelete: boolean): void {
  const { type } = header;
  if (!isDelete) {
    header.protocol ??= sys.RTPROT_BOOT;
    header.type ??= sys.RTN_UNICAST;
  }
  if (table === undefined && type !== undefined && LOCAL_TYPES.includes(type)) header.table8 = sys.RT_TABLE_LOCAL;
  if (table !== undefined) {
    header.table8 = table < 256 ? table : sys.RT_TABLE_UNSPEC;
    if (table >= 256) attributes.table = table;
  }
  if (hasScope) return;
  const isOnLink = !gateway && !hops.length && attributes.nextHopId === undefined;
  if (isDelete) header.scope = sys.RT_SCOPE_NOWHERE;
  else if (header.family === sys.AF_INET6) header.scope = sys.RT_SCOPE_UNIVERSE;
  else if (type === sys.RTN_LOCAL || type === sys.RTN_NAT) header.scope = sys.RT_SCOPE_HOST;
  else if (type === sys.RTN_BROADCAST || type === sys.RTN_MULTICAST || type === sys.RTN_ANYCAST)
    header.scope = sys.RT_SCOPE_LINK;
  else if ((type === undefined || type === sys.RTN_UNICAST) && isOnLink) header.scope = sys.RT_SCOPE_LINK;
}

export const put =
  (how: 'add' | 'change' | 'replace' | 'append' | 'prepend' | 'test') =>
  (context: Context, words: Words): void => {
    const { header, attributes } = parse(context, words, false);
    context.route.request(routeRequest(how, header, attributes), `route ${how}`);
  };

export function remove(context: Context, words: Words): void {
  const { header, attributes } = parse(context, words, true);
  context.route.request(deleteRoute(header, attributes), 'route del');
}

interface Selection {
  readonly context: Context;
  family: number;
  table?: number;
  /** Routes that the kernel has looked up and keeps. */
  cached?: boolean;
  realms?: number;
  mark?: number;
  /** The same of the source. */
  fromRoot?: Prefix | 'default';
  fromMatch?: Prefix | 'default';
  input?: string;
  device?: string;
  via?: Prefix;
  source?: Prefix;
  protocol?: number;
  scope?: number;
  type?: number;
  tos?: number;
  metric?: number;
  /** Routes within this prefix. */
  root?: Prefix | 'default';
  /** Routes that this prefix lies within. */
  match?: Prefix | 'default';
}

const SELECTION: Rows<Selection> = [
  [
    'table~',
    (selection, words) => {
      const text = words.argument();
      if (text === 'cache') selection.cached = true;
      else selection.table = text === 'all' ? 0 : tableFrom(text, 'table id value is invalid\n');
    },
  ],
  [
    'vrf',
    (selection, words) => {
      const { context } = selection;
      const data = context.link(vrfFrom(context, words, 'Invalid VRF\n'))?.info?.data;
      selection.table = kindData(VRF, data).table;
    },
  ],
  [
    'cached~ cloned~',
    (selection) => {
      selection.cached = true;
    },
  ],
  [
    'dev oif~',
    (selection, words) => {
      selection.device = words.argument();
    },
  ],
  [
    'iif',
    (selection, words) => {
      selection.input = words.argument();
    },
  ],
  [
    'realms~',
    (selection, words) => {
      const text = words.argument();
      selection.realms = realmsFrom(text, 'invalid realms\n');
    },
  ],
  [
    'mark',
    (selection, words) => {
      const text = words.argument();
      selection.mark = numberIn(text, 0, U32_MAX, () => wrong(text, 'invalid mark value'));
    },
  ],
  [
    'from',
    (selection, words) => {
      const how = words.next === 'root' || words.next === 'match' ? words.take() : undefined;
      if (how === undefined) words.skip('exact');
      const prefix = destinationFrom(words.argument(), selection.family) ?? 'default';
      if (how !== 'match') selection.fromRoot = prefix;
      if (how !== 'root') selection.fromMatch = prefix;
    },
  ],
  [
    'via',
    (selection, words) => {
      selection.via = prefixFrom(words.argument(), selection.family);
    },
  ],
  [
    'src',
    (selection, words) => {
      selection.source = prefixFrom(words.argument(), selection.family);
    },
  ],
  [
    'protocol~',
    (selection, words) => {
      const text = words.argument();
      const protocol = numberOf('rt_protos', text);
      if (protocol === undefined && text !== 'all') throw wrong(text, 'invalid "protocol"\n');
      selection.protocol = protocol;
    },
  ],
  [
    'scope~',
    (selection, words) => {
      const text = words.argument();
      const scope = numberOf('rt_scopes', text);
      if (scope === undefined && text !== 'all') throw wrong(text, 'invalid "scope"\n');
      selection.scope = scope;
    },
  ],
  [
    'type~',
    (selection, words) => {
      const text = words.argument();
      selection.type = typeOf(text) ?? numberIn(text, 0, 0xff, () => wrong(text, 'node type value is invalid\n'));
    },
  ],
  [
    'tos dsfield~',
    (selection, words) => {
      const text = words.argument();
      selection.tos = tosFrom(text, 'TOS value is invalid\n');
    },
  ],
  [
    'metric~ priority~ preference',
    (selection, words) => {
      const text = words.argument();
      selection.metric = numberIn(text, 0, 0xffff_ffff, () => wrong(text, '"metric" value is invalid\n'));
    },
  ],
  [
    'root',
    (selection, words) => {
      selection.root = destinationFrom(words.argument(), selection.family) ?? 'default';
    },
  ],
  [
    'match',
    (selection, words) => {
      selection.match = destinationFrom(words.argument(), selection.family) ?? 'default';
    },
  ],
];

function selectionFrom(context: Context, words: Words): Selection {
  const selection: Selection = { context, family: context.settings.family };
  takeAll(SELECTION, words, selection, (word) => {
    const text = word === 'to' || word === 'exact' ? words.argument() : word;
    if (rowOf(SELECTION, text)) {
      rowOf(SELECTION, text)?.[1](selection, words, text);
      return;
    }
    const prefix = destinationFrom(text, selection.family);
    selection.root = prefix ?? 'default';
    selection.match = prefix ?? 'default';
    if (prefix) selection.family = prefix.family;
  });
  return selection;
}

function within(inner: Uint8Array | undefined, length: number, outer: Prefix | 'default'): boolean {
  if (outer === 'default') return true;
  return (
    length >= outer.length &&
    sameBytes(
      masked(inner ?? new Uint8Array(outer.bytes.length), outer.length, 0),
      masked(outer.bytes, outer.length, 0),
    )
  );
}

/** Whether an address of a route lies within a prefix, if one is named; one that the route does not have counts as zero. */
const isWithin = ({ family }: Route, address: Uint8Array | undefined, prefix: Prefix | undefined): boolean =>
  prefix === undefined || (family === prefix.family && within(address, 128, prefix));

/** Whether `prefix` lies within the route's destination. */
function covers(route: Pick<Route, 'destination' | 'destinationLength'>, prefix: Prefix | 'default'): boolean {
  if (prefix === 'default') return route.destinationLength === 0;
  const { destinationLength: length, destination } = route;
  const own = destination ?? new Uint8Array(prefix.bytes.length);
  return length <= prefix.length && sameBytes(masked(prefix.bytes, length, 0), masked(own, length, 0));
}

/** Routes of a table, 0 for all. A namespace that has never had a route lacks the main table, too: that is no error. */
function routesOf(context: Context, family: number, table: number, what: 'Dump' | 'Flush', flags: number): Route[] {
  try {
    return listRoutes(context.route, { family, table8: table < 256 ? table : 0, flags }, table ? { table } : {});
  } catch (error) {
    if (!(error instanceof NetlinkError) || error.code !== 'ENOENT') throw error;
    if (!table || (table === sys.RT_TABLE_MAIN && what === 'Dump')) return [];
    throw new Failure(`Error: ${error.text ?? sys.strerror(error.errno)}.\n${what} terminated`, REFUSED);
  }
}

function select(context: Context, selection: Selection, what: 'Dump' | 'Flush'): { found: Route[]; view: RouteView } {
  // What is kept of looked-up routes belongs to no table.
  const { device, input, cached = false, table = cached ? 0 : sys.RT_TABLE_MAIN } = selection;
  const index = device === undefined ? undefined : indexOf(context, device);
  const inputIndex = input === undefined ? undefined : indexOf(context, input);
  const family = selection.family || (table ? sys.AF_INET : 0);
  const found = routesOf(context, family, table, what, cached ? sys.RTM_F_CLONED : 0).filter(
    (route) =>
      (route.family === sys.AF_INET || route.family === sys.AF_INET6) &&
      (!family || route.family === family) &&
      Boolean(route.flags & sys.RTM_F_CLONED) === cached &&
      (inputIndex === undefined || route.inputIndex === inputIndex) &&
      (selection.realms === undefined || route.realms === selection.realms) &&
      (selection.mark === undefined || (route.mark ?? 0) === selection.mark) &&
      (selection.fromRoot === undefined || within(route.source, route.sourceLength, selection.fromRoot)) &&
      (selection.fromMatch === undefined ||
        covers({ destination: route.source, destinationLength: route.sourceLength }, selection.fromMatch)) &&
      (!table || tableOf(route) === table) &&
      (index === undefined || route.index === index || route.nextHops?.some((hop) => hop.index === index)) &&
      (selection.protocol === undefined || route.protocol === selection.protocol) &&
      (selection.scope === undefined || route.scope === selection.scope) &&
      (selection.type === undefined || route.type === selection.type) &&
      (selection.tos === undefined || route.tos === selection.tos) &&
      (selection.metric === undefined || (route.metric ?? 0) === selection.metric) &&
      isWithin(route, route.gateway, selection.via) &&
      isWithin(route, route.preferredSource, selection.source) &&
      (selection.root === undefined || within(route.destination, route.destinationLength, selection.root)) &&
      (selection.match === undefined || covers(route, selection.match)),
  );
  return { found, view: viewOf(selection) };
}

/** What was chosen is not said again. */
const viewOf = ({ device, cached, table = cached ? 0 : sys.RT_TABLE_MAIN, ...selection }: Selection): RouteView => ({
  hidesTable: table !== 0,
  hidesDevice: device !== undefined,
  hidesProtocol: selection.protocol !== undefined,
  hidesScope: selection.scope !== undefined,
  hidesSource: isWhole(selection.source),
  hidesVia: isWhole(selection.via),
  hidesMetric: selection.metric !== undefined,
  hidesRealms: selection.realms !== undefined,
  hidesTos: selection.tos !== undefined,
});

const isWhole = (prefix: Prefix | undefined) => prefix !== undefined && prefix.length === prefix.bytes.length * 8;

export function show(context: Context, words: Words): void {
  const { found, view } = select(context, selectionFrom(context, words), 'Dump');
  context.print(
    render(
      found.map((route) => showRoute(context, route, view)),
      context.settings,
    ),
  );
}

/** So often at most what is to be flushed is looked for. */
const ROUNDS = 10;

const CACHE = '/proc/sys/net/ipv4/route/flush';

/** All that the namespace has looked up for IPv4 is forgotten. */
function flushCache(context: Context): void {
  context.there(() => {
    sys.saying(
      `Cannot open "${CACHE}"`,
      () => sys.withFile(CACHE, sys.O_WRONLY, (fd) => sys.writeAll(fd, sys.encode('-1'))),
      FAILED,
    );
  });
}

/** Deletes all that `show` with the same words shows. */
export function flush(context: Context, words: Words): void {
  if (words.next === undefined) throw new Failure('"ip route flush" requires arguments.', FAILED);
  const selection = selectionFrom(context, words);
  if (selection.cached && selection.family !== sys.AF_INET6) {
    flushCache(context);
    if (context.settings.statistics) context.print('*** IPv4 routing cache is flushed.\n');
    if (selection.family === sys.AF_INET || !select(context, selection, 'Flush').found.length) return;
  }
  flushAll(context, {
    noun: 'entries',
    rounds: ROUNDS,
    gone: 'ESRCH',
    find: () => select(context, selection, 'Flush').found,
    show: (route) => showRoute(context, route, viewOf(selection)),
    remove: (route) => {
      const { family, destinationLength, sourceLength, tos, table8, protocol, scope, type } = route;
      const { destination, source, index, gateway, metric, table, nextHops, nextHopId } = route;
      // Its next hop by id says all that it would say itself.
      const way = nextHopId === undefined ? { index, gateway, nextHops } : { nextHopId };
      context.route.request(
        deleteRoute(
          { family, destinationLength, sourceLength, tos, table8, protocol, scope, type },
          { destination, source, metric, table, ...way },
        ),
        'route flush',
      );
    },
  });
}

interface Lookup {
  readonly context: Context;
  flowLabel?: number;
  newDestination?: Address;
  family: number;
  destination?: Prefix;
  from?: Prefix;
  input?: string;
  output?: string;
  mark?: number;
  fib?: boolean;
  tos?: number;
  uid?: number;
  ipProtocol?: number;
  sourcePort?: number;
  destinationPort?: number;
  /** The answer is asked for again, as for a socket that is connected by it. */
  connected?: boolean;
  notify?: boolean;
}

const LOOKUP: Rows<Lookup> = [
  [
    'vrf',
    (lookup, words) => {
      lookup.output = lookup.context.linkName(vrfFrom(lookup.context, words, 'Invalid VRF\n'));
    },
  ],
  [
    'flowlabel',
    (lookup, words) => {
      const text = words.argument();
      lookup.flowLabel = numberIn(text, 0, 0xfffff, () => wrong(text, 'invalid flowlabel'));
    },
  ],
  [
    'as',
    (lookup, words) => {
      words.skip('to');
      lookup.newDestination = addressFrom(words.argument(), lookup.family);
    },
  ],
  [
    'from',
    (lookup, words) => {
      lookup.from = prefixFrom(words.argument(), lookup.family);
    },
  ],
  [
    'iif',
    (lookup, words) => {
      lookup.input = words.argument();
    },
  ],
  [
    'oif~ dev',
    (lookup, words) => {
      lookup.output = words.argument();
    },
  ],
  [
    'mark',
    (lookup, words) => {
      const text = words.argument();
      lookup.mark = numberIn(text, 0, 0xffff_ffff, () => wrong(text, 'invalid mark value'));
    },
  ],
  [
    'tos dsfield~',
    (lookup, words) => {
      const text = words.argument();
      lookup.tos = tosFrom(text, 'TOS value is invalid\n');
    },
  ],
  [
    'uid',
    (lookup, words) => {
      const text = words.argument();
      lookup.uid = numberIn(text, 0, 0xffff_ffff, () => wrong(text, 'invalid UID\n'));
    },
  ],
  [
    'ipproto',
    (lookup, words) => {
      const text = words.argument();
      const protocol = protocolNumber(lookup.context.world, text);
      if (protocol === undefined) throw wrong(text, 'Invalid "ipproto" value\n');
      lookup.ipProtocol = protocol;
    },
  ],
  [
    'sport',
    (lookup, words) => {
      const text = words.argument();
      lookup.sourcePort = numberIn(text, 0, 0xffff, () => wrong(text, 'invalid sport\n'));
    },
  ],
  [
    'dport',
    (lookup, words) => {
      const text = words.argument();
      lookup.destinationPort = numberIn(text, 0, 0xffff, () => wrong(text, 'invalid dport\n'));
    },
  ],
  [
    'notify~',
    (lookup) => {
      lookup.notify = true;
    },
  ],
  [
    'connected~',
    (lookup) => {
      lookup.connected = true;
    },
  ],
  [
    'fibmatch',
    (lookup) => {
      lookup.fib = true;
    },
  ],
];

/** The route that a packet would take. */
export function get(context: Context, words: Words): void {
  const lookup: Lookup = { context, family: context.settings.family };
  takeAll(LOOKUP, words, lookup, (word) => {
    unlessHelp(word, 'route');
    const text = word === 'to' ? words.argument() : word;
    lookup.destination = prefixFrom(text, lookup.family);
    lookup.family = lookup.destination.family;
  });
  const { from, input, output, mark, fib, tos, uid, ipProtocol, sourcePort, destinationPort } = lookup;
  if (!lookup.destination) throw new Failure('need at least a destination address', FAILED);
  const whole = bitsOf(lookup.destination.family);
  const destination = { ...lookup.destination, length: whole };
  if (lookup.destination.length !== whole)
    context.world.warn(
      `Warning: /${lookup.destination.length} as prefix is invalid, only /${whole} (or none) is supported.`,
    );
  const ask = (header: RouteHeader, attributes: RouteAttributes) =>
    getRoute(
      context.route,
      {
        family: destination.family,
        destinationLength: destination.length,
        tos,
        flags:
          (destination.family === sys.AF_INET ? sys.RTM_F_LOOKUP_TABLE : 0) |
          (fib ? sys.RTM_F_FIB_MATCH : 0) |
          (lookup.notify ? sys.RTM_F_NOTIFY : 0),
        ...header,
      },
      {
        destination: destination.bytes,
        newDestination: lookup.newDestination?.bytes,
        mark,
        uid,
        ipProtocol,
        sourcePort,
        destinationPort,
        flowLabel: lookup.flowLabel,
        ...attributes,
      },
    );
  const route = ask(
    { sourceLength: from?.length ?? 0 },
    {
      source: from?.bytes,
      index: output === undefined ? undefined : indexOf(context, output),
      inputIndex: input === undefined ? undefined : indexOf(context, input),
    },
  );
  const print = (found: Route) => context.print(render([showRoute(context, found, {})], context.settings));
  print(route);
  if (!lookup.connected || from) return;
  // As a socket that this address is bound to would ask.
  const { preferredSource: source, index } = route;
  print(ask({ sourceLength: (source?.length ?? 0) * 8 }, { source, index }));
}
