/** `ip route show` and `ip route get`. */
import { bitsOf, formatAddress, type NextHop, type Route, tableOf, viaOf } from '@ts/netlink';
import * as sys from '@ts/sys';
import { colorOf } from '../colors.ts';
import type { Context } from '../context.ts';
import { Entry } from '../entry.ts';
import type { Json } from '../json.ts';
import { nameOf } from '../names.ts';
import { flagNames, showHopFlags, showNextHop, viaText } from './nexthop.ts';

export const TYPES = [
  'none',
  'unicast',
  'local',
  'broadcast',
  'anycast',
  'multicast',
  'blackhole',
  'unreachable',
  'prohibit',
  'throw',
  'nat',
  'xresolve',
];
/** RTCF_*: why a looked-up route is as it is. */
const CACHE_FLAGS: readonly (readonly [bit: number, name: string])[] = [
  [0x40000, 'redirected'],
  [0x80000, 'notify'],
  [0x1000000, 'doredirect'],
  [0x4000000, 'direct-src'],
  [0x10000000, 'brd'],
  [0x20000000, 'mc'],
  [-0x80000000, 'local'],
  [0x40000000, 'reject'],
];
const PREFERENCES: Readonly<Record<number, string>> = { 0: 'medium', 1: 'high', 3: 'low' };

function showVia({ paint }: Context, entry: Entry, via: Uint8Array): void {
  const { family, bytes } = viaOf(via);
  const name = family === sys.AF_INET6 ? 'inet6' : 'inet';
  entry.both(
    'via',
    { family: name, host: formatAddress(bytes) },
    `via ${name} ${paint(colorOf(family), `${formatAddress(bytes)} `)}`,
  );
}

function showRealms(entry: Entry, realms: number): void {
  const [from, to] = [realms >>> 16, realms & 0xffff].map((realm) => nameOf('rt_realms', realm)) as [string, string];
  entry.note('flow', realms >>> 16 ? { from, to } : { to });
  entry.say(realms >>> 16 ? `realms ${from}/${to} ` : `realm ${to} `);
}

function showHop(context: Context, hop: NextHop, family: number): Entry {
  const entry = new Entry('\n');
  entry.line('\tnexthop ');
  if (hop.gateway) entry.both('gateway', formatAddress(hop.gateway), viaText(context, hop.gateway));
  if (hop.via) showVia(context, entry, hop.via);
  if (hop.realms) showRealms(entry, hop.realms);
  if (hop.index) {
    const name = context.linkName(hop.index);
    entry.both('dev', name, `dev ${name} `);
  }
  if (family !== sys.AF_MPLS) entry.both('weight', hop.hops + 1, `weight ${hop.hops + 1} `);
  showHopFlags(entry, hop.flags);
  return entry;
}

/** Times are in milliseconds here, four times and eight times as fine in the kernel. */
const METRICS = [
  'mtu',
  'window',
  'rtt',
  'rttvar',
  'ssthresh',
  'cwnd',
  'advmss',
  'reordering',
  'hoplimit',
  'initcwnd',
  'features',
  'rto_min',
  'initrwnd',
  'quickack',
  'congctl',
  'fastopen_no_cookie',
] as const;

function showMetrics(entry: Entry, metrics: NonNullable<Route['metrics']>): void {
  const json: { [key: string]: Json } = {};
  const lock = metrics.lock ?? 0;
  METRICS.forEach((name, index) => {
    const value = metrics[name];
    if (value === undefined) return;
    const isLocked = lock & (1 << (index + 2));
    const word = isLocked ? `${name} lock` : name;
    if (name === 'rtt' || name === 'rttvar' || name === 'rto_min') {
      const time = Math.trunc(Number(value) / (name === 'rtt' ? 8 : name === 'rttvar' ? 4 : 1));
      json[name] = time;
      entry.say(`${word} ${time >= 1000 ? `${time / 1000}s` : `${time}ms`} `);
    } else if (name === 'features') {
      const others = Number(value) & ~sys.RTAX_FEATURE_ECN;
      if (others !== value) json.ecn = null;
      if (others) json.features = `0x${others.toString(16)}`;
      entry.say(`${word} ${others === value ? '' : 'ecn '}${others ? `0x${others.toString(16)} ` : ''}`);
    } else {
      json[name === 'congctl' ? 'congestion' : name] = value;
      entry.say(`${word} ${value} `);
    }
  });
  entry.note('metrics', [json]);
}

/** What the caller of `show` has chosen is not said again. */
export interface RouteView {
  readonly hidesTable?: boolean;
  readonly hidesDevice?: boolean;
  readonly hidesProtocol?: boolean;
  readonly hidesScope?: boolean;
  readonly hidesVia?: boolean;
  readonly hidesSource?: boolean;
  readonly hidesMetric?: boolean;
  readonly hidesRealms?: boolean;
  readonly hidesTos?: boolean;
}

