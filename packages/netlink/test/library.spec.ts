/** The examples of ../README.md, on the kernel, in a network namespace that ends with each test. */
import { readlinkSync } from 'node:fs';
import {
  CLONE_NEWNET,
  IFF_UP,
  live,
  NETLINK_NETFILTER,
  NETLINK_ROUTE,
  NF_INET_POST_ROUTING,
  NFPROTO_INET,
  NFPROTO_IPV4,
} from '@ts/sys';
import { describe, expect, type TestContext, test, vi } from 'vitest';
import * as netlink from '../src/index.ts';

const { NetlinkSocket, NetlinkError } = netlink;
const sys = live();

/** A descriptor of a new namespace. The test itself stays where it is. */
function newNamespace(context: TestContext): number {
  if (process.geteuid?.() !== 0) context.skip('needs root');
  const before = readlinkSync('/proc/thread-self/ns/net');
  const fd = netlink.inNewNamespace(sys, () => netlink.ownNamespace(sys));
  expect(readlinkSync('/proc/thread-self/ns/net')).toBe(before);
  return fd;
}

test('examples/container.ts', async (context) => {
  if (process.geteuid?.() !== 0) context.skip('needs root');
  const home = netlink.ownNamespace(sys);
  const log = vi.spyOn(console, 'log').mockImplementation(() => {});
  try {
    sys.unshare(CLONE_NEWNET);
    await import('../examples/container.ts');
    using socket = NetlinkSocket.open(sys, NETLINK_ROUTE);
    const links = netlink.listLinks(socket);
    const bridge = netlink.findIndex(socket, 'br-example');
    expect(links.map(({ name, master }) => [name, master])).toEqual([
      ['lo', undefined],
      ['br-example', undefined],
      ['ve-example', bridge],
    ]);
    expect(log.mock.calls).toEqual([
      ['1: lo'],
      ['2: eth0'],
      ['10.77.0.2/24'],
      ['EEXIST', 'the route again: File exists'],
    ]);
  } finally {
    log.mockRestore();
    sys.setns(home, CLONE_NEWNET);
    sys.close(home);
  }
});

