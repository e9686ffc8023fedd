/** `ip link show`, and the lines about a link that `ip address show` begins with. */
import { formatAddress, formatHardware, getLink, type Link } from '@ts/netlink';
import * as sys from '@ts/sys';
import type { Color } from '../colors.ts';
import type { Context } from '../context.ts';
import { Entry } from '../entry.ts';
import { showKind } from '../kinds/index.ts';
import { nameOf } from '../names.ts';
import { showStatistics } from './statistics.ts';

const FLAGS: readonly (readonly [bit: number, name: string])[] = [
  [sys.IFF_LOOPBACK, 'LOOPBACK'],
  [sys.IFF_BROADCAST, 'BROADCAST'],
  [sys.IFF_POINTOPOINT, 'POINTOPOINT'],
  [sys.IFF_MULTICAST, 'MULTICAST'],
  [sys.IFF_NOARP, 'NOARP'],
  [sys.IFF_ALLMULTI, 'ALLMULTI'],
  [sys.IFF_PROMISC, 'PROMISC'],
  [sys.IFF_MASTER, 'MASTER'],
  [sys.IFF_SLAVE, 'SLAVE'],
  [sys.IFF_DEBUG, 'DEBUG'],
  [sys.IFF_DYNAMIC, 'DYNAMIC'],
  [sys.IFF_AUTOMEDIA, 'AUTOMEDIA'],
  [sys.IFF_PORTSEL, 'PORTSEL'],
  [sys.IFF_NOTRAILERS, 'NOTRAILERS'],
  [sys.IFF_UP, 'UP'],
  [sys.IFF_LOWER_UP, 'LOWER_UP'],
  [sys.IFF_DORMANT, 'DORMANT'],
  [sys.IFF_ECHO, 'ECHO'],
];
const OPER_STATES = ['UNKNOWN', 'NOTPRESENT', 'DOWN', 'LOWERLAYERDOWN', 'TESTING', 'DORMANT', 'UP'];
const LINK_MODES = ['DEFAULT', 'DORMANT'];
const ADDR_GEN_MODES = ['eui64', 'none', 'stable_secret', 'random'];

const stateColor = (state: string): Color | undefined =>
  state === 'UP' ? 'up' : state === 'DOWN' ? 'down' : undefined;

const TYPES: Readonly<Record<number, string>> = {
  [sys.ARPHRD_ETHER]: 'ether',
  [sys.ARPHRD_LOOPBACK]: 'loopback',
  [sys.ARPHRD_TUNNEL]: 'ipip',
  [sys.ARPHRD_TUNNEL6]: 'tunnel6',
  [sys.ARPHRD_SIT]: 'sit',
  [sys.ARPHRD_IPGRE]: 'gre',
  [sys.ARPHRD_PPP]: 'ppp',
  [sys.ARPHRD_NONE]: 'none',
  823: 'gre6',
};
/** Links whose hardware address is an IP address. */
const ADDRESSED = [sys.ARPHRD_TUNNEL, sys.ARPHRD_SIT, sys.ARPHRD_IPGRE, sys.ARPHRD_TUNNEL6, 823];

const hardware = (type: number, bytes: Uint8Array) =>
  ADDRESSED.includes(type) && (bytes.length === 4 || bytes.length === 16)
    ? formatAddress(bytes)
    : formatHardware(bytes);

function flagNames(flags: number, lowerIsDown: boolean): string[] {
  const names = flags & sys.IFF_UP && !(flags & sys.IFF_RUNNING) ? ['NO-CARRIER'] : [];
  let rest = flags & ~sys.IFF_RUNNING;
  for (const [bit, name] of FLAGS)
    if (rest & bit) {
      names.push(name);
      rest &= ~bit;
    }
  if (rest) names.push((rest >>> 0).toString(16));
  return lowerIsDown ? [...names, 'M-DOWN'] : names;
}

