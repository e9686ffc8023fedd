/** `type macsec`. */
import { be16, be64, type Codec, u8, u32, u64 } from '@ts/netlink';
import * as sys from '@ts/sys';
import { Failure, U32_MAX } from '@ts/sys';
import { type Attribute, hexadecimal, number, type Read, row, switched, U8_MAX, UNSEEN } from '../rows.ts';
import { FAILED, hardwareFrom, numberIn, oneOf, twice, type Words, wrong } from '../words.ts';
import { kind } from './kind.ts';
import { once, picked } from './tunnel.ts';

const SWITCH = { off: 0, on: 1 };
const onOff = switched((words, word) => oneOf(word, words.argument(), SWITCH));

/** Names, and MACSEC_CIPHER_ID_*. */
const CIPHERS: Readonly<Record<string, bigint>> = {
  default: 0x0080_0200_0100_0001n,
  'gcm-aes-128': 0x0080_c200_0100_0001n,
  'gcm-aes-256': 0x0080_c200_0100_0002n,
  'gcm-aes-xpn-128': 0x0080_c200_0100_0003n,
  'gcm-aes-xpn-256': 0x0080_c200_0100_0004n,
};
const cipherName = (value: bigint) =>
  value === CIPHERS.default
    ? 'GCM-AES-128'
    : (Object.keys(CIPHERS)
        .find((name) => CIPHERS[name] === value)
        ?.toUpperCase() ?? '(unknown)');

const VALIDATIONS = ['disabled', 'check', 'strict'];
const OFFLOADS = ['off', 'phy', 'mac'];
/** A key word whose argument is one of these, by number. */
const listed = (names: readonly string[]) => ({
  read: ((words, word) =>
    oneOf(word, words.argument(), Object.fromEntries(names.map((name, index) => [name, index])))) as Read<number>,
  show: (value: number): readonly [string] => [names[value] ?? String(value)],
});

/** In hexadecimal, also without 0x; 64 bits. */
const sciFrom = (text: string): bigint => {
  const digits = /^(?:0x)?([0-9a-f]{1,16})$/i.exec(text)?.[1];
  const value = digits === undefined ? 0n : BigInt(`0x${digits}`);
  if (!value) throw wrong(text, 'expected sci');
  return value;
};

const portFrom = (words: Words): number => {
  const text = words.argument();
  return numberIn(text, 1, 0xffff, () => wrong(text, 'expected port'));
};

const flag = (type: number, word: string, json = word): Attribute<number> =>
  row([type, u8], word, onOff, { json, usage: `${word} { on | off }` });

/** A value that may be there once. */
const only =
  <T>(read: (text: string) => T): Read<T> =>
  (words, word, { seen }) => {
    const text = words.argument();
    if (seen.has(word)) throw twice(word, text);
    seen.add(word);
    return read(text);
  };

const LEAST_ICV = 8;
const MOST_ICV = 16;
const byte = number(U8_MAX);

