/** `type hsr`: two links as one, without a single point of failure. */
import { bytes, u8, u16, u32 } from '@ts/netlink';
import * as sys from '@ts/sys';
import { Failure } from '@ts/sys';
import { type Attribute, answer, device, hardware, number, row, U8_MAX, U16_MAX, UNSEEN } from '../rows.ts';
import { FAILED, wrong } from '../words.ts';
import { kind } from './kind.ts';

const link = device((name) => wrong(name, 'No such interface'));

/** One of the two; said also where there is none. */
const side = (type: number, word: string): Attribute<number> => ({
  ...row([type, u32], `${word}~`, link),
  absent: (entry) => entry.both(word, null, `${word} <none> `),
});

const byte = (why: string) => number(U8_MAX, () => why);

export const HSR_ROWS = {
  first: side(sys.IFLA_HSR_SLAVE1, 'slave1'),
  second: side(sys.IFLA_HSR_SLAVE2, 'slave2'),
  interlink: row([sys.IFLA_HSR_INTERLINK, u32], 'interlink', link),
  sequence: answer([sys.IFLA_HSR_SEQ_NR, u16], 'sequence', number(U16_MAX).show, 'seq_nr'),
  supervision: answer([sys.IFLA_HSR_SUPERVISION_ADDR, bytes], 'supervision', hardware.show, 'supervision_addr'),
  multicast: {
    ...row([sys.IFLA_HSR_MULTICAST_SPEC, u8], 'supervision~', byte('ADDR-BYTE is invalid')),
    show: UNSEEN,
  } satisfies Attribute<number>,
  version: {
    ...row([sys.IFLA_HSR_VERSION, u8], 'version~', byte('version is invalid')),
    show: UNSEEN,
  } satisfies Attribute<number>,
  protocol: row([sys.IFLA_HSR_PROTOCOL, u8], 'proto~', byte('protocol is invalid')),
};

export const hsr = kind('hsr', HSR_ROWS, {
  refuse: (word) => new Failure(`hsr: what is "${word}"?`, FAILED),
  order: 'supervision version proto slave1 slave2 interlink',
  usage: [
    'Usage:\tip link add name NAME type hsr slave1 SLAVE1-IF slave2 SLAVE2-IF',
    '\t[ interlink INTERLINK-IF ] [ supervision ADDR-BYTE ] [ version VERSION ]',
    '\t[ proto PROTOCOL ]',
    '\nNAME',
    '\tname of new hsr device (e.g. hsr0)',
    'SLAVE1-IF, SLAVE2-IF',
    '\tthe two slave devices bound to the HSR device',
    'INTERLINK-IF',
    '\tthe interlink device bound to the HSR network to connect SAN device(s)',
    'ADDR-BYTE',
    '\t0-255; the last byte of the multicast address used for HSR supervision',
    '\tframes (default = 0)',
    'VERSION',
    '\t0,1; the protocol version to be used. (default = 0)',
    'PROTOCOL',
    '\t0 - HSR, 1 - PRP. (default = 0 - HSR)\n',
  ].join('\n'),
});