describe('in another namespace, without moving there', () => {
  test('links, addresses, routes, neighbours', (context) => {
    const namespace = newNamespace(context);
    using socket = NetlinkSocket.open(sys, NETLINK_ROUTE, { namespace });
    expect(netlink.listLinks(socket).map(({ name }) => name)).toEqual(['lo']);
    const info = netlink.linkInfo('bridge', netlink.BRIDGE, { stpState: 1, maxAge: 1000 });
    const [up, prefix] = [{ flags: IFF_UP, change: IFF_UP }, netlink.parsePrefix('10.0.0.1/24') as netlink.Prefix];
    socket.request(netlink.addLink({}, { name: 'br0', info }));
    const bridge = netlink.findLink(socket, 'br0') as netlink.Link;
    expect(netlink.kindData(netlink.BRIDGE, bridge.info?.data)).toMatchObject({ stpState: 1, maxAge: 1000 });
    const { index } = bridge;
    socket.requestAll([
      netlink.setLink({ index, ...up }, { alias: 'the bridge' }),
      netlink.addressRequest(
        'add',
        { family: 2, prefixLength: 24, index },
        { local: prefix.bytes, address: prefix.bytes },
      ),
    ]);
    expect(netlink.getLink(socket, index)).toMatchObject({ alias: 'the bridge', mtu: 1500 });
    expect(netlink.listAddresses(socket, { family: 2 })).toMatchObject([{ index, prefixLength: 24, label: 'br0' }]);
    expect(netlink.listRoutes(socket, { family: 2 }, { table: 254 })).toMatchObject([{ destinationLength: 24, index }]);
    expect(netlink.findLink(socket, 'nosuch')).toBeUndefined();
    expect(netlink.findIndex(socket, 'br0')).toBe(index);
    sys.close(namespace);
  });

  test('more links than fit into one answer', (context) => {
    const namespace = newNamespace(context);
    using socket = NetlinkSocket.open(sys, NETLINK_ROUTE, { namespace });
    const names = Array.from({ length: 150 }, (_, i) => `b${i}`);
    socket.requestAll(names.map((name) => netlink.addLink({}, { name, info: { kind: 'bridge' } })));
    expect(netlink.listLinks(socket).map(({ name }) => name)).toEqual(['lo', ...names]);
    sys.close(namespace);
  });

  test('a refusal in the kernel’s words; of a batch, which one, and the others are done', (context) => {
    const namespace = newNamespace(context);
    using socket = NetlinkSocket.open(sys, NETLINK_ROUTE, { namespace });
    const unknown = netlink.addLink({}, { name: 'x', info: { kind: 'nosuch' } });
    const refusal = () => socket.request(unknown, 'link add x');
    expect(refusal).toThrow(NetlinkError);
    expect(refusal).toThrow('link add x (Unknown device type): Operation not supported');
    const [a, b] = ['a', 'b'].map((name) => netlink.addLink({}, { name, info: { kind: 'bridge' } }));
    try {
      socket.requestAll([a as netlink.Request, unknown, b as netlink.Request]);
      expect.unreachable();
    } catch (error) {
      expect(error).toMatchObject({ code: 'EOPNOTSUPP', index: 1 });
    }
    expect(netlink.listLinks(socket).map(({ name }) => name)).toEqual(['lo', 'a', 'b']);
    sys.close(namespace);
  });

  test('a batch whose acknowledgements would not fit into the socket’s buffer', (context) => {
    const namespace = newNamespace(context);
    using socket = NetlinkSocket.open(sys, NETLINK_ROUTE, { namespace });
    const [up, prefix] = [{ flags: IFF_UP, change: IFF_UP }, netlink.parsePrefix('10.0.0.0/32') as netlink.Prefix];
    socket.request(netlink.setLink({ index: 1, ...up }, {}));
    const address = (i: number) => Uint8Array.of(10, 0, i >> 8, i & 255);
    const header = { family: prefix.family, prefixLength: 32, index: 1 };
    const add = (i: number) => netlink.addressRequest('add', header, { local: address(i), address: address(i) });
    socket.requestAll(Array.from({ length: 2000 }, (_, i) => add(i)));
    expect(netlink.listAddresses(socket, { family: prefix.family })).toHaveLength(2001);
    try {
      socket.requestAll(Array.from({ length: 1500 }, (_, i) => add(i + 1990)));
      expect.unreachable();
    } catch (error) {
      expect(error).toMatchObject({ code: 'EEXIST', index: 0 });
    }
    expect(netlink.listAddresses(socket, { family: prefix.family })).toHaveLength(3491);
    sys.close(namespace);
  });

  test('rules of the packet filter, all or none', (context) => {
    const namespace = newNamespace(context);
    using filter = NetlinkSocket.open(sys, NETLINK_NETFILTER, { namespace });
    const net = netlink.parsePrefix('10.0.0.0/24') as netlink.Prefix;
    const expressions = [...netlink.isFamily(NFPROTO_IPV4), ...netlink.isWithin('source', net), ...netlink.masquerade];
    const hook = { point: NF_INET_POST_ROUTING, priority: 100 };
    const rule = { table: 'mine', chain: 'out', comment: 'one', expressions };
    netlink.transaction(filter, [
      netlink.addTable(NFPROTO_INET, { name: 'mine', comment: 'a table' }),
      netlink.addChain(NFPROTO_INET, { table: 'mine', name: 'out', type: 'nat', hook }),
      netlink.addRule(NFPROTO_INET, rule),
    ]);
    expect(netlink.findTable(filter, NFPROTO_INET, 'mine')?.comment).toBe('a table');
    const found = netlink.listRules(filter, NFPROTO_INET, 'mine');
    expect(found).toMatchObject([{ comment: 'one', chain: 'out' }]);
    expect(found[0]?.expressions?.map(({ name }) => name)).toEqual([
      'meta',
      'cmp',
      'payload',
      'bitwise',
      'cmp',
      'masq',
    ]);
    const wrong = () =>
      netlink.transaction(filter, [
        netlink.addTable(NFPROTO_INET, { name: 'other' }),
        netlink.addRule(NFPROTO_INET, { ...rule, chain: 'nosuch' }),
      ]);
    expect(wrong).toThrow('No such file or directory');
    expect(netlink.listTables(filter, NFPROTO_INET).map(({ name }) => name)).toEqual(['mine']);
    netlink.transaction(
      filter,
      Array.from({ length: 3000 }, (_, i) => netlink.addRule(NFPROTO_INET, { ...rule, comment: `${i}` })),
    );
    expect(netlink.listRules(filter, NFPROTO_INET, 'mine')).toHaveLength(3001);
    sys.close(namespace);
  });

  test('ids of namespaces', (context) => {
    const [here, there] = [newNamespace(context), newNamespace(context)];
    using socket = NetlinkSocket.open(sys, NETLINK_ROUTE, { namespace: here });
    expect(netlink.getNamespaceId(socket, { fd: there }).nsid).toBe(-1);
    socket.request(netlink.setNamespaceId({ fd: there, nsid: 7 }));
    expect(netlink.listNamespaceIds(socket).map(({ nsid }) => nsid)).toEqual([7]);
    for (const fd of [here, there]) sys.close(fd);
  });
});
