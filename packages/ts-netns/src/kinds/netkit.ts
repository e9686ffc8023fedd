/** `type netkit`: a pair of links; the words of the other end are those of a link. */
import { linkPeer, u8, u32 } from '@ts/netlink';
import * as sys from '@ts/sys';
import { Failure } from '@ts/sys';
import { type Attribute, answer, type State, UNSEEN } from '../rows.ts';
import { FAILED, twice, type Words } from '../words.ts';
import { kind, type Peer } from './kind.ts';

const MODES = ['l2', 'l3'];
const SCRUBS = ['none', 'default'];
/** By number: NETKIT_PASS, NETKIT_DROP. */
const POLICIES: Readonly<Record<string, number>> = { forward: 0, blackhole: 2 };

const UNKNOWN = 'UNKNOWN';
const policyName = (value: number) => Object.keys(POLICIES).find((name) => POLICIES[name] === value) ?? UNKNOWN;

const policy = (type: number, json: string, says: string, words: Attribute<number>['words']): Attribute<number> => ({
  ...answer([type, u32], says, (value) => [policyName(value)], json),
  words,
});

const scrub = (type: number, json: string, says: string): Attribute<number> =>
  answer([type, u32], says, (value) => [SCRUBS[value] ?? UNKNOWN], json);

/** Whether the other end is meant. */
const ofPeer = ({ seen }: State) => seen.has('peer');

/** A word of either end: the value goes where it belongs. */
const either =
  (own: string, peer: string, read: (words: Words, word: string) => number) =>
  (words: Words, word: string, state: State): undefined => {
    state.data[ofPeer(state) ? peer : own] = read(words, word);
    return undefined;
  };

const ROWS = {
  mode: {
    wire: [sys.IFLA_NETKIT_MODE, u32],
    words: [
      {
        names: 'mode',
        take: (words, word, { seen }) => {
          const text = words.argument();
          if (seen.has(word)) throw twice(word, text);
          seen.add(word);
          const value = MODES.indexOf(text);
          if (value < 0) throw new Failure('Error: argument of "mode" must be either "l3" or "l2"', FAILED);
          return value;
        },
        usage: 'mode MODE',
      },
    ],
    show: (entry, value) => entry.both('mode', MODES[value] ?? UNKNOWN, `mode ${MODES[value] ?? UNKNOWN} `),
  } satisfies Attribute<number>,
  primary: answer([sys.IFLA_NETKIT_PRIMARY, u8], 'type', (value) => [value ? 'primary' : 'peer']),
  policy: policy(sys.IFLA_NETKIT_POLICY, 'policy', 'policy', [
    {
      names: 'forward blackhole',
      take: either('policy', 'peerPolicy', (_, word) => POLICIES[word] as number),
      usage: 'POLICY',
    },
  ]),
  peerPolicy: policy(sys.IFLA_NETKIT_PEER_POLICY, 'peer_policy', 'peer policy', []),
  scrub: {
    ...scrub(sys.IFLA_NETKIT_SCRUB, 'scrub', 'scrub'),
    words: [
      {
        names: 'scrub',
        take: either('scrub', 'peerScrub', (words) => {
          const value = SCRUBS.indexOf(words.argument());
          if (value < 0) throw new Failure('Error: scrub must be either "none" or "default"', FAILED);
          return value;
        }),
        usage: 'scrub SCRUB',
      },
    ],
  } satisfies Attribute<number>,
  peerScrub: scrub(sys.IFLA_NETKIT_PEER_SCRUB, 'peer_scrub', 'peer scrub'),
  peer: {
    wire: [sys.IFLA_NETKIT_PEER_INFO, linkPeer],
    words: [
      {
        names: 'peer',
        take: (words, word, { seen }) => {
          if (seen.has(word)) throw twice(word, words.next ?? '');
          seen.add(word);
          return undefined;
        },
      },
    ],
    show: UNSEEN,
  } satisfies Attribute<Peer>,
};

export const netkit = kind('netkit', ROWS, {
  unknown: 'option',
  other: (state, words) => {
    if (!ofPeer(state)) return false;
    state.data.peer = state.parsePeer(words);
    return true;
  },
  usage: [
    'Usage: ... netkit [ mode MODE ] [ POLICY ] [ scrub SCRUB ] [ peer [ POLICY <options> ] ]',
    '\nMODE: l3 | l2',
    'POLICY: forward | blackhole',
    'SCRUB: default | none',
    '(first values are the defaults if nothing is specified)',
    "\nTo get <options> type 'ip link add help'.\n",
  ].join('\n'),
});
