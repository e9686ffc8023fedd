/** `ip nexthop show`. */
import { formatAddress, type GroupMember, type NextHopObject } from '@ts/netlink';
import * as sys from '@ts/sys';
import { colorOf } from '../colors.ts';
import type { Context } from '../context.ts';
import { Entry } from '../entry.ts';
import { Digits, type Json } from '../json.ts';
import { nameOf } from '../names.ts';

/** Bits and their names, in the order in which they are shown. */
type FlagNames = readonly (readonly [bit: number, name: string])[];

const HOP_FLAGS: FlagNames = [
  [sys.RTNH_F_DEAD, 'dead'],
  [sys.RTNH_F_ONLINK, 'onlink'],
  [sys.RTNH_F_PERVASIVE, 'pervasive'],
  [sys.RTNH_F_OFFLOAD, 'offload'],
  [sys.RTNH_F_TRAP, 'trap'],
  [sys.RTM_F_NOTIFY, 'notify'],
  [sys.RTNH_F_LINKDOWN, 'linkdown'],
  [sys.RTNH_F_UNRESOLVED, 'unresolved'],
];

export const flagNames = (table: FlagNames, flags: number) =>
  table.filter(([bit]) => flags & bit).map(([, name]) => name);

/** RTNH_F_* by name. */
export function showHopFlags(entry: Entry, flags: number): void {
  const names = flagNames(HOP_FLAGS, flags);
  entry.both('flags', names, names.map((name) => `${name} `).join(''));
}

/** `via ADDRESS`, in the colour of its family. */
export const viaText = ({ paint }: Context, bytes: Uint8Array): string =>
  `via ${paint(colorOf(bytes.length === 16 ? sys.AF_INET6 : sys.AF_INET), `${formatAddress(bytes)} `)}`;

/** In the order of their numbers: NEXTHOP_GRP_TYPE_*. */
export const GROUP_TYPES = ['mpath', 'resilient'];

const memberText = ({ id, weight }: GroupMember) => (weight === 1 ? `${id}` : `${id},${weight}`);

/** Seconds, with six digits at most. */
const seconds = (hundredths: number | bigint = 0) => String(Number((Number(hundredths) / 100).toPrecision(6)));

function showGroup(entry: Entry, { group = [], groupType = 0, resilient }: NextHopObject): void {
  entry.both(
    'group',
    group.map(({ id, weight }): Json => (weight === 1 ? { id } : { id, weight })),
    `group ${group.map(memberText).join('/')} `,
  );
  if (groupType === sys.NEXTHOP_GRP_TYPE_MPATH) return;
  const type = GROUP_TYPES[groupType] ?? '<unknown type>';
  entry.both('type', type, `type ${type} `);
  if (!resilient) return;
  const { buckets = 0, idleTimer, unbalancedTimer, unbalancedTime } = resilient;
  entry.inside('resilient_args', (own) => {
    own.both('buckets', buckets, `buckets ${buckets} `);
    for (const [key, time] of [
      ['idle_timer', idleTimer],
      ['unbalanced_timer', unbalancedTimer],
      ['unbalanced_time', unbalancedTime],
    ] as const)
      own.both(key, new Digits(seconds(time)), `${key} ${seconds(time)} `);
  });
}

/** What a group has sent, and whether the hardware counts, too. */
function showStatistics(entry: Entry, { hardwareStatistics, hardwareStatisticsUsed, statistics }: NextHopObject): void {
  const onOff = (value: number) => (value ? 'on' : 'off');
  if (hardwareStatistics !== undefined)
    entry.inside('hw_stats', (own) => {
      own.both('enabled', hardwareStatistics !== 0, `hw_stats ${onOff(hardwareStatistics)} `);
      const used = hardwareStatisticsUsed ?? 0;
      own.both('used', used !== 0, `used ${onOff(used)} `);
    });
  if (!statistics) return;
  entry.line('  stats:');
  const members = statistics.map(({ id = 0, packets = 0n, hardwarePackets }) => {
    const member = new Entry(entry.end);
    member.line('    ');
    member.both('id', id, `id ${id} `);
    member.both('packets', packets, `packets ${packets}`);
    if (hardwarePackets !== undefined) member.both('packets_hw', hardwarePackets, ` packets_hw ${hardwarePackets}`);
    return member;
  });
  for (const { text } of members) entry.say(text);
  entry.note(
    'group_stats',
    members.map(({ json }) => json),
  );
}

/** A next hop or a group; without the line end. */
export function showNextHop(context: Context, object: NextHopObject): Entry {
  const { settings } = context;
  const details = settings.details > 0;
  const entry = new Entry('\n');
  if (object.id !== undefined) entry.both('id', object.id, `id ${object.id} `);
  if (object.group) showGroup(entry, object);
  if (object.gateway) entry.both('gateway', formatAddress(object.gateway), viaText(context, object.gateway));
  if (object.index !== undefined) {
    const name = context.linkName(object.index);
    entry.both('dev', name, `dev ${context.paint('name', `${name} `)}`);
  }
  if (object.scope !== sys.RT_SCOPE_UNIVERSE || details) {
    const name = nameOf('rt_scopes', object.scope, settings.numeric);
    entry.both('scope', name, `scope ${name} `);
  }
  if (object.blackhole) entry.both('blackhole', null, 'blackhole ');
  if (object.protocol !== sys.RTPROT_UNSPEC || details) {
    const name = nameOf('rt_protos', object.protocol, settings.numeric);
    entry.both('protocol', name, `proto ${name} `);
  }
  showHopFlags(entry, object.flags);
  if (object.fdb) entry.both('fdb', null, 'fdb');
  if (settings.statistics) showStatistics(entry, object);
  return entry;
}
