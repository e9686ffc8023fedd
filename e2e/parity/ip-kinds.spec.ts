/**
 * Kinds of links: the request that the newest ip(8) sends and that of ours, byte for byte. Most kernels lack most of the kinds, and
 * refuse: what is compared is what they are asked.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { chance } from '../harness/chance.ts';
import { newestOf, originals } from '../harness/parity.ts';
import { compatPath, shell, temporaryFolder } from '../harness/run.ts';
import { needs, needsProgram, needsRoot } from '../harness/skip.ts';

const needsNewest = () => (newestOf('ip') ? undefined : 'older versions lack some of the kinds');

const KINDS = [
  'gre remote 1.2.3.4 local 5.6.7.8 key 5 seq ttl 7 dev p0 ignore-df tos 0x10 fwmark 9',
  'gre external',
  'gre ikey 1.2.3.4 okey 7 icsum oseq nopmtudisc noignore-df dev p0',
  'gre key 5 nokey',
  'gre key 5 noikey noseq seq nooseq csum noicsum',
  'gre encap fou encap-sport auto encap-dport 5555 encap-csum encap-remcsum noencap-csum encap-udp6-csum',
  'gre remote any local any tos inherit ttl inherit',
  'gretap remote 239.1.1.1 local 1.1.1.1',
  'gretap remote 239.1.1.1 local 1.1.1.1 key 9',
  'erspan remote 1.2.3.4 local 1.1.1.1 erspan_ver 2 erspan_dir egress erspan_hwid 0x7',
  'erspan remote 1.2.3.4 local 1.1.1.1 erspan_ver 0 erspan 7',
  'erspan remote 1.2.3.4 local 1.1.1.1 erspan 7',
  'erspan remote 1.2.3.4',
  'ip6gre remote fd00::1 local fd00::2 dev p0 ttl 9 tclass 0x12 flowlabel 0x345 encaplimit 7 key 3 seq fwmark 8',
  'ip6gre external',
  'ip6gre tclass inherit flowlabel inherit dscp inherit fwmark inherit encaplimit none allow-localremote',
  'ip6gretap encap gue encap-sport 7 noencap-udp6-csum noallow-localremote',
  'ip6gre tclass 5 tclass inherit',
  'ip6erspan remote fd00::1 erspan_ver 1 erspan 6',
  'ip6erspan remote fd00::1 erspan_ver 2 erspan_dir ingress erspan_hwid 3',
  'ip6erspan erspan_ver 0',
  'bond mode 1 miimon 100 updelay 200 downdelay 300 peer_notify_delay 400 use_carrier 1',
  'bond mode 802.3ad lacp_rate fast lacp_active off ad_select bandwidth ad_user_port_key 5 ad_actor_sys_prio 6 ad_actor_system 2:0:0:0:0:1 min_links 2 xmit_hash_policy vlan+srcmac coupled_control on',
  'bond arp_interval 5 arp_ip_target 1.2.3.4,5.6.7.8 arp_validate all arp_all_targets any arp_missed_max 7',
  'bond ns_ip6_target fd00::1,fd00::2 primary p0 active_slave p1 primary_reselect better fail_over_mac follow resend_igmp 4 num_grat_arp 5 all_slaves_active 1 lp_interval 3 packets_per_slave 8 tlb_dynamic_lb 0',
  'bond clear_active_slave num_unsol_na 4 arp_ip_target',
  'bond mod 1 prim p0 a p1 min 4 lacp_r fast',
  'geneve id 5 remote 1.2.3.4',
  'geneve external',
  'geneve id 4 remote fd00::1 innerprotoinherit ttl inherit df set tos 4 label 5 udpcsum dstport 5',
  'geneve id 4 remote fd00::1 noudpcsum udp6zerocsumtx noudp6zerocsumrx ttl auto tos inherit dstport 0',
  'geneve external udpcsum',
  'xfrm external',
  'xfrm dev p0 if_id 9',
  'xfrm if_id 0x10 dev p0',
  'hsr slave1 p0 slave2 p1 version 1 proto 0 supervision 5',
  'hsr slave1 p0 slave2 p1 interlink lo proto 1',
  'macsec port 5 cipher gcm-aes-xpn-256 icvlen 16 replay on window 0x10 encodingsa 2 offload mac validate strict',
  'macsec sci 55 encrypt on send_sci off end_station on',
  'macsec address 1:2:3:4:5:6 port 7 cipher default protect off',
  'macsec cipher gcm-aes-128',
  'macsec cipher GCM-AES-256 validate disabled offload off replay off',
  'macsec scb on cipher gcm-aes-xpn-128',
  'bareudp dstport 5 ethertype ip srcportmin 7 multiproto',
  'bareudp dstport 5 ethertype mpls_uc nomultiproto',
  'bareudp ethertype 0x800 dstport 7',
  'bareudp dstport 9 ethertype ipv6',
  'ipip remote 1.1.1.1 local 2.2.2.2 dev p0 ttl 5 tos 4 fwmark 7',
  'ipip external',
  'ipip mode mplsip external',
  'ipip encap gue encap-sport auto encap-dport 5 encap-remcsum',
  'ipip mode ipip nopmtudisc',
  'ipip mode any',
  'sit isatap',
  'sit mode ip6ip 6rd-prefix 2001:db8::/32 6rd-relay_prefix 10.0.0.0/8',
  'sit 6rd-prefix 2001::/16',
  'sit 6rd-relay_prefix 10.0.0.0/8',
  'ip6tnl mode ipip6 remote fd00::2 local fd00::1 dev p0 hoplimit 7 encaplimit 5 tclass 0x11 flowlabel 0x3 fwmark 6',
  'ip6tnl external',
  'ip6tnl mode any encaplimit none tclass inherit flowlabel inherit dscp inherit fwmark inherit allow-localremote',
  'ip6tnl mode ip6ip6 encap fou encap-dport 8 noencap-udp6-csum',
  'vti key 7 remote 1.1.1.1 local 2.2.2.2 dev p0 fwmark 3',
  'vti ikey 1.2.3.4 okey 5',
  'vti6 key 1.2.3.4 remote fd00::1 local fd00::2 dev p0',
  'vti6 okey 77 fwmark 0x10',
  'vrf table 77',
  'vrf table main',
  'dummy',
  'ifb',
  'wireguard',
  'ipvlan mode l3s private',
  'ipvtap mode l2 vepa',
];

/** iproute2 keeps what it has read of these from one line of a batch to the next: each is given by itself. */
const ALONE = [
  'netkit mode l2 blackhole peer forward name foo',
  'netkit peer name foo up',
  'netkit scrub none peer scrub none blackhole mtu 1400',
  'netkit forward',
  'netkit mode l3 scrub default',
];

