/** `ip link add|set|del|change|replace`. */
import { ToolError } from '@ts/cli';
import {
  addLink,
  changeNames,
  deleteLink,
  encodeAttributes,
  getLink,
  type Link,
  type LinkAttributes,
  type LinkHeader,
  parseHardware,
  setLink,
  VETH,
} from '@ts/netlink';
import * as sys from '@ts/sys';
import type { Context } from '../context.ts';
import { numberOf } from '../names.ts';
import { pathOf } from '../namespaces.ts';
import {
  abbreviates,
  checkName,
  FAILED,
  garbage,
  invalid,
  noDevice,
  numberIn,
  onOff,
  REFUSED,
  type Rows,
  takeAll,
  twice,
  unsigned,
  Words,
  WRONG,
  type Writable,
  wrong,
} from '../words.ts';
import { idOf } from './ids.ts';
import { KIND_PARSERS } from './kinds.ts';
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
  try {
    attributes.namespaceFd = context.hold(pathOf(text));
    return;
  } catch (error) {
    if (!(error instanceof sys.SysError)) throw error;
  }
  attributes.namespacePid = numberIn(text, 0, 0x7fff_ffff, () => invalid(text, 'netns'));
}

function linkLayer(text: string): Uint8Array {
  const address = parseHardware(text);
  if (!address) throw new ToolError(`"${text}" is invalid lladdr.`, FAILED);
  return address;
}

function masterOf({ context, attributes }: State, words: Words): void {
  const name = words.argument();
  const index = context.findIndex(name);
  if (index === undefined) throw wrong(name, 'Device does not exist\n');
  attributes.master = index;
}

const rows: Rows<State> = [
  ['up', (state) => flag(state, sys.IFF_UP, true)],
  ['down', (state) => flag(state, sys.IFF_UP, false)],
  [
    'name',
    (state, words) => {
      if (state.name !== undefined) throw twice('name', words.argument());
      state.name = checkName(words.argument(), 'name');
    },
  ],
  [
    'index',
    ({ header }, words) => {
      const text = words.argument();
      header.index = numberIn(text, 1, 0x7fff_ffff, () => wrong(text, 'Invalid "index" value'));
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
      attributes.address = linkLayer(words.argument());
    },
  ],
  [
    'broadcast~ brd',
    ({ attributes }, words) => {
      attributes.broadcast = linkLayer(words.argument());
    },
  ],
  [
    'txqueuelen~ qlen txqlen~',
    ({ attributes }, words) => {
      const text = words.argument();
      attributes.queueLength = numberIn(text, -0x8000_0000, 0x7fff_ffff, () => invalid(text, 'txqueuelen')) >>> 0;
    },
  ],
  [
    'mtu',
    ({ attributes }, words) => {
      const text = words.argument();
      attributes.mtu = numberIn(text, -0x8000_0000, 0x7fff_ffff, () => invalid(text, 'mtu')) >>> 0;
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
      attributes.carrier = onOff('carrier', words.argument()) ? 1 : 0;
    },
  ],
  ['master~', masterOf],
  [
    'vrf',
    ({ context, attributes }, words) => {
      const name = words.argument();
      const index = context.findIndex(name);
      if (index === undefined || context.link(index)?.info?.kind !== 'vrf') throw wrong(name, 'Not a valid VRF name\n');
      attributes.master = index;
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
      attributes.txQueues = unsigned(words.argument(), 'numtxqueues');
    },
  ],
  [
    'numrxqueues',
    ({ attributes }, words) => {
      attributes.rxQueues = unsigned(words.argument(), 'numrxqueues');
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
      const id = idOf(context, name);
      if (id === undefined) throw invalid(name, 'link-netns');
      attributes.linkNamespaceId = id;
    },
  ],
  [
    'link-netnsid',
    ({ attributes }, words) => {
      attributes.linkNamespaceId = unsigned(words.argument(), 'link-netnsid');
    },
  ],
  [
    'protodown',
    ({ attributes }, words) => {
      attributes.protoDown = onOff('protodown', words.argument()) ? 1 : 0;
    },
  ],
  [
    'gso_max_size',
    ({ attributes }, words) => {
      attributes.gsoMaxSize = unsigned(words.argument(), 'gso_max_size');
    },
  ],
  [
    'gso_max_segs',
    ({ attributes }, words) => {
      attributes.gsoMaxSegments = unsigned(words.argument(), 'gso_max_segs');
    },
  ],
  [
    'gro_max_size',
    ({ attributes }, words) => {
      attributes.groMaxSize = unsigned(words.argument(), 'gro_max_size');
    },
  ],
];

