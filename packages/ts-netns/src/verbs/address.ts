/** `ip address add|change|replace|del|flush`. */

import {
  type Address,
  type AddressAttributes,
  addressRequest,
  bitsOf,
  deleteAddress,
  formatPrefix,
  isMulticast,
  listAddresses,
  masked,
  type Prefix,
} from '@ts/netlink';
import * as sys from '@ts/sys';
import { Failure } from '@ts/sys';
import type { Context } from '../context.ts';
import { Entry } from '../entry.ts';
import { numberOf } from '../names.ts';
import { FOREVER, showAddress } from '../show/address.ts';
import { isChosen, parseFilter } from '../show/link-list.ts';
import { unlessHelp } from '../usage.ts';
import {
  addressFrom,
  FAILED,
  garbage,
  numberIn,
  onlyOnce,
  prefixFrom,
  type Rows,
  takeAll,
  twice,
  type Words,
  wrong,
} from '../words.ts';
import { flushAll } from './flush.ts';

interface State {
  readonly family: number;
  readonly warn: (text: string) => void;
  local?: Prefix;
  /** A length was given. */
  hasLength?: boolean;
  peer?: Prefix;
  broadcast?: Address | '+' | '-';
  anycast?: Address;
  scope?: number;
  label?: string;
  device?: string;
  metric?: number;
  protocol?: number;
  valid?: number;
  preferred?: number;
  flags: number;
}

const lifetime = (words: Words, word: string) => {
  const text = words.argument();
  return text === 'forever' ? FOREVER : numberIn(text, 0, FOREVER, () => wrong(text, `${word} value`));
};

/** `only6`: left out, and said, where no IPv6 address stands before it. */
const flagRow = (name: string, bit: number, only6 = true) =>
  [
    name,
    (state: State) => {
      if (only6 && (state.local ?? state.peer)?.family !== sys.AF_INET6)
        state.warn(`Warning: ${name} option can be set only for IPv6 addresses`);
      else state.flags |= bit;
    },
  ] as const;

/** What only the kernel sets. */
const READ_ONLY: Rows<State> = [
  'secondary temporary',
  'deprecated',
  'dadfailed',
  'tentative',
  'permanent',
  'stable-privacy',
].map((names) => [names, (state, _, word) => state.warn(`Warning: ${word} option is not mutable from userspace`)]);

const familyOf = ({ local, peer, family }: State) => local?.family ?? peer?.family ?? family;

const rows: Rows<State> = [
  [
    'peer remote',
    (state, words) => {
      const text = words.argument();
      if (state.peer) throw twice('peer', text);
      state.peer = prefixFrom(text, familyOf(state));
    },
  ],
  [
    'broadcast~ brd',
    (state, words) => {
      const text = words.argument();
      if (state.broadcast !== undefined) throw twice('broadcast', text);
      state.broadcast = text === '+' || text === '-' ? text : addressFrom(text, familyOf(state));
    },
  ],
  [
    'anycast',
    (state, words) => {
      onlyOnce(state.anycast, 'anycast', words.next);
      state.anycast = addressFrom(words.argument(), familyOf(state));
    },
  ],
  [
    'scope',
    (state, words) => {
      const text = words.argument();
      const scope = numberOf('rt_scopes', text);
      if (scope === undefined) throw wrong(text, 'invalid scope value.');
      state.scope = scope;
    },
  ],
  [
    'dev',
    (state, words) => {
      state.device = words.argument();
    },
  ],
  [
    'label',
    (state, words) => {
      state.label = words.argument();
    },
  ],
  [
    'metric priority preference',
    (state, words) => {
      const text = words.argument();
      state.metric = numberIn(text, 0, FOREVER, () => wrong(text, '"metric" value is invalid\n'));
    },
  ],
  [
    'proto',
    (state, words) => {
      const text = words.argument();
      const protocol = numberOf('rt_addrprotos', text);
      if (protocol === undefined) throw wrong(text, '"proto" value is invalid\n');
      state.protocol = protocol;
    },
  ],
  [
    'valid_lft~',
    (state, words, word) => {
      if (state.valid !== undefined) throw twice('valid_lft', word);
      state.valid = lifetime(words, word);
    },
  ],
  [
    'preferred_lft~',
    (state, words, word) => {
      if (state.preferred !== undefined) throw twice('preferred_lft', word);
      state.preferred = lifetime(words, word);
    },
  ],
  flagRow('home', sys.IFA_F_HOMEADDRESS),
  flagRow('nodad', sys.IFA_F_NODAD),
  flagRow('mngtmpaddr', sys.IFA_F_MANAGETEMPADDR),
  flagRow('noprefixroute', sys.IFA_F_NOPREFIXROUTE, false),
  flagRow('autojoin', sys.IFA_F_MCAUTOJOIN, false),
  flagRow('optimistic', sys.IFA_F_OPTIMISTIC),
  ...READ_ONLY,
];