/** Bytes as strace(1) shows them with -xx. */
const bytesOf = (shown: string): Buffer => Buffer.from(shown.replace(/\\x/g, ''), 'hex');

/** Attributes of a message, or of another one. */
function attributesOf(bytes: Buffer): Map<number, Buffer> {
  const found = new Map<number, Buffer>();
  for (let at = 0; at + 4 <= bytes.length; at += (bytes.readUInt16LE(at) + 3) & ~3) {
    const length = bytes.readUInt16LE(at);
    if (length < 4) break;
    found.set(bytes.readUInt16LE(at + 2) & 0x3fff, bytes.subarray(at + 4, at + length));
  }
  return found;
}

const textOf = (bytes: Buffer | undefined): string => (bytes?.toString() ?? '').replaceAll('\0', '');

/** `TYPE=HEX` of all that a kind has of its own, in the order in which it is sent. */
function formatData(bytes: Buffer | undefined): string {
  const parts: string[] = [];
  for (let at = 0; bytes && at + 4 <= bytes.length; at += Math.max(4, (bytes.readUInt16LE(at) + 3) & ~3))
    parts.push(
      `${bytes.readUInt16LE(at + 2)}=${bytes.subarray(at + 4, at + Math.max(4, bytes.readUInt16LE(at))).toString('hex')}`,
    );
  return parts.join(' ');
}

/** struct ifinfomsg. */
const HEADER = 16;

/** What a request says of the kind. */
interface KindOf {
  readonly kind: string;
  readonly data?: Buffer;
}

