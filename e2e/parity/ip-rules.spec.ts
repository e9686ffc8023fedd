/** `ip rule` of the newest ip(8) and of ours, side by side: what is made, what is shown, what is refused. */
import { expect, test } from 'vitest';
import { chance } from '../harness/chance.ts';
import { newestOf } from '../harness/parity.ts';
import { sideBySide } from '../harness/sides.ts';
import { needs, needsRoot } from '../harness/skip.ts';

const needsNewest = () => (newestOf('ip') ? undefined : 'older versions lack most of the selectors');

/** Each command by either. */
function expectSame(commands: readonly string[], setup = ''): void {
  const { theirs, ours } = sideBySide(setup, commands);
  const rows = (list: readonly string[]) => commands.map((command, index) => `# ${command}\n${list[index]}`);
  expect(rows(ours)).toEqual(rows(theirs));
}

/** protocols(5) as in Debian, so far as it is used here. */
const PROTOCOLS = "printf 'icmp 1 ICMP\\ntcp 6 TCP\\nudp 17 UDP\\n# x 9\\nsctp 132 SCTP\\n' >/etc/protocols";

const SHOWN = [
  ...['rule', '-j rule', '-j -p rule', '-c rule', '-6 rule', '-6 -j rule', '-d rule', '-d -j rule', '-N rule'],
  ...['-N -j rule', '-o rule', '-N -6 rule', 'ru l', 'rule show', '-s rule', '-4 ru lst'],
].map((words) => `ip ${words}`);

const ADDED = [
  'not from 10.0.0.0/8 to 11.0.0.1 tos 0x10 fwmark 5/0xff iif ab oif cd pref 100 table 77 tun_id 5 uidrange 5-9 ipproto tcp sport 5 dport 6-9 suppress_prefixlength 0 suppress_ifgroup 7 realms 3/4 protocol static',
  ...['from 0/8 goto 200 pref 101 realms 4', 'blackhole pref 104 protocol 33', 'prohibit pref 107 protocol boot'],
  ...['nop pref 105 dscp 3', 'pref 106 type nat dscp 4/5', 'pref 108 dscp 62', 'pref 109 to 0.0.0.0/3 fwmark 0'],
  ...['from all pref 110 fwmark 6/0xffffffff', 'pref 113 throw', 'pref 114 table 0', 'pref 117 dscp CS1'],
  'pref 112 iif lo suppress_ifgroup default suppress_prefixlength 33 ipproto 200',
  ...['sport 0x50/0xff0 pref 115', 'tos 0x20 pref 116', 'l3mdev pref 118', 'type goto 117 pref 119', 'from 1.2.3.4/8'],
  ...[
    'pref 120 table 70000',
    'lookup default order 121',
    'prio 122 realms 0x10005',
    'p 123 t local',
    'pref 124 dev lo',
  ],
];
const ADDED6 = [
  'from fe80::/10 to ::1 flowlabel 6 dscp CS3 protocol kernel',
  ...['from fe80::/10 to ::1 flowlabel 5/7', 'unreachable pref 9', 'from any iif lo pref 10 uidrange 0-4294967295'],
];

const LISTED = [
  ...['', 'pref 105', 'not', 'from 10/8', 'from 10.0.0.0/9', 'src 10/8', 'to 11.0.0.1', '11.0.0.1', 'dst 11/8', 'all'],
  ...['tos 0x10', 'fwmark 5', 'fwmark 5/0xff', 'fwmark 0', 'fwmark 6', 'iif ab', 'dev lo', 'oif cd', 'l3mdev'],
  ...[
    'uidrange 5-9',
    'table 77',
    'table main',
    'lookup 70000',
    'protocol static',
    'ipproto 6',
    'ipproto tcp',
    'sport 5',
  ],
  ...['sport 80', 'sport 0x50/0xff0', 'dport 6-9', 'dport 6', 'tun_id 5', 'dscp 3', 'dscp 4/5', 'dscp 4', 'dscp CS1'],
  ...['pref 0', 'table 0', 'iif ab oif cd', 'not pref 105'],
].map((words) => `ip rule list ${words}`);

