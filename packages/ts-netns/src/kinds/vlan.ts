/** `type vlan`. */
import { VLAN } from '@ts/netlink';
import { U32_MAX } from '@ts/sys';
import { type Attribute, type Form, number, type Read, row, U16_MAX, type Wire } from '../rows.ts';
import { numberIn, onOff, wrong } from '../words.ts';
import { kind } from './kind.ts';

const PROTOCOLS: Readonly<Record<string, number>> = { '802.1q': 0x8100, '802.1ad': 0x88a8 };
const SHOWN: Readonly<Record<number, string>> = { 33024: '802.1Q', 34984: '802.1ad' };

/** A protocol of frames by name or number. */
export const protocol = (why: string): Form<number> => ({
  read: (words) => {
    const text = words.argument();
    const name = text.toLowerCase();
    if (Object.hasOwn(PROTOCOLS, name)) return PROTOCOLS[name] as number;
    return numberIn(text, 0, U16_MAX, () => wrong(text, why));
  },
  show: (value) => [SHOWN[value] ?? `[${value.toString(16)}]`],
});

/** VLAN_FLAG_*: key word, name, in the order of the bits. */
const FLAGS = [
  ['reorder_hdr', 'REORDER_HDR'],
  ['gvrp', 'GVRP'],
  ['loose_binding', 'LOOSE_BINDING'],
  ['mvrp', 'MVRP'],
  ['bridge_binding', 'BRIDGE_BINDING'],
] as const;

interface Mapping {
  from: number;
  to: number;
}

/** `FROM:TO...`, as many as there are. */
const mappings: Read<readonly Mapping[]> = (words, word) => {
  const pairs: Mapping[] = [];
  if (words.next === undefined) words.argument();
  for (let text = words.next; text?.includes(':'); text = words.next) {
    words.take();
    const [first = '', second = ''] = text.split(/:(.*)/s);
    const part = (digits: string) => numberIn(digits, 0, U32_MAX, () => wrong(first, `invalid ${word}`));
    pairs.push({ from: part(first), to: part(second) });
  }
  return pairs;
};

const qosMap = (wire: Wire<readonly Mapping[]>, word: string, json: string): Attribute<readonly Mapping[]> => ({
  wire,
  words: [{ names: word, take: mappings, usage: `${word} QOS-MAP` }],
  show: (entry, map) => {
    const pairs = map.map(({ from, to }) => ({ from, to }));
    entry.both(json, pairs, `\n      ${word} { ${pairs.map(({ from, to }) => `${from}:${to} `).join('')}} `);
  },
});

export const VLAN_ROWS = {
  protocol: row(VLAN.protocol, 'protocol~', protocol('protocol is invalid'), { usage: 'protocol VLANPROTO' }),
  id: row(
    VLAN.id,
    'id~',
    number(U16_MAX, () => 'id is invalid'),
    { usage: null },
  ),
  flags: {
    wire: VLAN.flags,
    words: FLAGS.map(([names], index) => ({
      names,
      take: (words, word, _, before) => {
        const { flags, mask } = before ?? { flags: 0, mask: 0 };
        const bit = 1 << index;
        const set = onOff(word, words.argument());
        return { mask: mask | bit, flags: set ? flags | bit : flags & ~bit };
      },
      usage: `${names} { on | off }`,
    })),
    show: (entry, { flags }) => {
      const names = FLAGS.filter((_, bit) => flags & (1 << bit)).map(([, name]) => name);
      entry.both('flags', names, `<${names.join(',')}> `);
    },
  } satisfies Attribute<{ flags: number; mask: number }>,
  ingressQos: qosMap(VLAN.ingressQos, 'ingress-qos-map', 'ingress_qos'),
  egressQos: qosMap(VLAN.egressQos, 'egress-qos-map', 'egress_qos'),
};

export const vlan = kind('vlan', VLAN_ROWS, {
  before: 'id VLANID',
  order: 'protocol id reorder_hdr gvrp mvrp loose_binding',
  notes:
    '\nVLANID := 0-4095\nVLANPROTO: [ 802.1Q | 802.1ad ]\nQOS-MAP := [ QOS-MAP ] QOS-MAPPING\nQOS-MAPPING := FROM:TO\n',
});
