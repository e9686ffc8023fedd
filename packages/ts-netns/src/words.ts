/** The words of ip(8): key words with their arguments, abbreviated, in any order. */
import { type Address, type Prefix, parseAddress, parseHardware, parsePrefix } from '@ts/netlink';
import { isLinkName } from '@ts/network';
import {
  AF_BRIDGE,
  AF_INET,
  AF_INET6,
  AF_MPLS,
  AF_PACKET,
  AF_UNSPEC,
  Failure,
  parseCBigInt,
  parseCNumber,
  U32_MAX,
} from '@ts/sys';

/** Wrong words: status 255. */
export const WRONG = 255;
/** What iproute2 returns where something is missing, and where the kernel has refused. */
export const FAILED = 1;
export const REFUSED = 2;

export const missing = (key: string) => new Failure(`Error: argument "${key}" is required`, WRONG);
/** As iproute2 words it; its own words end in a line of their own. */
export const wrong = (argument: string, why: string) =>
  new Failure(`Error: argument "${argument}" is wrong: ${why}`, WRONG);
export const twice = (key: string, second: string) =>
  new Failure(`Error: duplicate "${key}": "${second}" is the second value.`, WRONG);
/** Refuses a second value of a key word. */
export function onlyOnce(known: unknown, key: string, text: string | undefined): void {
  if (known !== undefined) throw text === undefined ? incomplete() : twice(key, text);
}
export const garbage = (key: string, word: string) =>
  new Failure(`Error: either "${key}" is duplicate, or "${word}" is garbage.`, WRONG);
export const incomplete = () => new Failure('Command line is not complete. Try option "help"', WRONG);

/** A word of the original that is not here: what it means is known, so nothing else is claimed of it. */
export const unsupported = (_: unknown, __: unknown, word: string): never => {
  throw new Failure(`"${word}" is not supported here.`, WRONG);
};

/** What rows fill: the fields of a message, which nobody else changes. */
export type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** Whether a word is an abbreviation of a longer one. */
export const abbreviates = (word: string, whole: string): boolean => word !== '' && whole.startsWith(word);

/** What is left of a command line. */
export class Words {
  #at = 0;
  readonly all: string[];

  constructor(all: readonly string[]) {
    this.all = [...all];
  }