/** By name of the link. Where strace knows the socket it shows attributes, else bytes. */
function requestsIn(trace: string): Map<string, KindOf> {
  const requests = new Map<string, KindOf>();
  for (const line of trace.split('\n')) {
    if (!/nlmsg_type=(RTM_NEWLINK|0x10 )/.test(line)) continue;
    const raw = /nlmsg_pid=\d+\}, "((?:\\x..)+)"/.exec(line)?.[1];
    const all = raw === undefined ? undefined : attributesOf(bytesOf(raw).subarray(HEADER));
    const info = attributesOf(all?.get(18) ?? Buffer.alloc(0));
    const shown = (name: string) => {
      const found = new RegExp(`${name}\\}, "([^"]*)"`).exec(line)?.[1];
      return found === undefined ? undefined : bytesOf(found);
    };
    const name = textOf(all?.get(3) ?? shown('IFLA_IFNAME'));
    const kind = textOf(info.get(1) ?? shown('IFLA_INFO_KIND'));
    requests.set(name, { kind, data: info.get(2) ?? shown('IFLA_INFO_DATA') });
  }
  return requests;
}

/** Requests of all lines by one program, in a network with the links p0 and p1. */
function requestsOf(program: string, lines: readonly string[]): (KindOf | undefined)[] {
  using folder = temporaryFolder();
  const [batch, trace] = ['batch', 'trace'].map((name) => join(folder.path, name)) as [string, string];
  writeFileSync(batch, lines.map((line, index) => `link add k${index}q type ${line}\n`).join(''));
  const strace = `strace -f -e trace=sendmsg,sendto -xx -s 16384 -v -o ${trace}`;
  shell(
    `unshare -n sh -c '${newestOf('ip')} link add p0 type veth peer name p1; ${strace} ${program} -force -batch ${batch}'`,
    { timeout: 120_000 },
  );
  const requests = requestsIn(readFileSync(trace, 'utf8'));
  return lines.map((_, index) => requests.get(`k${index}q`));
}

function expectSame(lines: readonly string[]): void {
  const [theirs, ours] = [newestOf('ip') as string, join(compatPath.split(':')[0] as string, 'ip')].map((program) =>
    requestsOf(program, lines),
  ) as [(KindOf | undefined)[], (KindOf | undefined)[]];
  const rows = (list: readonly (KindOf | undefined)[]) =>
    lines.map((line, index) => `${line}: ${list[index]?.kind} ${formatData(list[index]?.data)}`);
  expect(rows(ours)).toEqual(rows(theirs));
  expect(theirs.filter((each) => each !== undefined).length).toBeGreaterThan(lines.length * 0.8);
}

test('ip link add: what each kind is asked for', (context) => {
  needs(context, needsRoot, needsNewest, needsProgram('strace'));
  expectSame(KINDS);
});

/** One attribute, padded. */
function attribute(type: number, payload: Buffer): Buffer {
  const bytes = Buffer.alloc((4 + payload.length + 3) & ~3);
  bytes.writeUInt16LE(4 + payload.length, 0);
  bytes.writeUInt16LE(type, 2);
  payload.copy(bytes, 4);
  return bytes;
}

/** A notification of a link, which has all that it was asked to have. @param port What it has as a member. */
function notification({ kind, data }: KindOf, port = false): Buffer {
  const [kindType, dataType] = port ? [4, 5] : [1, 2];
  const info = [attribute(kindType, Buffer.from(`${kind}\0`)), ...(data ? [attribute(dataType, data)] : [])];
  const body = Buffer.concat([
    Buffer.alloc(HEADER, 0),
    attribute(3, Buffer.from('x77\0')),
    attribute(18, Buffer.concat(info)),
  ]);
  body.writeUInt16LE(1, 2);
  body.writeInt32LE(77, 4);
  const header = Buffer.alloc(16);
  header.writeUInt32LE(16 + body.length, 0);
  header.writeUInt16LE(16, 4);
  return Buffer.concat([header, body]);
}

