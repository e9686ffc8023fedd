/** `ip link add|set|del|change|replace`. */
import {
  addLink,
  changeNames,
  deleteLink,
  encodeAttributes,
  getLink,
  type Link,
  type LinkAttributes,
  type LinkHeader,
  setLink,
  VETH,
} from '@ts/netlink';
import { noDevice, pathOf } from '@ts/network';
import * as sys from '@ts/sys';
import { Failure, parseDecimal } from '@ts/sys';
import { type Context, vrfFrom } from '../context.ts';
import { KINDS, kindUsage, VETH_USAGE } from '../kinds/index.ts';
import { numberOf } from '../names.ts';
import { Usage, unlessHelp } from '../usage.ts';
import {
  abbreviates,
  checkName,
  FAILED,
  garbage,
  hardwareFrom,
  invalid,
  numberIn,
  oneOf,
  onlyOnce,
  onOff,
  REFUSED,
  type Rows,
  takeAll,
  twice,
  unsigned,
  unsupported,
  Words,
  WRONG,
  type Writable,
  wrong,
} from '../words.ts';
import { idOf } from './ids.ts';
import { makeTun, TUN_WORDS, type TunRequest } from './tuntap.ts';

interface State {
  readonly context: Context;
  readonly header: Writable<LinkHeader>;
  readonly attributes: Writable<LinkAttributes>;
  /** What the link is called now. */
  device?: string;
  /** What it is to be called. */
  name?: string;
  link?: string;
  kind?: string;
  /** Words behind `type KIND`. */
  own: string[];
  tun?: TunRequest;
}

/** What iproute2 calls the two of them. */
const PEER = 'link-netns/link-netnsid';
const SWITCH = { off: 0, on: 1 };
/** iproute2 returns the errno of what its own parser refuses in these. */
const INVALID = 22;

const LINK_MODES: Readonly<Record<string, number>> = { default: 0, dormant: 1 };
const OPER_STATES = ['UNKNOWN', 'NOTPRESENT', 'DOWN', 'LOWERLAYERDOWN', 'TESTING', 'DORMANT', 'UP'];
const ADDR_GEN_MODES = ['eui64', 'none', 'stable_secret', 'random'];

function flag({ header }: State, bit: number, on: boolean): void {
  header.change = (header.change ?? 0) | bit;
  header.flags = on ? (header.flags ?? 0) | bit : (header.flags ?? 0) & ~bit;
}

const flagRow =
  (key: string, bit: number, inverted = false) =>
  (state: State, words: Words) =>
    flag(state, bit, onOff(key, words.argument()) !== inverted);

/** Where a link goes: a namespace by name or path, or the one that a process is in. */
function toNamespace({ context, attributes }: State, text: string): void {
  onlyOnce(attributes.namespaceFd, 'netns', text);
  for (const path of [pathOf(text), ...(/^\d+$/.test(text) ? [`/proc/${text}/ns/net`] : [])])
    try {
      attributes.namespaceFd = context.hold(path);
      return;
    } catch (error) {
      if (!(error instanceof sys.SysError)) throw error;
    }
  throw invalid(text, 'netns');
}

/** A number from 0 to 31, the bits of IFLA_PROTO_DOWN_REASON. */
function protoDownReason({ attributes }: State, words: Words): void {
  const text = words.argument();
  const bit = numberIn(text, 0, 31, () => wrong(text, 'invalid protodown reason\n'));
  const on = oneOf('protodown_reason', words.argument(), SWITCH, INVALID);
  const { mask = 0, value = 0 } = attributes.protoDownReason ?? {};
  const own = (1 << bit) >>> 0;
  attributes.protoDownReason = { mask: (mask | own) >>> 0, value: (on ? value | own : value & ~own) >>> 0 };
}

function masterOf({ context, attributes }: State, words: Words): void {
  const name = words.argument();
  const index = context.findIndex(name);
  if (index === undefined) throw wrong(name, 'Device does not exist\n');
  attributes.master = index;
}

/** A signed number of 32 bits, as the kernel takes it. */
function integer(words: Words, word: string): number {
  const text = words.argument();
  return numberIn(text, -0x8000_0000, 0x7fff_ffff, () => invalid(text, word)) >>> 0;
}

