/** `ip nexthop add|replace|del|get|show|flush`: next hops that routes name by id, and groups of them. */
import {
  deleteNextHop,
  type GroupMember,
  getNextHop,
  listNextHops,
  NetlinkError,
  type NextHopAttributes,
  type NextHopHeader,
  type NextHopObject,
  nextHopRequest,
} from '@ts/netlink';
import * as sys from '@ts/sys';
import { type Context, vrfFrom } from '../context.ts';
import { render } from '../entry.ts';
import { numberOf } from '../names.ts';
import { refusal } from '../refusal.ts';
import { GROUP_TYPES, showNextHop } from '../show/nexthop.ts';
import { Usage, unlessHelp } from '../usage.ts';
import {
  FAILED,
  gatewayFrom,
  incomplete,
  numberIn,
  oneOf,
  type Rows,
  takeAll,
  unsupported,
  type Words,
  type Writable,
  wrong,
} from '../words.ts';

interface State {
  readonly context: Context;
  readonly header: Writable<NextHopHeader>;
  readonly attributes: Writable<NextHopAttributes>;
}

const idOf = (text: string): number => numberIn(text, 0, 0xffff_ffff, () => wrong(text, 'invalid id value'));

function indexFrom(context: Context, words: Words): number {
  const name = words.argument();
  const index = context.findIndex(name);
  if (index === undefined) throw wrong(name, 'Device does not exist\n');
  return index;
}

/** `ID[,WEIGHT]/ID[,WEIGHT]…` */
const groupFrom = (text: string): GroupMember[] =>
  text.split('/').map((member) => {
    const [, first = '', second] = /^([^,]*)(?:,(.*))?$/s.exec(member) ?? [];
    const id = numberIn(first, 0, 0xffff_ffff, () => wrong(first, '"group" value is invalid\n'));
    const weight = second === undefined ? 1 : numberIn(second, 1, 65536, () => wrong(second, '"weight" is invalid\n'));
    return { id, weight };
  });

type Resilient = NonNullable<NextHopAttributes['resilient']>;

const RESILIENT_ROWS: Rows<Writable<Resilient>> = [
  [
    'buckets',
    (resilient, words) => {
      const text = words.argument();
      resilient.buckets = numberIn(text, 0, 0xffff, () => wrong(text, 'invalid buckets value'));
    },
  ],
  ...(
    [
      ['idle_timer', 'idleTimer', 'idle timer'],
      ['unbalanced_timer', 'unbalancedTimer', 'unbalanced timer'],
    ] as const
  ).map(
    ([word, key, called]) =>
      [
        word,
        (resilient: Writable<Resilient>, words: Words) => {
          const text = words.argument();
          // Given in seconds, kept in hundredths.
          const fail = () => wrong(text, `invalid ${called} value`);
          resilient[key] = numberIn(text, 0, Math.floor(0xffff_ffff / 100), fail) * 100;
        },
      ] as const,
  ),
];

/** `type TYPE`, and the words that only a resilient group has. */
function typeFrom({ attributes }: State, words: Words): void {
  const text = words.argument();
  const type = GROUP_TYPES.indexOf(text);
  if (type < 0) throw wrong(text, '"type" value is invalid\n');
  attributes.groupType = type;
  if (type !== sys.NEXTHOP_GRP_TYPE_RES) return;
  const resilient: Writable<Resilient> = {};
  for (let row = words.rowOf(RESILIENT_ROWS); row; row = words.rowOf(RESILIENT_ROWS))
    row[1](resilient, words, words.argument());
  if (Object.keys(resilient).length) attributes.resilient = resilient;
}

const rows: Rows<State> = [
  [
    'id',
    ({ attributes }, words) => {
      attributes.id = idOf(words.argument());
    },
  ],
  [
    'dev',
    ({ context, attributes }, words) => {
      attributes.index = indexFrom(context, words);
    },
  ],
  [
    'via',
    ({ header, attributes }, words) => {
      const { family, bytes } = gatewayFrom(words, header.family ?? 0);
      attributes.gateway = bytes;
      header.family ||= family;
    },
  ],
  [
    'blackhole',
    ({ header, attributes }) => {
      attributes.blackhole = true;
      header.family ||= sys.AF_INET;
    },
  ],
  [
    'fdb',
    ({ attributes }) => {
      attributes.fdb = true;
    },
  ],
  [
    'onlink',
    ({ header }) => {
      header.flags = (header.flags ?? 0) | sys.RTNH_F_ONLINK;
    },
  ],
  [
    'group',
    ({ attributes }, words) => {
      attributes.group = groupFrom(words.argument());
    },
  ],
  ['type', typeFrom],
  [
    'hw_stats',
    ({ attributes }, words) => {
      // iproute2 returns the errno of what its own parser refuses there.
      attributes.hardwareStatistics = oneOf('hw_stats', words.argument(), { off: 0, on: 1 }, 22);
    },
  ],
  ['encap', unsupported],
  [
    'protocol~',
    ({ header }, words) => {
      const text = words.argument();
      const protocol = numberOf('rt_protos', text);
      if (protocol === undefined) throw wrong(text, '"protocol" value is invalid\n');
      header.protocol = protocol;
    },
  ],
];

