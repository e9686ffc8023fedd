/**
 * @ts/network: namespaces at bridges, NAT, published ports, filters. Each change is made whole or not at all, one at a time.
 *
 *     const network = new Network(live(), files);
 *     connect(network, 'ns0', { bridge: 'br0', device: 'eth0', nat: false, publish: [], dns: [] });
 *     network.close();
 */
export { type Connection, connect, disconnect, hostName, wishesOf } from './connect.ts';
export * from './failure.ts';
export * from './namespaces.ts';
export * from './network.ts';
export {
  addWish,
  granted,
  masqueradeWish,
  nfproto,
  PROTOCOLS,
  type Publication,
  parsePublication,
  parsePublications,
  publish,
  removeWish,
  unpublish,
  type Wish,
} from './rules.ts';
export { type Connected, connectUnnamed, type Left, makeLonely, takeBack } from './run.ts';
