/** Every key word of ip(8) with values that are none: the original's message and status, and never a stack trace. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { PRIVATE, withoutChance } from '../harness/network.ts';
import { originals } from '../harness/parity.ts';
import { compatPath, shell, temporaryFolder } from '../harness/run.ts';
import { needs, needsProgram, needsRoot } from '../harness/skip.ts';

const SIDES = [
  ['theirs', originals()],
  ['ours', compatPath],
] as const;

const SETUP = `
ip link add br0 address 02:00:00:00:00:01 type bridge; ip link set br0 addrgenmode none up; ip link set lo up
ip link add v address 02:00:00:00:00:02 type veth peer name w address 02:00:00:00:00:03; ip link set v master br0
ip link add p address 02:00:00:00:00:04 type veth peer name q address 02:00:00:00:00:05`;

/** Where a word stands (at the %), and the words. Those that fit nothing or the name of a link take no value here. */
const WORDS: Readonly<Record<string, string>> = {
  'link add zz type bridge %':
    'forward_delay hello_time max_age ageing_time stp_state priority prio vlan_filtering vlan_protocol group_fwd_mask vlan_default_pvid vlan_stats_enabled vlan_stats_per_port mcast_router mcast_snooping mcast_vlan_snooping mcast_query_use_ifaddr mcast_querier mcast_hash_elasticity mcast_hash_max mcast_last_member_count mcast_startup_query_count mcast_last_member_interval mcast_membership_interval mcast_querier_interval mcast_query_interval mcast_query_response_interval mcast_startup_query_interval mcast_stats_enabled mcast_igmp_version mcast_mld_version nf_call_iptables nf_call_ip6tables nf_call_arptables group_address no_linklocal_learn',
  'link set v type bridge_slave %':
    'state priority cost guard hairpin fastleave root_block learning flood proxy_arp proxy_arp_wifi mcast_router mcast_fast_leave mcast_flood bcast_flood mcast_to_unicast group_fwd_mask neigh_suppress vlan_tunnel isolated locked backup_port',
  'link add zz link p type vlan %': 'id protocol reorder_hdr gvrp mvrp loose_binding bridge_binding ingress-qos-map',
  'link add zz link p type macvlan %': 'mode bcqueuelen flag',
  'link add zz type vxlan id 5 dstport 0 %': 'group remote local ttl tos df flowlabel dev srcport ageing maxaddress',
  'link add zz type vxlan id 5 %': 'dstport',
  'link add zz dstport 0 type vxlan %': 'id',
  'link set q %':
    'mtu txqueuelen address broadcast group mode state numtxqueues numrxqueues addrgenmode protodown protodown_reason gso_max_size gso_max_segs gro_max_size master vrf arp dynamic multicast allmulticast promisc trailers carrier',
  'link show %': 'master group',
  'addr add 10.5.0.1/24 dev br0 %': 'peer broadcast anycast scope metric valid_lft preferred_lft',
  'addr show %': 'scope to master group',
  'route add 10.9.0.0/16 dev lo %':
    'via from tos metric scope mtu hoplimit advmss reordering window cwnd initcwnd initrwnd quickack ssthresh features fastopen_no_cookie nhid protocol table pref expires src ttl-propagate as',
  'route add 10.8.0.0/16 nexthop dev lo %': 'via weight',
  'route add %': 'to blackhole unicast',
  'route show %': 'table dev via src proto scope type tos metric root match exact vrf from mark',
  'route get 127.0.0.1 %': 'from iif oif mark tos uid ipproto sport dport vrf as',
  'route get %': 'to',
  'neigh add 10.0.0.1 dev br0 %': 'lladdr nud protocol',
  'neigh add %': 'proxy to',
  'neigh show %': 'dev nud to vrf proto master',
  'neigh get %': 'dev to',
  'nexthop add id 7 blackhole %': 'id dev via protocol',
  'nexthop add id 7 %': 'via dev group',
  'nexthop add id 7 group 1 %': 'type',
  'nexthop add id 7 group 1 type resilient %': 'buckets idle_timer unbalanced_timer',
  'nexthop show %': 'id dev vrf master protocol',
  'nexthop get %': 'id',
  'nexthop del %': 'id',
  'netns list-id %': 'target-nsid nsid',
  'netns %': 'identify pids',
  'tuntap add %': 'mode',
};
const BASES = Object.entries(WORDS).flatMap(([place, words]) =>
  words.split(' ').map((word) => place.replace('%', word)),
);
const LONG = 'a'.repeat(300);
const VALUES = ['', '-1', '1e3', '99999999999999999999', '0x', 'abc', LONG];

/** Where ours is stricter on purpose, or says more. */
const STRICTER: readonly RegExp[] = [
  /(lladdr|address|broadcast) 0x$/, // a part without digits
  /netns list-id \S+ -1$/, // the original names "(null)"
  /netns identify a+$/,
  /route get 127\.0\.0\.1 (mark|tos|uid) 0x$/,
];

const quoted = (word: string) => `'${word}'`;

