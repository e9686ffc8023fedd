/** What is recorded: each one on what the ones before have left. */
import { addLink, BRIDGE, linkInfo, type Prefix, parsePrefix } from '@ts/netlink';
import {
  addWish,
  type Connection,
  connect,
  connectUnnamed,
  disconnect,
  makeLonely,
  masqueradeWish,
  parsePublications,
  publish,
  removeWish,
  takeBack,
  unpublish,
} from '../src/index.ts';
import type { Act } from './exchange.ts';

const prefix = (text: string) => parsePrefix(text) as Prefix;

export const CONNECTION: Connection = {
  bridge: 'tsbr0',
  address: prefix('192.168.77.2/24'),
  gateway: prefix('192.168.77.1'),
  device: 'eth0',
  nat: true,
  publish: parsePublications('8080:80'),
  dns: ['192.168.77.1'],
};
const OTHER: Connection = { ...CONNECTION, address: prefix('192.168.77.3/24'), nat: false, dns: [] };
/** A link, and nothing else. */
const PLAIN: Connection = { bridge: 'tsbr0', device: 'eth0', nat: false, publish: [], dns: [] };
/** Process that an unnamed namespace is for. */
const PID = 4711;
const NAT = masqueradeWish(prefix('10.1.0.0/16'), undefined);

/** The namespace stays open, so that its link is there until it is taken back. */
const run: Act = (network) => void connectUnnamed(network, PID, { ...CONNECTION, dns: [] });
/** `comment`: what the table had turned on. */
const ended: Act = (network) => takeBack(network, { host: `ve-run-${PID}`, bridge: 'tsbr0', comment: 'ip_forward=0' });
const disconnectOne: Act = (network) => disconnect(network, 'ts-n1');
const connectOne: Act = (network) => connect(network, 'ts-n1', CONNECTION);

export const SCENARIOS = {
  connect: connectOne,
  'connect again': connectOne,
  'connect: a port is taken': (network) => connect(network, 'ts-n2', OTHER),
  publish: (network) => publish(network, 'ts-n1', parsePublications('9000-9001:90-91/udp')),
  'publish: a port is taken': (network) => publish(network, 'ts-n1', parsePublications('8079-8080:80-81')),
  unpublish: (network) => void unpublish(network, 'ts-n1', parsePublications('9000-9001:90-91/udp')),
  disconnect: disconnectOne,
  'disconnect again': disconnectOne,
  'add nat': (network) => addWish(network, 'nat', NAT),
  'add nat again': (network) => addWish(network, 'nat', NAT),
  'connect beside nat': connectOne,
  'disconnect beside nat': disconnectOne,
  'run beside nat': run,
  'run beside nat: ended': ended,
  'remove nat': (network) => removeWish(network, NAT),
  'remove nat again': (network) => removeWish(network, NAT),
  run,
  'run: ended': ended,
  'run without a link': (network) => network.sys.close(makeLonely(network)),
  'connect at another’s bridge': (network) => connect(network, 'ts-n1', { ...PLAIN, bridge: 'tsbr1' }),
  'disconnect from another’s bridge': disconnectOne,
  'connect: the outer end is taken': (network) => connect(network, 'ts-n2', { ...PLAIN, host: 'tsbr1' }),
} satisfies Readonly<Record<string, Act>>;
export type Scenario = keyof typeof SCENARIOS;

/** What others have made before it; not recorded. */
export const BEFORE: Partial<Record<Scenario, Act>> = {
  'connect at another’s bridge': ({ route }) =>
    void route.request(addLink({}, { name: 'tsbr1', info: linkInfo('bridge', BRIDGE, {}) })),
};

/** They give a descriptor, which is the caller's. */
export const KEEPING: readonly Scenario[] = ['run', 'run beside nat'];