const WRONG = [
  ...['add', 'del', 'add pref x', 'add tos zz', 'add fwmark q', 'add fwmark 1/q', 'add realms q', 'add table q', 'foo'],
  ...[
    'add suppress_prefixlength -1',
    'add suppress_ifgroup q',
    "add iif ''",
    'add oif abcdefghijklmnopqrst',
    'add pref',
  ],
  ...['add l3mdev table 5', 'add uidrange 5', 'add uidrange 5-x', 'add ipproto q', 'add ipproto 300', 'add sport q'],
  ...['add sport 5/q', 'add sport 5-q', 'add sport 70000', 'add dport 6-70000', 'add sport 7-5', 'add dscp q'],
  ...['add dscp 99', 'add dscp 5/q', 'add flowlabel q', 'add flowlabel 5/q', 'add flowlabel 5/3'],
  ...[
    'add tun_id q',
    'add nat q',
    'add protocol q',
    'add protocol 256',
    'add type q',
    'add q',
    'add goto q',
    'add type',
  ],
  ...['add help', 'add from q', 'add pref 10 type local', 'add from ::1 pref 20', 'del pref 99', 'add from 1.2.3.4/33'],
  ...['flush x', 'save x', 'list q', 'show to q', 'list uidrange q', 'list fwmark q', 'list lookup q', 'list sp 5'],
  ...[
    'list dscp q',
    'list sport q',
    'list flowlabel q',
    'list ipproto q',
    'list protocol q',
    'list tos q',
    'list pref q',
  ],
  ...["list iif ''", 'restore </dev/null', 'help', 'add pref 4294967296', 'add goto 1 pref 5', 'add fwmark -1'],
].map((words) => `ip rule ${words}`);

test('ip rule: all selectors and actions, in text and JSON', (context) => {
  needs(context, needsRoot, needsNewest);
  expectSame(
    [
      ...ADDED.map((words) => `ip rule add ${words}`),
      ...ADDED6.map((words) => `ip -6 rule add ${words}`),
      ...SHOWN,
      ...LISTED,
      'ip -6 rule add from 1.2.3.4',
    ],
    PROTOCOLS,
  );
});

test('ip rule: deleted, flushed, kept and restored', (context) => {
  needs(context, needsRoot, needsNewest);
  const setup = [PROTOCOLS, ...ADDED.map((words) => `${newestOf('ip')} rule add ${words} 2>/dev/null`)].join('\n');
  expectSame(
    [
      'ip rule del pref 105; ip rule del from 0/8 goto 200; ip rule del table 77; ip rule',
      // What either has kept, the other restores: the forms are the same.
      'ip rule save >kept; ip rule flush; ip rule; ip rule restore <kept; ip rule; ip rule restore <kept; ip rule',
      'ip rule flush protocol boot; ip rule flush table 70000; ip rule flush from 1/8; ip rule',
      'ip -6 rule flush; ip -6 rule; ip rule flush; ip rule flush; ip rule',
      '(head -c 9 kept | ip rule restore; ip rule)',
    ].map((each) => `${each} 2>&1 | grep -v 'dump\\|truncated'`),
    setup,
  );
});

test('ip rule: messages and statuses', (context) => {
  needs(context, needsRoot, needsNewest);
  expectSame(WRONG, PROTOCOLS);
});

for (const seed of [1, 2, 3])
  test(`ip rule by chance, seed ${seed}`, (context) => {
    needs(context, needsRoot, needsNewest);
    const { below, one, few } = chance(seed);
    const mask = (text: string) => (below(2) ? text : `${text}/${one(['0xff', '7', '0xffff', '0x3f'])}`);
    const selectors = [
      () => `from ${one(['10.0.0.0/8', '1.2.3.4', 'all', '10.1/16'])}`,
      () => `to ${one(['10.0.0.0/8', '1.2.3.4', 'default'])}`,
      () => `tos ${one(['4', '0x10', '0x20', '8'])}`,
      () => mask(`fwmark ${below(300)}`),
      () => `iif ${one(['lo', 'nope'])}`,
      () => `oif ${one(['lo', 'nope'])}`,
      () => `uidrange ${below(10)}-${below(2000)}`,
      () => `ipproto ${one(['tcp', 'udp', '17', '200'])}`,
      () => `sport ${below(3) ? mask(String(below(3000))) : `${below(99)}-${below(999)}`}`,
      () => `dport ${below(3) ? below(3000) : `${below(99)}-${below(999)}`}`,
      () => `dscp ${below(64)}${one(['', '/7', '/0x3f', '/0xff'])}`,
      () => `tun_id ${below(99999)}`,
      () => 'not',
    ];
    const action = () =>
      one([
        ...[
          '',
          'table 7',
          'table local',
          'table 3000',
          'lookup default',
          'blackhole',
          'prohibit',
          'unreachable',
          'nop',
        ],
        ...['goto 500', 'realms 4', 'realms 3/8', 'suppress_prefixlength 8', 'suppress_ifgroup 3', 'type throw'],
      ]);
    const words = () => {
      const chosen = few(4, selectors).map((make) => make());
      return `${chosen.join(' ')} ${action()} ${below(3) ? '' : `protocol ${one(['static', 'boot', '77'])}`}`;
    };
    const commands = Array.from({ length: 25 }, () => {
      const rule = words();
      return below(6) ? `ip rule add ${rule} pref ${1 + below(9)}` : `ip rule add ${rule}; ip rule del ${rule}`;
    });
    expectSame([...commands, 'ip rule', 'ip -d -j rule', 'ip rule flush protocol static', 'ip rule'], PROTOCOLS);
  });