const rows: Rows<State> = [
  ['up', (state) => flag(state, sys.IFF_UP, true)],
  ['down', (state) => flag(state, sys.IFF_UP, false)],
  [
    'name',
    (state, words) => {
      onlyOnce(state.name, 'name', words.next);
      state.name = checkName(words.argument(), 'name');
    },
  ],
  [
    'index',
    ({ header }, words) => {
      const text = words.argument();
      onlyOnce(header.index, 'index', text);
      const index = parseDecimal(text.trim(), 0x7fff_ffff);
      if (!index) throw wrong(text, 'Invalid "index" value');
      header.index = index;
    },
  ],
  [
    'link~',
    (state, words) => {
      state.link = words.argument();
    },
  ],
  [
    'address~',
    ({ attributes }, words) => {
      attributes.address = hardwareFrom(words.argument());
    },
  ],
  [
    'broadcast~ brd',
    ({ attributes }, words) => {
      attributes.broadcast = hardwareFrom(words.argument());
    },
  ],
  [
    'txqueuelen~ qlen txqlen~',
    ({ attributes }, words) => {
      onlyOnce(attributes.queueLength, 'txqueuelen', words.next);
      attributes.queueLength = integer(words, 'txqueuelen');
    },
  ],
  [
    'mtu',
    ({ attributes }, words) => {
      onlyOnce(attributes.mtu, 'mtu', words.next);
      attributes.mtu = integer(words, 'mtu');
    },
  ],
  ['netns', (state, words) => toNamespace(state, words.argument())],
  ['multicast', flagRow('multicast', sys.IFF_MULTICAST)],
  ['allmulticast', flagRow('allmulticast', sys.IFF_ALLMULTI)],
  ['promisc', flagRow('promisc', sys.IFF_PROMISC)],
  ['trailers', flagRow('trailers', sys.IFF_NOTRAILERS, true)],
  ['arp', flagRow('arp', sys.IFF_NOARP, true)],
  ['dynamic', flagRow('dynamic', sys.IFF_DYNAMIC)],
  [
    'carrier',
    ({ attributes }, words) => {
      attributes.carrier = oneOf('carrier', words.argument(), SWITCH, INVALID);
    },
  ],
  ['master~', masterOf],
  [
    'vrf',
    ({ context, attributes }, words) => {
      attributes.master = vrfFrom(context, words, 'Not a valid VRF name\n');
    },
  ],
  [
    'nomaster',
    ({ attributes }) => {
      attributes.master = 0;
    },
  ],
  [
    'type~',
    (state, words) => {
      state.kind = words.argument();
      state.own = words.rest();
    },
  ],
  [
    'alias',
    ({ attributes }, words) => {
      const text = words.argument();
      if (Buffer.byteLength(text) >= 256) throw wrong(text, 'alias too long\n');
      attributes.alias = text;
    },
  ],
  [
    'group',
    ({ attributes }, words) => {
      const text = words.argument();
      onlyOnce(attributes.group, 'group', text);
      const group = numberOf('group', text);
      if (group === undefined || group > 0x7fff_ffff) throw invalid(text, 'group');
      attributes.group = group;
    },
  ],
  [
    'mode',
    ({ attributes }, words) => {
      const text = words.argument();
      const mode = LINK_MODES[text.toLowerCase()];
      if (mode === undefined) throw wrong(text, 'Invalid link mode\n');
      attributes.linkMode = mode;
    },
  ],
  [
    'state',
    ({ attributes }, words) => {
      const text = words.argument();
      const state = OPER_STATES.indexOf(text.toUpperCase());
      if (state < 0) throw wrong(text, 'Invalid operstate\n');
      attributes.operState = state;
    },
  ],
  [
    'numtxqueues',
    ({ attributes }, words) => {
      onlyOnce(attributes.txQueues, 'numtxqueues', words.next);
      attributes.txQueues = integer(words, 'numtxqueues');
    },
  ],
  [
    'numrxqueues',
    ({ attributes }, words) => {
      onlyOnce(attributes.rxQueues, 'numrxqueues', words.next);
      attributes.rxQueues = integer(words, 'numrxqueues');
    },
  ],
  [
    'addrgenmode',
    ({ attributes }, words) => {
      const text = words.argument();
      const addrGenMode = ADDR_GEN_MODES.indexOf(text);
      if (addrGenMode < 0) throw wrong(text, 'Invalid address generation mode\n');
      attributes.perFamily = { inet6: { addrGenMode } };
    },
  ],
  [
    'link-netns',
    ({ context, attributes }, words) => {
      const name = words.argument();
      onlyOnce(attributes.linkNamespaceId, PEER, name);
      const id = idOf(context, name);
      if (id === undefined) throw invalid(name, 'link-netns');
      attributes.linkNamespaceId = id;
    },
  ],
  [
    'link-netnsid',
    ({ attributes }, words) => {
      onlyOnce(attributes.linkNamespaceId, PEER, words.next);
      attributes.linkNamespaceId = integer(words, 'link-netnsid') | 0;
    },
  ],
  [
    'protodown',
    ({ attributes }, words) => {
      attributes.protoDown = oneOf('protodown', words.argument(), SWITCH, INVALID);
    },
  ],
  ['protodown_reason', protoDownReason],
  ...(
    [
      ['gso_max_size', 'gsoMaxSize'],
      ['gso_max_segs', 'gsoMaxSegments', 0xffff],
      ['gro_max_size', 'groMaxSize'],
      ['gso_ipv4_max_size', 'gsoIpv4MaxSize'],
      ['gro_ipv4_max_size', 'groIpv4MaxSize'],
    ] as const
  ).map(
    ([word, key, most]) =>
      [
        word,
        ({ attributes }: State, words: Words) => {
          attributes[key] = unsigned(words.argument(), word, most);
        },
      ] as const,
  ),
  [
    'parentdev',
    ({ attributes }, words) => {
      attributes.parentDevice = words.argument();
    },
  ],
  ['vf xdp xdpgeneric xdpdrv xdpoffload', unsupported],
];

