/** `type ipvlan` and `type ipvtap`. */
import { IPVLAN } from '@ts/netlink';
import { Failure } from '@ts/sys';
import { type Attribute, mark } from '../rows.ts';
import { FAILED } from '../words.ts';
import { kind } from './kind.ts';

/** By number: IPVLAN_MODE_*. */
const MODES = ['l2', 'l3', 'l3s'];
/** By number: IPVLAN_F_*. */
const FLAGS = ['bridge', 'private', 'vepa'];

export const IPVLAN_ROWS = {
  mode: {
    wire: IPVLAN.mode,
    words: [
      {
        names: 'mode',
        take: (words) => {
          const mode = MODES.indexOf(words.argument());
          if (mode < 0) throw new Failure('Error: argument of "mode" must be either "l2", "l3" or "l3s"', FAILED);
          return mode;
        },
        usage: 'mode MODE ] [ FLAGS',
      },
    ],
    show: (entry, value) => {
      const name = MODES[value] ?? 'unknown';
      entry.both('mode', name, ` mode ${name} `);
    },
  } satisfies Attribute<number>,
  flags: {
    wire: IPVLAN.flags,
    words: ['private', 'vepa', 'bridge'].map((word) => mark(word, FLAGS.indexOf(word))),
    show: (entry, value) => {
      const name = value & 1 ? 'private' : value & 2 ? 'vepa' : 'bridge';
      entry.both(name, true, `${name} `);
    },
  } satisfies Attribute<number>,
};

const ipvlanOf = (name: string) =>
  kind(name, IPVLAN_ROWS, {
    unknown: 'option',
    notes:
      '\nMODE: l3 | l3s | l2\nFLAGS: bridge | private | vepa\n(first values are the defaults if nothing is specified).\n',
  });

export const ipvlan = ipvlanOf('ipvlan');
export const ipvtap = ipvlanOf('ipvtap');
