/** One address of a link: two lines of `ip address show`, or a part of a line with -oneline and -brief. */
import { formatAddress, type LinkAddress, sameBytes } from '@ts/netlink';
import * as sys from '@ts/sys';
import { colorOf } from '../colors.ts';
import type { Context } from '../context.ts';
import { Entry } from '../entry.ts';
import { nameOf } from '../names.ts';

export const FOREVER = 0xffff_ffff;

/** In the order in which they are shown. */
const FLAGS: readonly (readonly [bit: number, name: string])[] = [
  [sys.IFA_F_SECONDARY, 'secondary'],
  [sys.IFA_F_NODAD, 'nodad'],
  [sys.IFA_F_OPTIMISTIC, 'optimistic'],
  [sys.IFA_F_DADFAILED, 'dadfailed'],
  [sys.IFA_F_HOMEADDRESS, 'home'],
  [sys.IFA_F_DEPRECATED, 'deprecated'],
  [sys.IFA_F_TENTATIVE, 'tentative'],
  [sys.IFA_F_PERMANENT, 'permanent'],
  [sys.IFA_F_MANAGETEMPADDR, 'mngtmpaddr'],
  [sys.IFA_F_NOPREFIXROUTE, 'noprefixroute'],
  [sys.IFA_F_MCAUTOJOIN, 'autojoin'],
  [sys.IFA_F_STABLE_PRIVACY, 'stable-privacy'],
];

function showFlags(entry: Entry, flags: number, family: number): void {
  let rest = flags;
  for (const [bit, name] of FLAGS) {
    const isOn = (flags & bit) !== 0;
    rest &= ~bit;
    if (bit === sys.IFA_F_PERMANENT) {
      if (!isOn) entry.both('dynamic', true, 'dynamic ');
    } else if (isOn) {
      const shown = bit === sys.IFA_F_SECONDARY && family === sys.AF_INET6 ? 'temporary' : name;
      entry.both(shown, true, `${shown} `);
    }
  }
  if (rest)
    entry.both(
      'ifa_flags',
      `flags ${rest.toString(16).padStart(2, '0')} `,
      `flags ${rest.toString(16).padStart(2, '0')} `,
    );
}

export function showAddress(context: Context, each: LinkAddress): Entry {
  const { settings, paint } = context;
  const color = colorOf(each.family);
  const entry = new Entry(settings.oneline ? '\\' : '\n');
  const flags = each.flags ?? each.flags8;
  const local = each.local ?? each.address;
  if (!settings.brief) {
    if (settings.oneline) {
      entry.note('index', each.index);
      entry.note('dev', context.linkName(each.index));
      entry.say(`${each.index}: ${context.linkName(each.index)}`);
    }
    const family = each.family === sys.AF_INET6 ? 'inet6' : 'inet';
    entry.both('family', family, `    ${family} `);
  }
  if (local) {
    entry.both('local', formatAddress(local), paint(color, formatAddress(local)));
    if (each.address && !sameBytes(each.address, local))
      entry.both('address', formatAddress(each.address), ` peer ${paint(color, formatAddress(each.address))}`);
    entry.both('prefixlen', each.prefixLength, `/${each.prefixLength} `);
    if (each.metric) entry.both('metric', each.metric, `metric ${each.metric} `);
  }
  if (settings.brief) return entry;
  for (const [key, word, bytes] of [
    ['broadcast', 'brd', each.broadcast],
    ['anycast', 'any', each.anycast],
  ] as const)
    if (bytes) entry.both(key, formatAddress(bytes), `${word} ${paint(color, `${formatAddress(bytes)} `)}`);
  const scope = nameOf('rt_scopes', each.scope, settings.numeric);
  entry.both('scope', scope, `scope ${scope} `);
  showFlags(entry, flags, each.family);
  if (each.protocol !== undefined) {
    const named = nameOf('rt_addrprotos', each.protocol, settings.numeric);
    const name = /^\d+$/.test(named) ? `0x${each.protocol.toString(16)}` : named;
    entry.both('protocol', name, `proto ${name} `);
  }
  if (each.label !== undefined) entry.both('label', each.label, each.label);
  if (each.lifetimes) {
    const { valid, preferred } = each.lifetimes;
    const time = (seconds: number) => (seconds === FOREVER ? 'forever' : `${seconds}sec`);
    const left = flags & sys.IFA_F_DEPRECATED && preferred !== FOREVER ? preferred | 0 : preferred;
    entry.line();
    entry.both('valid_life_time', valid, `       valid_lft ${time(valid)}`);
    entry.both('preferred_life_time', left, ` preferred_lft ${time(left)}`);
  }
  entry.say('\n');
  return entry;
}
