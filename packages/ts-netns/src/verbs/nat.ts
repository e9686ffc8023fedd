/** `nat`, `publish`, `filter`: words, and the rules that they stand for. */
import {
  type Address,
  type Expression,
  formatPrefix,
  isDestinationPort,
  isFamily,
  isInterface,
  isProtocol,
  isWithin,
  type Prefix,
  parseAddress,
  verdict,
} from '@ts/netlink';
import * as network from '@ts/network';
import {
  addWish,
  checkNamespace,
  granted,
  masqueradeWish,
  nfproto,
  PROTOCOLS,
  type Publication,
  parsePublication,
  parsePublications,
  removeWish,
  type Wish,
} from '@ts/network';
import * as sys from '@ts/sys';
import { Failure } from '@ts/sys';
import type { Context } from '../context.ts';
import { Entry, render } from '../entry.ts';
import { FAILED, incomplete, linkNameFrom, prefixFrom, type Rows, takeAll, type Words, WRONG } from '../words.ts';

/** Words of a comment as key and value, for JSON. */
const KEYS = {
  nat: ['source'],
  publish: ['namespace', 'ports'],
  filter: [],
} as const;

function list(context: Context, word: keyof typeof KEYS): void {
  const entries = granted(context, word).map((comment) => {
    const [, ...words] = comment.split(' ');
    const entry = new Entry('\n');
    entry.say(`${words.join(' ')}\n`);
    for (const key of KEYS[word]) entry.note(key, words.shift() ?? '');
    for (let key = words.shift(); key !== undefined; key = words.shift())
      entry.note(key, key === 'drop' || key === 'accept' ? true : (words.shift() ?? ''));
    return entry;
  });
  context.print(render(entries, context.settings));
}

const unknown = (word: string) => new Failure(`"${word}" is unknown here, try "ts-netns --help".`, WRONG);

function natWish(words: Words): Wish {
  const state: { source?: Prefix; out?: string } = {};
  const rows: Rows<typeof state> = [
    [
      '--source source',
      (each) => {
        each.source = prefixFrom(words.argument());
      },
    ],
    [
      '--out out',
      (each) => {
        each.out = linkNameFrom(words);
      },
    ],
  ];
  takeAll(rows, words, state, (word) => {
    throw unknown(word);
  });
  if (!state.source) throw new Failure('Error: argument "--source" is required', WRONG);
  return masqueradeWish(state.source, state.out);
}

function filterWish(words: Words): Wish {
  const parts: string[] = [];
  const expressions: Expression[] = [];
  const state: { family: number; protocol?: string; decision?: string } = { family: sys.AF_INET };
  const within = (which: 'source' | 'destination') => () => {
    const prefix = prefixFrom(words.argument());
    state.family = prefix.family;
    parts.push(`${which} ${formatPrefix(prefix)}`);
    expressions.push(...isFamily(nfproto(prefix.family)), ...isWithin(which, prefix));
  };
  const through = (which: 'input' | 'output', word: string) => () => {
    const name = linkNameFrom(words);
    parts.push(`${word} ${name}`);
    expressions.push(...isInterface(which, name));
  };
  const decide = (word: string) => () => {
    state.decision = word;
  };
  const rows: Rows<typeof state> = [
    ['--source', within('source')],
    ['--destination', within('destination')],
    ['--in', through('input', 'in')],
    ['--out', through('output', 'out')],
    [
      '--port',
      () => {
        const { outside, protocol } = parsePublication(words.argument());
        parts.push(`port ${outside}/${protocol}`);
        expressions.push(...isProtocol(PROTOCOLS[protocol] as number), ...isDestinationPort(outside));
      },
    ],
    ['--drop', decide('drop')],
    ['--accept', decide('accept')],
  ];
  takeAll(rows, words, state, (word) => {
    throw unknown(word);
  });
  const { decision, family } = state;
  if (decision === undefined) throw new Failure('Error: "--drop" or "--accept" is required', WRONG);
  return {
    comment: ['filter', ...parts, decision].join(' '),
    family,
    rules: [['forward', [...expressions, ...verdict(decision === 'drop' ? sys.NF_DROP : sys.NF_ACCEPT)]]],
  };
}

/** The same verbs for what is made of words alone. */
const object =
  (word: 'nat' | 'filter', wish: (words: Words) => Wish) =>
  (context: Context, words: Words): void => {
    const verb = words.take() ?? 'list';
    if (verb === 'list' || verb === 'show') list(context, word);
    else if (verb === 'add') addWish(context, word, wish(words));
    else if (verb === 'del' || verb === 'delete') removeWish(context, wish(words));
    else throw new Failure(`Command "${verb}" is unknown: add, del or list.`, WRONG);
  };

export const nat = object('nat', natWish);
export const filter = object('filter', filterWish);

function publicationsFrom(words: Words): { name: string; publications: readonly Publication[]; to?: Address } {
  const name = checkNamespace(words.take() as string);
  const text = words.take();
  if (text === undefined) throw incomplete();
  const publications = parsePublications(text);
  let to: Address | undefined;
  if (words.next === '--to') {
    words.take();
    const address = words.argument();
    to = parseAddress(address);
    if (!to) throw new Failure(`Error: any valid address is expected rather than "${address}".`, FAILED);
  }
  if (words.next !== undefined) throw unknown(words.next);
  return { name, publications, to };
}

/** `publish NS PORTS [--to ADDRESS]`; without words, what is published. */
export function publish(context: Context, words: Words): void {
  if (words.next === undefined || words.next === 'list') {
    list(context, 'publish');
    return;
  }
  const { name, publications, to } = publicationsFrom(words);
  network.publish(context, name, publications, to);
}

/** `unpublish NS [PORTS]`: that one, or all of the namespace. */
export function unpublish(context: Context, words: Words): void {
  const name = words.take();
  if (name === undefined) throw incomplete();
  const text = words.take();
  const count = network.unpublish(context, name, text === undefined ? undefined : parsePublications(text));
  if (!count) throw new Failure(`nothing is published of ${name}${text === undefined ? '' : ` as ${text}`}`, FAILED);
}
