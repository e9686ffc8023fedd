/** Objects and their commands: which words, in the order in which ip(8) looks at them, lead to which function. */
import { Failure } from '@ts/sys';
import type { Context } from './context.ts';
import { showAddresses, showLinks } from './show/link-list.ts';
import { showNeighbors } from './show/neighbor.ts';
import { mainUsage, type ObjectName, Usage } from './usage.ts';
import * as address from './verbs/address.ts';
import * as connect from './verbs/connect.ts';
import * as link from './verbs/link.ts';
import { monitor } from './verbs/monitor.ts';
import * as namespace from './verbs/namespace.ts';
import * as nat from './verbs/nat.ts';
import * as neighbor from './verbs/neighbor.ts';
import * as nexthop from './verbs/nexthop.ts';
import * as route from './verbs/route.ts';
import * as rule from './verbs/rule.ts';
import * as tuntap from './verbs/tuntap.ts';
import { abbreviates, FAILED, isNamed, type Words, WRONG } from './words.ts';

type Command = (context: Context, words: Words) => void;
/** Names (with `~` where they may be abbreviated) and what they do. The first row is meant where no word is given. */
type Commands = readonly (readonly [names: string, command: Command])[];

export interface Object {
  readonly names: string;
  readonly commands: Commands;
  /** What is done without a word. */
  readonly byDefault: Command;
  /** Where it has one: missing from those that are not supported. */
  readonly usage?: ObjectName;
}

const LINK: Commands = [
  ['add~', link.add],
  ['set~ change~', link.set],
  ['replace~', link.add],
  ['delete~', link.remove],
  ['show~ lst~ list~', showLinks],
  ['property~', link.property],
  ['help~', link.help],
];

const ADDRESS: Commands = [
  ['add~', address.put('add')],
  ['change~ chg', address.put('change')],
  ['replace~', address.put('replace')],
  ['delete~', address.remove],
  ['show~ lst~ list~', showAddresses],
  ['flush~', address.flush],
];

const ROUTE: Commands = [
  ['list~ show~ lst~', route.show],
  ['get~', route.get],
  ['add~', route.put('add')],
  ['change~ chg', route.put('change')],
  ['replace~', route.put('replace')],
  ['prepend~', route.put('prepend')],
  ['append~', route.put('append')],
  ['test~', route.put('test')],
  ['delete~', route.remove],
  ['flush~', route.flush],
];

const RULE: Commands = [
  ['list~ lst~ show~', rule.show],
  ['save~', rule.save],
  ['restore~', rule.restore],
  ['add~', rule.add],
  ['delete~', rule.remove],
  ['flush~', rule.flush],
];

const NEIGHBOR: Commands = [
  ['add~', neighbor.put('add')],
  ['change~ chg', neighbor.put('change')],
  ['replace~', neighbor.put('replace')],
  ['delete~', neighbor.remove],
  ['get~', neighbor.get],
  ['show~ lst~ list~', showNeighbors],
  ['flush~', neighbor.flush],
];

const NEXTHOP: Commands = [
  ['add~', nexthop.put('add')],
  ['replace~', nexthop.put('replace')],
  ['delete~', nexthop.remove],
  ['list~ show~ lst~', nexthop.show],
  ['get~', nexthop.get],
  ['flush~', nexthop.flush],
];

const NETNS: Commands = [
  ['list~ show~ lst~', namespace.list],
  ['list-id~', namespace.listIds],
  ['add~', namespace.add],
  ['set~', namespace.setId],
  ['delete~', namespace.remove],
  ['identify~', namespace.identify],
  ['pids~', namespace.pids],
  ['monitor~', namespace.monitor],
  ['attach~', namespace.attach],
];

const TUNTAP: Commands = [
  ['add~', tuntap.add],
  ['delete~', tuntap.remove],
  ['show~ lst~ list~', tuntap.show],
];

