/** `type bond`, and `type bond_slave` of its members. */
import {
  attributesIn,
  bytes,
  type Codec,
  encodeAttributes,
  formatAddress,
  nested,
  s32,
  u8,
  u16,
  u32,
} from '@ts/netlink';
import { noDevice } from '@ts/network';
import * as sys from '@ts/sys';
import { parseDecimal } from '@ts/sys';
import {
  type Attribute,
  answer,
  device,
  type Form,
  hardware,
  mark,
  number,
  row,
  switched,
  U8_MAX,
  U16_MAX,
  type Wire,
} from '../rows.ts';
import { addressFrom, numberIn, wrong } from '../words.ts';
import { kind } from './kind.ts';

const MODES = ['balance-rr', 'active-backup', 'balance-xor', 'broadcast', '802.3ad', 'balance-tlb', 'balance-alb'];
const VALIDATE = ['none', 'active', 'backup', 'all', 'filter', 'filter_active', 'filter_backup'];
const HASHES = ['layer2', 'layer3+4', 'layer2+3', 'encap2+3', 'encap3+4', 'vlan+srcmac'];

const byte = number(U8_MAX);
const half = number(U16_MAX);
const word = number();

/** One of a list, by name or place. */
const oneOfList = (names: readonly string[]): Form<number> => ({
  read: (words, given) => {
    const text = words.argument();
    const place = parseDecimal(text, names.length - 1) ?? names.indexOf(text);
    if (place < 0) throw wrong(text, `invalid ${given}`);
    return place;
  },
  show: (value) => [names[value] ?? 'UNKNOWN'],
});

const MOST_TARGETS = 16;

/** Addresses, each in an attribute whose type is its place. */
const addresses: Codec<readonly Uint8Array[]> = {
  encode: (values) =>
    Buffer.concat(values.map((value, place) => encodeAttributes({ it: [place, bytes] }, { it: value }))),
  decode: (value) => [...attributesIn(value)].map(([, payload]) => Buffer.from(payload)),
};

const targets = (type: number, name: string, family: number): Attribute<readonly Uint8Array[]> => ({
  wire: [type, addresses],
  words: [
    {
      names: `${name}~`,
      take: (words) =>
        (words.take() ?? '')
          .split(',')
          .filter((text) => text !== '')
          .slice(0, MOST_TARGETS)
          .map((text) => addressFrom(text, family).bytes),
      usage: `${name} [ ${name.toUpperCase()}, ... ]`,
    },
  ],
  show: (entry, value) => {
    if (!value.length) return;
    const shown = value.map(formatAddress);
    entry.both(name, shown, `${name} ${shown.join(',')} `);
  },
});

/** A member by its name. */
const member = (type: number, name: string, more: Attribute<number>['words'] = []): Attribute<number> => {
  const base = row([type, u32], `${name}~`, device(noDevice), {
    usage: `${name} SLAVE_DEV`,
    when: (value) => value !== 0,
  });
  return { ...base, words: [...base.words, ...more] };
};

const info = nested({
  aggregator: [sys.IFLA_BOND_AD_INFO_AGGREGATOR, u16],
  ports: [sys.IFLA_BOND_AD_INFO_NUM_PORTS, u16],
  actorKey: [sys.IFLA_BOND_AD_INFO_ACTOR_KEY, u16],
  partnerKey: [sys.IFLA_BOND_AD_INFO_PARTNER_KEY, u16],
  partner: [sys.IFLA_BOND_AD_INFO_PARTNER_MAC, bytes],
});

const small = (type: number, name: string, names: readonly string[], options = {}) =>
  row([type, u8] as Wire<number>, `${name}~`, oneOfList(names), options);
const large = (type: number, name: string, names: readonly string[]) =>
  row([type, u32] as Wire<number>, `${name}~`, oneOfList(names));

const validate = large(sys.IFLA_BOND_ARP_VALIDATE, 'arp_validate', VALIDATE);