/** Name with what carries it, or its other end. Result: whether that is down. */
function showName(context: Context, { link, linkNamespaceId, name = '' }: Link, entry: Entry, width = 0): boolean {
  const shown = (text: string) => (width ? `${text.padEnd(width)} ` : `${text}: `);
  if (link === undefined) {
    entry.both('ifname', name, context.paint('name', shown(name)));
    return false;
  }
  const tail = link === 0 ? 'NONE' : linkNamespaceId === undefined ? context.linkName(link) : `if${link}`;
  if (link === 0) entry.note('link', null);
  else if (linkNamespaceId === undefined) entry.note('link', tail);
  else entry.note('link_index', link);
  entry.both('ifname', name, context.paint('name', shown(`${name}@${tail}`)));
  return link !== 0 && linkNamespaceId === undefined && !((context.link(link)?.flags ?? 0) & sys.IFF_UP);
}

/** Where the other end is: a namespace by name, or by the id that it has here. */
function showNamespace(entry: Entry, id: number | undefined, nameOfId: (id: number) => string | undefined): void {
  if (id === undefined) return;
  if (id < 0) {
    entry.say(' link-netnsid unknown');
    return;
  }
  const name = nameOfId(id);
  entry.note('link_netnsid', id);
  entry.say(name === undefined ? ` link-netnsid ${id}` : ` link-netns ${name}`);
}

/** How a link is shown: with `ip link`, or before its addresses. */
export interface LinkView {
  /** Of a notification: without the length of its queue. */
  readonly isNotice?: boolean;
  readonly isLink: boolean;
  /** Family of the addresses that are shown, AF_UNSPEC for all. */
  readonly family: number;
  readonly nameOfId: (id: number) => string | undefined;
}

/** Bits of who has taken a link down. */
function showReasons({ protoDownReason }: Link, entry: Entry): void {
  const value = protoDownReason?.value;
  if (!value) return;
  const bits = Array.from({ length: 32 }, (_, bit) => bit).filter((bit) => (value >>> bit) & 1);
  entry.both('proto_down_reason', bits.map(String), `protodown_reason <${bits.join(',')}>`);
}

function showDetails(context: Context, link: Link, entry: Entry, { isLink }: LinkView): void {
  const number = (key: string, word: string, value: number | undefined, before = '') => {
    if (value !== undefined) entry.both(key, value, `${before}${word} ${value} `);
  };
  number('promiscuity', 'promiscuity', link.promiscuity, ' ');
  number('allmulti', 'allmulti', link.allMulticast);
  number('min_mtu', 'minmtu', link.minMtu);
  number('max_mtu', 'maxmtu', link.maxMtu);
  if (link.info) showKind(context, link, entry);
  const mode = link.perFamily?.inet6?.addrGenMode;
  if (isLink && mode !== undefined) {
    const name = ADDR_GEN_MODES[mode] ?? `0x${mode.toString(16).padStart(2, '0')}`;
    entry.both('inet6_addr_gen_mode', name, `addrgenmode ${name} `);
  }
  number('num_tx_queues', 'numtxqueues', link.txQueues);
  number('num_rx_queues', 'numrxqueues', link.rxQueues);
  number('gso_max_size', 'gso_max_size', link.gsoMaxSize);
  number('gso_max_segs', 'gso_max_segs', link.gsoMaxSegments);
  number('tso_max_size', 'tso_max_size', link.tsoMaxSize);
  number('tso_max_segs', 'tso_max_segs', link.tsoMaxSegments);
  number('gro_max_size', 'gro_max_size', link.groMaxSize);
  number('gso_ipv4_max_size', 'gso_ipv4_max_size', link.gsoIpv4MaxSize);
  number('gro_ipv4_max_size', 'gro_ipv4_max_size', link.groIpv4MaxSize);
  if (link.parentBus !== undefined) entry.both('parentbus', link.parentBus, `parentbus ${link.parentBus} `);
  if (link.parentDevice !== undefined) entry.both('parentdev', link.parentDevice, `parentdev ${link.parentDevice} `);
}