function parse(context: Context, words: Words): State {
  const state: State = { context, header: {}, attributes: {}, own: [] };
  takeAll(rows, words, state, (word) => {
    const name = word === 'dev' ? words.argument() : word;
    unlessHelp(name, 'link');
    if (state.device !== undefined) throw garbage('dev', name);
    state.device = checkName(name, 'dev');
  });
  return state;
}

/** The other end of a pair: the same words as for a link. */
function pair({ context, own }: State): LinkAttributes['info'] {
  const words = new Words(own);
  if (words.next === undefined) return { kind: 'veth' };
  if (words.take() !== 'peer') throw new Failure(VETH_USAGE.trimEnd(), FAILED);
  return { kind: 'veth', data: encodeAttributes(VETH, { peer: peerFrom(context, words) }) };
}

function peerFrom(context: Context, words: Words): LinkHeader & LinkAttributes {
  const { header, attributes, device, name, kind } = parse(context, words);
  if (kind !== undefined) throw twice('type', kind);
  return { ...header, ...attributes, name: name ?? device };
}

/** What belongs to the kind; undefined where there is nothing to say. */
function infoOf(state: State, isNew: boolean, present?: Link): LinkAttributes['info'] {
  const { kind, own, context } = state;
  if (kind === undefined) return undefined;
  if (kind === 'veth') return pair(state);
  // What a kind wants is the kernel's to say where nothing is said.
  if (!own.length && !kind.endsWith('_slave')) return { kind };
  if (Object.hasOwn(KINDS, kind)) {
    if (own.includes('help')) throw new Failure((kindUsage(kind) ?? '').trimEnd(), FAILED);
    return KINDS[kind]?.parse(new Words(own), {
      context,
      isNew,
      present: present?.info?.kind === kind ? present.info.data : undefined,
      parsePeer: (words) => peerFrom(context, words),
    });
  }
  const [word] = own;
  if (word !== undefined) unlessHelp(word, 'link');
  if (word !== undefined) throw new Failure(`Garbage instead of arguments "${word} ...". Try "ip link help".`, FAILED);
  return { kind };
}

/** Index of a link that others refer to. */
function lowerLink(context: Context, name: string | undefined): number | undefined {
  if (name === undefined) return undefined;
  const index = context.findIndex(name);
  if (index === undefined) throw noDevice(name);
  return index;
}

function closing(context: Context, act: () => void): void {
  try {
    act();
  } finally {
    context.letGo();
    context.forget();
  }
}