export const BOND_ROWS = {
  mode: small(sys.IFLA_BOND_MODE, 'mode', MODES, { usage: 'mode BONDMODE' }),
  activeSlave: member(sys.IFLA_BOND_ACTIVE_SLAVE, 'active_slave', [
    mark('clear_active_slave~', 0, 'clear_active_slave'),
  ]),
  miimon: row([sys.IFLA_BOND_MIIMON, u32], 'miimon~', word),
  updelay: row([sys.IFLA_BOND_UPDELAY, u32], 'updelay~', word),
  downdelay: row([sys.IFLA_BOND_DOWNDELAY, u32], 'downdelay~', word),
  peerNotifyDelay: row([sys.IFLA_BOND_PEER_NOTIF_DELAY, u32], 'peer_notify_delay~', word, {
    usage: 'peer_notify_delay DELAY',
  }),
  useCarrier: row([sys.IFLA_BOND_USE_CARRIER, u8], 'use_carrier~', byte),
  arpInterval: row([sys.IFLA_BOND_ARP_INTERVAL, u32], 'arp_interval~', word),
  arpMissedMax: row([sys.IFLA_BOND_MISSED_MAX, u8], 'arp_missed_max~', byte, { usage: 'arp_missed_max MISSED_MAX' }),
  arpTargets: targets(sys.IFLA_BOND_ARP_IP_TARGET, 'arp_ip_target', sys.AF_INET),
  nsTargets: targets(sys.IFLA_BOND_NS_IP6_TARGET, 'ns_ip6_target', sys.AF_INET6),
  arpValidate: {
    ...validate,
    show: (entry, value) => {
      const name = VALIDATE[value] ?? 'UNKNOWN';
      entry.both('arp_validate', value ? name : null, `arp_validate ${name} `);
    },
  } satisfies Attribute<number>,
  arpAllTargets: large(sys.IFLA_BOND_ARP_ALL_TARGETS, 'arp_all_targets', ['any', 'all']),
  primary: member(sys.IFLA_BOND_PRIMARY, 'primary'),
  primaryReselect: small(sys.IFLA_BOND_PRIMARY_RESELECT, 'primary_reselect', ['always', 'better', 'failure']),
  failOverMac: small(sys.IFLA_BOND_FAIL_OVER_MAC, 'fail_over_mac', ['none', 'active', 'follow']),
  hashPolicy: small(sys.IFLA_BOND_XMIT_HASH_POLICY, 'xmit_hash_policy', HASHES),
  resendIgmp: row([sys.IFLA_BOND_RESEND_IGMP, u32], 'resend_igmp~', word),
  peerNotifications: row(
    [sys.IFLA_BOND_NUM_PEER_NOTIF, u8],
    'num_grat_arp~ num_unsol_na~',
    number(U8_MAX, () => 'invalid num_grat_arp|num_unsol_na'),
    { json: 'num_peer_notif', usage: 'num_grat_arp|num_unsol_na NUM_GRAT_ARP|NUM_UNSOL_NA' },
  ),
  allSlavesActive: row([sys.IFLA_BOND_ALL_SLAVES_ACTIVE, u8], 'all_slaves_active~', byte),
  minLinks: row([sys.IFLA_BOND_MIN_LINKS, u32], 'min_links~', word),
  lpInterval: row([sys.IFLA_BOND_LP_INTERVAL, u32], 'lp_interval~', word),
  packetsPerSlave: row([sys.IFLA_BOND_PACKETS_PER_SLAVE, u32], 'packets_per_slave~', word),
  lacpActive: small(sys.IFLA_BOND_AD_LACP_ACTIVE, 'lacp_active', ['off', 'on'], { json: 'ad_lacp_active' }),
  lacpRate: small(sys.IFLA_BOND_AD_LACP_RATE, 'lacp_rate', ['slow', 'fast'], { json: 'ad_lacp_rate' }),
  coupledControl: row(
    [sys.IFLA_BOND_COUPLED_CONTROL, u8] as Wire<number>,
    'coupled_control~',
    switched(oneOfList(['off', 'on']).read),
  ),
  select: small(sys.IFLA_BOND_AD_SELECT, 'ad_select', ['stable', 'bandwidth', 'count']),
  info: {
    wire: [sys.IFLA_BOND_AD_INFO, info],
    words: [],
    show: (entry, { aggregator, ports, actorKey, partnerKey, partner }) =>
      entry.inside('ad_info', (own) => {
        for (const [json, value] of [
          ['aggregator', aggregator],
          ['num_ports', ports],
          ['actor_key', actorKey],
          ['partner_key', partnerKey],
        ] as const)
          if (value !== undefined) own.both(json, value, `ad_${json} ${value} `);
        if (!partner) return;
        const [address] = hardware.show(partner, undefined as never);
        own.both('partner_mac', address, `ad_partner_mac ${address} `);
      }),
  } satisfies Attribute<ReturnType<typeof info.decode>>,
  systemPriority: row([sys.IFLA_BOND_AD_ACTOR_SYS_PRIO, u16], 'ad_actor_sys_prio~', half, {
    usage: 'ad_actor_sys_prio SYSPRIO',
  }),
  userPortKey: row([sys.IFLA_BOND_AD_USER_PORT_KEY, u16], 'ad_user_port_key~', half, {
    usage: 'ad_user_port_key PORTKEY',
  }),
  system: row([sys.IFLA_BOND_AD_ACTOR_SYSTEM, bytes], 'ad_actor_system~', hardware, {
    usage: 'ad_actor_system LLADDR',
  }),
  dynamicBalance: row([sys.IFLA_BOND_TLB_DYNAMIC_LB, u8], 'tlb_dynamic_lb~', byte),
};