const u32 = (value: number) => Buffer.from(Uint32Array.of(value).buffer);
/** What only the kernel says: all attributes of a kind up to `most`, with one byte or four. */
const answers = (
  kind: string,
  most: number,
  make: (type: number) => Buffer,
  without: readonly number[] = [],
): KindOf => ({
  kind,
  data: Buffer.concat(
    Array.from({ length: most }, (_, index) => index + 1)
      .filter((type) => !without.includes(type))
      .map((type) => attribute(type, make(type))),
  ),
});
const ANSWERS: readonly (readonly [KindOf, port?: boolean])[] = [
  [answers('bond', 9, (type) => u32(type === 4 ? 0x1020304 : type), []), true],
  [answers('bond', 9, () => u32(0xff), [4]), true],
  [answers('bond', 32, (type) => u32(type), [8, 23, 31])],
  [answers('bond', 32, () => u32(0), [8, 23, 31])],
  [answers('netkit', 7, (type) => u32(type & 1), [1])],
  [answers('netkit', 7, () => u32(9), [1])],
  [answers('macsec', 15, () => Buffer.alloc(8, 1), [14])],
  [answers('hsr', 8, () => Buffer.alloc(6, 1))],
  [answers('ip6tnl', 8, () => u32(0xff), [2, 3])],
  [answers('xfrm', 2, u32)],
  ...['vti', 'gre', 'ip6gre', 'ipip', 'sit', 'ip6tnl', 'bareudp', 'bond', 'hsr', 'netkit', 'macsec'].map(
    (kind): [KindOf] => [{ kind, data: Buffer.alloc(0) }],
  ),
];

test('ip -details: how each kind is shown', (context) => {
  needs(context, needsRoot, needsNewest, needsProgram('strace'));
  using folder = temporaryFolder();
  const file = join(folder.path, 'messages');
  // iproute2 shows a prefix of 6rd only with that of a relay, else it dies.
  const lines = [...KINDS, ...ALONE].filter(
    (line) => !line.includes('6rd-') || line.includes('6rd-relay_prefix 10.0.0.0/8 '),
  );
  const asked = requestsOf(newestOf('ip') as string, lines).flatMap((each) => (each ? [each] : []));
  const messages = [
    ...asked.map((each) => notification(each)),
    ...ANSWERS.map(([each, port]) => notification(each, port)),
  ];
  writeFileSync(file, Buffer.concat(messages));
  const shown = (path: string) =>
    shell(
      `unshare -n sh -c '${newestOf('ip')} link add p0 type veth peer name p1; PATH=${path}; ip -d monitor file ${file}'`,
    );
  const [theirs, ours] = [originals(), compatPath].map(shown);
  expect(theirs?.stdout.split('\n').length).toBeGreaterThan(2 * messages.length);
  expect(ours?.stdout).toBe(theirs?.stdout);
});

test('ip link add type netkit', (context) => {
  needs(context, needsRoot, needsNewest, needsProgram('strace'));
  for (const line of ALONE) expectSame([line]);
});

