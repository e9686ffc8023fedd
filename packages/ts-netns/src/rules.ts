/** Rules of policy routing: a row for each selector and for what is done, as key words and as shown. */
import { bitsOf, formatAddress, parseAddress, ROUTING_RULE, type RoutingRule, tableOf } from '@ts/netlink';
import { isLinkName } from '@ts/network';
import * as sys from '@ts/sys';
import { Failure, U32_MAX } from '@ts/sys';
import { colorOf } from './colors.ts';
import type { Context } from './context.ts';
import { Entry } from './entry.ts';
import { nameOf, numberOf, realmsFrom } from './names.ts';
import { protocolName, protocolNumber } from './protocols.ts';
import {
  type Attribute,
  type Field,
  hexadecimal,
  number,
  type Read,
  type Shown,
  type State,
  showRows,
  U8_MAX,
  U16_MAX,
  type Values,
  type Wire,
} from './rows.ts';
import { TYPES } from './show/route.ts';
import { Usage } from './usage.ts';
import { abbreviates, destinationFrom, FAILED, numberIn, parseLong, type Words, wrong } from './words.ts';

const ruleOf = ({ values }: Shown) => values as unknown as RoutingRule;

/** A number of a word with a mask behind a slash. */
interface Masked {
  readonly value: number;
  readonly mask?: number;
}

function maskedFrom(text: string, most: number, why: string, whyMask: string): Masked {
  const [first = '', second] = text.split(/\/(.*)/s);
  const value = numberIn(first, 0, most, () => wrong(first, why));
  if (second === undefined) return { value };
  return { value, mask: numberIn(second, 0, most, () => wrong(second, whyMask)) };
}

/** A value, with its mask behind it in the message. */
function withMask<T>(
  data: Record<string, unknown>,
  key: string,
  value: T,
  maskKey: string,
  mask: number | undefined,
): T {
  data[key] = value;
  if (mask !== undefined) data[maskKey] = mask;
  return value;
}

/** `from` and `to`: an address, and how many of its bits count. */
const prefix = (
  wire: Wire<Uint8Array>,
  name: 'from' | 'to',
  length: 'sourceLength' | 'destinationLength',
  json: string,
): Attribute<Uint8Array> => {
  const say = (entry: Entry, bytes: Uint8Array | undefined, shown: Shown) => {
    const { family, [length]: bits } = ruleOf(shown);
    const none = name === 'from' ? 'all' : undefined;
    const lead = name === 'from' ? 'from ' : ' to ';
    const text = bytes ? formatAddress(bytes) : bits ? '0' : none;
    if (text === undefined) return;
    const isWhole = bits === bitsOf(family);
    entry.note(json, text);
    entry.say(`${lead}${shown.context.paint(bytes ? colorOf(family) : undefined, text)}`);
    if (bits && !(bytes && isWhole)) entry.both(`${json}len`, bits, `/${bits}`);
  };
  return {
    wire,
    words: [
      {
        names: name,
        take: (words, _, { header }) => {
          const found = destinationFrom(words.argument(), header.family ?? 0);
          header[length] = found?.length ?? 0;
          return found?.bytes;
        },
        usage: `${name} PREFIX`,
      },
    ],
    show: (entry, bytes, shown) => say(entry, bytes, shown),
    absent: (entry, shown) => say(entry, undefined, shown),
  };
};

const link = (
  wire: Wire<string>,
  names: string,
  json: string,
  called: string,
  detached: number,
): Attribute<string> => ({
  wire,
  words: [
    {
      names,
      take: (words) => {
        const name = words.argument();
        if (!isLinkName(name)) throw wrong(name, `${called} not a valid ifname`);
        return name;
      },
      usage: `${json} STRING`,
    },
  ],
  show: (entry, name, shown) => {
    entry.both(json, name, ` ${json} ${shown.context.paint('name', name)}`);
    if (ruleOf(shown).flags & detached) entry.both(`${json}_detached`, null, ' [detached]');
  },
});

type Range = { start: number; end: number };