/** What either says of each command. */
function both(commands: readonly string[]): { theirs: string[]; ours: string[] } {
  using folder = temporaryFolder();
  const at = (name: string) => join(folder.path, name);
  const run = commands.map((command) => `ip ${command} 2>&1; printf '\\f'`);
  for (const [name, path] of SIDES)
    writeFileSync(at(`${name}.sh`), `${PRIVATE}\n${SETUP}\nPATH=${path}\n${run.join('\n')}\n`);
  const { status, stderr } = shell(
    `cd ${folder.path}; unshare -n -m sh theirs.sh >theirs & unshare -n -m sh ours.sh >ours; wait`,
    { timeout: 240_000 },
  );
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  const clean = (text: string) =>
    withoutChance(text)
      .replace(/^Usage:[\s\S]*$/m, '')
      .replaceAll('is a garbage', 'is garbage');
  const said = (name: string) => readFileSync(at(name), 'utf8').split('\f').slice(0, -1).map(clean);
  return { theirs: said('theirs'), ours: said('ours') };
}

test('ip: values that are none, of every key word', (context) => {
  needs(context, needsRoot, needsProgram('ip'));
  // A start each: every word, with some of the values in turn.
  const commands = BASES.flatMap((base, at) => [
    base,
    ...VALUES.filter((_, index) => (index + at) % 3 === 0).map((value) => `${base} ${quoted(value)}`),
  ]).filter((command) => !STRICTER.some((each) => each.test(command.replaceAll("'", ''))));
  const { theirs, ours } = both(commands);
  expect(ours.length).toBe(commands.length);
  expect(ours.filter((text) => /internal error|\bat .*:\d+:\d+/.test(text))).toEqual([]);
  const differences = commands.flatMap((command, index) =>
    ours[index] === theirs[index] ? [] : [{ command, theirs: theirs[index], ours: ours[index] }],
  );
  expect(differences).toEqual([]);
});

test('ip: the status is that of the original', (context) => {
  needs(context, needsRoot, needsProgram('ip'));
  using folder = temporaryFolder();
  // One word of each place, each with a value and without; bytes that are no UTF-8 among them.
  const commands = Object.entries(WORDS)
    .map(([place, words]) => place.replace('%', words.split(' ')[0] as string))
    .flatMap((base) => [base, `${base} abc`, `${base} "$(printf '\\377')"`]);
  for (const [name, path] of SIDES) {
    const run = commands.map(
      (command) => `ip ${command} >/dev/null 2>&1; echo "$? ip"' ${command.replaceAll("'", '')}'`,
    );
    writeFileSync(join(folder.path, name), `${PRIVATE}\n${SETUP}\nPATH=${path}\n${run.join('\n')}\n`);
  }
  const run = (name: string) =>
    shell(`cd ${folder.path}; unshare -n -m sh ${name}`, { timeout: 240_000 }).stdout.split('\n');
  expect(run('ours')).toEqual(run('theirs'));
});

/** Words that only the newest has, and what it says of "x" behind them. */
const NEWER: readonly (readonly [command: string, status: number, message: string])[] = [
  ['link add zz type bridge mst_enabled x', 255, 'Error: argument "x" is wrong: invalid mst_enabled'],
  ['link add zz type bridge fdb_max_learned x', 255, 'Error: argument "x" is wrong: invalid fdb_max_learned'],
  ['link set v type bridge_slave mab x', 1, 'Error: argument of "mab" must be one of "off", "on", not "x"'],
  [
    'link set v type bridge_slave neigh_vlan_suppress x',
    1,
    'Error: argument of "neigh_vlan_suppress" must be one of "off", "on", not "x"',
  ],
  ['link set v type bridge_slave backup_nhid x', 255, 'Error: argument "x" is wrong: backup_nhid is invalid'],
  ['link add zz link p type macvlan bclim x', 1, 'Error: illegal value for "bclim": "x"'],
  ['link add zz type vxlan id 5 dstport 0 reserved_bits x', 255, 'Error: argument "x" is wrong: reserved_bits'],
  ['link set q gso_ipv4_max_size x', 255, 'Error: argument "x" is wrong: Invalid "gso_ipv4_max_size" value'],
  ['link set q gro_ipv4_max_size x', 255, 'Error: argument "x" is wrong: Invalid "gro_ipv4_max_size" value'],
  ['link set q carrier x', 22, 'Error: argument of "carrier" must be one of "off", "on", not "x"'],
  ['addr add 10.5.0.1/24 dev br0 proto x', 255, 'Error: argument "x" is wrong: "proto" value is invalid'],
  ['nexthop add id 7 group 1 hw_stats x', 22, 'Error: argument of "hw_stats" must be one of "off", "on", not "x"'],
  ['link add link p m2 type macvlan mode vepa nopromisc', 1, 'macvlan: nopromisc flag only valid in passthru mode'],
  ['route add 10.9.0.0/16 dev lo realms -1', 255, 'Error: argument "-1" is wrong: "realm" value is invalid'],
  ['link set q netns 99999999', 255, 'Error: argument "99999999" is wrong: Invalid "netns" value'],
];

test('ip: words of the newest', (context) => {
  needs(context, needsRoot, needsProgram('ip'));
  const script = NEWER.map(([command]) => `ip ${command}; echo "status $?"`).join('\n');
  const { stdout } = shell(
    `unshare -n -m sh -c '${`${PRIVATE}\n${SETUP}\nPATH=${compatPath}\n${script}`.replaceAll("'", `'\\''`)}' 2>&1`,
    { timeout: 120_000 },
  );
  const expected = NEWER.flatMap(([, status, message]) => [message, `status ${status}`]);
  expect(stdout.split('\n').filter((line) => line !== '')).toEqual(expected);
});
