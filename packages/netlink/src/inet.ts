/** Addresses and prefixes of IPv4 and IPv6 as text and as bytes. inet_pton(3), inet_ntop(3). */
import { AF_INET, AF_INET6 } from '@ts/sys';

/** AF_INET or AF_INET6. */
export type Family = typeof AF_INET | typeof AF_INET6;

/** An address of IPv4 or IPv6. */
export interface Address {
  readonly family: Family;
  /** 4 or 16, in network byte order. */
  readonly bytes: Uint8Array;
}

/** An address and how many of its bits name the net: `10.0.0.1/24`. */
export interface Prefix extends Address {
  /** Leading bits that count. */
  readonly length: number;
}

/** Bits of an address. */
export const bitsOf = (family: number): number => (family === AF_INET6 ? 128 : 32);

/** A number in C's notation: 0x for hexadecimal, 0 for octal. NaN where it is none. */
const parseC = (text: string): number =>
  /^0[0-7]+$/.test(text) ? Number.parseInt(text, 8) : /^(0x[0-9a-f]+|0|[1-9]\d*)$/i.test(text) ? Number(text) : NaN;

function parse4(text: string): Uint8Array | undefined {
  const parts = text.split('.').map(parseC);
  if (parts.length > 4 || !parts.every((part) => part < 256)) return undefined;
  return Uint8Array.from({ length: 4 }, (_, index) => parts[index] ?? 0);
}

function parse6(text: string): Uint8Array | undefined {
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  if (dotted) {
    const last = parse4(dotted[2] as string);
    if (!last) return undefined;
    const hex = Buffer.from(last).toString('hex');
    return parse6(`${dotted[1]}${hex.slice(0, 4)}:${hex.slice(4)}`);
  }
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const groups = halves.map((half) => (half === '' ? [] : half.split(':')));
  const given = groups.flat();
  const missing = 8 - given.length;
  if (!given.every((group) => /^[0-9a-f]{1,4}$/i.test(group)) || (halves.length === 2 ? missing < 1 : missing !== 0))
    return undefined;
  const [head = [], tail = []] = groups;
  const all = [...head, ...Array(missing).fill('0'), ...tail];
  return Uint8Array.from(all.flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 0xff]));
}

/**
 * An address. IPv4 may leave out trailing zeros ("10", "10.1"), and write a part in C's notation (0x0a; 012 is 10), as iproute2
 * and inet_aton(3) read it. Undefined where the text is none (of that family).
 */
export function parseAddress(text: string, family?: number): Address | undefined {
  const is6 = text.includes(':');
  if (family !== undefined && family !== 0 && (family === AF_INET6) !== is6) return undefined;
  const bytes = is6 ? parse6(text) : parse4(text);
  return bytes && { family: is6 ? AF_INET6 : AF_INET, bytes };
}

/** Bits of a netmask ("255.255.255.0"); undefined where ones follow zeros. */
function maskLength(text: string): number | undefined {
  const bytes = text.split('.').length === 4 ? parse4(text) : undefined;
  const bits = bytes && [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  return bits && /^1*0*$/.test(bits) ? bits.replaceAll('0', '').length : undefined;
}

/** `ADDRESS[/LENGTH|/MASK]`; without a length all bits count. Undefined where the text is none. */
export function parsePrefix(text: string, family?: number): Prefix | undefined {
  const slash = text.indexOf('/');
  const address = parseAddress(slash < 0 ? text : text.slice(0, slash), family);
  if (!address) return undefined;
  const most = bitsOf(address.family);
  if (slash < 0) return { ...address, length: most };
  const given = text.slice(slash + 1);
  const length = given.includes('.') ? maskLength(given) : parseC(given);
  return length === undefined || Number.isNaN(length) || length > most ? undefined : { ...address, length };
}

function format6(bytes: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, i) => ((bytes[2 * i] as number) << 8) | (bytes[2 * i + 1] as number));
  // The first of the longest runs of two zeros or more.
  let best = { from: -1, length: 1 };
  for (let from = 0; from < 8; from++) {
    let length = 0;
    while (from + length < 8 && groups[from + length] === 0) length++;
    if (length > best.length) best = { from, length };
  }
  const isV4 = best.from === 0 && (best.length === 6 || (best.length === 5 && groups[5] === 0xffff));
  const texts = groups.map((group) => group.toString(16));
  if (isV4) texts.splice(6, 2, format4(bytes.subarray(12)));
  if (best.from < 0) return texts.join(':');
  return `${texts.slice(0, best.from).join(':')}::${texts.slice(best.from + best.length).join(':')}`;
}

const format4 = (bytes: Uint8Array) => [...bytes].join('.');

/** An address as inet_ntop(3) writes it. */
export const formatAddress = (bytes: Uint8Array): string => (bytes.length === 16 ? format6(bytes) : format4(bytes));

/** `ADDRESS/LENGTH`. */
export const formatPrefix = ({ bytes, length }: Prefix): string => `${formatAddress(bytes)}/${length}`;

/** An address with the bits behind `length` set to 0 or 1. */
export function masked(bytes: Uint8Array, length: number, host: 0 | 1): Uint8Array {
  return bytes.map((byte, index) => {
    const mask = (0xff00 >> Math.min(8, Math.max(0, length - 8 * index))) & 0xff;
    return host ? byte | (~mask & 0xff) : byte & mask;
  });
}

/** Whether an address is one of a group: 224.0.0.0/4, ff00::/8. */
export const isMulticast = (bytes: Uint8Array): boolean =>
  bytes.length === 16 ? bytes[0] === 0xff : ((bytes[0] as number) & 0xf0) === 0xe0;

/** Whether both are there, and equal. */
export const sameBytes = (a: Uint8Array | undefined, b: Uint8Array | undefined): boolean =>
  a !== undefined && b !== undefined && Buffer.from(a).equals(Buffer.from(b));

/** A hardware address: bytes in hexadecimal with colons. An IPv4 address where that is what a tunnel has. */
export const formatHardware = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(':');

/**
 * `aa:bb:cc:dd:ee:ff`: hexadecimal numbers up to ff of any number of digits, also with 0x; or an IPv4 address, which that of a
 * tunnel is. Undefined where the text is none.
 */
export function parseHardware(text: string): Uint8Array | undefined {
  if (text.includes('.')) return parseAddress(text, AF_INET)?.bytes;
  const parts = text.split(':').map((part) => /^[ \t]*\+?(?:0x)?([0-9a-f]+)$/i.exec(part)?.[1]);
  const values = parts.map((digits) => (digits === undefined ? Number.NaN : Number.parseInt(digits, 16)));
  return values.every((value) => value <= 0xff) ? Uint8Array.from(values) : undefined;
}
