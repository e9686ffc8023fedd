/** `ip monitor`: what the kernel tells of changes, or what a file has kept of it. */
import {
  decodeAddress,
  decodeLink,
  decodeNamespaceId,
  decodeNeighbor,
  decodeNextHop,
  decodeRoute,
  decodeRoutingRule,
  listLinks,
  type Message,
  messagesIn,
  NetlinkSocket,
} from '@ts/netlink';
import * as sys from '@ts/sys';
import { Failure, readBytes, SysError } from '@ts/sys';
import type { Context } from '../context.ts';
import { showRule } from '../rules.ts';
import { showAddress } from '../show/address.ts';
import { showLink } from '../show/link.ts';
import { showNeighbor } from '../show/neighbor.ts';
import { showNextHop } from '../show/nexthop.ts';
import { showRoute } from '../show/route.ts';
import { Usage } from '../usage.ts';
import { abbreviates, FAILED, type Rows, takeAll, unsupported, type Words, WRONG, wrong } from '../words.ts';
import { namesOfIds } from './ids.ts';

/** What changes can be of: a row each. */
interface Watched {
  /** As a key word. */
  readonly names: string;
  readonly label: string;
  /** Types of messages: there is one, or there is none any more. */
  readonly types: readonly [made: number, gone: number];
  /** RTNLGRP_*; those of one family where another one is asked for are left out. */
  readonly groups: readonly (readonly [group: number, family?: number])[];
  /** Text with its line end; undefined for what is not shown. `index`: the link that alone is meant. */
  show(context: Context, message: Message, index: number | undefined, isGone: boolean): string | undefined;
}

const isOther = (index: number | undefined, own: number | undefined) => index !== undefined && index !== own;

const WATCHED: readonly Watched[] = [
  {
    names: 'link~',
    label: 'LINK',
    types: [sys.RTM_NEWLINK, sys.RTM_DELLINK],
    groups: [[sys.RTNLGRP_LINK]],
    show: (context, message, index) => {
      const link = decodeLink(message);
      // Its name is known, also when it has gone.
      context.know([link]);
      if (isOther(index, link.index)) return undefined;
      const nameOfId = (id: number) => namesOfIds(context).get(id);
      return showLink(context, link, { isLink: false, isNotice: true, family: 0, nameOfId }).text;
    },
  },
  {
    names: 'address~',
    label: 'ADDR',
    types: [sys.RTM_NEWADDR, sys.RTM_DELADDR],
    groups: [
      [sys.RTNLGRP_IPV4_IFADDR, sys.AF_INET],
      [sys.RTNLGRP_IPV6_IFADDR, sys.AF_INET6],
    ],
    show: (context, message, index) => {
      const address = decodeAddress(message);
      if (isOther(index, address.index)) return undefined;
      const { text } = showAddress(context, address);
      return context.settings.oneline ? text : `${address.index}: ${context.linkName(address.index)}${text}`;
    },
  },
  {
    names: 'route~',
    label: 'ROUTE',
    types: [sys.RTM_NEWROUTE, sys.RTM_DELROUTE],
    groups: [
      [sys.RTNLGRP_IPV4_ROUTE, sys.AF_INET],
      [sys.RTNLGRP_IPV6_ROUTE, sys.AF_INET6],
    ],
    show: (context, message, index) => {
      const route = decodeRoute(message);
      const isIp = route.family === sys.AF_INET || route.family === sys.AF_INET6;
      if (!isIp || route.flags & sys.RTM_F_CLONED || isOther(index, route.index)) return undefined;
      return showRoute(context, route, {}).text;
    },
  },
  {
    names: 'neigh~',
    label: 'NEIGH',
    types: [sys.RTM_NEWNEIGH, sys.RTM_DELNEIGH],
    groups: [[sys.RTNLGRP_NEIGH]],
    show: (context, message, index) => {
      const neighbor = decodeNeighbor(message);
      const { family } = context.settings;
      if (isOther(index, neighbor.index) || (family && family !== neighbor.family)) return undefined;
      return showNeighbor(context, neighbor, false).text;
    },
  },
  {
    names: 'rule~',
    label: 'RULE',
    types: [sys.RTM_NEWRULE, sys.RTM_DELRULE],
    groups: [
      [sys.RTNLGRP_IPV4_RULE, sys.AF_INET],
      [sys.RTNLGRP_IPV6_RULE, sys.AF_INET6],
    ],
    show: (context, message) => `${showRule(context, decodeRoutingRule(message)).text}\n`,
  },
  {
    names: 'nsid~',
    label: 'NSID',
    types: [sys.RTM_NEWNSID, sys.RTM_DELNSID],
    groups: [[sys.RTNLGRP_NSID]],
    show: (context, message, _, isGone) => {
      const { nsid } = decodeNamespaceId(message);
      if (nsid === undefined || nsid < 0) return undefined;
      const name = isGone ? undefined : namesOfIds(context).get(nsid);
      return `nsid ${nsid} ${name === undefined ? '' : `(iproute2 netns name: ${name})`}\n`;
    },
  },
  {
    names: 'nexthop~',
    label: 'NEXTHOP',
    types: [sys.RTM_NEWNEXTHOP, sys.RTM_DELNEXTHOP],
    groups: [[sys.RTNLGRP_NEXTHOP]],
    show: (context, message) => `${showNextHop(context, decodeNextHop(message)).text}\n`,
  },
];

