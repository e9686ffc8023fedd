/** `ip link show` and `ip address show`: which links and addresses, and in which form. */
import { type Link, type LinkAddress, listAddresses, listLinks, masked, type Prefix, sameBytes } from '@ts/netlink';
import * as sys from '@ts/sys';
import { type Context, vrfFrom } from '../context.ts';
import { Entry, render } from '../entry.ts';
import { numberOf } from '../names.ts';
import { unlessHelp } from '../usage.ts';
import { namesOfIds } from '../verbs/ids.ts';
import { existing } from '../verbs/link.ts';
import { garbage, prefixFrom, type Rows, takeAll, type Words, wrong } from '../words.ts';
import { showAddress } from './address.ts';
import { type LinkView, showBrief, showLink } from './link.ts';
import { showStatistics } from './statistics.ts';

/** What is shown: all that is said applies. */
interface Filter {
  device?: string;
  up?: boolean;
  down?: boolean;
  /** Index. */
  master?: number;
  noMaster?: boolean;
  kind?: string;
  group?: number;
  scope?: number;
  protocol?: number;
  to?: Prefix;
  label?: string;
  /** IFA_F_* that must be set, or must not be. */
  flags: number;
  mask: number;
}

/** A filter while its words are read. */
interface Looking {
  readonly context: Context;
}

const address =
  (bit: number, on: boolean) =>
  (filter: Filter): void => {
    filter.mask |= bit;
    filter.flags = on ? filter.flags | bit : filter.flags & ~bit;
  };

/** Flags of addresses by name; with `-` before it, those without it. */
const ADDRESS_FLAGS: Rows<Filter> = (
  [
    ['secondary temporary', sys.IFA_F_SECONDARY, true],
    ['primary', sys.IFA_F_SECONDARY, false],
    ['permanent', sys.IFA_F_PERMANENT, true],
    ['dynamic', sys.IFA_F_PERMANENT, false],
    ['tentative', sys.IFA_F_TENTATIVE, true],
    ['deprecated', sys.IFA_F_DEPRECATED, true],
    ['dadfailed', sys.IFA_F_DADFAILED, true],
    ['home', sys.IFA_F_HOMEADDRESS, true],
    ['nodad', sys.IFA_F_NODAD, true],
    ['noprefixroute', sys.IFA_F_NOPREFIXROUTE, true],
    ['mngtmpaddr', sys.IFA_F_MANAGETEMPADDR, true],
    ['optimistic', sys.IFA_F_OPTIMISTIC, true],
    ['autojoin', sys.IFA_F_MCAUTOJOIN, true],
    ['stable-privacy', sys.IFA_F_STABLE_PRIVACY, true],
  ] as const
).flatMap(([names, bit, on]) => [
  [names, address(bit, on)] as const,
  [
    names
      .split(' ')
      .map((name) => `-${name}`)
      .join(' '),
    address(bit, !on),
  ] as const,
]);

const FILTER_ROWS: Rows<Filter & Looking> = [
  [
    'to',
    (filter, words) => {
      filter.to = prefixFrom(words.argument());
    },
  ],
  [
    'scope',
    (filter, words) => {
      const text = words.argument();
      const scope = text === 'all' ? undefined : numberOf('rt_scopes', text);
      if (scope === undefined && text !== 'all') throw wrong(text, 'invalid "scope"\n');
      filter.scope = scope;
    },
  ],
  [
    'up',
    (filter) => {
      filter.up = true;
    },
  ],
  [
    'down',
    (filter) => {
      filter.down = true;
    },
  ],
  // Virtual functions are not shown here anyway.
  ['novf', () => {}],
  ...ADDRESS_FLAGS,
  [
    'proto',
    (filter, words) => {
      const text = words.argument();
      const protocol = numberOf('rt_addrprotos', text);
      if (protocol === undefined) throw wrong(text, '"proto" value is invalid\n');
      filter.protocol = protocol;
    },
  ],
  [
    'label',
    (filter, words) => {
      filter.label = words.argument();
    },
  ],
  [
    'group',
    (filter, words) => {
      const text = words.argument();
      const group = numberOf('group', text);
      if (group === undefined) throw wrong(text, 'Invalid "group" value\n');
      filter.group = group;
    },
  ],
  [
    'master',
    (filter, words) => {
      const name = words.argument();
      const index = filter.context.findIndex(name);
      if (index === undefined) throw wrong(name, 'Device does not exist\n');
      filter.master = index;
    },
  ],
  [
    'vrf',
    (filter, words) => {
      filter.master = vrfFrom(filter.context, words, 'Not a valid VRF name\n');
    },
  ],
  [
    'nomaster',
    (filter) => {
      filter.noMaster = true;
    },
  ],
  [
    'type',
    (filter, words) => {
      filter.kind = words.argument();
    },
  ],
];

/** @param context Where a VRF can be looked up. */
export function parseFilter(context: Context, words: Words, object: 'address' | 'link'): Filter {
  const filter: Filter & Looking = { flags: 0, mask: 0, context };
  takeAll(FILTER_ROWS, words, filter, (word) => {
    const name = word === 'dev' ? words.argument() : word;
    unlessHelp(name, object);
    if (filter.device !== undefined) throw garbage('dev', name);
    filter.device = name;
  });
  return filter;
}

