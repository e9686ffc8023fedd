/** ip-netns(8), and what belongs to it of ip-link(8), ip-address(8), ip-route(8), ip-neighbour(8): network namespaces. */

import { defineTool, exit, type Outcome, type Parsed, type World } from '@ts/cli';
import { openNamed } from '@ts/network';
import type { LiveSys, Recording } from '@ts/sys';
import { Failure } from '@ts/sys';
import { runBatch } from './batch.ts';
import { causes } from './causes.ts';
import { runIp, runOurs, usage } from './commands.ts';
import { Context } from './context.ts';
import { applyExec, type Execution, planExec } from './exec.ts';
import { refusal, withAdvice } from './refusal.ts';
import { applyRun, planRun, prepareRun, type Run } from './run.ts';
import { options, type Settings, settingsOf, split } from './settings.ts';
import { abbreviates, FAILED, Words, WRONG } from './words.ts';

type Plan =
  | Run
  | ({ readonly does: 'exec'; readonly settings: Settings } & Execution)
  | { readonly does: 'act'; readonly settings: Settings; readonly words: readonly string[] };

/** The original whose words and output are followed. */
const FOLLOWED = 'ip utility, iproute2-6.15.0\n';
/** Stands for -V, where all other words do not count. */
const VERSION: readonly string[] = ['-V'];

const isIp = (world: World) => world.prog === 'ip';

/** Words behind `exec`, where that is what is meant. */
function execWords(words: readonly string[], byIp: boolean): readonly string[] | undefined {
  const [first = '', second = ''] = words;
  const isExec = (word: string) => abbreviates(word, 'exec');
  if (!byIp && first === 'exec') return words.slice(1);
  // "n" and "ne" mean the neighbours.
  const isNetns = first.length > 2 && abbreviates(first, 'netns');
  return isNetns && isExec(second) ? words.slice(2) : undefined;
}

function plan({ steps, operands }: Parsed<typeof options>, world: World): Plan {
  const settings = settingsOf(steps);
  if (steps.some(({ option }) => option.long === 'Version')) return { does: 'act', settings, words: VERSION };
  const exec = execWords(operands, isIp(world));
  if (exec) return { does: 'exec', settings, ...planExec(exec, settings.all, world) };
  if (!isIp(world) && operands[0] === 'run') return planRun(operands.slice(1), settings);
  if (!operands.length && settings.batch === undefined) {
    if (isIp(world)) usage();
    throw new Failure('No command specified, try "ts-netns --help".', WRONG);
  }
  return { does: 'act', settings, words: operands };
}

const enter = (sys: LiveSys, name: string): number => withAdvice(() => openNamed(sys, name));

/** Does what the words say in the namespace that is meant; lines of a batch may begin with options of their own. */
function perform(context: Context, words: readonly string[], byIp: boolean): void {
  const { steps, operands } = split(options, words);
  if (!steps.length) {
    run(context, operands, byIp);
    return;
  }
  const settings = settingsOf(steps);
  const fd = settings.namespace === undefined ? undefined : enter(context.sys, settings.namespace);
  const other = new Context(context.sys, context.world, settings, fd ?? context.namespace);
  try {
    run(other, operands, byIp);
  } finally {
    other.close();
    if (fd !== undefined) context.sys.look('close', fd);
  }
}

/** In a batch, what ends in a program is a process of its own; a status other than 0 is a failure that it has said itself. */
function startApart({ sys, world, settings }: Context, words: readonly string[]): void {
  if (sys.dry) {
    world.print(`${['ip', ...words].join(' ')}\n`);
    return;
  }
  const file = world.ownFile?.();
  if (file === undefined) throw new Failure('cannot find its own file, to start a program by', FAILED);
  const options = [
    ...(settings.all ? ['-all'] : []),
    ...(settings.namespace === undefined ? [] : ['-n', settings.namespace]),
  ];
  const [name, ...values] = [world.calledAs ?? world.prog, ...options, ...words];
  const environment = world.environment.map((entry) => entry.split(/(?<=^[^=]+)=/s) as [string, string]);
  // Not imported: hardly a run needs it.
  const { spawnSync } = process.getBuiltinModule('node:child_process');
  const { status } = spawnSync(file, values, { argv0: name, env: Object.fromEntries(environment), stdio: 'inherit' });
  if (status !== 0) throw new Failure('', FAILED);
}

function run(context: Context, words: readonly string[], byIp: boolean): void {
  if (execWords(words, byIp) || (!byIp && words[0] === 'run')) {
    startApart(context, words);
    return;
  }
  try {
    (byIp ? runIp : runOurs)(context, new Words(words));
  } catch (error) {
    throw refusal(error);
  }
}

function act({ settings, words }: Extract<Plan, { does: 'act' }>, sys: LiveSys, world: World): Outcome {
  if (words === VERSION) {
    world.print(FOLLOWED);
    return exit(0);
  }
  const byIp = isIp(world);
  const namespace = settings.namespace === undefined ? undefined : enter(sys, settings.namespace);
  const context = new Context(sys, world, settings, namespace);
  if (settings.batch !== undefined)
    return exit(
      runBatch(
        settings.batch,
        settings.force,
        (line) => perform(context, line, byIp),
        (message) => world.warn(message),
        (remedy) => {
          if (world.variable('TS_HINTS') !== '0') world.warn(remedy);
        },
      ),
    );
  run(context, words, byIp);
  return exit(0);
}