export function showRoute(context: Context, route: Route, view: RouteView): Entry {
  const { settings, paint } = context;
  const entry = new Entry(settings.oneline ? '\\' : '\n');
  const details = settings.details > 0;
  const bits = bitsOf(route.family);
  if (route.type !== sys.RTN_UNICAST || details) {
    const type = (settings.numeric ? undefined : TYPES[route.type]) ?? String(route.type);
    entry.both('type', type, `${type} `);
  }
  const prefix = (bytes: Uint8Array | undefined, length: number, none: string) =>
    bytes ? `${formatAddress(bytes)}${length === bits ? '' : `/${length}`}` : length ? `0/${length}` : none;
  const destination = prefix(route.destination, route.destinationLength, 'default');
  const color = colorOf(route.family);
  entry.both('dst', destination, paint(route.destination ? color : undefined, `${destination} `));
  if (route.source ?? route.sourceLength) {
    const source = prefix(route.source, route.sourceLength, '0/0');
    entry.both('from', source, `from ${paint(route.source ? color : undefined, `${source} `)}`);
  }
  if (route.nextHopId !== undefined) entry.both('nhid', route.nextHopId, `nhid ${route.nextHopId} `);
  if (route.tos && !view.hidesTos)
    entry.both(
      'tos',
      `0x${route.tos.toString(16).padStart(2, '0')}`,
      `tos 0x${route.tos.toString(16).padStart(2, '0')} `,
    );
  if (route.gateway && !view.hidesVia)
    entry.both('gateway', formatAddress(route.gateway), viaText(context, route.gateway));
  if (route.via) showVia(context, entry, route.via);
  if (route.index && !view.hidesDevice) {
    const name = context.linkName(route.index);
    entry.both('dev', name, `dev ${paint('name', `${name} `)}`);
  }
  const isLookedUp = (route.flags & sys.RTM_F_CLONED) !== 0;
  const table = tableOf(route);
  if (!isLookedUp || details) {
    if ((table !== sys.RT_TABLE_MAIN || details) && !view.hidesTable) {
      const name = nameOf('rt_tables', table, settings.numeric);
      entry.both('table', name, `table ${name} `);
    }
  }
  if (!isLookedUp) {
    if ((route.protocol !== sys.RTPROT_BOOT || details) && !view.hidesProtocol) {
      const name = nameOf('rt_protos', route.protocol, settings.numeric);
      entry.both('protocol', name, `proto ${name} `);
    }
    if ((route.scope !== sys.RT_SCOPE_UNIVERSE || details) && !view.hidesScope) {
      const name = nameOf('rt_scopes', route.scope, settings.numeric);
      entry.both('scope', name, `scope ${name} `);
    }
  }
  if (route.preferredSource && !view.hidesSource)
    entry.both(
      'prefsrc',
      formatAddress(route.preferredSource),
      `src ${paint(color, `${formatAddress(route.preferredSource)} `)}`,
    );
  if (route.metric !== undefined && !view.hidesMetric) entry.both('metric', route.metric, `metric ${route.metric} `);
  showHopFlags(entry, route.flags & 0xffff);
  if (route.mark) {
    const text = route.mark >= 16 ? `0x${route.mark.toString(16)}` : String(route.mark);
    entry.both('mark', route.mark >= 16 ? text : route.mark, `mark ${text} `);
  }
  if (route.realms && !view.hidesRealms) showRealms(entry, route.realms);
  if (route.uid !== undefined) entry.both('uid', route.uid, `uid ${route.uid} `);
  if (isLookedUp && route.family === sys.AF_INET) showCache(entry, route, settings.statistics > 0);
  else if (route.family === sys.AF_INET6 && route.cache) showLifetime(entry, route, settings.statistics > 0);
  if (route.metrics) showMetrics(entry, route.metrics);
  if (route.inputIndex) {
    const name = context.linkName(route.inputIndex);
    entry.both('iif', name, `iif ${paint('name', `${name} `)}`);
  }
  if (route.preference !== undefined) {
    const name = PREFERENCES[route.preference] ?? String(route.preference);
    entry.both('pref', name, `pref ${name}`);
  }
  if (details && route.nextHopId !== undefined) {
    const object = context.nextHop(route.nextHopId);
    if (object) {
      const shown = showNextHop(context, object);
      entry.both('nh_info', shown.json, `\n\tnh_info ${shown.text}`);
    }
  }
  if (route.nextHops) {
    const hops = route.nextHops.map((hop) => showHop(context, hop, route.family));
    entry.note(
      'nexthops',
      hops.map(({ json }) => json),
    );
    for (const hop of hops) entry.say(settings.oneline ? hop.text.replace('\n', '\\') : hop.text);
  }
  entry.say('\n');
  return entry;
}

function showCache(entry: Entry, route: Route, statistics: boolean): void {
  const names = flagNames(CACHE_FLAGS, route.flags & ~0xffff);
  entry.line(`    cache ${names.length ? `<${names.join(',')}> ` : ''}`);
  entry.note('cache', names);
  showLifetime(entry, route, statistics);
}

function showLifetime(entry: Entry, { cache }: Route, statistics: boolean): void {
  if (!cache) return;
  if (cache.expires)
    entry.both('expires', Math.trunc(cache.expires / 100), `expires ${Math.trunc(cache.expires / 100)}sec `);
  if (cache.error) entry.both('error', -(cache.error | 0), `error ${cache.error | 0} `);
  if (!statistics) return;
  if (cache.references) entry.both('users', cache.references, `users ${cache.references} `);
  if (cache.used) entry.both('used', cache.used, `used ${cache.used} `);
  if (cache.lastUse) entry.both('age', Math.trunc(cache.lastUse / 100), `age ${Math.trunc(cache.lastUse / 100)}sec `);
}