/** `NUMBER`, `NUMBER-NUMBER` or `NUMBER/MASK`. */
const ports = (
  wire: Wire<Range>,
  name: 'sport' | 'dport',
  key: 'sourcePorts' | 'destinationPorts',
): Attribute<Range> => ({
  wire,
  words: [
    {
      names: name,
      take: (words, _, { data }) => {
        const text = words.argument();
        const [first = '', last] = text.includes('/') ? [text] : text.split(/-(.*)/s);
        if (last !== undefined) {
          const start = numberIn(first, 0, U16_MAX, () => wrong(first, 'invalid port'));
          return { start, end: numberIn(last, 0, U16_MAX, () => wrong(last, 'invalid port range end')) };
        }
        const { value, mask } = maskedFrom(text, U16_MAX, 'invalid port', 'invalid mask');
        return withMask(data, key, { start: value, end: value }, `${key}Mask`, mask);
      },
      usage: `${name} [ NUMBER[/MASK] | NUMBER-NUMBER ]`,
    },
  ],
  show: (entry, { start, end }, { values }) => {
    if (start !== end) {
      entry.note(`${name}_start`, start);
      entry.note(`${name}_end`, end);
      entry.say(` ${name} ${start}-${end}`);
      return;
    }
    const mask = values[`${key}Mask`] as number | undefined;
    entry.note(name, start);
    if (mask !== undefined) entry.note(`${name}_mask`, hexadecimal(mask));
    const isWhole = mask === undefined || mask === U16_MAX;
    entry.say(` ${name} ${isWhole ? start : `${hexadecimal(start)}/${hexadecimal(mask)}`}`);
  },
});

/** The mask of another attribute, with which it is read and shown. */
const maskOf = (wire: Wire<number>, of: string): Attribute<number> => ({ wire, words: [], show: { with: of } });

/** A code point by name (a type of service has it in its upper six bits) or number. */
function dscpFrom(text: string): Masked {
  const named = /^\d/.test(text) ? undefined : numberOf('rt_dsfield', text);
  if (named !== undefined && !/^[0-9a-f]+$/i.test(text)) return { value: named >> 2 };
  return maskedFrom(text, U8_MAX, 'invalid dscp', 'invalid dscp mask');
}
const WHOLE_DSCP = 0x3f;
const WHOLE_LABEL = 0xfffff;

/** Masks that are meant where none is said. */
export const WHOLE_MASKS: Readonly<Record<string, number>> = {
  sourcePorts: U16_MAX,
  destinationPorts: U16_MAX,
  dscp: WHOLE_DSCP,
};

/** What suppresses a route counts where the rule leads to a table. */
const leads = ({ values }: Shown) => tableOf(values as { table?: number; table8: number }) !== 0;
/** -1 as 32 bits: none. */
const NONE = U32_MAX;

const ACTIONS: Readonly<Record<string, number>> = { brd: sys.RTN_BROADCAST };

/** `unicast`, `blackhole`…, or a number. */
function actionFrom(text: string): number {
  const type = TYPES.indexOf(text);
  if (type > 0) return type;
  if (Object.hasOwn(ACTIONS, text)) return ACTIONS[text] as number;
  return numberIn(text, 0, U8_MAX, () => wrong(text, 'Failed to parse rule type'));
}

function say(entry: Entry, action: number, shown: Shown): void {
  const { target, flags, nat } = ruleOf(shown);
  if (action === sys.RTN_NAT) {
    if (nat) entry.both('nat_gateway', formatAddress(nat), ` map-to ${formatAddress(nat)}`);
    else entry.both('masquerade', null, ' masquerade');
  } else if (action === sys.FR_ACT_GOTO) {
    entry.both('goto', target ?? 'none', ` goto ${target ?? 'none'}`);
    if (flags & sys.FIB_RULE_UNRESOLVED) entry.both('unresolved', null, ' [unresolved]');
  } else if (action === sys.FR_ACT_NOP) entry.both('nop', null, ' nop');
  else if (action !== sys.FR_ACT_TO_TBL) {
    const name = (shown.context.settings.numeric ? undefined : TYPES[action]) ?? String(action);
    entry.both('action', name, ` ${name}`);
  }
}

const u32 = (why: string): Read<number> => number(U32_MAX, () => why).read;