export const tool = defineTool({
  name: 'ts-netns',
  replaces: ['ip'],
  bare: ['ip'],
  section: 8,
  summary: 'Network namespaces, and the links, addresses, routes and rules in them.',
  synopsis: [
    '[options] {add|del|list|identify|pids|set|attach|list-id|monitor} [<argument>...]',
    '[options] exec <namespace> <program> [<argument>...]',
    '[options] {link|address|route|nexthop|neighbor|tuntap} [<command> [<argument>...]]',
    'connect <namespace> --bridge <name> [--address <address>/<length>] [--gateway <address>] [--nat [--out <link>]] [--publish <ports>]... [--dns <address>]... [--mtu <n>] [--device <name>] [--host-device <name>]',
    'disconnect <namespace>',
    'run [--bridge <name> [--address ...] ...] [--] <program> [<argument>...]',
    'nat {add|del} --source <prefix> [--out <link>] | nat [list]',
    'publish <namespace> [<address>:]<port>:<port>[/<protocol>] [--to <address>] | publish [list] | unpublish <namespace> [<ports>]',
    'filter {add|del} [--source <prefix>] [--destination <prefix>] [--in <link>] [--out <link>] [--port <port>/<protocol>] {--drop|--accept} | filter [list]',
    '-batch <file>',
  ],
  options,
  grammar: { split },
  status: 1,
  usageStatus: WRONG,
  causes,
  reads: ['root'],
  files: (planned) => (planned.does === 'exec' ? ['/etc/netns', '/run/netns', '/etc'] : []),
  momentary: (planned) => {
    if (planned.does === 'run') return 'what it connects is made before Node ends';
    return planned.does === 'exec' && planned.all ? 'the namespaces are those of now' : undefined;
  },
  description:
    'A named network namespace is a file in /run/netns that keeps it alive; those that ip(8) has made can be used, and the reverse. Called as ip, the words are those of ip(8) with its abbreviations: "ip netns add NAME", "ip -br a", "ip r". By its own name the word netns is left out: "ts-netns add NAME"; link, address, route, nexthop and neighbor follow as they do in ip(8). connect makes a namespace (where there is none of that name) and puts it at a bridge with one end of a veth pair; what is there already stays as it is, and when a step fails, all others are taken back. What SIGKILL has left of it, another connect completes and disconnect takes away; only forwarding may stay turned on. disconnect takes away what connect has made. run does the same for a namespace that has no name and goes with its program; its rules go even when it is killed by SIGKILL, its pair then goes with the program, its bridge with the next run there, and only forwarding stays turned on. nat, publish and filter keep their rules in the table "inet ts-netns" of nf_tables and change no other; net.ipv4.ip_forward (for IPv6, net.ipv6.conf.all.forwarding) is turned on for the first rule and put back with the last one.',
  differences: [
    'Objects are address, link, neighbour, netns, nexthop, route and tuntap; the others of ip(8) are refused, as are buckets and encapsulations of next hops.',
    'Kinds of links with words of their own are bridge, bridge_slave, ipvlan, ipvtap, macvlan, macvtap, veth, vlan, vrf, vxlan, tun and tap; others (dummy, ifb …) are made without, and words behind them are refused.',
    '`link set` has no vf and xdp; `route` and `nexthop` have no encap. These words are refused as such.',
    'A part of a hardware address that is no hexadecimal number is refused, also where something stands behind the number; an empty one of a neighbour is shown as empty.',
    'Numbers and addresses are read to their end and within their range: the original takes `index 1e3` for 1, an empty realm for 0, and blanks before a part of an address.',
    'A message names the value that is wrong, also where the original names "(null)" (`link-netns`, `netns list-id`).',
    '`address flush proto` flushes addresses of that protocol alone; the original does not look at it.',
    '`route flush` also flushes routes by the id of a next hop, where the original is refused.',
    'Usage names the words that are known here, and is not repeated behind an error.',
    '`link add NAME type tun|tap` makes what `tuntap add` makes; the original is refused by the kernel.',
    'A line of a batch may begin with options such as `-n NAME`.',
    '`--help` goes to standard output with status 0; `-help` is that of the original. `-V` names the version of iproute2 that is followed.',
    'No time stamps, no names of hosts (`-resolve`); `-echo` and `-rcvbuf` are taken and ignored.',
    '`-all netns del` takes away all names that it can, and fails where one stays.',
    '`tuntap` shows no processes with `-details`.',
    '`connect`, `disconnect`, `run`, `nat`, `publish` and `filter` are ours, and exist by our name only.',
  ],
  exitStatuses: [
    ['1', 'something is missing: a link, a namespace, a file'],
    ['2', 'the kernel refuses; its words are shown'],
    ['255', 'wrong words; the program of exec cannot be executed; no such namespace'],
    ['else', 'that of the program'],
  ],
  examples: [
    { command: 'ts-netns -br address', says: 'links and their addresses' },
    { command: 'ts-netns add ns0', says: 'a network namespace of that name' },
    {
      command: 'ts-netns connect ns0 --bridge br0 --address 192.168.77.2/24 --gateway 192.168.77.1 --nat',
      says: 'the namespace at a bridge, with a way out',
    },
    { command: 'ts-netns exec ns0 ping -c 3 192.168.77.1', says: 'a program in it' },
    { command: 'ts-netns publish ns0 8080:80/tcp', says: 'its port 80 as port 8080 of the host' },
  ],
  plan,
  becomes: (planned) => planned.does !== 'act',
  prepare: (planned, sys, world) => (planned.does === 'run' ? prepareRun(planned, sys, world) : planned),
  prepares: (planned) => planned.does === 'run',
  apply: (planned, sys: Recording, world): Outcome => {
    if (planned.does === 'exec') return applyExec(planned, sys, world);
    return planned.does === 'run' ? applyRun(planned, sys) : exit(0);
  },
  act: (planned, sys, world) => (planned.does === 'act' ? act(planned, sys, world) : exit(0)),
});
