/** ip(8) and ours, side by side, in network namespaces of their own. */
import { describe, expect, test } from 'vitest';
import { randomCommands } from '../harness/ip-commands.ts';
import { needsKind } from '../harness/network.ts';
import { newestOf, originals } from '../harness/parity.ts';
import { compatPath } from '../harness/run.ts';
import { sideBySide } from '../harness/sides.ts';
import { needs, needsProgram, needsRoot } from '../harness/skip.ts';

const ORIGINALS = originals();
const IP = newestOf('ip') ?? '/usr/sbin/ip';
/** Keys of JSON that only newer versions have, and of VXLAN those that older ones order otherwise or leave out. */
const NEWER_KEYS = new RegExp(
  `"(?:${[
    ...['gso_ipv4_max_size', 'gro_ipv4_max_size', 'fdb_n_learned', 'fdb_max_learned', 'mst_enabled'],
    ...['neigh_vlan_suppress', 'mab', 'backup_nhid', 'bclim', 'reserved_bits', 'localbypass', 'external', 'vnifilter'],
    ...['learning', 'proxy', 'rsc', 'l2miss', 'l3miss', 'udp_csum', 'udp_zero_csum6_tx', 'udp_zero_csum6_rx'],
    ...['remcsum_tx', 'remcsum_rx', 'gbp', 'gpe', 'df', 'ttl', 'tos', 'label', 'ageing', 'limit'],
  ].join('|')})": ?[^,}\n]+,?\n? *`,
  'g',
);

/** Words of a VXLAN link, whose order differs with the version: sorted, less those that older ones lack. */
const vxlanWords = (words: string): string =>
  words
    .replace(/reserved_bits 0x[0-9a-f]+ |(?:no)?(?:udp_?csum|udp_?(?:zero_csum)?6?[a-z0-9_]*[rt]x|localbypass) /g, '')
    .replace(/remcsum_([rt]x)/g, 'remcsum$1')
    .split(' ')
    .sort()
    .join(' ');

/** What depends on the version of the original: what only the newest shows is taken out on both sides. */
const withoutAge = (text: string): string =>
  text
    .replace(/ gso_ipv4_max_size \d+ gro_ipv4_max_size \d+/g, '')
    .replace(/fdb_n_learned \d+ fdb_max_learned \d+ |mst_enabled \d |(?:neigh_vlan_suppress|mab) (?:on|off) /g, '')
    .replace(/backup_nhid \d+ |bclim -?\d+ /g, '')
    .replace(/(promiscuity \d+) +/g, '$1 ')
    .replace(
      /( {4}vxlan )(.*?)(?=addrgenmode|numtxqueues)/g,
      (_, kind: string, words: string) => kind + vxlanWords(words),
    )
    .replace(NEWER_KEYS, '')
    .replace(/,?\s*\}/g, '}')
    .replaceAll('is a garbage', 'is garbage');

/** Lines that only ours adds behind an error (the remedy) are taken out. */
const REMEDY = /^(there is no such namespace|the name of a link has|this needs).*\n/gm;
/** Usage, behind an error too: what it says is compared elsewhere. */
const USAGE = /^Usage:[\s\S]*?(?=^status)/gm;

function expectSame(commands: readonly string[], { setup = '', clean = (text: string) => text } = {}): void {
  const { theirs, ours } = sideBySide(setup, commands);
  const rows = (list: string[]) =>
    commands.map((command, index) => `# ${command}\n${withoutAge(clean(list[index] ?? 'nothing'))}`);
  expect(rows(ours.map((text) => text.replace(REMEDY, '')))).toEqual(rows(theirs));
}

/** Everything that is configured, as the original shows it. */
const STATE = [
  `${IP} -d -o link`,
  `${IP} -o address`,
  `${IP} route show table all`,
  `${IP} -d nexthop`,
  `${IP} neigh`,
  `${IP} netns`,
  `${IP} -n n1 -d -o link 2>&1`,
  `${IP} -n n1 -o address 2>&1`,
].join('; ');

