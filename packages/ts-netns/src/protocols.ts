/** IP protocols by name and number: /etc/protocols, protocols(5). */
import type { World } from '@ts/cli';
import { parseDecimal } from '@ts/sys';

const FILE = '/etc/protocols';

/** What is taken where that file is not there. */
const KNOWN: readonly (readonly [name: string, number: number])[] = [
  ['icmp', 1],
  ['tcp', 6],
  ['udp', 17],
  ['ipv6-icmp', 58],
  ['sctp', 132],
];

/** Lines `NAME NUMBER ALIAS...`: each name, the proper one first. */
function* protocolsIn(text: string): Generator<readonly [name: string, number: number]> {
  for (const line of text.split('\n')) {
    const [name, digits = '', ...aliases] = line.replace(/#.*/, '').trim().split(/\s+/);
    const number = parseDecimal(digits, 0xff);
    if (!name || number === undefined) continue;
    for (const each of [name, ...aliases]) yield [each, number];
  }
}

/** A protocol by number or name; undefined where it is neither. */
export function protocolNumber(world: World, text: string): number | undefined {
  const number = parseDecimal(text, 0xff);
  if (number !== undefined) return number;
  const listed = world.read(FILE);
  for (const [name, value] of listed === undefined ? KNOWN : protocolsIn(listed)) if (name === text) return value;
  return undefined;
}

/** @param numeric Only numbers are wanted. */
export function protocolName(world: World, number: number, numeric: boolean): string {
  const listed = numeric ? '' : (world.read(FILE) ?? '');
  for (const [name, value] of protocolsIn(listed)) if (value === number) return name;
  return `ipproto-${number}`;
}
