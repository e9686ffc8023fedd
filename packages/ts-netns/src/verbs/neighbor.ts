/** `ip neighbour add|change|replace|del|flush|get`. */

import {
  type Address,
  deleteNeighbor,
  getNeighbor,
  type NeighborAttributes,
  type NeighborHeader,
  neighborRequest,
} from '@ts/netlink';
import { noDevice } from '@ts/network';
import * as sys from '@ts/sys';
import { Failure } from '@ts/sys';
import type { Context } from '../context.ts';
import { render } from '../entry.ts';
import { numberOf } from '../names.ts';
import { flushed, showNeighbor, stateOf } from '../show/neighbor.ts';
import { unlessHelp } from '../usage.ts';
import {
  addressFrom,
  FAILED,
  garbage,
  hardwareFrom,
  numberIn,
  onlyOnce,
  type Rows,
  takeAll,
  type Words,
  WRONG,
  wrong,
} from '../words.ts';
import { flushAll } from './flush.ts';

interface State {
  destination?: Address;
  device?: string;
  hardware?: Uint8Array;
  state: number;
  flags: number;
  /** NTF_EXT_* */
  moreFlags: number;
  proxy?: boolean;
  protocol?: number;
}

const flagRow = (name: string, bit: number) =>
  [
    name,
    (state: State) => {
      state.flags |= bit;
    },
  ] as const;

const NEEDED = new Failure('Device and destination are required arguments.', WRONG);

const rows = (context: Context): Rows<State> => [
  [
    'lladdr',
    (state, words) => {
      const text = words.argument();
      onlyOnce(state.hardware, 'lladdr', text);
      state.hardware = text === 'null' ? new Uint8Array() : hardwareFrom(text);
    },
  ],
  [
    'nud',
    (state, words) => {
      const text = words.argument();
      state.state = stateOf(text) ?? numberIn(text, 0, 0xff, () => wrong(text, 'nud state is bad'));
    },
  ],
  [
    'proxy~',
    (state, words) => {
      onlyOnce(state.destination, 'address', words.next);
      state.proxy = true;
      state.destination = addressFrom(words.argument(), context.settings.family);
    },
  ],
  flagRow('router', sys.NTF_ROUTER),
  flagRow('use', sys.NTF_USE),
  flagRow('extern_learn~', sys.NTF_EXT_LEARNED),
  ...(
    [
      ['managed', sys.NTF_EXT_MANAGED],
      ['extern_valid', sys.NTF_EXT_EXT_VALIDATED],
    ] as const
  ).map(
    ([word, bit]) =>
      [
        word,
        (state: State) => {
          state.moreFlags |= bit;
        },
      ] as const,
  ),
  [
    'dev',
    (state, words) => {
      state.device = words.argument();
    },
  ],
  [
    'protocol~',
    (state, words) => {
      const text = words.argument();
      const protocol = numberOf('rt_protos', text);
      if (protocol === undefined) throw wrong(text, '"protocol" value is invalid\n');
      state.protocol = protocol;
    },
  ],
];

function parse(context: Context, words: Words, state: number, required = NEEDED): State {
  const parsed: State = { state, flags: 0, moreFlags: 0 };
  takeAll(rows(context), words, parsed, (word) => {
    const text = word === 'to' ? words.argument() : word;
    unlessHelp(text, 'neigh');
    if (parsed.destination) throw garbage('to', text);
    parsed.destination = addressFrom(text, context.settings.family);
  });
  if (!parsed.destination || parsed.device === undefined) throw required;
  return parsed;
}

function messageOf(context: Context, parsed: State): { header: NeighborHeader; attributes: NeighborAttributes } {
  const { destination, hardware, state, flags, moreFlags, proxy, protocol, device = '' } = parsed;
  const index = context.findIndex(device);
  if (index === undefined) throw noDevice(device);
  return {
    header: { family: destination?.family, index, state, flags: proxy ? flags | sys.NTF_PROXY : flags },
    attributes: { destination: destination?.bytes, hardware, protocol, moreFlags: moreFlags || undefined },
  };
}

export const put =
  (how: 'add' | 'change' | 'replace') =>
  (context: Context, words: Words): void => {
    const { header, attributes } = messageOf(context, parse(context, words, sys.NUD_PERMANENT));
    context.route.request(neighborRequest(how, header, attributes), `neighbour ${how}`);
  };

export function remove(context: Context, words: Words): void {
  const { header, attributes } = messageOf(context, parse(context, words, 0));
  context.route.request(deleteNeighbor(header, attributes), 'neighbour del');
}

export function get(context: Context, words: Words): void {
  const required = new Failure('Device and address are required arguments.', FAILED);
  const { header, attributes } = messageOf(context, parse(context, words, 0, required));
  const found = getNeighbor(
    context.route,
    { family: header.family, index: header.index, flags: header.flags },
    attributes,
  );
  context.print(render([showNeighbor(context, found, false)], context.settings));
}

/** So often at most what is to be flushed is looked for. */
const ROUNDS = 10;

/** All that `show` with the same words shows, except what stays by itself: permanent ones and those without ARP. */
export function flush(context: Context, words: Words): void {
  if (words.next === undefined) throw new Failure('Flush requires arguments.', FAILED);
  const find = flushed(context, words);
  flushAll(context, {
    noun: 'entries',
    rounds: ROUNDS,
    gone: 'ENOENT',
    find,
    show: (each) => showNeighbor(context, each, false),
    remove: ({ family, index, flags, destination }) =>
      void context.route.request(deleteNeighbor({ family, index, state: sys.NUD_FAILED, flags }, { destination })),
  });
}