/** Words of kinds, of which some are taken by chance; in one of two the first of them are always there. */
const WORDS: Readonly<Record<string, readonly (readonly string[])[]>> = {
  'gre gretap erspan': [
    ['remote 1.2.3.4', 'remote any'],
    ['local 5.6.7.8'],
    ['key 5', 'ikey 7', 'okey 1.2.3.4', 'nokey'],
    ['seq', 'iseq', 'oseq', 'noseq'],
    ['csum', 'icsum', 'ocsum', 'noicsum'],
    ['ttl 7', 'ttl inherit', 'hoplimit 9'],
    ['tos 0x10', 'tos inherit'],
    ['nopmtudisc', 'pmtudisc'],
    ['ignore-df', 'noignore-df'],
    ['dev p0'],
    ['fwmark 0x77'],
    ['encap fou', 'encap gue', 'noencap'],
    ['encap-sport 7', 'encap-sport auto'],
    ['encap-dport 5555'],
    ['encap-csum', 'noencap-csum', 'encap-udp6-csum'],
    ['encap-remcsum'],
  ],
  'ip6gre ip6gretap ip6erspan': [
    ['remote fd00::1'],
    ['local fd00::2'],
    ['key 5', 'ikey 7', 'okey 8'],
    ['seq', 'oseq'],
    ['ttl 7', 'hoplimit 0'],
    ['tclass 0x12', 'tclass inherit'],
    ['flowlabel 0x345', 'flowlabel inherit'],
    ['encaplimit 3', 'encaplimit none'],
    ['dscp inherit'],
    ['fwmark 5', 'fwmark inherit'],
    ['allow-localremote', 'noallow-localremote'],
    ['dev p0'],
    ['erspan_ver 2', 'erspan_ver 0', 'erspan 77'],
    ['erspan_dir egress'],
    ['erspan_hwid 9'],
    ['encap gue'],
  ],
  'ipip sit': [
    ['remote 1.2.3.4'],
    ['local 5.6.7.8', 'local any'],
    ['ttl 7'],
    ['tos 4', 'tos inherit'],
    ['dev p0'],
    ['fwmark 3'],
    ['mode ipip', 'mode any', 'mode mplsip'],
    ['encap fou'],
    ['encap-dport 9'],
    ['external'],
  ],
  ip6tnl: [
    ['remote fd00::1'],
    ['local fd00::2'],
    ['mode ipip6', 'mode ip6ip6', 'mode any'],
    ['hoplimit 3'],
    ['encaplimit 5', 'encaplimit none'],
    ['tclass 0x1f', 'tclass inherit'],
    ['flowlabel 0xabc'],
    ['dscp inherit'],
    ['fwmark 7', 'fwmark inherit'],
    ['dev p1'],
  ],
  'vti vti6': [['key 5', 'ikey 7', 'okey 1.2.3.4'], ['fwmark 9'], ['dev p0']],
  bond: [
    ['mode 802.3ad', 'mode 1', 'mode balance-xor'],
    ['miimon 100'],
    ['updelay 5'],
    ['downdelay 6'],
    ['use_carrier 0'],
    ['arp_interval 7'],
    ['arp_ip_target 1.2.3.4', 'arp_ip_target 1.2.3.4,5.6.7.8'],
    ['arp_validate filter', 'arp_validate none'],
    ['primary p0'],
    ['primary_reselect failure'],
    ['fail_over_mac active'],
    ['xmit_hash_policy layer3+4', 'xmit_hash_policy encap2+3'],
    ['lacp_rate fast', 'lacp_rate 0'],
    ['ad_select count'],
    ['min_links 3'],
    ['lp_interval 7'],
    ['tlb_dynamic_lb 1'],
  ],
  geneve: [
    ['id 5 remote 1.2.3.4', 'id 6 remote fd00::1'],
    ['ttl 7', 'ttl auto', 'ttl inherit'],
    ['tos 8', 'tos inherit'],
    ['df set', 'df unset'],
    ['flowlabel 77'],
    ['dstport 6081'],
    ['udpcsum', 'noudpcsum'],
    ['udp6zerocsumtx'],
    ['noudp6zerocsumrx'],
    ['innerprotoinherit'],
  ],
  macsec: [
    ['port 7', 'sci 0x1234', 'address 2:0:0:0:0:1 port 9'],
    ['cipher gcm-aes-256', 'cipher default', 'cipher gcm-aes-128'],
    ['icvlen 12'],
    ['encrypt on', 'encrypt off'],
    ['send_sci on'],
    ['protect off'],
    ['replay on window 64', 'replay off'],
    ['validate check'],
    ['encodingsa 3'],
    ['offload mac'],
  ],
};

for (const seed of [1, 2, 3])
  test(`ip link add: kinds by chance, seed ${seed}`, (context) => {
    needs(context, needsRoot, needsNewest, needsProgram('strace'));
    const { below, one, few } = chance(seed);
    const lines = Array.from({ length: 60 }, () => {
      const [names = '', words = []] = one(Object.entries(WORDS));
      const name = one(names.split(' '));
      const [first = [], ...others] = words;
      const leads = name === 'geneve' || name === 'macsec' || below(2) === 0;
      return [name, ...(leads ? [one(first)] : []), ...few(7, others).map((each) => one(each))].join(' ');
    });
    expectSame(lines);
  });