/** What ip(8) has; an abbreviation means the first that it fits, so those that we lack stand here, too. */
export const OBJECTS: readonly Object[] = [
  {
    names: 'address~',
    commands: ADDRESS,
    byDefault: showAddresses,
    usage: 'address',
  },
  missing('addrlabel~'),
  missing('maddress~'),
  {
    names: 'route~',
    commands: ROUTE,
    byDefault: route.show,
    usage: 'route',
  },
  { names: 'rule~', commands: RULE, byDefault: rule.show, usage: 'rule' },
  {
    names: 'neighbor~ neighbour~',
    commands: NEIGHBOR,
    byDefault: showNeighbors,
    usage: 'neigh',
  },
  missing('ntable~'),
  missing('ntbl~'),
  {
    names: 'link~',
    commands: LINK,
    byDefault: showLinks,
    usage: 'link',
  },
  missing('l2tp~'),
  missing('fou~'),
  missing('ila~'),
  missing('macsec~'),
  missing('tunnel~'),
  missing('tunl~'),
  {
    names: 'tuntap~ tap~',
    commands: TUNTAP,
    byDefault: tuntap.show,
    usage: 'tuntap',
  },
  missing('token~'),
  missing('tcpmetrics~'),
  missing('tcp_metrics~'),
  { names: 'monitor~', commands: [], byDefault: monitor, usage: 'monitor' },
  missing('xfrm~'),
  missing('mroute~'),
  missing('mrule~'),
  {
    names: 'netns~',
    commands: NETNS,
    byDefault: namespace.list,
    usage: 'netns',
  },
  missing('netconf~'),
  missing('vrf~'),
  missing('sr~'),
  { names: 'nexthop~', commands: NEXTHOP, byDefault: nexthop.show, usage: 'nexthop' },
  missing('mptcp~'),
  missing('ioam~'),
  missing('stats~'),
  { names: 'help~', commands: [], byDefault: usage },
];

/** `ip help`, and what `ip` alone says. */
export function usage(): never {
  throw new Failure(
    mainUsage(
      OBJECTS.flatMap(({ names, usage: own }) => (own ? names.replaceAll('~', '').split(' ') : [])).concat('help'),
    ),
    WRONG,
  );
}

/** An object that ip(8) has and this tool has not: said in one line. */
function missing(names: string): Object {
  const name = names.replace('~', '');
  const refuse = () => {
    throw new Failure(
      `Object "${name}" is not supported here, only address, link, monitor, neighbour, netns, nexthop, route, rule and tuntap.`,
      FAILED,
    );
  };
  return { names, commands: [], byDefault: refuse };
}

const byName = (name: string) => OBJECTS.find((object) => isNamed(object.names, name)) as Object;

/** By our own name: commands of `netns`, the other objects, and what is ours. */
export const OURS: Commands = [
  ['help', usage],
  ...NETNS,
  ...(
    [
      ['netns', 'netns'],
      ['link', 'link'],
      ['address addr', 'address'],
      ['route', 'route'],
      ['rule', 'rule'],
      ['neighbor neighbour neigh', 'neighbor'],
      ['nexthop', 'nexthop'],
      ['tuntap', 'tuntap'],
    ] as const
  ).map(
    ([names, name]) => [names, (context: Context, words: Words) => runObject(byName(name), context, words)] as const,
  ),
  ['nat', nat.nat],
  ['publish', nat.publish],
  ['unpublish', nat.unpublish],
  ['filter', nat.filter],
  ['connect', connect.connect],
  ['disconnect', connect.disconnect],
];

function runObject(object: Object, context: Context, words: Words): void {
  const word = words.next;
  if (word === undefined || !object.commands.length) {
    object.byDefault(context, words);
    return;
  }
  const { usage: name } = object;
  const found = object.commands.find(([names]) => isNamed(names, word));
  if (!found && name && abbreviates(word, 'help')) throw new Usage(name);
  if (!found) throw new Failure(`Command "${word}" is unknown, try "ip ${name} help".`, WRONG);
  words.take();
  found[1](context, words);
}

/** A command line by the original's name. */
export function runIp(context: Context, words: Words): void {
  const word = words.take() as string;
  const object = OBJECTS.find(({ names }) => isNamed(names, word));
  if (!object) throw new Failure(`Object "${word}" is unknown, try "ip help".`, FAILED);
  runObject(object, context, words);
}

/** A command line by our own name. */
export function runOurs(context: Context, words: Words): void {
  const word = words.take() as string;
  const found = OURS.find(([names]) => isNamed(names, word));
  if (!found) throw new Failure(`Command "${word}" is unknown, try "ts-netns --help".`, WRONG);
  found[1](context, words);
}
