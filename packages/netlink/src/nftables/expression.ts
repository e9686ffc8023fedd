/** What a rule is made of: expressions that load, compare and act. Each one is a name and attributes of its own. */
import * as sys from '@ts/sys';
import { be32, bytes, type Codec, encodeAttributes, nested, type Schema, string, type ValuesOf } from '../attribute.ts';
import { bitsOf, masked, type Prefix } from '../inet.ts';

/** `data`: attributes, encoded. */
export interface Expression {
  readonly name: string;
  readonly data: Uint8Array;
}

const EXPRESSION = { name: [sys.NFTA_EXPR_NAME, string], data: [sys.NFTA_EXPR_DATA, bytes] } as const;

/** An expression in the list of a rule. */
export const expression: Codec<Expression> = {
  encode: (value, at) => encodeAttributes(EXPRESSION, value, at),
  decode: (value) => {
    const { name = '', data = new Uint8Array() } = nested(EXPRESSION).decode(value);
    return { name, data };
  },
  nested: true,
};

const make = <S extends Schema>(name: string, schema: S, values: ValuesOf<S>): Expression => ({
  name,
  data: encodeAttributes(schema, values),
});

const DATA = nested({
  value: [sys.NFTA_DATA_VALUE, bytes],
  verdict: [sys.NFTA_DATA_VERDICT, nested({ code: [sys.NFTA_VERDICT_CODE, be32] })],
} as const);

const META = { register: [sys.NFTA_META_DREG, be32], key: [sys.NFTA_META_KEY, be32] } as const;
const CMP = {
  register: [sys.NFTA_CMP_SREG, be32],
  operator: [sys.NFTA_CMP_OP, be32],
  data: [sys.NFTA_CMP_DATA, DATA],
} as const;
const PAYLOAD = {
  register: [sys.NFTA_PAYLOAD_DREG, be32],
  base: [sys.NFTA_PAYLOAD_BASE, be32],
  offset: [sys.NFTA_PAYLOAD_OFFSET, be32],
  length: [sys.NFTA_PAYLOAD_LEN, be32],
} as const;
const BITWISE = {
  source: [sys.NFTA_BITWISE_SREG, be32],
  register: [sys.NFTA_BITWISE_DREG, be32],
  length: [sys.NFTA_BITWISE_LEN, be32],
  mask: [sys.NFTA_BITWISE_MASK, DATA],
  xor: [sys.NFTA_BITWISE_XOR, DATA],
} as const;
const IMMEDIATE = { register: [sys.NFTA_IMMEDIATE_DREG, be32], data: [sys.NFTA_IMMEDIATE_DATA, DATA] } as const;
const NAT = {
  type: [sys.NFTA_NAT_TYPE, be32],
  family: [sys.NFTA_NAT_FAMILY, be32],
  address: [sys.NFTA_NAT_REG_ADDR_MIN, be32],
  port: [sys.NFTA_NAT_REG_PROTO_MIN, be32],
} as const;
const FIB = {
  register: [sys.NFTA_FIB_DREG, be32],
  result: [sys.NFTA_FIB_RESULT, be32],
  flags: [sys.NFTA_FIB_FLAGS, be32],
} as const;

const meta = (key: number) => make('meta', META, { register: sys.NFT_REG_1, key });
const compare = (operator: number, value: Uint8Array) =>
  make('cmp', CMP, { register: sys.NFT_REG_1, operator, data: { value } });
const payload = (base: number, offset: number, length: number) =>
  make('payload', PAYLOAD, { register: sys.NFT_REG_1, base, offset, length });
const load = (register: number, value: Uint8Array) => make('immediate', IMMEDIATE, { register, data: { value } });

/** `meta nfproto ipv4|ipv6`. `family`: NFPROTO_*. */
export const isFamily = (family: number): Expression[] => [
  meta(sys.NFT_META_NFPROTO),
  compare(sys.NFT_CMP_EQ, Uint8Array.of(family)),
];

/** `meta l4proto`: IPPROTO_*. */
export const isProtocol = (protocol: number): Expression[] => [
  meta(sys.NFT_META_L4PROTO),
  compare(sys.NFT_CMP_EQ, Uint8Array.of(protocol)),
];

const port16 = (port: number) => Uint8Array.of(port >> 8, port & 0xff);

/** `th dport`; the protocol has to be asked for before. */
export const isDestinationPort = (port: number): Expression[] => [
  payload(sys.NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2),
  compare(sys.NFT_CMP_EQ, port16(port)),
];

/** Where addresses stand in the headers of IPv4 and IPv6. */
const OFFSETS = { source: [12, 8], destination: [16, 24] } as const;

/** `ip saddr`, `ip6 daddr` …, also `!=`; the family has to be asked for before, where the table has both. */
export function isWithin(which: 'source' | 'destination', { family, bytes: address, length }: Prefix, not = false) {
  const size = bitsOf(family) / 8;
  const offset = OFFSETS[which][size === 4 ? 0 : 1];
  const mask = masked(new Uint8Array(size).fill(0xff), length, 0);
  const narrow = make('bitwise', BITWISE, {
    source: sys.NFT_REG_1,
    register: sys.NFT_REG_1,
    length: size,
    mask: { value: mask },
    xor: { value: new Uint8Array(size) },
  });
  return [
    payload(sys.NFT_PAYLOAD_NETWORK_HEADER, offset, size),
    ...(length < bitsOf(family) ? [narrow] : []),
    compare(not ? sys.NFT_CMP_NEQ : sys.NFT_CMP_EQ, masked(address, length, 0)),
  ];
}

/** `iifname`, `oifname`, also `!=`. */
export const isInterface = (which: 'input' | 'output', name: string, not = false): Expression[] => {
  const value = Buffer.alloc(16);
  value.write(name, 'utf8');
  return [
    meta(which === 'input' ? sys.NFT_META_IIFNAME : sys.NFT_META_OIFNAME),
    compare(not ? sys.NFT_CMP_NEQ : sys.NFT_CMP_EQ, value),
  ];
};

/** `fib daddr type`: RTN_*. RTN_LOCAL is an address of this host. */
export const isDestinationType = (type: number): Expression[] => {
  const value = Buffer.alloc(4);
  value.writeUInt32LE(type);
  return [
    make('fib', FIB, {
      register: sys.NFT_REG_1,
      result: sys.NFT_FIB_RESULT_ADDRTYPE,
      flags: sys.NFTA_FIB_F_DADDR,
    }),
    compare(sys.NFT_CMP_EQ, value),
  ];
};

/** `masquerade`: the source becomes the address of the link that the packet leaves by. */
export const masquerade: readonly Expression[] = [make('masq', {}, {})];

/** `dnat to ADDRESS:PORT`. */
export const destinationNat = (address: Prefix, port: number): Expression[] => [
  load(sys.NFT_REG_1, address.bytes),
  load(sys.NFT_REG_2, port16(port)),
  make('nat', NAT, {
    type: sys.NFT_NAT_DNAT,
    family: address.family,
    address: sys.NFT_REG_1,
    port: sys.NFT_REG_2,
  }),
];

/** `accept`, `drop`: NF_ACCEPT, NF_DROP. */
export const verdict = (code: number): Expression[] => [
  make('immediate', IMMEDIATE, { register: sys.NFT_REG_VERDICT, data: { verdict: { code } } }),
];