  /** Puts a word before the next one. */
  insert(word: string): void {
    this.all.splice(this.#at, 0, word);
  }

  /** The next word, without taking it. */
  get next(): string | undefined {
    return this.all[this.#at];
  }

  take(): string | undefined {
    return this.all[this.#at++];
  }

  /** The argument of a key word. */
  argument(): string {
    const word = this.take();
    if (word === undefined) throw incomplete();
    return word;
  }

  back(): void {
    this.#at--;
  }

  /** The row that the next word belongs to. */
  rowOf<State>(rows: Rows<State>): Rows<State>[number] | undefined {
    return this.next === undefined ? undefined : rowOf(rows, this.next);
  }

  /** Takes the next word where it is this one. */
  skip(word: string): boolean {
    if (this.next !== word) return false;
    this.#at++;
    return true;
  }

  rest(): string[] {
    const rest = this.all.slice(this.#at);
    this.#at = this.all.length;
    return rest;
  }
}

/**
 * Key words and what each does with the words behind it. `names`: one or several, parted by blanks; one with `~` at its end may
 * be abbreviated. The first row that fits counts.
 */
export type Rows<State> = readonly (readonly [
  names: string,
  take: (state: State, words: Words, word: string) => void,
  /** As it stands in a usage text: "mtu MTU". */
  usage?: string,
])[];

export const rowOf = <State>(rows: Rows<State>, word: string): Rows<State>[number] | undefined =>
  rows.find(([names]) => isNamed(names, word));

/** Whether a word is one of the names of a row. */
export const isNamed = (names: string, word: string): boolean =>
  names.split(' ').some((name) => (name.endsWith('~') ? abbreviates(word, name.slice(0, -1)) : word === name));

/** Takes all words. `other`: what is done with one that is no key word. */
export function takeAll<State>(
  rows: Rows<State>,
  words: Words,
  state: State,
  other: (word: string, words: Words) => void,
): void {
  for (let word = words.take(); word !== undefined; word = words.take()) {
    const row = rowOf(rows, word);
    if (row) row[1](state, words, word);
    else other(word, words);
  }
}

/** `"mtu" value` and the like: iproute2 ends these with a line of their own. */
export const invalid = (argument: string, what: string) => wrong(argument, `Invalid "${what}" value\n`);

const SIGNED = /^[ \t\n\v\f\r]*([+-]?)(.*)$/s;

/** A number as strtoul(3) with base 0 reads it, of 53 bits at most; undefined where there is something else. */
export function parseNumber(text: string): number | undefined {
  const [, sign, digits = ''] = SIGNED.exec(text) ?? [];
  const value = parseCNumber(digits);
  return value !== undefined && sign === '-' ? -value : value;
}

/** The same of 64 bits; a negative one stands for its two's complement. */
export function parseLong(text: string): bigint | undefined {
  const [, sign, digits = ''] = SIGNED.exec(text) ?? [];
  const value = parseCBigInt(digits);
  return value !== undefined && sign === '-' ? BigInt.asUintN(64, -value) : value;
}

/** A number between bounds; `fail` makes the error. */
export function numberIn(text: string, low: number, high: number, fail: (text: string) => Error): number {
  const value = parseNumber(text);
  if (value === undefined || value < low || value > high) throw fail(text);
  return value;
}

export const unsigned = (text: string, what: string, most = U32_MAX): number =>
  numberIn(text, 0, most, () => invalid(text, what));

export function onOff(key: string, text: string): boolean {
  if (text === 'on') return true;
  if (text === 'off') return false;
  throw new Failure(`Error: argument of "${key}" must be "on" or "off", not "${text}"`, FAILED);
}

/** The second kind of switch: iproute2 names both words, and its status is that of wrong words or of a failure. */
export function oneOf<T>(key: string, text: string, values: Readonly<Record<string, T>>, status = FAILED): T {
  const value = Object.hasOwn(values, text) ? values[text] : undefined;
  if (value !== undefined) return value;
  const names = Object.keys(values).map((name) => `"${name}"`);
  throw new Failure(`Error: argument of "${key}" must be one of ${names.join(', ')}, not "${text}"`, status);
}

/** A hardware address, or iproute2's words about the part of it that is none. */
export function hardwareFrom(text: string): Uint8Array {
  const address = parseHardware(text);
  if (address) return address;
  const part = text.includes('.') ? text : (text.split(':').find((each) => !parseHardware(each)) ?? text);
  throw new Failure(`"${part}" is invalid lladdr.`, FAILED);
}

/** A name that a link can have: 1 to 15 bytes, no slash, no blank. */
export function checkName(name: string, key: 'name' | 'dev'): string {
  // An alternative name may be longer: the kernel knows.
  const fits = key === 'dev' ? /^[^/\s]{1,127}$/.test(name) : isLinkName(name);
  if (!fits) throw wrong(name, `"${key}" not a valid ifname`);
  return name;
}

/** The next word: what a link is to be called. */
export function linkNameFrom(words: Words): string {
  const name = words.argument();
  if (!isLinkName(name)) throw wrong(name, '"dev" not a valid ifname');
  return name;
}

/** AF_* by word. */
export const FAMILIES: Readonly<Record<string, number>> = {
  inet: AF_INET,
  inet6: AF_INET6,
  link: AF_PACKET,
  mpls: AF_MPLS,
  bridge: AF_BRIDGE,
  any: AF_UNSPEC,
};

const familyName = (family: number): string =>
  family === AF_INET ? 'inet' : family === AF_INET6 ? 'inet6' : 'any valid';

/** A prefix, or iproute2's words where it is none. */
export function prefixFrom(text: string, family = AF_UNSPEC): Prefix {
  const prefix = parsePrefix(text, family);
  if (!prefix) throw new Failure(`Error: ${familyName(family)} prefix is expected rather than "${text}".`, FAILED);
  return prefix;
}

/** `default`, `any` and `all` are the prefix that all addresses have. */
export function destinationFrom(text: string, family: number): Prefix | undefined {
  if (text === 'default' || text === 'any' || text === 'all') return undefined;
  return prefixFrom(text, family);
}

/** The address behind `via`; its family may stand before it. */
export function gatewayFrom(words: Words, family: number): Address {
  const named = words.next === undefined ? undefined : FAMILIES[words.next];
  if (named !== undefined) words.take();
  return addressFrom(words.argument(), named ?? family);
}

export function addressFrom(text: string, family: number): Address {
  const address = parseAddress(text, family);
  if (!address) throw new Failure(`Error: ${familyName(family)} address is expected rather than "${text}".`, FAILED);
  return address;
}
