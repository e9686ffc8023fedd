/** Command lines for ip(8) by chance: the same seed gives the same ones. Most make sense; some name what is not there. */

import { numbers } from './chance.ts';

/** What is there by and by, so that what follows can refer to it. */
interface Made {
  links: string[];
  bridges: string[];
}

/** @param count How many. @returns Words behind `ip`, ready for sh. */
export function randomCommands(seed: number, count: number): string[] {
  const source = numbers(seed);
  const chance = (share: number) => (source.next().value as number) < share;
  const below = (most: number) => Math.floor((source.next().value as number) * most);
  const one = <T>(list: readonly T[]): T => list[below(list.length)] as T;
  const some = (share: number, make: () => string) => (chance(share) ? ` ${make()}` : '');
  /** Several of them, each at most once, in any order. */
  const few = (most: number, makers: readonly (() => string)[]) => {
    const left = [...makers];
    return Array.from({ length: 1 + below(most) }, () => left.splice(below(left.length), 1)[0]?.() ?? '').join(' ');
  };
  const onOff = () => one(['on', 'off']);

  const made: Made = { links: ['lo'], bridges: [] };
  let serial = 0;
  const link = () => (chance(0.04) ? 'nope' : one(made.links));
  const bridge = () => (made.bridges.length && !chance(0.05) ? one(made.bridges) : link());
  const hardware = () => `02:00:00:00:${below(256).toString(16)}:${below(256).toString(16)}`;
  const own = () => `address 02:00:00:00:01:${(serial++).toString(16)}`;
  const called = (prefix: string) => {
    const name = chance(0.04) ? one(made.links) : `${prefix}${serial}`;
    if (!made.links.includes(name)) made.links.push(name);
    return name;
  };

  const address4 = () => `10.${below(3)}.${below(3)}.${1 + below(9)}`;
  const address6 = () => `fd0${below(3)}::${(1 + below(15)).toString(16)}`;
  const local = () =>
    chance(0.7) ? `${address4()}/${one([8, 16, 24, 24, 31, 32])}` : `${address6()}/${one([64, 64, 48, 128])}`;
  const net4 = () =>
    one(['default', `10.${below(3)}.0.0/16`, `10.${below(3)}.${below(3)}.0/24`, `172.16.${below(4)}.0/24`, address4()]);
  const net6 = () => one(['default', `fd0${below(3)}::/64`, `fd1${below(3)}::/48`, address6()]);
  const table = () => one(['main', 'local', 'default', '100', '1000', '7']);
  const scope = () => one(['global', 'link', 'host', 'site', '100']);
  const protocol = () => one(['static', 'boot', 'bgp', '77', 'kernel']);

  const bridgeOption = () =>
    one([
      `stp_state ${below(2)}`,
      `forward_delay ${200 + below(2800)}`,
      `hello_time ${100 + below(900)}`,
      `max_age ${600 + below(3400)}`,
      `ageing_time ${below(60000)}`,
      `priority ${below(65536)}`,
      `vlan_filtering ${below(2)}`,
      `mcast_snooping ${below(2)}`,
      `mcast_querier ${below(2)}`,
      `mcast_router ${below(3)}`,
      `mcast_hash_max ${2 ** (3 + below(8))}`,
      `mcast_last_member_interval ${below(1000)}`,
      `mcast_query_interval ${100 + below(30000)}`,
      `mcast_igmp_version ${2 + below(2)}`,
      `mcast_mld_version ${1 + below(2)}`,
      `group_fwd_mask ${one([0, 8, 0x4000])}`,
      `group_address 01:80:c2:00:00:0${one([0, 4, 7])}`,
      `nf_call_iptables ${below(2)}`,
      `mcast_stats_enabled ${below(2)}`,
      `vlan_default_pvid ${below(4095)}`,
      `no_linklocal_learn ${below(2)}`,
    ]);
  const port = () =>
    few(3, [
      ...[
        'hairpin',
        'guard',
        'root_block',
        'learning',
        'flood',
        'mcast_flood',
        'bcast_flood',
        'isolated',
        'proxy_arp',
      ].map((word) => () => `${word} ${onOff()}`),
      () => `cost ${1 + below(65535)}`,
      () => `priority ${below(64)}`,
      () => `mcast_router ${below(3)}`,
    ]);
  const vxlan = () =>
    `id ${below(1 << 24)} dstport ${one([4789, 8472, 0])} ${few(5, [
      () => `local ${address4()}`,
      () => one([`group 239.1.1.${below(5)} dev ${link()}`, `remote ${address4()}`]),
      () => `ttl ${one(['auto', 'inherit', '5', '64'])}`,
      () => `tos ${one(['inherit', '0x10', '4'])}`,
      () => one(['nolearning', 'learning', 'proxy', 'rsc', 'l2miss', 'l3miss', 'noudpcsum', 'udp6zerocsumrx']),
      () => `ageing ${one(['none', '60', '1000'])}`,
      () => `maxaddress ${one(['unlimited', '7'])}`,
      () => `srcport ${1000 + below(9)} ${2000 + below(9)}`,
      () => `df ${one(['set', 'unset', 'inherit'])}`,
    ])}`;

  const linkCommand = (): string => {
    const kind = one(['add', 'add', 'add', 'set', 'set', 'set', 'set', 'set', 'set', 'del']);
    if (kind === 'del') return `link del ${chance(0.1) ? 'lo' : link()}`;
    if (kind === 'set')
      return `link set ${one(['', 'dev '])}${link()} ${one([
        () =>
          few(4, [
            () => one(['up', 'up', 'up', 'down']),
            () => `mtu ${one([68, 1280, 1400, 1500, 9000, 60])}`,
            () => `txqueuelen ${below(2000)}`,
            () => `promisc ${onOff()}`,
            () => `arp ${onOff()}`,
            () => `multicast ${onOff()}`,
            () => `allmulticast ${onOff()}`,
            () => `alias ${one(['x', '"a b"', '""', 'long-long-alias'])}`,
            () => `address ${hardware()}`,
            () => `group ${one(['default', '5', '77'])}`,
            () => `addrgenmode ${one(['eui64', 'none', 'random'])}`,
            () => `gso_max_size ${one([1000, 32768, 65536])}`,
            () => `mode ${one(['default', 'dormant'])}`,
          ]),
        () => `master ${bridge()}`,
        () => 'nomaster',
        () => 'up',
        () => `type bridge ${bridgeOption()}`,
        () => `type bridge_slave ${port()}`,
        () => `name ${called('r')}`,
      ])()}`;
    const common = () =>
      `${own()}${some(0.2, () => `mtu ${one([1280, 1400])}`)}${some(0.2, () => `txqueuelen ${below(99)}`)}`;
    return one([
      () => {
        const name = called('br');
        made.bridges.push(name);
        return `link add ${name} ${common()}${chance(0.5) ? ' up' : ''} type bridge${some(0.6, bridgeOption)}${some(0.4, bridgeOption)}`;
      },
      () =>
        `link add ${called('v')} ${common()} up type veth peer name ${called('w')} ${own()}${some(0.7, () => 'up')}`,
      () =>
        `link add link ${link()} name ${called('m')} ${common()} type macvlan mode ${one(['bridge', 'private', 'vepa', 'passthru'])}`,
      () => `link add ${called('x')} ${common()} type vxlan ${vxlan()}`,
      () => `link add ${called('i')} ${common()} type ifb`,
      () => `tuntap add ${called('t')} mode tun${some(0.4, () => 'user 1000')}${some(0.3, () => 'multi_queue')}`,
    ])();
  };

  const addressCommand = (): string => {
    const verb = one(['add', 'add', 'add', 'add', 'replace', 'change', 'del', 'flush']);
    const flush = () =>
      `addr flush dev ${link()}${some(0.5, () => one([`scope ${scope()}`, `to 10.${below(3)}.0.0/16`, 'label "*:x"', 'secondary']))}`;
    if (verb === 'flush') return flush();
    if (verb === 'del') return `addr del ${local()} dev ${link()}`;
    const name = link();
    return `addr ${verb} ${local()} ${few(3, [
      () => `brd ${one(['+', '-', '10.0.0.77'])}`,
      () => `scope ${scope()}`,
      () => `label ${name}${one(['', ':x', ':y'])}`,
      () => `metric ${below(300)}`,
      () => 'noprefixroute',
      () => 'nodad',
      () => `valid_lft 100000 preferred_lft ${one(['forever', '0', '99000'])}`,
      () => 'valid_lft forever preferred_lft forever',
      () => 'home',
    ])} dev ${name}`;
  };

  const way = (address: () => string) =>
    one([
      () => `via ${address()}`,
      () => `dev ${link()}`,
      () => `via ${address()} dev ${link()}`,
      () => `via ${address()} dev ${link()} onlink`,
    ])();
  const routeCommand = (): string => {
    const six = chance(0.3);
    const [net, address] = six ? [net6, address6] : [net4, address4];
    const verb = one(['add', 'add', 'add', 'add', 'replace', 'append', 'prepend', 'change', 'del', 'flush']);
    if (verb === 'flush')
      return `${six ? '-6 ' : ''}route flush ${one([() => `table ${table()}`, () => `dev ${link()}`, () => `root ${net()}`, () => `proto ${protocol()}`, () => `scope ${scope()}`, () => net()])()}`;
    const hops = () => `nexthop ${way(address)} weight ${1 + below(9)} nexthop ${way(address)}`;
    // Behind the first of several ways there are only others.
    const last = some(0.15, hops);
    const how = last ? '' : chance(0.2) ? ` nhid ${1 + below(6)}` : ` ${way(address)}`;
    const what =
      chance(0.15) && !last ? `${one(['blackhole', 'unreachable', 'prohibit', 'throw'])} ${net()}` : `${net()}${how}`;
    return `${six ? '-6 ' : ''}route ${verb} ${what}${some(0.6, () =>
      few(3, [
        () => `metric ${below(9)}`,
        () => `table ${table()}`,
        () => `proto ${protocol()}`,
        ...(six ? [] : [() => `scope ${scope()}`, () => `src ${address()}`, () => `tos ${one(['0x10', '4', '0'])}`]),
        () => `mtu ${one(['1400', 'lock 1300'])}`,
        () => `advmss ${1000 + below(400)}`,
        ...(six ? [() => `pref ${one(['low', 'medium', 'high'])}`] : [() => `realms ${one(['3', '4/5'])}`]),
        () => `initcwnd ${below(20)}`,
        () => `${one(['rtt', 'rttvar'])} ${one(['200ms', '1s', '50', '0.5s'])}`,
        () => `congctl ${one(['cubic', 'lock reno'])}`,
        () => 'features ecn',
        () => `rto_min ${one(['200ms', '1s', '5'])}`,
        () => `quickack ${below(2)}`,
      ]),
    )}${last}`;
  };

  const neighborCommand = (): string => {
    const address = chance(0.7) ? address4() : address6();
    const verb = one(['add', 'add', 'add', 'replace', 'change', 'del', 'flush']);
    if (verb === 'flush') return `neigh flush ${one([`dev ${link()}`, 'all', '10.0.0.0/8'])}`;
    if (verb === 'del') return `neigh del ${address} dev ${link()}`;
    if (chance(0.1)) return `neigh ${verb} proxy ${address} dev ${link()}`;
    // The only state that the kernel never takes away by itself.
    return `neigh ${verb} ${address} lladdr ${hardware()} dev ${link()} nud permanent${some(0.2, () => one(['router', 'extern_learn', 'protocol static']))}`;
  };

  const nextHopCommand = (): string => {
    const id = () => 1 + below(6);
    const verb = one(['add', 'add', 'add', 'replace', 'del', 'flush']);
    if (verb === 'del') return `nexthop del id ${id()}`;
    if (verb === 'flush') return `nexthop flush ${one([`dev ${link()}`, 'groups', 'protocol 4', `id ${id()}`])}`;
    return `nexthop ${verb} id ${id()} ${one([
      () => 'blackhole',
      () => `via ${one([address4, address6])()} dev ${link()}${some(0.3, () => 'onlink')}`,
      () => `dev ${link()}`,
      () => `group ${id()}${one([',3', ''])}/${id()}`,
      () => `group ${id()}/${id()},9 type resilient buckets ${4 * (1 + below(4))} idle_timer ${below(99)}`,
    ])()}${some(0.3, () => `protocol ${protocol()}`)}`;
  };

  const commands = [
    linkCommand,
    linkCommand,
    linkCommand,
    addressCommand,
    addressCommand,
    routeCommand,
    routeCommand,
    neighborCommand,
    nextHopCommand,
  ];
  return Array.from({ length: count }, (_, index) => (index < 5 ? linkCommand : one(commands))());
}