/** `ip link add`: made, and nothing of it stays where the kernel refuses. */
export function add(context: Context, words: Words): void {
  const state = parse(context, words);
  const { header, attributes, kind, own } = state;
  if (state.name !== undefined && state.device !== undefined)
    throw new Failure('both "name" and "dev" cannot be used when creating devices.', WRONG);
  const name = state.name ?? state.device;
  if (kind === undefined) throw new Failure('Not enough information: "type" argument is required', FAILED);
  closing(context, () => {
    if (kind === 'tun' || kind === 'tap') {
      const request: TunRequest = { name: name ?? '', mode: kind };
      takeAll(TUN_WORDS, new Words(own), request, (word) => {
        throw garbage(kind, word);
      });
      makeTun(context, request);
      if (Object.keys(attributes).length || header.change) {
        const index = context.index(name ?? '');
        context.route.request(setLink({ ...header, index }, attributes));
      }
      return;
    }
    const info = infoOf(state, true);
    const link = lowerLink(context, state.link);
    if (name !== undefined && Buffer.byteLength(name) > 15)
      throw new Failure(
        'Error: Attribute failed policy validation.',
        REFUSED,
        'the name of a link has 15 bytes at most',
      );
    context.route.request(addLink(header, { ...attributes, name, link, info }), `link add ${name ?? ''}`);
  });
}

/** A link keeps its number, unless it goes elsewhere. */
function checkIndex({ header, attributes, device }: State): void {
  const moves = attributes.namespaceFd !== undefined || attributes.namespacePid !== undefined;
  if (device !== undefined && header.index !== undefined && !moves)
    throw new Failure('index can be used only when creating devices or when moving device to another netns.', WRONG);
}

function checkAddress(context: Context, index: number, address: Uint8Array | undefined): void {
  const length = context.link(index)?.address?.length;
  if (address && length !== undefined && length !== address.length)
    throw new Failure(`Invalid address length ${address.length} - must be ${length} bytes`, FAILED);
}

/** `ip link set`, also of all links of a group. */
export function set(context: Context, words: Words): void {
  const state = parse(context, words);
  const { header, attributes, device, name, kind, link } = state;
  closing(context, () => {
    if (device === undefined && header.index === undefined) {
      if (attributes.group === undefined || words.all.length < 2)
        throw new Failure('Not enough information: "dev" argument is required.', WRONG);
      context.route.request(setLink(header, attributes));
      return;
    }
    checkIndex(state);
    const index = device === undefined ? header.index : context.index(device);
    if (index !== undefined) checkAddress(context, index, attributes.address);
    const info =
      kind === undefined ? undefined : infoOf(state, false, index === undefined ? undefined : context.link(index));
    context.route.request(
      setLink(
        { ...header, index },
        // A number beside a name is the one that it is to have where it goes.
        {
          ...attributes,
          name,
          link: lowerLink(context, link),
          info,
          newIndex: device === undefined ? undefined : header.index,
        },
      ),
      `link set ${device}`,
    );
  });
}

/** `ip link del`, also of all links of a group. */
export function remove(context: Context, words: Words): void {
  const state = parse(context, words);
  const { attributes, device, kind } = state;
  if (device === undefined) {
    if (attributes.group === undefined) throw new Failure('Not enough information: "dev" argument is required.', WRONG);
    context.route.request(deleteLink({}, { group: attributes.group }));
  } else
    context.route.request(
      deleteLink({ index: context.index(device) }, { info: kind === undefined ? undefined : { kind } }),
      `link del ${device}`,
    );
  context.forget();
}

/** `ip link property add|del dev NAME altname NAME...`. */
export function property(context: Context, words: Words): void {
  const verb = words.take() ?? '';
  const isAdd = abbreviates(verb, 'add');
  if (verb === '' || abbreviates(verb, 'help')) throw new Usage('link');
  if (!isAdd && !abbreviates(verb, 'delete'))
    throw new Failure(`Command "${verb}" is unknown, try "ip link help".`, WRONG);
  let device: string | undefined;
  const alternativeNames: string[] = [];
  for (let word = words.take(); word !== undefined; word = words.take())
    if (word === 'altname') alternativeNames.push(words.argument());
    else {
      unlessHelp(word, 'link');
      device = checkName(word === 'dev' ? words.argument() : word, 'dev');
    }
  if (device === undefined) throw new Failure('Not enough information: "dev" argument is required.', WRONG);
  const index = context.index(device);
  context.route.request(changeNames(isAdd ? 'add' : 'del', { index }, { alternativeNames }), `link property ${verb}`);
  context.forget();
}

/** `ip link help [KIND]`. */
export function help(context: Context, words: Words): void {
  const usage = words.next === undefined ? undefined : kindUsage(words.next);
  if (usage === undefined) throw new Usage('link');
  context.print(usage);
}

/** The link of a command that only looks. */
export function existing(context: Context, name: string): Link {
  const index = context.findIndex(name);
  if (index === undefined) throw new Failure(`Device "${name}" does not exist.`, FAILED);
  return getLink(context.route, index, context.settings.statistics > 0);
}
