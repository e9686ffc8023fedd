/** `ip neighbour show`. */
import {
  formatAddress,
  formatHardware,
  listNeighbors,
  masked,
  type Neighbor,
  type Prefix,
  sameBytes,
} from '@ts/netlink';
import { noDevice } from '@ts/network';
import * as sys from '@ts/sys';
import { colorOf } from '../colors.ts';
import { type Context, vrfFrom } from '../context.ts';
import { Entry, render } from '../entry.ts';
import { nameOf, numberOf } from '../names.ts';
import { unlessHelp } from '../usage.ts';
import { abbreviates, numberIn, prefixFrom, type Rows, takeAll, twice, type Words, wrong } from '../words.ts';

/** In the order in which they are shown. */
export const STATES: readonly (readonly [bit: number, name: string])[] = [
  [sys.NUD_INCOMPLETE, 'INCOMPLETE'],
  [sys.NUD_REACHABLE, 'REACHABLE'],
  [sys.NUD_STALE, 'STALE'],
  [sys.NUD_DELAY, 'DELAY'],
  [sys.NUD_PROBE, 'PROBE'],
  [sys.NUD_FAILED, 'FAILED'],
  [sys.NUD_NOARP, 'NOARP'],
  [sys.NUD_PERMANENT, 'PERMANENT'],
];

/** A state by name; 0x100 stands for "none". */
export function stateOf(text: string): number | undefined {
  const lower = text.toLowerCase();
  if (text !== '' && abbreviates(lower, 'none')) return sys.NUD_NONE;
  return STATES.find(([, name]) => abbreviates(lower, name.toLowerCase()))?.[0];
}

/** One line of `-brief`: addresses and link. */
function showBrief(context: Context, each: Neighbor, isOfDevice: boolean): Entry {
  const { paint } = context;
  const entry = new Entry('\n');
  const { destination } = each;
  const address = destination ? formatAddress(destination) : '';
  if (destination) entry.both('dst', address, paint(colorOf(each.family), `${address.padEnd(39)} `));
  const name = context.linkName(each.index);
  if (!isOfDevice && each.index) entry.both('dev', name, paint('name', `${name.padEnd(16)} `));
  if (each.hardware)
    entry.both(
      'lladdr',
      hardwareOf(context, each.hardware, each.index),
      paint('hardware', hardwareOf(context, each.hardware, each.index)),
    );
  entry.say('\n');
  return entry;
}

/** A hardware address; the IP address that it is of a tunnel. */
const hardwareOf = (context: Context, bytes: Uint8Array, index: number): string =>
  bytes.length === 4 && context.link(index)?.type !== sys.ARPHRD_ETHER ? formatAddress(bytes) : formatHardware(bytes);

export function showNeighbor(context: Context, each: Neighbor, isOfDevice: boolean): Entry {
  if (context.settings.brief) return showBrief(context, each, isOfDevice);
  const { paint } = context;
  const entry = new Entry('\n');
  if (each.destination)
    entry.both(
      'dst',
      formatAddress(each.destination),
      paint(colorOf(each.family), `${formatAddress(each.destination)} `),
    );
  if (!isOfDevice && each.index) {
    const name = context.linkName(each.index);
    entry.both('dev', name, `dev ${paint('name', `${name} `)}`);
  }
  if (each.hardware) {
    const text = hardwareOf(context, each.hardware, each.index);
    entry.both('lladdr', text, `lladdr ${paint('hardware', `${text} `)}`);
  }
  const { flags, moreFlags = 0 } = each;
  for (const [isSet, word] of [
    [flags & sys.NTF_ROUTER, 'router'],
    [flags & sys.NTF_PROXY, 'proxy'],
    [moreFlags & sys.NTF_EXT_MANAGED, 'managed'],
    [flags & sys.NTF_EXT_LEARNED, 'extern_learn'],
    [flags & sys.NTF_OFFLOADED, 'offload'],
    [moreFlags & sys.NTF_EXT_EXT_VALIDATED, 'extern_valid'],
  ] as const)
    if (isSet) entry.both(word, null, `${word} `);
  if (context.settings.statistics) {
    if (each.cache) {
      const { references, used, confirmed, updated } = each.cache;
      const seconds = (hundredths: number) => Math.floor(hundredths / 100);
      if (references) entry.both('refcnt', references, ` ref ${references}`);
      entry.both('used', seconds(used), ` used ${seconds(used)}`);
      entry.both('confirmed', seconds(confirmed), `/${seconds(confirmed)}`);
      entry.both('updated', seconds(updated), `/${seconds(updated)}`);
    }
    if (each.probes !== undefined) entry.both('probes', each.probes, `probes ${each.probes} `);
  }
  if (each.state) {
    const names = STATES.filter(([bit]) => each.state & bit).map(([, name]) => name);
    entry.both('state', names, `${names.join(' ')} `);
  }
  if (each.protocol !== undefined) {
    const name = nameOf('rt_protos', each.protocol, context.settings.numeric);
    entry.both('protocol', name, `proto ${name} `);
  }
  entry.say('\n');
  return entry;
}