/** Each group of commands in a network of its own, and what came of it. */
function expectSameState(groups: readonly string[]): void {
  const alone = groups.map(
    (group) =>
      `unshare -n -m sh -c 'mount -t tmpfs tmpfs /run; ${IP} netns add n1; ${group.replaceAll("'", `'\\''`)}; PATH=${ORIGINALS}; ${STATE}'`,
  );
  // What the kernel adds by itself for IPv6 depends on how long it had.
  const clean = (text: string) =>
    text
      .split('\n')
      .filter((line) => !/LINKLOCAL|^(local|multicast|anycast|unicast)? ?(ff00|fd|::|fe80).* proto kernel/.test(line))
      .join('\n');
  expectSame(alone, { clean });
}

const SETUP = `
ip netns add n1; ip netns add n2
ip link add br0 address 02:00:00:00:00:01 type bridge; ip link set br0 up; ip link set lo up
ip link add v type veth peer name w netns n1; ip link set v master br0 up alias "hi there"
ip link add p type veth peer name q
ip link add x type vxlan id 4 dstport 4789 group 239.1.1.1 dev p local 1.2.3.4
ip link add link p name m0 type macvlan mode bridge
ip tuntap add t0 mode tun; ip tuntap add t1 mode tap user nobody multi_queue
ip link property add dev v altname foo; ip link add ifb0 type ifb
ip link set p promisc on; ip link set q arp off multicast off txqueuelen 5 mtu 1400 group 7
ip addr add 10.0.0.1/24 brd + dev br0 label br0:x; ip addr add 10.0.0.2/24 dev br0
ip addr add 1.1.1.1 peer 2.2.2.2 dev br0; ip addr add fd00::1/64 dev br0 nodad
ip addr add fd00::2/64 dev br0 nodad preferred_lft 0; ip addr add 10.9.0.1/24 dev br0 metric 77 noprefixroute
ip route add default via 10.0.0.3 metric 5 mtu 1400 advmss lock 1000 dev br0
ip route add 9.9.9.9 nexthop via 10.0.0.5 weight 2 nexthop via 10.0.0.6
ip route add blackhole 8.8.8.8; ip route add unreachable fd11::/64
ip route add 7.7.7.0/24 via inet6 fe80::5 dev br0; ip route add 5.5.5.0/24 dev br0 table 100
ip route add 4.4.4.0/24 via 1.2.3.4 dev br0 onlink src 10.0.0.1; ip route add prohibit 3.3.3.3 tos 4 table 1000
ip route add 3.3.3.0/24 dev br0 realms 3/4 scope host
ip neigh add 10.0.0.9 lladdr 1:2:3:4:5:6 dev br0; ip neigh add proxy 10.0.0.10 dev br0
ip neigh add 10.0.0.11 lladdr 1:2:3:4:5:6 dev br0 nud noarp; ip netns set n2 44
sleep 2.2`;

/** Next hops need links that are up; without addresses that the kernel chooses, which differ from run to run. */
const NEXT_HOP_SETUP = `
ip link add p type veth peer name q; ip link set p addrgenmode none; ip link set q addrgenmode none; ip link set p up; ip link set q up
ip addr add 10.0.0.1/24 dev p; ip addr add fd00::1/64 dev p nodad; ip link set lo up
until ip link show p | grep -q LOWER_UP; do sleep 0.05; done
ip nexthop add id 1 via 10.0.0.20 dev p; ip nexthop add id 2 via 10.0.0.21 dev p onlink protocol static
ip nexthop add id 3 blackhole; ip nexthop add id 4 dev q; ip nexthop add id 5 via fd00::20 dev p; ip -6 nexthop add id 6 dev q
ip nexthop add id 7 group 1,5/2,256; ip nexthop add id 8 group 5/6,3; ip nexthop add id 9 fdb via 10.0.0.9
ip nexthop add id 10 group 1/2 type resilient buckets 8 idle_timer 60 unbalanced_timer 300; ip nexthop add id 11 group 9 fdb
ip route add 6.6.1.0/24 nhid 1; ip route add 6.6.2.0/24 nhid 7; ip route add 6.6.3.0/24 nhid 3; ip route add fd66::/64 nhid 8
ip route add 6.6.4.0/24 nhid 10; ip route add fd67::/64 nexthop via fd00::30 weight 3 nexthop via fd00::31`;

const NEXT_HOPS = [
  ...[
    'nexthop',
    '-d nexthop',
    '-j nexthop',
    '-j -p nexthop',
    '-d -j nexthop',
    '-o nexthop',
    '-4 nexthop',
    '-6 nexthop',
  ],
  ...['nexthop show id 7', 'nexthop list dev p', 'nexthop list groups', 'nexthop list group', 'nexthop list fdb'],
  ...['nexthop list protocol 4', '-j nexthop get id 10', 'nexthop get id 7', 'nexthop show master p', '-N nexthop'],
  ...[
    'r s 6.6.2.0/24',
    '-d -o r',
    '-d -j -p r',
    '-d -6 r',
    '-j -6 r',
    'r get fibmatch 6.6.2.9',
    'r get 6.6.1.9',
    'nex s',
  ],
];

const LISTS: Readonly<Record<string, readonly string[]>> = {
  'link and address': [
    ...['link', 'l', 'a', '-4 a', '-6 a', '-br a', '-br l', '-br -j l', '-br -j a', '-o l', '-o a', '-o -4 a', '-d l'],
    ...[
      '-d a',
      '-s l',
      '-s -s l',
      '-s a',
      '-s -d l',
      '-s -h l',
      '-s -h -iec l',
      '-s -iec l',
      '-f inet a',
      '-f link l',
      '-0 a',
      '-details link show dev x',
    ],
  ],
  'JSON of links and addresses': [
    ...['-j l', '-j -p l', '-j -d l', '-j -p -d l', '-j -s l', '-j -s -s l', '-j a', '-j -p a', '-j -o a', '-j -d a'],
    ...['-j a s dev br0', '-details -json link show dev x'],
  ],
  'choice of links and addresses': [
    ...[
      'link show dev v',
      'link show v',
      'l l v',
      'link show foo',
      'link show type bridge',
      'link show type bridge_slave',
    ],
    ...['link show type veth', 'link show master br0', 'link show up', 'link show group 7', 'link show nomaster'],
    ...[
      'a s dev br0',
      'a s br0 scope link',
      'a s to 10.0.0.0/24',
      'a s label "br0:*"',
      'a s label "br0*"',
      'r s tos 4',
      'r s metric 5',
      'r get 10.0.0.77/24',
      'a s secondary',
      'a s up',
    ],
    ...['a s primary dev br0', 'a s deprecated', '-6 -o a s dev br0 scope global', 'a s nope', 'l s dev lo dev lo'],
  ],
  route: [
    ...['r', 'route', '-d r', '-o r', '-4 r', '-6 r', '-6 -d r', 'r s table all', 'r s table local', 'r s table 100'],
    ...[
      'r s dev br0',
      'r s via 10.0.0.3',
      'r s proto kernel',
      'r s scope link',
      'r s type blackhole',
      'r s 10.0.0.0/24',
    ],
    ...['r s match 10.0.0.77', 'r s root 0.0.0.0/0', 'r s default', 'r s src 10.0.0.1', 'r s table 1000', '-s r'],
    ...['-N r s table all', 'r get 10.0.0.77', 'r get 127.0.0.1', '-6 r get fd00::7', 'r get 9.9.9.9 from 10.0.0.1'],
    ...['r get 8.8.8.8', 'r get fibmatch 10.0.0.77', '-d r get 10.0.0.77', '-f inet6 r', 'r s table 4711'],
  ],
  'JSON of routes': ['-j r', '-d -j r', '-6 -j r', '-j -p r', '-j r s table all', '-j r get 10.0.0.77'],
  neigh: [
    ...[
      'n',
      'neigh',
      '-j n',
      '-j -p n',
      'n s proxy',
      'n s dev br0',
      'n s nud all | sort',
      'n s nud permanent',
      'n s 10.0.0.9',
    ],
    ...['n s to 10.0.0.0/24', '-4 n', '-6 n', 'n get 10.0.0.9 dev br0', 'n s nud noarp | sort'],
  ],
  'netns, tuntap': [
    ...[
      'netns',
      'netns list',
      '-j netns',
      '-j -p netns list',
      'netns list-id',
      '-j netns list-id',
      'netns list-id nsid 44',
    ],
    ...['netns identify', 'netns identify $$', 'netns pids n1', '-n n1 l', '-n n1 -br l', '-all netns exec true'],
    ...["netns exec n1 sh -c 'exit 7'", 'netns exec n1 /nope', 'netns exec n1', 'netns exec n1 ls /sys/class/net'],
    ...['-n n1 r', 'netns exec n1 ip -o l', 'tuntap', 'tuntap show'],
  ],
};

/** One line a group: what is made by it is compared. */
const CHANGES: Readonly<Record<string, readonly string[]>> = {
  links: [
    'ip link add br0 type bridge stp_state 1 forward_delay 400 priority 100 mcast_snooping 0 ageing_time 200 mcast_querier 1 mcast_query_interval 500',
    'ip link add br0 type bridge; ip link set br0 type bridge stp_state 1 hello_time 300; ip link set br0 up',
    'ip link add aa type veth peer name b; ip l s aa up; ip l s dev b up mtu 1400; ip link set aa alias foo; ip link set aa txqueuelen 7 promisc on arp off multicast off allmulticast on',
    'ip link add aa type veth peer name b netns n1; ip link set aa name c; ip -n n1 l set b up; ip -n n1 a add 1.2.3.4/8 dev b',
    'ip link add aa mtu 1300 type veth peer name b mtu 1200; ip link set aa netns n1; ip -n n1 link set aa netns $$',
    'ip link add aa type veth; ip link set aa netns $$; ip link set aa netns /run/netns/n1',
    'ip link add name br0 type bridge; ip link add aa type veth peer b; ip link set aa master br0; ip link set aa type bridge_slave hairpin on cost 9 isolated on; ip link set b nomaster',
    'ip link add name br0 type bridge; ip link add aa type veth peer b; ip link set aa master br0; ip link set aa nomaster; ip link del b',
    'ip link add aa type veth peer b; ip link add link aa name cc type macvlan mode private; ip link add link aa m2 type macvlan mode vepa; ip link set cc down; ip link del m2',
    'ip link add br0 type bridge; ip link add aa type veth peer b; ip link add link aa name cc type macvlan; ip link set aa master br0',
    'ip link add v type vxlan id 42 dstport 4789 local 1.2.3.4 remote 5.6.7.8 ttl 5 nolearning tos 4',
    'ip link add v type vxlan id 42 dstport 4789 local fd00::1 group ff02::1 dev lo ageing 60 maxaddress 5 srcport 1000 2000 proxy l2miss',
    'ip link add i type ifb; ip link set i up; ip link set i group 5; ip link set group 5 down; ip link del group 5',
    'ip tuntap add dev t mode tap user 1000 group 1000 pi multi_queue vnet_hdr; ip tuntap add t2 mode tun; ip tuntap del t2 mode tun',
    'ip link add dev br1 type bridge; ip li se br1 do; ip lin sh br1 | wc -l; ip ad sh br1 | wc -l; ip ro ls; ip neigh ls; ip netn l',
    'ip link add index 77 name zz type bridge; ip link set zz addrgenmode none; ip link set zz protodown on',
    'ip link add zz numtxqueues 3 numrxqueues 2 type veth; ip link set lo mtu 100000 qlen 5',
    'ip link property add dev lo altname foo altname bar; ip link set foo up; ip link property del dev lo altname bar',
  ],
  'words of kinds': [
    'ip link add br0 type bridge no_linklocal_learn 1 mcast_vlan_snooping 0 vlan_filtering 1; ip link set br0 type bridge no_linklocal_learn 0 mcast_snooping 7 fdb_flush',
    'ip link add br0 type bridge; ip link add v type veth peer name w; ip link add k type veth peer name l; ip link set v master br0; ip link set k master br0; ip link set v type bridge_slave backup_port k mcast_fast_leave on neigh_suppress on group_fwd_mask 8; ip link set v type bridge_slave fdb_flush; ip link set k type bridge_slave nobackup_port',
    'ip link add v type vxlan id 1; ip link add a type vxlan id 2 dstport 0 remote fd00::5 flowlabel 77 ttl inherit tos inherit; ip link add b type vxlan id 3 dstport 0 gbp remcsumtx; ip link add c type vxlan external gpe; ip link set v type vxlan ttl 5',
    'ip link add v type veth peer name w; ip link set v gro_max_size 4000 gso_max_segs 100 txqueuelen -1; ip link set v netns n1 index 77; ip link add t type veth peer name u index 300',
  ],
  addresses: [
    'ip a a fd00::1/64 nodad home dev lo; ip a a nodad fd00::2/64 dev lo; ip a a 10.0.0.1/24 home nodad dev lo; ip a a fd00::3/64 dadfailed tentative dev lo; ip a a 10.010.0x1.1/0x18 dev lo; ip l add br0 type bridge; ip l s br0 up; ip a a 239.0.0.1/32 autojoin dev br0',
    'ip link set lo up; ip a a 10.0.0.1/24 brd + dev lo label lo:1; ip a a 10.0.0.2/24 brd - dev lo; ip a a 10.0.1.1/24 brd 10.0.1.77 dev lo scope link; ip a replace 10.0.7.1/24 dev lo metric 3 noprefixroute',
    'ip a a 10.0.0.1/24 dev lo valid_lft 99999 preferred_lft forever; ip a change 10.0.0.1/24 dev lo valid_lft forever',
    'ip link set lo up; ip a a 10.0.0.1 peer 10.0.0.9/32 dev lo; ip a d 10.0.0.1 dev lo',
    'ip a a 10.0.0.1/24 dev lo; ip a a 10.0.0.2/24 dev lo; ip a d 10.0.0.1/24 dev lo; ip a a 10.1/16 dev lo; ip a a 1.2.3.4/255.255.255.0 dev lo',
    'ip a a 10.0.0.1/24 dev lo; ip a a 10.0.1.2/24 dev lo; ip a flush dev lo',
    'ip a a 10.0.0.1/24 dev lo; ip a a fd00::1/64 dev lo nodad; ip -s a flush dev lo scope global',
    'ip a a 10.0.0.1/24 dev lo; ip a a 10.0.1.2/24 dev lo;  ip -4 a flush dev lo to 10.0.1.0/24',
    'ip a a fd00::1/64 dev lo preferred_lft 0 nodad; ip a a fd00::2/128 dev lo home; ip a a 127.0.0.5/8 dev lo',
  ],
  routes: [
    'ip l add br0 type bridge; ip l s br0 up; ip a a 10.0.0.1/24 dev br0; ip r a default via 10.0.0.2; ip r a 1.0.0.0/8 via 10.0.0.3 dev br0 metric 7 src 10.0.0.1 mtu 1000; ip r replace default via 10.0.0.9; ip r append 1.0.0.0/8 via 10.0.0.4 metric 7; ip r change 1.0.0.0/8 via 10.0.0.8 metric 9; ip r del default',
    'ip l add br0 type bridge; ip l s br0 up; ip a a 10.0.0.1/24 dev br0; ip r a 2.0.0.0/8 nexthop via 10.0.0.2 weight 3 nexthop via 10.0.0.3 dev br0 onlink; ip r a blackhole 3.0.0.0/8; ip r a unreachable 4.0.0.0/8 metric 5; ip r a prohibit 5.5.5.5; ip r a throw 6.0.0.0/8 table 77; ip r a local 9.9.9.9 dev br0; ip r d blackhole 3.0.0.0/8; ip r a 7.7.7.7 dev br0 scope link proto static; ip r a 8.8.8.8 via 99.9.9.9 dev br0 onlink; ip r a 8.7.0.0/16 via inet6 fe80::1 dev br0',
    'ip l add br0 type bridge; ip l s br0 up; ip a a fd00::1/64 dev br0 nodad; ip -6 r a default via fd00::2; ip r a fd01::/64 via fd00::3 metric 5 pref high; ip r a unreachable fd02::/64; ip r a fd03::/64 nexthop via fd00::5 nexthop via fd00::6; ip r d fd01::/64; ip route add default dev br0 table 1000',
    'ip l add br0 type bridge; ip l s br0 up; ip a a 10.0.0.1/24 dev br0; ip r a 2.0.0.0/8 via 10.0.0.2 table 5; ip r a 3.0.0.0/8 via 10.0.0.2; ip r flush table 5; ip r flush root 3.0.0.0/8; ip r flush dev br0',
  ],
  'next hops': [
    'ip l add br0 type bridge; ip l s br0 up; ip a a 10.0.0.1/24 dev br0; ip nexthop add id 1 via 10.0.0.2 dev br0 protocol zebra; ip nexthop a id 2 via 10.0.0.3 dev br0 onlink; ip nexthop add via 10.0.0.4 dev br0; ip nexthop add id 9 group 1,3/2; ip r a 1.0.0.0/8 nhid 9; ip r a 2.0.0.0/8 nhid 1; ip r replace 2.0.0.0/8 nhid 2; ip nexthop replace id 1 via 10.0.0.99 dev br0; ip nexthop replace id 9 group 2,7/1,8',
    'ip l add br0 type bridge; ip l s br0 up; ip a a 10.0.0.1/24 dev br0; ip nexthop add id 1 via 10.0.0.2 dev br0; ip nexthop add id 2 dev br0; ip nexthop add id 3 blackhole; ip nexthop add id 9 group 1/2; ip r a 1.0.0.0/8 nhid 9; ip r a 2.0.0.0/8 nhid 1; ip r a 3.0.0.0/8 nhid 3; ip nexthop del id 1; ip r d 3.0.0.0/8 nhid 3',
    'ip l add br0 type bridge; ip l s br0 up; ip a a fd00::1/64 dev br0 nodad; ip nexthop add id 1 via fd00::2 dev br0; ip nexthop add id 2 via fd00::3 dev br0; ip nexthop add id 3 group 1/2 type resilient buckets 4 idle_timer 7; ip r a fd01::/64 nhid 3; ip nexthop flush groups; ip nexthop flush protocol 7; ip nexthop flush id 2',
    'ip l add br0 type bridge; ip l s br0 up; ip nexthop add id 1 dev br0 protocol 7; ip nexthop add id 2 blackhole; ip nexthop add id 3 group 2; ip nexthop flush protocol 7; ip nexthop flush; ip nexthop flush',
  ],
  metrics: [
    'ip l add br0 type bridge; ip l s br0 up; ip a a 10.0.0.1/24 dev br0; ip r a 1.0.0.0/8 via 10.0.0.3 rto_min 5 rtt 100 rttvar 7; ip r a 2.0.0.0/8 via 10.0.0.3 rto_min 200ms rtt 1.5s rttvar 70ms; ip r a 3.0.0.0/8 via 10.0.0.3 features ecn congctl lock reno fastopen_no_cookie 1; ip r a 4.0.0.0/8 via 10.0.0.3 hoplimit 5 window 7 cwnd 8 ssthresh 9 reordering 3 initrwnd 4; ip r flush table 9; ip -j r',
  ],
  neighbours: [
    'ip l add br0 type bridge; ip l s br0 up; ip n a 10.0.0.2 lladdr 2:3:4:5:6:7 dev br0; ip n a 10.0.0.3 lladdr 2:3:4:5:6:7 dev br0 nud stale; ip n replace 10.0.0.3 lladdr 2:3:4:5:6:8 dev br0 nud reachable; ip n d 10.0.0.2 dev br0; ip n a proxy 10.0.0.7 dev br0; ip n change 10.0.0.3 lladdr 2:3:4:5:6:9 dev br0; ip n a fd00::5 lladdr 2:3:4:5:6:7 router dev br0',
    'ip l add br0 type bridge; ip l s br0 up; ip n a 10.0.0.2 lladdr 2:3:4:5:6:7 dev br0; ip n a 10.0.0.3 lladdr 2:3:4:5:6:7 dev br0 nud stale; ip n flush dev br0; ip n flush all',
    'ip l add br0 type bridge; ip l s br0 up; ip n a 10.0.0.2 lladdr 2:3:4:5:6:7 dev br0 extern_learn; ip n a 10.0.0.3 lladdr 2:3:4:5:6:7 dev br0; ip n a 10.0.0.4 lladdr 2:3:4:5:6:7 dev br0 nud noarp; ip n flush dev br0; ip n flush dev br0 nud permanent; ip n s nud all | grep ^10',
  ],
  'namespaces, batches': [
    'ip netns add n2; ip netns set n2 7; ip netns list-id; ip netns attach n3 $$; ip netns del n1; ip netns list; ip netns add n2',
    'ip netns add n2; ip netns add n1; ip -all netns del',
    'ip netns set n1 auto; ip netns set n1 5',
    "printf 'link add b type bridge\\nlink set b up\\n# comment\\n\\nlink set nope up\\nlink add c type bridge\\n' | ip -batch -",
    `printf 'link add b type bridge\\nlink set nope up\\nlink add c alias "x y" type bridge\\n' | ip -force -b -`,
  ],
};

/** Kinds that not every kernel has. */
const OPTIONAL: Readonly<Record<string, readonly string[]>> = {
  dummy: [
    'ip link add d0 type dummy; ip link set d0 up mtu 9000; ip a a 10.0.0.1/24 dev d0; ip r a 10.1.0.0/16 via 10.0.0.9; ip link add d0 type dummy; ip link del d0',
  ],
  vlan: [
    'ip link add aa type veth peer name b; ip link add link aa name aa.5 type vlan id 5 reorder_hdr off gvrp on; ip link add link aa name q type vlan proto 802.1ad id 4094; ip link set aa.5 up; ip link set q type vlan mvrp on; ip link add link aa x type vlan id 5000; ip link add link aa x type vlan id x; ip link add x type vlan id 5',
  ],
};

const WRONG = [
  ...[
    'a a 1.2.3.4/24 dev lo metric 99999999999',
    'r a 1.2.3.0/24 nexthop dev lo weight 300',
    'r get 127.0.0.1 mark 99999999999',
  ],
  ...['r a 1.2.4.0/24 dev lo proto 300', 'r a 1.2.4.0/24 dev lo scope 256', 'r a to 1.2.9.0/24 to 1.2.8.0/24 dev lo'],
  ...[
    'n get',
    '-f foo a',
    'r get 127.0.0.1/8',
    'n r 10.0.0.7 lladdr 1:2:3:4:5:6 dev lo proto static',
    'r s tos x',
    'r s metric x',
  ],
  ...['foo', 'link foo', 'addr foo', 'r foo', 'n foo', 'netns foo', '-foo l', '-batch /nope', '-n nope l'],
  ...[
    'link add x/y type bridge',
    'link add 1234567890123456 type bridge',
    'link add "a b" type bridge',
    'link set lo mtu 5',
  ],
  ...[
    'link set lo mtu -5',
    'link set lo mtu x',
    'link add lo type bridge',
    'link add br0 type nosuch',
    'link add',
    'link set',
  ],
  ...['link add br0 type bridge foo 1', 'link add br0 type bridge stp_state x', 'link add br0 type bridge stp_state'],
  ...[
    'link add v type vxlan id x',
    'link add v type vxlan id 99999999',
    'link add v type vxlan',
    'link add aa type veth peer name aa',
  ],
  ...[
    'link add aa type veth foo',
    'link add aa type veth peer name b netns nope',
    'link add link nope name m type macvlan',
  ],
  ...[
    'link add link lo name m type macvlan mode foo',
    'link set nope master br0',
    'link set lo master nope',
    'link set lo master lo',
  ],
  ...[
    'link set lo netns nope',
    'link set lo foo bar',
    'link set lo up down foo',
    'link set lo name',
    'link set lo arp foo',
  ],
  ...['link set lo address x', 'link set dev lo dev lo', 'link set dev', 'link del nope', 'link del lo', 'link del'],
  ...[
    'a a 1.2.3.4/33 dev lo',
    'a a 1.2.3.4/x dev lo',
    'a a fd00::1/129 dev lo',
    'a a 1.2.3.4/24 dev nope',
    'a a 1.2.3.4/24',
  ],
  ...[
    'a a 1.2.3.4/24 dev lo valid_lft 5 preferred_lft 10',
    'a a 1.2.3.4/24 dev lo valid_lft 0',
    'a a 1.2.3.4/24 2.3.4.5/24 dev lo',
  ],
  ...[
    'a d 1.2.3.4/24 dev lo',
    'a a 1.2.3.4/24 brd 1.2.3.4.5 dev lo',
    'a a fd00::1/64 brd + dev lo',
    'a a x dev lo',
    'a a',
  ],
  ...[
    '-6 a a 1.2.3.4/8 dev lo',
    'a a 1.2.3.4/8 dev lo scope foo',
    'a a 1.2.3.4/8 dev lo valid_lft x',
    'a flush',
    'a s dev nope',
  ],
  ...[
    'r a default',
    'r a default via 1.2.3.4',
    'r a 1.2.3.4/33 dev lo',
    'r a 1.2.3.4/24 dev lo',
    'r a 1.2.3.0/24 dev nope',
    'r a 1.2.3.4.5',
  ],
  ...[
    'r a 1.2.3.0/24 foo',
    'r d 1.2.3.0/24',
    'r a 1.2.3.0/24 via x dev lo',
    'r a 1.2.3.0/24 dev lo metric x',
    'r get x',
    'r get',
  ],
  ...[
    'r a 1.2.3.0/24 dev lo table x',
    'r a 1.2.3.0/24 dev lo scope x',
    'r get 1.2.3.4',
    'r flush',
    'r s table foo',
    'r s dev nope',
  ],
  ...[
    'nexthop foo',
    'nexthop add',
    'nexthop add id',
    'nexthop add id x',
    'nexthop add id -1 blackhole',
    'nexthop add id 1 foo',
  ],
  ...[
    'nexthop add id 1 via x dev lo',
    'nexthop add id 1 via 1.2.3.4',
    'nexthop add id 1 dev nope',
    'nexthop add id 1 via 1.2.3.4 dev lo',
  ],
  ...[
    'nexthop add id 1 group x',
    'nexthop add id 1 group 2,0',
    'nexthop add id 1 group 2,99999',
    'nexthop add id 1 group 2',
    'nexthop add id 1 group /',
  ],
  ...[
    'nexthop add id 1 group 2 type x',
    'nexthop add id 1 group 2 type resilient buckets x',
    'nexthop add id 1 blackhole protocol x',
  ],
  ...[
    'nexthop add id 1 group 2 type resilient idle_timer x',
    'nexthop del',
    'nexthop del id 7',
    'nexthop del id x',
    'nexthop del 7',
  ],
  ...[
    'nexthop get',
    'nexthop get id',
    'nexthop get id 7',
    'nexthop get id 7 8',
    'nexthop list foo',
    'nexthop list dev nope',
    'nexthop list vrf lo',
  ],
  ...[
    'nexthop list protocol x',
    'nexthop flush id 7',
    'r a 1.2.3.0/24 nhid 7',
    'r a 1.2.3.0/24 nhid x',
    'r a 1.2.3.0/24 nhid 7 via 1.2.3.4',
  ],
  ...['n a 1.2.3.4', 'n a x dev lo', 'n a 1.2.3.4 dev nope lladdr 1:2:3:4:5:6', 'n a 1.2.3.4 dev lo lladdr x', 'n add'],
  ...[
    'n a 1.2.3.4 dev lo nud foo',
    'n d 1.2.3.4 dev lo',
    'netns exec',
    'netns exec n1',
    'netns exec nope true',
    'netns add',
  ],
  ...[
    'netns identify x',
    'netns identify 999999999',
    'netns pids nope',
    'netns attach n1 $$',
    'netns attach n5 999999999',
  ],
  ...['netns attach n5', 'netns set n1 x', 'netns set n1', 'netns del nope', 'netns add ..', 'netns add a/b'],
  ...['netns add ""', 'netns add n1', 'link show nope', '-j link show nope'],
];

const commands = (list: readonly string[]) => list.map((words) => `ip ${words}`);

/** Counters of links other than lo: how much the kernel sends by itself depends on how long it had. */
const withoutCounters = (text: string) =>
  text
    .split(/^(?=\d+: )/m)
    .map((link) =>
      link.startsWith('1: lo')
        ? link
        : link.replace(/^ +\d+(?: +\d+)+ *$/gm, (line) => line.replace(/\d+/g, (value) => 'N'.padStart(value.length))),
    )
    .join('')
    .replace(/("ifname": ?"br0"[\s\S]*?"dropped": ?)\d+([\s\S]*?"dropped": ?)\d+/g, '$1N$2N');

describe('ip: the same output, text and JSON', () => {
  test(Object.keys(LISTS).join(', '), (context) => {
    needs(context, needsRoot, needsProgram('ip', 'ping'));
    const setup = `${SETUP}\nping -q -c 3 -i 0.2 -s 1000 127.0.0.1 >/dev/null`;
    expectSame(commands(Object.values(LISTS).flat()), { setup, clean: withoutCounters });
  });
});

test('ip: the same output of next hops and of routes by them', (context) => {
  needs(context, needsRoot, needsProgram('ip'));
  expectSame(commands(NEXT_HOPS), { setup: NEXT_HOP_SETUP });
});

describe('ip: the same is made', () => {
  for (const [name, groups] of Object.entries(CHANGES))
    test(name, (context) => {
      needs(context, needsRoot, needsProgram('ip'));
      expectSameState(groups);
    });
});

describe('ip: the same is made, where the kernel has the kind', () => {
  for (const [kind, groups] of Object.entries(OPTIONAL))
    test(kind, (context) => {
      needs(context, needsRoot, needsProgram('ip'), needsKind(kind));
      expectSameState(groups);
    });
});

/** Shown of what has come of the commands; where the kernel adds something by itself, IPv4 alone. */
const SHOWN = [
  ...['-d -o link', '-j -d link', '-o addr', '-j -p addr', '-4 -d route show table all', '-4 -j route show table all'],
  ...[
    "-j neigh show nud permanent | tr '{' '\\n' | tr -d '},]' | sort",
    '-6 -d route',
    '-4 -o route',
    'neigh show nud permanent | sort',
    'neigh show proxy | sort',
  ],
  ...['-d nexthop', '-j nexthop', '-br addr', '-j -br link', 'tuntap'],
];

/** What the kernel does by itself, and times. */
const withoutTime = (text: string) =>
  withoutCounters(text)
    .split('\n')
    .filter((line) => !/LINKLOCAL.*(proto kernel|scope link)|(ff00|fe80)::.*proto kernel| lladdr +NOARP/.test(line))
    .join('\n')
    .replace(/((?:tcn|topology_change|hold|message_age|forward_delay)_timer"?:?) *[\d.]+/g, '$1 N')
    .replace(/(unbalanced_time"?:?) ?[\d.]+/g, '$1 N')
    .replace(/((?:valid|preferred)_l(?:ft|ife_time)"?:?) ?(?:9\d{4}|100000)/g, '$1 N');

describe('ip: commands by chance, and what came of them as either shows it', () => {
  for (const seed of [1, 2, 3, 4])
    test(`seed ${seed}`, (context) => {
      needs(context, needsRoot, needsProgram('ip'));
      // Each by its own program, then both states by the original, then both by ours.
      const shown = SHOWN.flatMap((words) => [`ip ${words}`, `${IP} ${words}`, `PATH=${compatPath}; ip ${words}`]);
      expectSame([...commands(randomCommands(seed, 40)), 'sleep 2.5', ...shown], { clean: withoutTime });
    });
});

describe('ip: the same is refused', () => {
  test('messages and statuses', (context) => {
    needs(context, needsRoot, needsProgram('ip'));
    const clean = (text: string) => text.replace(USAGE, '');
    expectSame(commands(WRONG), { setup: 'ip netns add n1', clean });
  });
});