function parse(context: Context, words: Words): State {
  const warn = (text: string) => context.world.warn(text);
  const state: State = { family: context.settings.family, flags: 0, warn };
  takeAll(rows, words, state, (word) => {
    unlessHelp(word, 'address');
    const text = word === 'local' ? words.argument() : word;
    if (state.local) throw garbage('local', text);
    state.local = prefixFrom(text, state.family);
    state.hasLength = text.includes('/');
  });
  if (state.device === undefined) throw new Failure('Not enough information: "dev" argument is required.', FAILED);
  return state;
}

/** Addresses of the host itself get the host's scope. */
const scopeOf = ({ family, bytes }: Prefix) =>
  family === sys.AF_INET && bytes[0] === 127 ? sys.RT_SCOPE_HOST : sys.RT_SCOPE_UNIVERSE;

function broadcastOf({ broadcast, local }: State): Uint8Array | undefined {
  if (broadcast === undefined) return undefined;
  if (broadcast !== '+' && broadcast !== '-') return broadcast.bytes;
  if (local?.family !== sys.AF_INET) throw new Failure('Broadcast can be set only for IPv4 addresses', FAILED);
  // A net of two addresses has no other.
  return local.length > 30 ? undefined : masked(local.bytes, local.length, broadcast === '+' ? 1 : 0);
}

function lifetimesOf({ valid, preferred }: State): AddressAttributes['lifetimes'] {
  if (valid === undefined && preferred === undefined) return undefined;
  if (valid === 0) throw new Failure('valid_lft is zero', FAILED);
  const times = { valid: valid ?? FOREVER, preferred: preferred ?? FOREVER };
  if (times.valid < times.preferred) throw new Failure('preferred_lft is greater than valid_lft', FAILED);
  return { ...times, created: 0, updated: 0 };
}

function messageOf(context: Context, state: State) {
  const { local, peer, label, flags, metric, anycast, protocol } = state;
  const broadcast = broadcastOf(state);
  const index = context.index(state.device as string);
  const family = familyOf(state) || sys.AF_UNSPEC;
  const prefixLength = (peer ?? local)?.length ?? 0;
  const header = {
    family,
    prefixLength,
    flags8: flags & 0xff,
    scope: state.scope ?? (local ? scopeOf(local) : 0),
    index,
  };
  const attributes: AddressAttributes = {
    local: local?.bytes,
    address: (peer ?? local)?.bytes,
    broadcast,
    anycast: anycast?.bytes,
    label,
    metric,
    protocol,
    flags: flags > 0xff ? flags : undefined,
    lifetimes: lifetimesOf(state),
  };
  if (flags & sys.IFA_F_MCAUTOJOIN && !(local && isMulticast(local.bytes)))
    throw new Failure('autojoin needs multicast address', FAILED);
  return { header, attributes };
}

/** `ip address add|change|replace`. */
export const put =
  (how: 'add' | 'change' | 'replace') =>
  (context: Context, words: Words): void => {
    const { header, attributes } = messageOf(context, parse(context, words));
    context.route.request(addressRequest(how, header, attributes), `address ${how}`);
  };

const WILDCARD = (prefix: Prefix) =>
  [
    'Warning: Executing wildcard deletion to stay compatible with old scripts.',
    `         Explicitly specify the prefix length (${formatPrefix({ ...prefix, length: bitsOf(prefix.family) })}) to avoid this warning.`,
    '         This special behaviour is likely to disappear in further releases,',
    '         fix your scripts!',
  ].join('\n');

/** `ip address del`. */
export function remove(context: Context, words: Words): void {
  const state = parse(context, words);
  const { header, attributes } = messageOf(context, state);
  const isWildcard = state.local && !state.hasLength && !state.peer && state.local.family === sys.AF_INET;
  if (isWildcard) context.world.warn(WILDCARD(state.local as Prefix));
  context.route.request(
    deleteAddress(
      isWildcard ? { ...header, prefixLength: 32 } : header,
      isWildcard ? { ...attributes, address: undefined } : attributes,
    ),
    'address del',
  );
}

/** `ip address flush`: all that `show` with the same words shows. */
export function flush(context: Context, words: Words): void {
  if (words.next === undefined) throw new Failure('Flush requires arguments.', FAILED);
  const filter = parseFilter(context, words, 'address');
  const { settings } = context;
  const index = filter.device === undefined ? 0 : context.findIndex(filter.device);
  if (index === undefined) throw new Failure(`Device "${filter.device}" does not exist.`, FAILED);
  flushAll(context, {
    noun: 'addresses',
    rounds: settings.loops,
    gone: 'EADDRNOTAVAIL',
    find: () =>
      listAddresses(context.route, { family: settings.family, index }).filter(
        (each) => (!index || each.index === index) && isChosen(filter, each, context.linkName(each.index)),
      ),
    show: (each) => {
      const entry = new Entry('\n');
      entry.say(`${each.index}: ${context.linkName(each.index)}`);
      entry.say(showAddress(context, each).text);
      return entry;
    },
    remove: ({ family, prefixLength, flags8, scope, local, address, label, index: of }) =>
      void context.route.request(
        deleteAddress({ family, prefixLength, flags8, scope, index: of }, { local, address, label }),
      ),
  });
}
