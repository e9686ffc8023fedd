/** The kinds of links that have words or values of their own. To add one: a file like those beside this one, and its name here. */
import type { Link } from '@ts/netlink';
import type { Context } from '../context.ts';
import type { Entry } from '../entry.ts';
import { bareudp } from './bareudp.ts';
import { bond, bondPort } from './bond.ts';
import { bridge, bridgePort } from './bridge.ts';
import { geneve } from './geneve.ts';
import { GRE_KINDS } from './gre.ts';
import { hsr } from './hsr.ts';
import { ip6tnl, ipip, sit, vti, vti6 } from './iptunnel.ts';
import { ipvlan, ipvtap } from './ipvlan.ts';
import type { Kind } from './kind.ts';
import { macsec } from './macsec.ts';
import { macvlan, macvtap } from './macvlan.ts';
import { netkit } from './netkit.ts';
import { tun } from './tun.ts';
import { vlan } from './vlan.ts';
import { vrf, vrfPort } from './vrf.ts';
import { vxlan } from './vxlan.ts';
import { xfrm } from './xfrm.ts';

const byName = (kinds: readonly Kind[]): Readonly<Record<string, Kind>> =>
  Object.fromEntries(kinds.map((each) => [each.name, each]));

/** Kinds with words of their own; any other is asked of the kernel by its name alone. The words of veth are in ../verbs/link.ts. */
export const KINDS = byName([
  ...[bond, bondPort, bridge, bridgePort, ...GRE_KINDS, ip6tnl, ipip, ipvlan, ipvtap, macvlan, macvtap, sit, vlan],
  ...[vrf, vti, vti6, vxlan, bareudp, geneve, hsr, macsec, netkit, xfrm],
]);

/** Kinds, and members of masters, that are only shown. */
const SHOWN = byName([tun, vrfPort]);

const kindOf = (name: string): Kind | undefined =>
  Object.hasOwn(KINDS, name) ? KINDS[name] : Object.hasOwn(SHOWN, name) ? SHOWN[name] : undefined;

export const VETH_USAGE =
  "Usage: ip link <options> type veth [peer <options>]\nTo get <options> type 'ip link add help'\n";

/** What `ip link help KIND` shows; undefined of a kind whose words are not known here. */
export const kindUsage = (name: string): string | undefined => {
  if (Object.hasOwn(KINDS, name)) return KINDS[name]?.usage;
  if (name === 'veth') return VETH_USAGE;
  return name === 'dummy' || name === 'ifb' ? `Usage: ... ${name}\n` : undefined;
};

/** Kind of a link and of its master, each with what it has of its own. */
export function showKind(context: Context, { info }: Link, entry: Entry): void {
  if (!info) return;
  entry.inside('linkinfo', (inner) => {
    const part = (key: string, kind: string, word: string, data: Uint8Array | undefined) => {
      inner.line();
      inner.both(`info_${key}kind`, kind, `    ${word} `);
      const known = kindOf(word);
      if (data && known) inner.inside(`info_${key}data`, (own) => known.show(own, data, context));
    };
    if (info.kind !== undefined) part('', info.kind, info.kind, info.data);
    if (info.portKind !== undefined) part('slave_', info.portKind, `${info.portKind}_slave`, info.portData);
  });
}
