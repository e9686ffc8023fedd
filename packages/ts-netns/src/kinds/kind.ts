/** A kind of link: what `type KIND` takes, what is shown of it, and its usage, from one table of rows. */
import type { LinkAttributes, LinkHeader } from '@ts/netlink';
import { Failure } from '@ts/sys';
import type { Context } from '../context.ts';
import type { Entry } from '../entry.ts';
import {
  type Attributes,
  decodeRows,
  encodeRows,
  inOrder,
  type State,
  showRows,
  type Values,
  wordsOf,
} from '../rows.ts';
import { FAILED, type Rows, rowOf, type Words } from '../words.ts';

type Info = NonNullable<LinkAttributes['info']>;

export type Peer = LinkHeader & LinkAttributes;

/** What a kind's own words are read with. */
export interface Surroundings {
  readonly context: Context;
  /** The link is made, not changed. */
  readonly isNew: boolean;
  /** What a link that is changed has now, where it is of this kind. */
  readonly present?: Uint8Array;
  /** Reads the words of a link to their end: those of the other one of a pair. */
  parsePeer(words: Words): Peer;
}

/** A state whose values are those of a table. */
export interface StateOf<A extends Attributes> extends State {
  readonly data: Values<A> & Record<string, unknown>;
  parsePeer(words: Words): Peer;
}

export interface Kind {
  readonly name: string;
  /** Reads all words that are left. */
  parse(words: Words, surroundings: Surroundings): Info;
  /** What `ip -details link show` says of it. */
  show(entry: Entry, data: Uint8Array, context: Context): void;
  /** What `ip link help KIND` shows. */
  readonly usage: string;
  readonly attributes: Attributes;
}

/** What is peculiar to a kind. */
export interface Peculiarities<A extends Attributes> {
  /** Its values are those of a member of a master. */
  readonly port?: boolean;
  /** What it calls a word that it does not know. */
  readonly unknown?: string;
  /** Said instead. */
  readonly refuse?: (word: string, usage: string) => Failure;
  /** Words that set nothing by themselves, or several values. */
  readonly more?: Rows<StateOf<A>>;
  /** Takes a word that no row has. Result: whether it was one. */
  readonly other?: (state: StateOf<A>, words: Words) => boolean;
  /** Words in the order in which they are looked at, and stand in the usage; by default that of the rows. */
  readonly order?: string;
  /** Values that are there before the first word. */
  readonly start?: (isNew: boolean, present: Values<A>) => Values<A>;
  /** What is looked at, and what follows from it, when all words are there. Result: what is sent instead of the values. */
  readonly settle?: (state: StateOf<A>, isNew: boolean) => Values<A> | undefined;
  /** Of its usage: what stands before the words, before each line, and behind all. */
  readonly before?: string;
  readonly indent?: string;
  readonly notes?: string;
  /** The whole usage, where it is not one word a line. */
  readonly usage?: string;
}

/** The words of a table as usage: each in brackets, one a line. */
function usageOf<S>(name: string, rows: Rows<S>, { before, indent = '\t\t', notes = '' }: Peculiarities<Attributes>) {
  const words = rows.flatMap(([, , usage]) => (usage === undefined ? [] : [`[ ${usage} ]`]));
  return `Usage: ... ${[name, ...(before === undefined ? [] : [before])].join(' ')}${before === undefined ? ' ' : words.length ? `\n${indent}` : ''}${words.join(`\n${indent}`)}\n${notes}`;
}

/** A kind of link from the rows of its attributes. */
export function kind<A extends Attributes>(name: string, attributes: A, own: Peculiarities<A> = {}): Kind {
  const { port = false, unknown = 'command', settle, start, more = [], other, order } = own;
  const rows: Rows<StateOf<A>> = inOrder([...wordsOf<StateOf<A>>(attributes), ...more], order?.split(' '));
  const usage = own.usage ?? usageOf(name, rows, own as Peculiarities<Attributes>);
  const refuse = own.refuse ?? ((word: string) => new Failure(`${name}: unknown ${unknown} "${word}"?`, FAILED));
  return {
    name,
    attributes,
    usage,
    parse: (words, { context, isNew, present, parsePeer }) => {
      if (start && !isNew && !present) throw new Failure('Failed to get existing tunnel info.', FAILED);
      const data = start?.(isNew, decodeRows(attributes, present)) ?? {};
      const state = { data, header: {}, context, seen: new Set<string>(), parsePeer } as StateOf<A>;
      for (let word = words.take(); word !== undefined; word = words.take()) {
        const found = rowOf(rows, word);
        if (found) found[1](state, words, word);
        else {
          words.back();
          if (!other?.(state, words)) throw refuse(word, usage);
        }
      }
      const values = settle?.(state, isNew) ?? (state.data as Values<A>);
      const bytes = encodeRows(attributes, values);
      if (port) return { portKind: name.replace('_slave', ''), portData: bytes };
      return { kind: name, data: Object.keys(values).length ? bytes : undefined };
    },
    show: (entry, data, context) => {
      const values = decodeRows(attributes, data);
      showRows(attributes, entry, values, context);
    },
  };
}