function parse(context: Context, words: Words): State {
  const state: State = { context, header: {}, attributes: {}, own: [] };
  takeAll(rows, words, state, (word) => {
    const name = word === 'dev' ? words.argument() : word;
    if (state.device !== undefined) throw garbage('dev', name);
    state.device = checkName(name, 'dev');
  });
  return state;
}

/** The other end of a pair: the same words as for a link. */
function pair({ context, own }: State): LinkAttributes['info'] {
  const words = new Words(own);
  if (words.next === undefined) return { kind: 'veth' };
  if (words.take() !== 'peer') throw new ToolError('Usage: ip link <options> type veth [peer <options>]', FAILED);
  const { header, attributes, device, name, kind } = parse(context, words);
  if (kind !== undefined) throw twice('type', kind);
  const peer = { ...header, ...attributes, name: name ?? device };
  return { kind: 'veth', data: encodeAttributes(VETH, { peer }) };
}

/** What belongs to the kind; undefined where there is nothing to say. */
function infoOf(state: State, isNew: boolean): LinkAttributes['info'] {
  const { kind, own, context } = state;
  if (kind === undefined) return undefined;
  if (kind === 'veth') return pair(state);
  // What a kind wants is the kernel's to say where nothing is said.
  if (!own.length && kind !== 'bridge_slave') return { kind };
  const words = new Words(own);
  const parser = KIND_PARSERS[kind];
  if (parser) return parser(words, context, isNew);
  const [word] = own;
  if (word !== undefined)
    throw new ToolError(`Garbage instead of arguments "${word} ...". Try "ip link help".`, FAILED);
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
    throw new ToolError('both "name" and "dev" cannot be used when creating devices.', WRONG);
  const name = state.name ?? state.device;
  if (kind === undefined) throw new ToolError('Not enough information: "type" argument is required', FAILED);
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
      throw new ToolError(
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
    throw new ToolError('index can be used only when creating devices or when moving device to another netns.', WRONG);
}

function checkAddress(context: Context, index: number, address: Uint8Array | undefined): void {
  const length = context.link(index)?.address?.length;
  if (address && length !== undefined && length !== address.length)
    throw new ToolError(`Invalid address length ${address.length} - must be ${length} bytes`, FAILED);
}

/** `ip link set`, also of all links of a group. */
export function set(context: Context, words: Words): void {
  const state = parse(context, words);
  const { header, attributes, device, name, kind, link } = state;
  closing(context, () => {
    if (device === undefined && header.index === undefined) {
      if (attributes.group === undefined || words.all.length < 2)
        throw new ToolError('Not enough information: "dev" argument is required.', WRONG);
      context.route.request(setLink(header, attributes));
      return;
    }
    const index = device === undefined ? header.index : context.index(device);
    checkIndex(state);
    if (index !== undefined) checkAddress(context, index, attributes.address);
    const info = kind === undefined ? undefined : infoOf(state, false);
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
    if (attributes.group === undefined)
      throw new ToolError('Not enough information: "dev" argument is required.', WRONG);
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
  if (!isAdd && !abbreviates(verb, 'delete'))
    throw new ToolError(`Command "${verb}" is unknown, try "ip link help".`, WRONG);
  let device: string | undefined;
  const alternativeNames: string[] = [];
  for (let word = words.take(); word !== undefined; word = words.take())
    if (word === 'altname') alternativeNames.push(words.argument());
    else device = checkName(word === 'dev' ? words.argument() : word, 'dev');
  if (device === undefined) throw new ToolError('Not enough information: "dev" argument is required.', WRONG);
  const index = context.index(device);
  context.route.request(changeNames(isAdd ? 'add' : 'del', { index }, { alternativeNames }), `link property ${verb}`);
  context.forget();
}

/** The link of a command that only looks. */
export function existing(context: Context, name: string): Link {
  const index = context.findIndex(name);
  if (index === undefined) throw new ToolError(`Device "${name}" does not exist.`, FAILED);
  return getLink(context.route, index, context.settings.statistics > 0);
}
