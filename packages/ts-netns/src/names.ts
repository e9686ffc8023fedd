/** Names of numbers: /etc/iproute2, and what is known without it. */

import { list, parseCNumber, parseDecimal, readText, U32_MAX, unlessRefused } from '@ts/sys';
import { parseNumber, wrong } from './words.ts';

const FOLDERS = ['/etc/iproute2', '/usr/share/iproute2', '/usr/lib/iproute2'];

const BUILT_IN = {
  rt_tables: { 255: 'local', 254: 'main', 253: 'default', 0: 'unspec' },
  rt_protos: {
    0: 'unspec',
    1: 'redirect',
    2: 'kernel',
    3: 'boot',
    4: 'static',
    8: 'gated',
    9: 'ra',
    10: 'mrt',
    11: 'zebra',
    12: 'bird',
    13: 'dnrouted',
    14: 'xorp',
    15: 'ntk',
    16: 'dhcp',
    18: 'keepalived',
    42: 'babel',
    186: 'bgp',
    187: 'isis',
    188: 'ospf',
    189: 'rip',
    192: 'eigrp',
  },
  rt_scopes: { 0: 'global', 255: 'nowhere', 254: 'host', 253: 'link', 200: 'site' },
  group: { 0: 'default' },
  rt_addrprotos: { 0: 'unspec', 1: 'kernel_lo', 2: 'kernel_ra', 3: 'kernel_ll' },
  rt_realms: { 0: 'cosmos' },
  rt_dsfield: {},
} as const satisfies Readonly<Record<string, Readonly<Record<number, string>>>>;

export type NameTable = keyof typeof BUILT_IN;

/** A number may have several names: the last one is shown. */
interface Names {
  readonly byNumber: Map<number, string>;
  readonly byName: Map<string, number>;
}

const loaded = new Map<NameTable, Names>();

/** Lines `NUMBER NAME`; numbers may be hexadecimal. */
function parse(text: string): [number, string][] {
  return text.split('\n').flatMap((line): [number, string][] => {
    const [number = '', name] = line.trim().split(/\s+/);
    const value = number.startsWith('0x') ? parseCNumber(number, U32_MAX) : parseDecimal(number, U32_MAX);
    return value !== undefined && name && !name.startsWith('#') ? [[value, name]] : [];
  });
}

/** Files of a folder of additions, where there is one: `*.conf`. */
const addedIn = (folder: string): string[] =>
  (unlessRefused(() => list(folder)) ?? [])
    .filter((name) => name.endsWith('.conf') && !name.startsWith('.'))
    .map((name) => `${folder}/${name}`);

function table(which: NameTable): Names {
  const known = loaded.get(which);
  if (known) return known;
  const names: Names = { byNumber: new Map(), byName: new Map() };
  const add = (number: number, name: string) => {
    names.byNumber.set(number, name);
    names.byName.set(name, number);
  };
  for (const [number, name] of Object.entries<string>(BUILT_IN[which])) add(Number(number), name);
  for (const folder of FOLDERS) {
    try {
      for (const [number, name] of parse(readText(`${folder}/${which}`))) add(number, name);
      break;
    } catch {
      // the next folder, else what is built in
    }
  }
  // What is added: those of the host last.
  for (const folder of [...FOLDERS].reverse())
    for (const file of addedIn(`${folder}/${which}.d`))
      for (const [number, name] of parse(readText(file))) add(number, name);
  loaded.set(which, names);
  return names;
}

/** Name of a number, the number itself where it has none (or only numbers are wanted). */
export const nameOf = (which: NameTable, number: number, numeric = false): string =>
  (numeric ? undefined : table(which).byNumber.get(number)) ?? String(number);

const MOST: Readonly<Record<NameTable, number>> = {
  rt_tables: U32_MAX,
  rt_protos: 0xff,
  rt_scopes: 0xff,
  group: U32_MAX,
  rt_addrprotos: 0xff,
  rt_realms: 0xffff,
  rt_dsfield: 0xff,
};

/** Number of a name, or the number that the text is; undefined where it is neither, or too large. */
export function numberOf(which: NameTable, text: string): number | undefined {
  const named = table(which).byName.get(text);
  if (named !== undefined) return named;
  // Types of service are hexadecimal, also without 0x.
  const number = parseNumber(which === 'rt_dsfield' && /^[0-9a-f]+$/i.test(text) ? `0x${text}` : text);
  return number === undefined || number < 0 || number > MOST[which] ? undefined : number;
}

/** `[FROM/]TO`, each by name or number; or both in one number, where that is too large for the second. */
export function realmsFrom(text: string, why = '"realm" value is invalid\n'): number {
  const parts = text.split(/\/(.*)/s).slice(0, 2);
  const realms = parts.map((part) => numberOf('rt_realms', part));
  const whole = parts.length === 1 ? parseNumber(text) : undefined;
  if (whole !== undefined && whole > 0xffff && whole <= U32_MAX) return whole;
  const [from, to] = realms.length === 1 ? [0, realms[0]] : realms;
  if (from === undefined || to === undefined) throw wrong(text, why);
  return from * 0x10000 + to;
}
