/**
 * Attributes of messages, one row each: where the value stands in a message, the key words that set it, how their arguments are
 * read, and how it is shown. Parser, printer, usage and completion are made of these rows; a row without a way to be shown does not
 * compile. To add an attribute is to add a row, in the place where it is shown:
 *
 *     const DUMMY = {
 *       speed: row([IFLA_DUMMY_SPEED, u32], 'speed', number()),           // "speed 100", also in JSON
 *     };
 */
import {
  type Codec,
  decodeAttributes,
  encodeAttributes,
  formatAddress,
  formatHardware,
  type Schema,
  type ValuesOf as SchemaValues,
} from '@ts/netlink';
import { U32_MAX } from '@ts/sys';
import type { Context } from './context.ts';
import type { Entry } from './entry.ts';
import { Digits, type Json } from './json.ts';
import { addressFrom, hardwareFrom, numberIn, parseLong, type Rows, type Words, wrong } from './words.ts';

export const U8_MAX = 0xff;
export const U16_MAX = 0xffff;

/** While key words are read: values so far by the names of their rows, and where names of links can be looked up. */
export interface State {
  readonly data: Record<string, unknown>;
  /** Fields of the structure before the attributes. */
  readonly header: Record<string, number>;
  readonly context: Context;
  /** Key words that were there. */
  readonly seen: Set<string>;
}

/** While values are shown. */
export interface Shown {
  readonly values: Readonly<Record<string, unknown>>;
  readonly context: Context;
}

/** How the argument of a key word is read. */
export type Read<T> = (words: Words, word: string, state: State) => T;

/** A value as text: how it is read from a command line, and what it is in JSON and in text (the same, unless two are given). */
export interface Form<T> {
  readonly read: Read<T>;
  readonly show: (value: T, shown: Shown) => readonly [json: Json, text?: string];
}

/** A key word that sets an attribute. */
interface Word<T> {
  /** As in `Rows`. */
  readonly names: string;
  /** @param before Its value so far. Result: the new one; undefined for none. */
  readonly take: (words: Words, word: string, state: State, before: T | undefined) => T | undefined;
  /** As it stands in a usage text; undefined for an alias. */
  readonly usage?: string;
}

type Show<T> = (entry: Entry, value: T, shown: Shown) => void;

/** Of attributes that are not shown: the kernel never answers them, or what they say stands elsewhere. */
export const UNSEEN = 'unseen';

/** A row of a schema. */
export type Wire<T> = readonly [type: number, codec: Codec<T>, pad?: number];

export interface Attribute<T> {
  readonly wire: Wire<T>;
  /** None: only shown. */
  readonly words: readonly Word<T>[];
  /** `with`: the row that shows it, too. */
  readonly show: Show<T> | typeof UNSEEN | { readonly with: string };
  /** Said where the message does not have it. */
  readonly absent?: (entry: Entry, shown: Shown) => void;
}

/** Fields of the structure before the attributes. */
export interface Field {
  readonly words: readonly Word<void>[];
  readonly says: (entry: Entry, shown: Shown) => void;
}

// biome-ignore lint/suspicious/noExplicitAny: rows of one table have values of all types
export type Attributes = Readonly<Record<string, Attribute<any> | Field>>;
/** Values by the names of their rows. */
export type Values<A extends Attributes> = { [K in keyof A]?: A[K] extends Attribute<infer T> ? T : never };

export interface RowOptions<T> {
  /** Key in JSON; by default the key word. */
  readonly json?: string;
  /** Word in text. */
  readonly says?: string;
  /** As it stands in usage texts; null for nowhere. By default the key word and its argument, which is called as the word is. */
  readonly usage?: string | null;
  /** Other key words that mean the same. */
  readonly aliases?: string;
  /** Which values are said; by default all. */
  readonly when?: (value: T, shown: Shown) => boolean;
}

const first = (names: string) => (names.split(' ')[0] as string).replace('~', '');

/** An attribute that one key word with one argument sets, and that is shown as that word and its value. */
export function row<T>(
  wire: Wire<T>,
  names: string,
  form: Form<T>,
  { json, says, usage, aliases, when = () => true }: RowOptions<T> = {},
): Attribute<T> {
  const word = first(names);
  const taken = (words: Words, given: string, state: State) => form.read(words, given, state);
  return {
    wire,
    words: [
      {
        names,
        // Messages name it in full.
        take: (words, _, state) => taken(words, word, state),
        usage: usage === null ? undefined : (usage ?? `${word} ${word.toUpperCase()}`),
      },
      ...(aliases === undefined ? [] : [{ names: aliases, take: taken }]),
    ],
    show: shows(form, says ?? word, json ?? word, when),
  };
}

/** An attribute that is only read. */
export const answer = <T>(
  wire: Wire<T>,
  word: string,
  show: Form<T>['show'],
  json = word,
  when: (value: T, shown: Shown) => boolean = () => true,
): Attribute<T> => ({ wire, words: [], show: shows({ show }, word, json, when) });

const shows =
  <T>(
    { show }: Pick<Form<T>, 'show'>,
    word: string,
    json: string,
    when: (value: T, shown: Shown) => boolean,
  ): Show<T> =>
  (entry, value, shown) => {
    if (!when(value, shown)) return;
    const [plain, text] = show(value, shown);
    entry.both(json, plain, `${word} ${text ?? plain} `);
  };