export const MACSEC_ROWS = {
  sci: {
    wire: [sys.IFLA_MACSEC_SCI, be64],
    words: [{ names: 'sci', take: (words) => sciFrom(words.argument()) }],
    show: (entry, value) => {
      const text = value.toString(16).padStart(16, '0');
      entry.both('sci', text, `sci ${text} `);
    },
  } satisfies Attribute<bigint>,
  port: {
    wire: [sys.IFLA_MACSEC_PORT, be16],
    words: [{ names: 'port', take: portFrom }],
    show: UNSEEN,
  } satisfies Attribute<number>,
  protect: flag(sys.IFLA_MACSEC_PROTECT, 'protect'),
  cipher: row(
    [sys.IFLA_MACSEC_CIPHER_SUITE, u64 as Codec<bigint>],
    'cipher',
    {
      read: only((text) => {
        const name = text.toLowerCase();
        if (Object.hasOwn(CIPHERS, name)) return CIPHERS[name] as bigint;
        throw wrong(text, 'expected: default, gcm-aes-128, gcm-aes-256, gcm-aes-xpn-128 or gcm-aes-xpn-256');
      }),
      show: (value) => [cipherName(value)],
    },
    { json: 'cipher_suite', usage: `cipher { ${Object.keys(CIPHERS).join(' | ')} }` },
  ),
  icv: row(
    [sys.IFLA_MACSEC_ICV_LEN, u8],
    'icvlen',
    {
      read: only((text) => {
        const value = numberIn(text, 0, U8_MAX, () => wrong(text, 'expected ICV length'));
        if (value < LEAST_ICV || value > MOST_ICV) throw wrong(text, 'ICV length must be in the range {8..16}');
        return value;
      }),
      show: (value) => [value],
    },
    { json: 'icv_length', usage: 'icvlen { 8..16 }' },
  ),
  association: row(
    [sys.IFLA_MACSEC_ENCODING_SA, u8],
    'encodingsa',
    {
      read: (words, word, state) => {
        once(state, word, word);
        const text = words.argument();
        return numberIn(text, 0, 3, () => wrong(text, 'expected an { 0..3 }'));
      },
      show: byte.show,
    },
    { json: 'encoding_sa', usage: 'encodingsa { 0..3 }' },
  ),
  validation: row([sys.IFLA_MACSEC_VALIDATION, u8], 'validate', listed(VALIDATIONS), {
    json: 'validation',
    usage: 'validate { strict | check | disabled }',
  }),
  offload: row([sys.IFLA_MACSEC_OFFLOAD, u8], 'offload', listed(OFFLOADS), {
    usage: 'offload { mac | phy | off }',
  }),
  encrypt: flag(sys.IFLA_MACSEC_ENCRYPT, 'encrypt'),
  sendSci: flag(sys.IFLA_MACSEC_INC_SCI, 'send_sci', 'inc_sci'),
  endStation: flag(sys.IFLA_MACSEC_ES, 'end_station', 'es'),
  scb: flag(sys.IFLA_MACSEC_SCB, 'scb'),
  replay: row([sys.IFLA_MACSEC_REPLAY_PROTECT, u8], 'replay', onOff, {
    json: 'replay_protect',
    usage: 'replay { on | off} window { 0..2^32-1 }',
  }),
  window: row(
    [sys.IFLA_MACSEC_WINDOW, u32],
    'window',
    number(U32_MAX, () => 'expected replay window size'),
    {
      usage: null,
    },
  ),
};

export const macsec = kind('macsec', MACSEC_ROWS, {
  more: [
    [
      'address',
      ({ data }, words) => {
        const text = words.argument();
        const address = hardwareFrom(text);
        if (address.length !== 6) throw wrong(text, 'expected lladdr');
        if (!words.skip('port')) throw new Failure('expected port', FAILED);
        data.sci = BigInt(
          `0x${Buffer.from(address).toString('hex')}${hexadecimal(portFrom(words)).slice(2).padStart(4, '0')}`,
        );
      },
    ],
  ],
  settle: ({ data }) => {
    const { window, replay, cipher, icv, association, ...early } = data;
    const sent = [data.sendSci, data.endStation, data.scb].filter(Boolean).length;
    if (sent > 1) throw new Failure('invalid combination of send_sci/end_station/scb', FAILED);
    if (window !== undefined && replay === undefined)
      throw new Failure(
        `replay window set, but replay protection not enabled. did you mean 'replay on window ${window}'?`,
        FAILED,
      );
    if (window === undefined && replay)
      throw new Failure("replay protection enabled, but no window set. did you mean 'replay on window VALUE'?", FAILED);
    return {
      ...early,
      ...picked({ cipher, icv }, 'cipher', 'icv'),
      window,
      replay,
      association,
    };
  },
  before: '[ [ address <lladdr> ] port { 1..2^16-1 } | sci <u64> ]',
  indent: '                  ',
});