export const bond = kind('bond', BOND_ROWS, {
  order: [
    ...['mode', 'active_slave', 'clear_active_slave', 'miimon', 'updelay', 'downdelay', 'peer_notify_delay'],
    ...['use_carrier', 'arp_interval', 'arp_validate', 'arp_all_targets', 'arp_ip_target', 'ns_ip6_target', 'primary'],
    ...['primary_reselect', 'fail_over_mac', 'xmit_hash_policy', 'resend_igmp', 'num_grat_arp', 'all_slaves_active'],
    ...['min_links', 'lp_interval', 'packets_per_slave', 'tlb_dynamic_lb', 'lacp_rate', 'lacp_active'],
    ...['coupled_control', 'ad_select', 'ad_user_port_key', 'ad_actor_sys_prio', 'ad_actor_system', 'arp_missed_max'],
  ].join(' '),
  indent: '                ',
  notes: [
    `\nBONDMODE := ${MODES.join('|')}`,
    `ARP_VALIDATE := ${VALIDATE.join('|')}`,
    'ARP_ALL_TARGETS := any|all',
    'PRIMARY_RESELECT := always|better|failure',
    'FAIL_OVER_MAC := none|active|follow',
    'XMIT_HASH_POLICY := layer2|layer2+3|layer3+4|encap2+3|encap3+4|vlan+srcmac',
    'LACP_ACTIVE := off|on',
    'LACP_RATE := slow|fast',
    'AD_SELECT := stable|bandwidth|count',
    'COUPLED_CONTROL := off|on\n',
  ].join('\n'),
});

/** By number: BOND_STATE_*, BOND_LINK_*; others as numbers, with another key. */
const stateOf = (type: number, name: string, names: readonly string[]): Attribute<number> => ({
  wire: [type, u8],
  words: [],
  show: (entry, value) => {
    const known = names[value];
    entry.both(known === undefined ? `${name}_index` : name, known ?? value, `${name} ${known ?? value} `);
  },
});

/** Bits of LACP_STATE_*, the lowest first. */
const LACP = [
  ...['active', 'short_timeout', 'aggregating', 'in_sync', 'collecting', 'distributing', 'defaulted', 'expired'],
];

const portState = (wire: Wire<number>, name: string): Attribute<number> => ({
  wire,
  words: [],
  show: (entry, value) => {
    const names = LACP.filter((_, bit) => value & (1 << bit));
    entry.both(name, value, `${name} ${value} `);
    entry.both(`${name}_str`, names, `${name}_str <${names.join(',')}> `);
  },
});

export const BOND_PORT_ROWS = {
  state: stateOf(sys.IFLA_BOND_SLAVE_STATE, 'state', ['ACTIVE', 'BACKUP']),
  status: stateOf(sys.IFLA_BOND_SLAVE_MII_STATUS, 'mii_status', ['UP', 'GOING_DOWN', 'DOWN', 'GOING_BACK']),
  failures: answer([sys.IFLA_BOND_SLAVE_LINK_FAILURE_COUNT, u32], 'link_failure_count', word.show),
  hardware: answer([sys.IFLA_BOND_SLAVE_PERM_HWADDR, bytes], 'perm_hwaddr', hardware.show),
  queue: row(
    [sys.IFLA_BOND_SLAVE_QUEUE_ID, u16],
    'queue_id~',
    number(U16_MAX, () => 'queue_id is invalid'),
    {
      usage: 'queue_id ID',
    },
  ),
  priority: row(
    [sys.IFLA_BOND_SLAVE_PRIO, s32],
    'prio',
    {
      read: (words) => {
        const text = words.argument();
        return numberIn(text, -0x8000_0000, 0x7fff_ffff, () => wrong(text, 'prio is invalid'));
      },
      show: (value) => [value],
    },
    { usage: 'prio PRIORITY' },
  ),
  aggregator: answer([sys.IFLA_BOND_SLAVE_AD_AGGREGATOR_ID, u16], 'ad_aggregator_id', half.show),
  actorState: portState([sys.IFLA_BOND_SLAVE_AD_ACTOR_OPER_PORT_STATE, u8], 'ad_actor_oper_port_state'),
  partnerState: portState([sys.IFLA_BOND_SLAVE_AD_PARTNER_OPER_PORT_STATE, u16], 'ad_partner_oper_port_state'),
};

export const bondPort = kind('bond_slave', BOND_PORT_ROWS, { port: true, unknown: 'option' });