/** A key word without argument that gives an attribute this value. */
export const mark = <T>(names: string, value: T, usage?: string): Word<T> => ({ names, take: () => value, usage });

/** Schema of the rows. */
const schemas = new WeakMap<Attributes, Schema>();
function schemaOf(attributes: Attributes): Schema {
  let schema = schemas.get(attributes);
  if (!schema) {
    schema = Object.fromEntries(
      Object.entries(attributes).flatMap(([name, each]) => ('wire' in each ? [[name, each.wire]] : [])),
    ) as Schema;
    schemas.set(attributes, schema);
  }
  return schema;
}

/** Bytes of attributes, in the order of `values`. */
export const encodeRows = <A extends Attributes>(attributes: A, values: Values<A>): Buffer =>
  encodeAttributes(schemaOf(attributes), values as SchemaValues<Schema>);

export const decodeRows = <A extends Attributes>(attributes: A, data: Uint8Array | undefined): Values<A> =>
  data
    ? (decodeAttributes(schemaOf(attributes), Buffer.from(data.buffer, data.byteOffset, data.byteLength)) as Values<A>)
    : {};

/** The key words of the rows. */
export const wordsOf = <S extends State>(attributes: Attributes): Rows<S> =>
  Object.entries(attributes).flatMap(([key, { words }]) =>
    words.map(({ names, take, usage }): Rows<S>[number] => [
      names,
      (state, rest, word) => {
        const value = take(rest, word, state, state.data[key]);
        if (value !== undefined) state.data[key] = value;
      },
      usage,
    ]),
  );

/** Key words in the order in which they are looked at, which decides what an abbreviation means: those named first, then the others. */
export function inOrder<S>(rows: Rows<S>, order: readonly string[] = []): Rows<S> {
  const place = ([names]: Rows<S>[number]) => {
    const at = order.indexOf(first(names));
    return at < 0 ? order.length : at;
  };
  return [...rows].sort((a, b) => place(a) - place(b));
}

/** Shows all values, in the order of the rows. */
export function showRows(attributes: Attributes, entry: Entry, values: object, context: Context): void {
  const shown: Shown = { values: values as Record<string, unknown>, context };
  for (const [key, each] of Object.entries(attributes)) {
    const value = shown.values[key];
    if ('says' in each) each.says(entry, shown);
    else if (value === undefined) each.absent?.(entry, shown);
    else if (typeof each.show === 'function') each.show(entry, value, shown);
  }
}

/* Forms. */

const invalid = (word: string) => `invalid ${word}`;

/** An unsigned number. @param why What is said of one that is none; of the key word. */
export const number = (most = U32_MAX, why = invalid): Form<number> => ({
  read: (words, word) => {
    const text = words.argument();
    return numberIn(text, 0, most, () => wrong(text, why(word)));
  },
  show: plainly,
});

function plainly<T extends Json>(value: T): readonly [Json] {
  return [value];
}

/** The same of 64 bits. */
export const long = (why = invalid): Form<bigint> => ({
  read: (words, word) => {
    const text = words.argument();
    const value = parseLong(text);
    if (value === undefined) throw wrong(text, why(word));
    return value;
  },
  show: plainly,
});

export const hexadecimal = (value: number | bigint): string => `0x${value.toString(16)}`;
/** As `%#x` writes it. */
export const alternate = (value: number): string => (value ? hexadecimal(value) : '0');

/** As the form says, in another way of showing it. */
export const shownAs = <T>({ read }: Form<T>, show: Form<T>['show']): Form<T> => ({ read, show });

export const hardware: Form<Uint8Array> = {
  read: (words) => hardwareFrom(words.argument()),
  show: (value) => [formatHardware(value)],
};

/** An address of one family. */
export const address = (family: number): Form<Uint8Array> => ({
  read: (words) => addressFrom(words.argument(), family).bytes,
  show: (value) => [formatAddress(value)],
});

/** Index of a link by its name. `fail` makes the error where there is none of the name. */
export const device = (fail: (name: string) => Error): Form<number> => ({
  read: (words, _, { context }) => {
    const name = words.argument();
    const index = context.findIndex(name);
    if (index === undefined) throw fail(name);
    return index;
  },
  show: (value, { context }) => [context.linkName(value)],
});

/** `on` or `off`, 1 or 0. @param read Which words there are. */
export const switched = (read: Read<number>): Form<number> => ({
  read,
  show: (value) => [value !== 0, value ? 'on' : 'off'],
});

/** Names by number; a number that has none is shown as `unknown` says. */
export const names = (
  read: Read<number>,
  list: readonly string[],
  unknown: (value: number) => string = String,
): Form<number> => ({ read, show: (value) => [list[value] ?? unknown(value)] });

/** Hundredths of a second. */
export const timer: Form<bigint>['show'] = (value) => {
  const text = (Number(value) / 100).toFixed(2);
  return [new Digits(text), text.padStart(7)];
};

export const isSet = (bytes: Uint8Array): boolean => bytes.some((byte) => byte !== 0);