/** @param family AF_INET6: with less about each. */
function listed(context: Context, filter: Filter, family = 0): Link[] {
  const statistics = context.settings.statistics > 0;
  if (filter.device !== undefined) return [existing(context, filter.device)];
  const { master } = filter;
  const kind = filter.kind?.endsWith('_slave') ? undefined : filter.kind;
  const links = listLinks(context.route, { statistics, family });
  context.know(links);
  const portKind = filter.kind?.endsWith('_slave') ? filter.kind.slice(0, -'_slave'.length) : undefined;
  return links
    .filter(
      (link) =>
        (master === undefined || link.master === master) &&
        (!filter.noMaster || !link.master) &&
        (kind === undefined || link.info?.kind === kind) &&
        (portKind === undefined || link.info?.portKind === portKind) &&
        (filter.group === undefined || link.group === filter.group) &&
        (!filter.up || link.flags & sys.IFF_UP) &&
        (!filter.down || !(link.flags & sys.IFF_UP)),
    )
    .sort((a, b) => a.index - b.index);
}

/** A shell pattern with * and ?. */
const matchesPattern = (pattern: string, text: string) =>
  new RegExp(
    `^${pattern
      .replace(/[.+^${}()|\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.')}$`,
  ).test(text);

export const isChosen = (filter: Filter, each: LinkAddress, name: string): boolean => {
  const flags = each.flags ?? each.flags8;
  const local = each.local ?? each.address;
  const { to } = filter;
  return (
    (filter.scope === undefined || each.scope === filter.scope) &&
    ((flags ^ filter.flags) & filter.mask) === 0 &&
    (filter.protocol === undefined || each.protocol === filter.protocol) &&
    (filter.label === undefined || matchesPattern(filter.label, each.label ?? name)) &&
    (to === undefined ||
      (local !== undefined &&
        to.family === each.family &&
        sameBytes(masked(local, to.length, 0), masked(to.bytes, to.length, 0)) &&
        each.prefixLength >= to.length))
  );
};

function viewOf(context: Context, isLink: boolean, family: number): LinkView {
  let names: Map<number, string> | undefined;
  return {
    isLink,
    family,
    nameOfId: (id) => {
      names ??= namesOfIds(context);
      return names.get(id);
    },
  };
}

/** `ip link show`. */
export function showLinks(context: Context, words: Words): void {
  const links = listed(context, parseFilter(context, words, 'link'));
  const view = viewOf(context, true, sys.AF_UNSPEC);
  const { brief } = context.settings;
  context.print(
    render(
      links.map((link) => (brief ? showBrief(context, link, true) : showLink(context, link, view))),
      context.settings,
    ),
  );
}

/** `ip address show`: links, each with its addresses. */
export function showAddresses(context: Context, words: Words): void {
  const { settings } = context;
  const filter = parseFilter(context, words, 'address');
  const links = listed(context, filter, settings.family === sys.AF_INET6 ? sys.AF_INET6 : 0);
  context.know(links);
  const family = settings.family || (filter.to?.family ?? 0);
  const index = filter.device === undefined ? 0 : links[0]?.index;
  const addresses = family === sys.AF_PACKET ? [] : listAddresses(context.route, { family, index });
  const view = viewOf(context, false, family);
  const entries = links.flatMap((link): Entry[] => {
    const own = addresses.filter((each) => each.index === link.index && (!family || each.family === family));
    // The protocol chooses addresses, but no links.
    const { protocol, ...others } = filter;
    const meant = own.filter((each) => isChosen(others, each, link.name ?? ''));
    const chosen = meant.filter((each) => protocol === undefined || each.protocol === protocol);
    // A link that has no address at all is shown where any family would do.
    if (!meant.length && (own.length || filter.label !== undefined || (family && family !== sys.AF_PACKET))) return [];
    return [entryOf(context, link, chosen, view, filter.label !== undefined)];
  });
  context.print(render(entries, settings));
}

function entryOf(
  context: Context,
  link: Link,
  addresses: readonly LinkAddress[],
  view: LinkView,
  byLabel: boolean,
): Entry {
  const { settings } = context;
  const onlyAddresses = byLabel || (settings.oneline && !settings.brief);
  const entry = onlyAddresses
    ? new Entry('\\')
    : settings.brief
      ? showBrief(context, link, false)
      : showLink(context, link, view);
  const shown = addresses.map((each) => showAddress(context, each));
  for (const each of shown) entry.say(each.text);
  entry.note(
    'addr_info',
    shown.map((each) => each.json),
  );
  if (settings.brief) entry.say('\n');
  else if (settings.statistics && !onlyAddresses && link.statistics) {
    // Each of its lines begins with a line end, and the last one is ended here.
    const counters = new Entry(entry.end);
    showStatistics(settings, link, counters);
    entry.say(`${counters.text.slice(1)}\n`);
    entry.note('stats64', counters.json.stats64 ?? null);
  }
  return entry;
}