interface Wish {
  readonly context: Context;
  readonly watched: Set<Watched>;
  file?: string;
  labelled?: boolean;
  index?: number;
}

const ROWS: Rows<Wish> = [
  [
    'file~',
    (wish, words) => {
      wish.file = words.argument();
    },
  ],
  [
    'label~ all',
    (wish) => {
      wish.labelled = true;
    },
  ],
  ...WATCHED.map((each): Rows<Wish>[number] => [
    each.names,
    ({ watched }) => {
      watched.add(each);
    },
  ]),
  ['mroute maddress acaddress netconf prefix stats all-nsid', unsupported],
  [
    'dev',
    (wish, words) => {
      const name = words.argument();
      const index = wish.context.findIndex(name);
      if (index === undefined) throw wrong(name, 'Device does not exist\n');
      wish.index = index;
    },
  ],
];

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const MICROSECONDS = 1_000_000;
const two = (value: number) => String(value).padStart(2, '0');

const clock = (date: Date): string => [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':');

/** As asctime(3) writes it. */
const longTime = (date: Date): string =>
  `${DAYS[date.getDay()]} ${MONTHS[date.getMonth()]} ${String(date.getDate()).padStart(2)} ${clock(date)} ${date.getFullYear()}`;

/** The time before a notification. @param now Microseconds since 1970. */
export function timeText(form: 'long' | 'short' | undefined, now: number): string {
  if (form === undefined) return '';
  const date = new Date(Math.floor(now / 1000));
  const rest = now % MICROSECONDS;
  if (form === 'long') return `Timestamp: ${longTime(date)} ${rest} usec\n`;
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join('-');
  return `[${day}T${clock(date)}.${String(rest).padStart(6, '0')}] `;
}

const now = () => Math.floor((performance.timeOrigin + performance.now()) * 1000);

function tell({ context, labelled, index }: Wish, message: Message): void {
  const each = WATCHED.find(({ types }) => types.includes(message.type));
  const isGone = message.type === each?.types[1];
  const text = each?.show(context, message, index, isGone);
  if (each === undefined || text === undefined) return;
  const label = labelled ? `[${each.label}]` : '';
  context.print(`${timeText(context.settings.timestamp, now())}${label}${isGone ? 'Deleted ' : ''}${text}`);
}

/** More than anybody keeps. */
const MOST = 256 * 1024 * 1024;

function kept(file: string): Message[] {
  try {
    return [...messagesIn(readBytes(file, MOST))];
  } catch (error) {
    if (error instanceof RangeError) throw new Failure(`malformed message in ${file}: ${error.message}`, FAILED);
    if (error instanceof SysError) throw new Failure(`Cannot fopen: ${sys.strerror(error.errno)}`, WRONG);
    throw error;
  }
}

/** Tells until it is ended; of a file, to its end. */
export function monitor(context: Context, words: Words): void {
  const text = context.with({ json: false });
  const wish: Wish = { context: text, watched: new Set() };
  takeAll(ROWS, words, wish, (word) => {
    if (abbreviates(word, 'help')) throw new Usage('monitor');
    throw new Failure(`Argument "${word}" is unknown, try "ip monitor help".`, WRONG);
  });
  try {
    if (wish.file === undefined) listen(wish);
    else for (const message of kept(wish.file)) tell(wish, message);
  } finally {
    text.close();
  }
}

function listen(wish: Wish): never {
  const { context, watched } = wish;
  const { family } = context.settings;
  const { namespace } = context;
  using socket = NetlinkSocket.open(context.sys, sys.NETLINK_ROUTE, { namespace });
  // The request gives the socket its address, too: one without is told of nothing.
  context.know(listLinks(socket));
  for (const { groups } of watched.size ? watched : WATCHED)
    for (const [group, own] of groups) if (!family || own === undefined || own === family) socket.join(group);
  for (;;)
    try {
      for (const message of socket.receive()) tell(wish, message);
    } catch (error) {
      if (!(error instanceof SysError) || error.code !== 'ENOBUFS') throw error;
      context.world.warn('more happened than could be told: some notifications were lost');
    }
}