/** Rules, in the order in which their parts are shown. */
export const RULE_ROWS = {
  priority: {
    wire: ROUTING_RULE.priority,
    words: [
      { names: 'preference~ order~ priority~', take: u32('preference value is invalid\n'), usage: 'pref NUMBER' },
    ],
    show: (entry, value) => entry.both('priority', value, `${value}:\t`),
    absent: (entry) => entry.both('priority', 0, '0:\t'),
  } satisfies Attribute<number>,
  not: {
    words: [
      {
        names: 'not',
        take: (_, __, { header }) => {
          header.flags = (header.flags ?? 0) | sys.FIB_RULE_INVERT;
        },
        usage: 'not',
      },
    ],
    says: (entry, shown) => {
      if (ruleOf(shown).flags & sys.FIB_RULE_INVERT) entry.both('not', null, 'not ');
    },
  } satisfies Field,
  source: prefix(ROUTING_RULE.source, 'from', 'sourceLength', 'src'),
  destination: prefix(ROUTING_RULE.destination, 'to', 'destinationLength', 'dst'),
  tos: {
    words: [
      {
        names: 'tos dsfield~',
        take: (words, _, { header }) => {
          const text = words.argument();
          const tos = numberOf('rt_dsfield', text);
          if (tos === undefined) throw wrong(text, 'TOS value is invalid\n');
          header.tos = tos;
        },
        usage: 'tos TOS',
      },
    ],
    says: (entry, shown) => {
      const { tos } = ruleOf(shown);
      if (!tos) return;
      const named = nameOf('rt_dsfield', tos, shown.context.settings.numeric);
      const text = named === String(tos) ? `0x${tos.toString(16).padStart(2, '0')}` : named;
      entry.both('tos', text, ` tos ${text}`);
    },
  } satisfies Field,
  mark: {
    wire: ROUTING_RULE.mark,
    words: [
      {
        names: 'fwmark',
        take: (words, _, { data }) => {
          const { value, mask } = maskedFrom(
            words.argument(),
            U32_MAX,
            'fwmark value is invalid\n',
            'fwmask value is invalid\n',
          );
          return withMask(data, 'mark', value, 'markMask', mask);
        },
        usage: 'fwmark FWMARK[/MASK]',
      },
    ],
    show: (entry, value, shown) => showMark(entry, value, shown),
    absent: (entry, shown) => {
      if (ruleOf(shown).markMask !== undefined) showMark(entry, 0, shown);
    },
  } satisfies Attribute<number>,
  markMask: maskOf(ROUTING_RULE.markMask, 'mark'),
  input: link(ROUTING_RULE.input, 'dev iif', 'iif', '"iif"/"dev"', sys.FIB_RULE_IIF_DETACHED),
  output: link(ROUTING_RULE.output, 'oif', 'oif', '"oif"', sys.FIB_RULE_OIF_DETACHED),
  vrf: {
    wire: ROUTING_RULE.vrf,
    words: [{ names: 'l3mdev', take: () => 1, usage: 'l3mdev' }],
    show: (entry, value) => {
      if (value) entry.both('l3mdev', null, ' lookup [l3mdev-table]');
    },
  } satisfies Attribute<number>,
  users: {
    wire: ROUTING_RULE.users,
    words: [
      {
        names: 'uidrange',
        take: (words) => {
          const text = words.argument();
          const [, start = '', end = ''] = /^(\d+)-(\d+)$/.exec(text) ?? [];
          const bound = (digits: string) => numberIn(digits, 0, U32_MAX, () => wrong(text, 'invalid UID range\n'));
          return { start: bound(start), end: bound(end) };
        },
        usage: 'uidrange NUMBER-NUMBER',
      },
    ],
    show: (entry, { start, end }) => {
      entry.note('uid_start', start);
      entry.both('uid_end', end, ` uidrange ${start}-${end}`);
    },
  } satisfies Attribute<Range>,
  ipProtocol: {
    wire: ROUTING_RULE.ipProtocol,
    words: [
      {
        names: 'ipproto',
        take: (words, _, { context }) => {
          const text = words.argument();
          const protocol = protocolNumber(context.world, text);
          if (protocol === undefined) throw wrong(text, 'Invalid "ipproto" value\n');
          return protocol;
        },
        usage: 'ipproto PROTOCOL',
      },
    ],
    show: (entry, value, { context }) => {
      const name = protocolName(context.world, value, context.settings.numeric);
      entry.both('ipproto', name, ` ipproto ${name}`);
    },
  } satisfies Attribute<number>,
  sourcePorts: ports(ROUTING_RULE.sourcePorts, 'sport', 'sourcePorts'),
  sourcePortsMask: maskOf(ROUTING_RULE.sourcePortsMask, 'sourcePorts'),
  destinationPorts: ports(ROUTING_RULE.destinationPorts, 'dport', 'destinationPorts'),
  destinationPortsMask: maskOf(ROUTING_RULE.destinationPortsMask, 'destinationPorts'),
  tunnelId: {
    wire: ROUTING_RULE.tunnelId,
    words: [
      {
        names: 'tun_id~',
        take: (words) => {
          const text = words.argument();
          const value = parseLong(text);
          if (value === undefined) throw wrong(text, '"tun_id" value is invalid\n');
          return value;
        },
        usage: 'tun_id TUN_ID',
      },
    ],
    show: (entry, value) => entry.both('tun_id', value, ` tun_id ${value}`),
  } satisfies Attribute<bigint>,
  table: {
    wire: ROUTING_RULE.table,
    words: [
      {
        names: 'table~ lookup',
        take: (words, _, { header, seen }) => {
          const table = tableFrom(words, 'invalid table ID\n');
          seen.add('table');
          header.table8 = table < 256 ? table : sys.RT_TABLE_UNSPEC;
          return table < 256 ? undefined : table;
        },
        usage: 'table TABLE_ID',
      },
    ],
    show: (entry, table, shown) => showTable(entry, table, shown),
    absent: (entry, shown) => showTable(entry, ruleOf(shown).table8, shown),
  } satisfies Attribute<number>,
  suppressLength: {
    wire: ROUTING_RULE.suppressLength,
    words: [
      {
        names: 'suppress_prefixlength~ sup_pl',
        take: (words) => {
          const text = words.argument();
          return numberIn(text, 0, 0x7fff_ffff, () => wrong(text, 'suppress_prefixlength value is invalid\n'));
        },
        usage: 'suppress_prefixlength NUMBER',
      },
    ],
    show: (entry, value, shown) => {
      if (value !== NONE && leads(shown)) entry.both('suppress_prefixlen', value, ` suppress_prefixlength ${value}`);
    },
  } satisfies Attribute<number>,
  suppressGroup: {
    wire: ROUTING_RULE.suppressGroup,
    words: [
      {
        names: 'suppress_ifgroup~ sup_group',
        take: (words) => {
          const text = words.argument();
          const group = numberOf('group', text);
          if (group === undefined) throw wrong(text, 'Invalid "suppress_ifgroup" value\n');
          return group;
        },
        usage: 'suppress_ifgroup DEVGROUP',
      },
    ],
    show: (entry, value, shown) => {
      if (value === NONE || !leads(shown)) return;
      const name = nameOf('group', value, shown.context.settings.numeric);
      entry.both('suppress_ifgroup', name, ` suppress_ifgroup ${name}`);
    },
  } satisfies Attribute<number>,
  realms: {
    wire: ROUTING_RULE.realms,
    words: [
      {
        names: 'realms~',
        take: (words) => realmsFrom(words.argument(), 'invalid realms\n'),
        usage: 'realms [SRCREALM/]DSTREALM',
      },
    ],
    show: (entry, value, { context }) => {
      const { numeric } = context.settings;
      const [from, to] = [value >>> 16, value & 0xffff].map((each) => nameOf('rt_realms', each, numeric)) as [
        string,
        string,
      ];
      if (value >>> 16) entry.note('flow_from', from);
      entry.both('flow_to', to, ` realms ${value >>> 16 ? `${from}/` : ''}${to}`);
    },
  } satisfies Attribute<number>,
  nat: {
    wire: ROUTING_RULE.nat,
    words: [
      {
        names: 'nat map-to~',
        take: (words, _, { header, context }) => {
          const text = words.argument();
          context.world.warn('Warning: route NAT is deprecated');
          header.action = sys.RTN_NAT;
          const found = parseAddress(text, sys.AF_INET);
          if (!found) throw new Failure(`Error: an IP address is expected rather than "${text}"`, FAILED);
          return found.bytes;
        },
        usage: 'nat ADDRESS',
      },
    ],
    show: { with: 'action' },
  } satisfies Attribute<Uint8Array>,
  target: {
    wire: ROUTING_RULE.target,
    words: [
      {
        names: 'goto~',
        take: (words, _, { header, seen }) => {
          header.action = sys.FR_ACT_GOTO;
          seen.add('action');
          return u32('invalid target\n')(words, '', undefined as never);
        },
        usage: 'goto NUMBER',
      },
    ],
    show: { with: 'action' },
  } satisfies Attribute<number>,
  action: {
    words: [
      {
        names: 'nop~',
        take: (_, __, { header, seen }) => {
          header.action = sys.FR_ACT_NOP;
          seen.add('action');
        },
      },
    ],
    says: (entry, shown) => say(entry, ruleOf(shown).action, shown),
  } satisfies Field,
  protocol: {
    wire: ROUTING_RULE.protocol,
    words: [
      {
        names: 'protocol~',
        take: (words) => protocolFrom(words, '"protocol" value is invalid\n'),
        usage: 'protocol PROTO',
      },
    ],
    show: (entry, value, { context: { settings } }) => {
      if (!settings.details && (value === sys.RTPROT_UNSPEC || value === sys.RTPROT_KERNEL)) return;
      const name = nameOf('rt_protos', value, settings.numeric);
      entry.both('protocol', name, ` proto ${name}`);
    },
  } satisfies Attribute<number>,
  dscp: {
    wire: ROUTING_RULE.dscp,
    words: [
      {
        names: 'dscp',
        take: (words, _, { data }) => {
          const { value, mask } = dscpFrom(words.argument());
          return withMask(data, 'dscp', value, 'dscpMask', mask);
        },
        usage: 'dscp DSCP[/MASK]',
      },
    ],
    show: (entry, value, { values, context }) => {
      const mask = values.dscpMask as number | undefined;
      const isWhole = mask === undefined || mask === WHOLE_DSCP;
      const named = isWhole ? nameOf('rt_dsfield', value << 2, context.settings.numeric) : undefined;
      const name = named === undefined || named === String(value << 2) ? String(value) : named;
      entry.note('dscp', name);
      if (mask !== undefined) entry.note('dscp_mask', hexadecimal(mask));
      entry.say(` dscp ${isWhole ? name : `${hexadecimal(value)}/${hexadecimal(mask)}`}`);
    },
  } satisfies Attribute<number>,
  dscpMask: maskOf(ROUTING_RULE.dscpMask, 'dscp'),
  flowLabel: {
    wire: ROUTING_RULE.flowLabel,
    words: [
      {
        names: 'flowlabel',
        take: (words, _, { data }) => {
          const { value, mask } = maskedFrom(words.argument(), U32_MAX, 'invalid flowlabel', 'invalid flowlabel mask');
          return withMask(data, 'flowLabel', value, 'flowLabelMask', mask ?? WHOLE_LABEL);
        },
        usage: 'flowlabel FLOWLABEL[/MASK]',
      },
    ],
    show: (entry, value, { values }) => {
      const mask = values.flowLabelMask as number | undefined;
      entry.note('flowlabel', hexadecimal(value));
      if (mask !== undefined) entry.note('flowlabel_mask', hexadecimal(mask));
      const isWhole = mask === undefined || mask === WHOLE_LABEL;
      entry.say(` flowlabel ${hexadecimal(value)}${isWhole ? '' : `/${hexadecimal(mask)}`}`);
    },
  } satisfies Attribute<number>,
  flowLabelMask: maskOf(ROUTING_RULE.flowLabelMask, 'flowLabel'),
};

