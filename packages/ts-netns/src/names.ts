/** Names of numbers: /etc/iproute2, and what is known without it. */

import { parseCNumber, parseDecimal, readText, U32_MAX } from '@ts/sys';
import { parseNumber } from './words.ts';

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

const loaded = new Map<NameTable, Map<number, string>>();

/** Lines `NUMBER NAME`; numbers may be hexadecimal. */
function parse(text: string): [number, string][] {
  return text.split('\n').flatMap((line): [number, string][] => {
    const [number = '', name] = line.trim().split(/\s+/);
    const value = number.startsWith('0x') ? parseCNumber(number, U32_MAX) : parseDecimal(number, U32_MAX);
    return value !== undefined && name && !name.startsWith('#') ? [[value, name]] : [];
  });
}

function table(which: NameTable): Map<number, string> {
  const known = loaded.get(which);
  if (known) return known;
  const names = new Map<number, string>(
    Object.entries<string>(BUILT_IN[which]).map(([number, name]) => [Number(number), name]),
  );
  for (const folder of FOLDERS) {
    try {
      for (const [number, name] of parse(readText(`${folder}/${which}`))) names.set(number, name);
      break;
    } catch {
      // the next folder, else what is built in
    }
  }
  loaded.set(which, names);
  return names;
}

/** Name of a number, the number itself where it has none (or only numbers are wanted). */
export const nameOf = (which: NameTable, number: number, numeric = false): string =>
  (numeric ? undefined : table(which).get(number)) ?? String(number);

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
  for (const [number, name] of table(which)) if (name === text) return number;
  const number = parseNumber(text);
  return number === undefined || number < 0 || number > MOST[which] ? undefined : number;
}