interface NeighborFilter {
  device?: string;
  to?: Prefix;
  states?: number;
  proxy?: boolean;
  unused?: boolean;
  noMaster?: boolean;
  /** Index. */
  master?: number;
  protocol?: number;
}

const rows = (context: Context): Rows<NeighborFilter> => [
  [
    'dev',
    (filter, words) => {
      const name = words.argument();
      if (filter.device !== undefined) throw twice('dev', name);
      filter.device = name;
    },
  ],
  [
    'unused',
    (filter) => {
      filter.unused = true;
    },
  ],
  [
    'nud',
    (filter, words) => {
      const text = words.argument();
      const state =
        text === 'all' ? 0x1ff : (stateOf(text) ?? numberIn(text, 0, 0xff, () => wrong(text, 'nud state is bad')));
      filter.states = (filter.states ?? 0) | (state || 0x100);
    },
  ],
  [
    'proxy',
    (filter) => {
      filter.proxy = true;
    },
  ],
  [
    'master',
    (filter, words) => {
      const name = words.argument();
      const index = context.findIndex(name);
      if (index === undefined) throw wrong(name, 'Device does not exist\n');
      filter.master = index;
    },
  ],
  [
    'vrf',
    (filter, words) => {
      filter.master = vrfFrom(context, words, 'Not a valid VRF name\n');
    },
  ],
  [
    'protocol~',
    (filter, words) => {
      const text = words.argument();
      const protocol = numberOf('rt_protos', text);
      if (protocol === undefined && text !== 'all') throw wrong(text, 'invalid "protocol"\n');
      filter.protocol = protocol;
    },
  ],
  [
    'nomaster',
    (filter) => {
      filter.noMaster = true;
    },
  ],
  [
    'to~',
    (filter, words) => {
      filter.to = prefixFrom(words.argument(), context.settings.family);
    },
  ],
];

/** Index of the master of a neighbour's link; 0 for none. */
const masterOf = (context: Context, { master, index }: Neighbor): number => master ?? context.link(index)?.master ?? 0;

/** Neighbours that a command line means, and of which state where none is named. Those of proxies and of others always are. */
function select(context: Context, words: Words, otherwise: number): { find: () => Neighbor[]; filter: NeighborFilter } {
  const filter: NeighborFilter = {};
  takeAll(rows(context), words, filter, (word) => {
    unlessHelp(word, 'neigh');
    if (!['all', 'any', 'default'].includes(word)) filter.to = prefixFrom(word, context.settings.family);
  });
  const { to, proxy, device } = filter;
  const index = device === undefined ? 0 : context.findIndex(device);
  if (index === undefined) throw noDevice(device as string);
  const states = filter.states ?? otherwise;
  const isMeant = (each: Neighbor) =>
    (!index || each.index === index) &&
    // Those of bridges are shown where nothing else is.
    (each.family !== sys.AF_BRIDGE || context.settings.family === sys.AF_BRIDGE) &&
    (states & each.state || each.flags & (sys.NTF_PROXY | sys.NTF_EXT_LEARNED) || (!each.state && states & 0x100)) &&
    (filter.protocol === undefined || (each.protocol ?? 0) === filter.protocol) &&
    (filter.master === undefined || masterOf(context, each) === filter.master) &&
    (!filter.noMaster || !masterOf(context, each)) &&
    (!filter.unused || each.cache?.references === 0) &&
    (!to ||
      (each.destination !== undefined &&
        each.family === to.family &&
        sameBytes(masked(each.destination, to.length, 0), masked(to.bytes, to.length, 0))));
  const list = { family: context.settings.family, index, flags: proxy ? sys.NTF_PROXY : 0 };
  return { find: () => listNeighbors(context.route, list).filter(isMeant), filter };
}

/** How those are found that `flush` means: none that stay by themselves. */
export const flushed = (context: Context, words: Words): (() => Neighbor[]) =>
  select(context, words, 0x1ff & ~(sys.NUD_PERMANENT | sys.NUD_NOARP)).find;

export function showNeighbors(context: Context, words: Words): void {
  const { find, filter } = select(context, words, 0xff & ~sys.NUD_NOARP);
  context.print(
    render(
      find().map((each) => showNeighbor(context, each, filter.device !== undefined)),
      context.settings,
    ),
  );
}