function showHardware({ paint, settings }: Context, link: Link, entry: Entry): void {
  const { type, address, broadcast, permanentAddress, flags } = link;
  const name = (settings.numeric ? undefined : TYPES[type]) ?? `[${type}]`;
  entry.line();
  entry.both('link_type', name, `    link/${name} `);
  if (address?.length) entry.both('address', hardware(type, address), paint('hardware', hardware(type, address)));
  if (broadcast?.length) {
    const text = hardware(type, broadcast);
    if (flags & sys.IFF_POINTOPOINT) entry.note('link_pointtopoint', true);
    entry.both('broadcast', text, ` ${flags & sys.IFF_POINTOPOINT ? 'peer' : 'brd'} ${paint('hardware', text)}`);
  }
  if (permanentAddress && (!address || !Buffer.from(address).equals(permanentAddress)))
    entry.both('permaddr', hardware(type, permanentAddress), ` permaddr ${hardware(type, permanentAddress)}`);
}

/** All of a link but its addresses, up to the end of its last line. */
export function showLink(context: Context, link: Link, view: LinkView): Entry {
  const { settings } = context;
  const entry = new Entry(settings.oneline ? '\\' : '\n');
  entry.both('ifindex', link.index, `${link.index}: `);
  const lowerIsDown = showName(context, link, entry);
  const flags = flagNames(link.flags, lowerIsDown);
  entry.both('flags', flags, `<${flags.join(',')}> `);
  if (link.mtu !== undefined) entry.both('mtu', link.mtu, `mtu ${link.mtu} `);
  if (link.qdisc !== undefined) entry.both('qdisc', link.qdisc, `qdisc ${link.qdisc} `);
  if (link.master !== undefined)
    entry.both('master', context.linkName(link.master), `master ${context.linkName(link.master)} `);
  if (link.operState !== undefined) {
    const state = OPER_STATES[link.operState] ?? `${link.operState}`;
    entry.both('operstate', state, `state ${context.paint(stateColor(state), `${state} `)}`);
  }
  if (view.isLink && link.linkMode !== undefined) {
    const mode = LINK_MODES[link.linkMode] ?? `${link.linkMode}`;
    entry.both('linkmode', mode, `mode ${mode} `);
  }
  if (link.group !== undefined) {
    const group = nameOf('group', link.group, settings.numeric);
    entry.both('group', group, `group ${group} `);
  }
  // A list of one family leaves it out.
  const queue = view.isNotice ? undefined : (link.queueLength ?? getLink(context.route, link.index).queueLength);
  if (queue) entry.both('txqlen', queue, `qlen ${queue}`);
  if (view.isLink || view.family === sys.AF_UNSPEC || view.family === sys.AF_PACKET || settings.details)
    showHardware(context, link, entry);
  showNamespace(entry, link.linkNamespaceId, view.nameOfId);
  if (link.protoDown) {
    entry.both('proto_down', true, ' protodown on ');
    showReasons(link, entry);
  }
  if (settings.details) showDetails(context, link, entry, view);
  if ((view.isLink || settings.details) && link.alias !== undefined) {
    entry.line();
    entry.both('ifalias', link.alias, `    alias ${link.alias}`);
  }
  if (view.isLink && settings.statistics && link.statistics) showStatistics(settings, link, entry);
  if (link.alternativeNames?.length) {
    entry.note('altnames', [...link.alternativeNames]);
    for (const name of link.alternativeNames) entry.line(`    altname ${name}`);
  }
  entry.say('\n');
  return entry;
}

/** One line of `-brief`: name, state, and for links address and flags. */
export function showBrief(context: Context, link: Link, isLink: boolean): Entry {
  const entry = new Entry('\n');
  const lowerIsDown = showName(context, link, entry, 16);
  const state = OPER_STATES[link.operState ?? 0] ?? `${link.operState}`;
  entry.both('operstate', state, context.paint(stateColor(state), `${state.padEnd(14)} `));
  if (!isLink) return entry;
  const address = link.address?.length ? hardware(link.type, link.address) : undefined;
  if (address !== undefined) entry.both('address', address, context.paint('hardware', `${address} `));
  const flags = flagNames(link.flags, lowerIsDown);
  entry.both('flags', flags, `<${flags.join(',')}> `);
  entry.say('\n');
  return entry;
}
