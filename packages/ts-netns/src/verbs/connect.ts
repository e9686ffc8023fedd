/** `connect` and `disconnect`: words, and the connection that they stand for. */
import { formatAddress, masked, parsePrefix, sameBytes } from '@ts/netlink';
import * as network from '@ts/network';
import { type Connection, checkNamespace, hostName, parsePublications, takeBack, wishesOf } from '@ts/network';
import * as sys from '@ts/sys';
import { Failure } from '@ts/sys';
import type { Context } from '../context.ts';
import { withAdvice } from '../refusal.ts';
import {
  FAILED,
  linkNameFrom,
  numberIn,
  prefixFrom,
  type Rows,
  rowOf,
  type Words,
  WRONG,
  type Writable,
  wrong,
} from '../words.ts';

/** What the words fill. */
type Draft = Writable<Connection>;

const CONNECTION_ROWS: Rows<Draft> = [
  [
    '--connect',
    () => {}, // reads well in front of `run`'s words
  ],
  [
    '--bridge',
    (connection, words) => {
      connection.bridge = linkNameFrom(words);
    },
  ],
  [
    '--address',
    (connection, words) => {
      connection.address = prefixFrom(words.argument());
    },
  ],
  [
    '--gateway',
    (connection, words) => {
      connection.gateway = prefixFrom(words.argument());
    },
  ],
  [
    '--device',
    (connection, words) => {
      connection.device = linkNameFrom(words);
    },
  ],
  [
    '--host-device',
    (connection, words) => {
      connection.host = linkNameFrom(words);
    },
  ],
  [
    '--nat',
    (connection) => {
      connection.nat = true;
    },
  ],
  [
    '--out',
    (connection, words) => {
      connection.out = linkNameFrom(words);
    },
  ],
  [
    '--publish',
    (connection, words) => {
      connection.publish = [...connection.publish, ...withAdvice(() => parsePublications(words.argument()))];
    },
  ],
  [
    '--dns',
    (connection, words) => {
      const text = words.argument();
      if (!parsePrefix(text) || text.includes('/')) throw wrong(text, 'a name server is an address');
      connection.dns = [...connection.dns, text];
    },
  ],
  [
    '--mtu',
    (connection, words) => {
      const text = words.argument();
      connection.mtu = numberIn(text, 68, 65535, () => wrong(text, 'Invalid "mtu" value\n'));
    },
  ],
];

/** Takes the options, up to the first word that is none, or behind `--`. */
export function connectionFrom(words: Words): Connection {
  const connection: Draft = { bridge: '', device: 'eth0', nat: false, publish: [], dns: [] };
  while (words.next?.startsWith('--')) {
    const word = words.argument();
    if (word === '--') break;
    const equals = word.indexOf('=');
    const name = equals < 0 ? word : word.slice(0, equals);
    const row = rowOf(CONNECTION_ROWS, name);
    if (!row) throw new Failure(`Option "${word}" is unknown, try "ts-netns --help".`, WRONG);
    if (equals >= 0) words.insert(word.slice(equals + 1));
    row[1](connection, words, name);
  }
  return checked(connection);
}

function checked(connection: Connection): Connection {
  const { bridge, address, gateway, publish, nat } = connection;
  if (bridge === '') throw new Failure('Error: argument "--bridge" is required', WRONG);
  if (!address && (gateway || nat || publish.length))
    throw new Failure('Error: argument "--address" is required', WRONG);
  if (address && address.length === (address.family === sys.AF_INET6 ? 128 : 32))
    throw new Failure(
      `Error: argument "--address" is wrong: ${formatAddress(address.bytes)} has no prefix length`,
      WRONG,
      `write it with the length of its net: ${formatAddress(address.bytes)}/24`,
    );
  if (address && gateway) {
    const isInside =
      gateway.family === address.family &&
      sameBytes(masked(gateway.bytes, address.length, 0), masked(address.bytes, address.length, 0));
    if (!isInside)
      throw new Failure(
        `Error: the gateway ${formatAddress(gateway.bytes)} is not in the net of ${formatAddress(address.bytes)}/${address.length}`,
        WRONG,
      );
    if (sameBytes(gateway.bytes, address.bytes))
      throw new Failure('Error: the gateway is the other end: it needs another address than --address', WRONG);
  }
  return connection;
}

/** What `connect` does, as one would do it by hand; of each line, only what is not there yet. */
function inWords(name: string, connection: Connection): string {
  const { bridge, address, gateway, device, host = hostName(name), dns } = connection;
  const length = address?.length;
  const lines = [
    `ip netns add ${name}`,
    `ip link add ${bridge} type bridge`,
    gateway && `ip address add ${formatAddress(gateway.bytes)}/${length} brd + dev ${bridge}`,
    `ip link set ${bridge} up`,
    `ip link add ${host} type veth peer name ${device} netns ${name}`,
    `ip link set ${host} master ${bridge} up`,
    `ip -n ${name} link set lo up`,
    address && `ip -n ${name} address add ${formatAddress(address.bytes)}/${length} brd + dev ${device}`,
    `ip -n ${name} link set ${device} up`,
    gateway && `ip -n ${name} route replace default via ${formatAddress(gateway.bytes)} dev ${device}`,
    ...wishesOf(name, connection).map(({ comment }) => `table inet ts-netns: ${comment}`),
    dns.length > 0 && `/etc/netns/${name}/resolv.conf: ${dns.map((server) => `nameserver ${server}`).join(', ')}`,
  ];
  return lines
    .filter(Boolean)
    .map((line) => `${line}\n`)
    .join('');
}

/** `connect NS --bridge … `: what is there already stays as it is. */
export function connect(context: Context, words: Words): void {
  const name = words.take();
  if (name === undefined) throw new Failure('No netns name specified', FAILED);
  checkNamespace(name);
  const connection = connectionFrom(words);
  if (words.next !== undefined) throw new Failure(`"${words.next}" is unknown here, try "ts-netns --help".`, WRONG);
  if (context.sys.dry) context.print(inWords(name, connection));
  else network.connect(context, name, connection);
}

/** Word that stands in the place of a name where what a `run` has left is to be taken back. */
export const RELEASED = '--released';

/** `disconnect NS`: takes away what `connect` has made, and nothing else. */
export function disconnect(context: Context, words: Words): void {
  const name = words.take();
  if (name === undefined) throw new Failure('No netns name specified', FAILED);
  if (name !== RELEASED) {
    network.disconnect(context, name);
    return;
  }
  const [host = '', bridge = '', ...comment] = words.rest();
  takeBack(context, { host, bridge, comment: comment.join(' ') });
}