function parse(context: Context, words: Words): State {
  const state: State = { context, header: { family: context.settings.family }, attributes: {} };
  takeAll(rows, words, state, (word) => {
    throw wrong(word, '');
  });
  const { header, attributes } = state;
  // A link alone is one of IPv4, unless something else is said; a group has no family.
  if (attributes.index !== undefined) header.family ||= sys.AF_INET;
  return state;
}

export const put =
  (how: 'add' | 'replace') =>
  (context: Context, words: Words): void => {
    const { header, attributes } = parse(context, words);
    context.route.request(nextHopRequest(how, header, attributes), `nexthop ${how}`);
    context.forget();
  };

export function remove(context: Context, words: Words): void {
  let id: number | undefined;
  for (let word = words.take(); word !== undefined; word = words.take()) {
    if (word !== 'id') throw wrong(word, '');
    id = idOf(words.argument());
  }
  context.route.request(deleteNextHop(id), 'nexthop del');
  context.forget();
}

const print = (context: Context, found: readonly NextHopObject[]) =>
  context.print(
    render(
      found.map((each) => {
        const entry = showNextHop(context, each);
        entry.say('\n');
        return entry;
      }),
      context.settings,
    ),
  );

export function get(context: Context, words: Words): void {
  const [word, id, ...others] = words.rest();
  if (word !== 'id' || others.length) throw new Usage('nexthop');
  if (id === undefined) throw incomplete();
  print(context, [getNextHop(context.route, idOf(id), context.settings.statistics)]);
}

interface Selection {
  id?: number;
  protocol?: number;
  readonly filter: Writable<Pick<NextHopAttributes, 'index' | 'master' | 'groups' | 'fdb'>>;
}

const selectionRows = (context: Context): Rows<Selection> => [
  [
    'dev~',
    ({ filter }, words) => {
      filter.index = indexFrom(context, words);
    },
  ],
  [
    'groups~',
    ({ filter }) => {
      filter.groups = true;
    },
  ],
  [
    'master',
    ({ filter }, words) => {
      filter.master = indexFrom(context, words);
    },
  ],
  [
    'vrf',
    ({ filter }, words) => {
      filter.master = vrfFrom(context, words, 'Invalid VRF\n');
    },
  ],
  [
    'id',
    (selection, words) => {
      selection.id = idOf(words.argument());
    },
  ],
  [
    'protocol~',
    (selection, words) => {
      const text = words.argument();
      selection.protocol = numberIn(text, 0, 255, () => wrong(text, 'invalid protocol value'));
    },
  ],
  [
    'fdb~',
    ({ filter }) => {
      filter.fdb = true;
    },
  ],
];

function selectionFrom(context: Context, words: Words): Selection {
  const selection: Selection = { filter: {} };
  takeAll(selectionRows(context), words, selection, (word) => {
    unlessHelp(word, 'nexthop');
    throw wrong(word, '');
  });
  return selection;
}

/** What is chosen; an id stands for itself, whatever else is said. */
function chosen(context: Context, { protocol, filter }: Selection): NextHopObject[] {
  const found = listNextHops(context.route, context.settings.family, filter, context.settings.statistics);
  return protocol ? found.filter((each) => each.protocol === protocol) : found;
}

export function show(context: Context, words: Words): void {
  const selection = selectionFrom(context, words);
  const { id } = selection;
  print(
    context,
    id === undefined ? chosen(context, selection) : [getNextHop(context.route, id, context.settings.statistics)],
  );
}

export function flush(context: Context, words: Words): void {
  const selection = selectionFrom(context, words);
  const { id } = selection;
  if (id !== undefined) {
    try {
      context.route.request(deleteNextHop(id), 'nexthop flush');
    } catch (error) {
      throw refusal(error, FAILED);
    }
    return;
  }
  const found = chosen(context, selection);
  for (const each of found)
    try {
      context.route.request(deleteNextHop(each.id), 'nexthop flush');
    } catch (error) {
      // A group goes with its last member.
      if (!(error instanceof NetlinkError) || error.code !== 'ENOENT') throw error;
    }
  context.print(found.length ? `Flushed ${found.length} nexthops\n` : 'Nothing to flush\n');
}