function showMark(entry: Entry, value: number, shown: Shown): void {
  const { markMask: mask } = ruleOf(shown);
  entry.both('fwmark', hexadecimal(value), ` fwmark ${hexadecimal(value)}`);
  if (mask !== undefined && mask !== U32_MAX) entry.both('fwmask', hexadecimal(mask), `/${hexadecimal(mask)}`);
}

function showTable(entry: Entry, table: number, { context }: Shown): void {
  if (!table) return;
  const name = nameOf('rt_tables', table, context.settings.numeric);
  entry.both('table', name, ` lookup ${name}`);
}

/** The next word: a table. */
export function tableFrom(words: Words, why: string): number {
  const text = words.argument();
  const table = numberOf('rt_tables', text);
  if (table === undefined) throw wrong(text, why);
  return table;
}

/** The next word: who has made something. */
export function protocolFrom(words: Words, why: string): number {
  const text = words.argument();
  const protocol = numberOf('rt_protos', text);
  if (protocol === undefined) throw wrong(text, why);
  return protocol;
}

/** What a rule does, where no row has the word. */
export function otherAction(word: string, words: Words, { header, seen }: Pick<State, 'header' | 'seen'>): void {
  const text = word === 'type' ? words.argument() : word;
  if (abbreviates(text, 'help')) throw new Usage('rule');
  header.action = actionFrom(text);
  seen.add('action');
}

/** One rule; without the end of its line. */
export function showRule(context: Context, rule: RoutingRule): Entry {
  const entry = new Entry(context.settings.oneline ? '\\' : '\n');
  showRows(RULE_ROWS, entry, rule, context);
  return entry;
}

export type RuleValues = Values<typeof RULE_ROWS>;
