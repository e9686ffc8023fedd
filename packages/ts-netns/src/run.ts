/** `run`: a namespace that lives as long as its program, connected while it does. */
import type { Outcome, World } from '@ts/cli';
import { inNewNamespace, ownNamespace, setLink } from '@ts/netlink';
import {
  CLONE_NEWNET,
  encode,
  Failure,
  IFF_UP,
  Journal,
  type LiveSys,
  MNT_DETACH,
  MS_BIND,
  O_CREAT,
  O_WRONLY,
  type Recording,
  SIGCHLD,
  SIGHUP,
  SIGINT,
  SIGQUIT,
  SIGTERM,
} from '@ts/sys';
import { Context } from './context.ts';
import { failureOf, separate } from './exec.ts';
import { alone } from './lock.ts';
import type { Settings } from './settings.ts';
import { type Connection, checkPorts, connectionFrom, hostName, plug, wishesOf } from './verbs/connect.ts';
import { TABLE } from './verbs/forwarding.ts';
import { lend } from './verbs/nat.ts';
import { FAILED, Words, WRONG } from './words.ts';

export interface Run {
  readonly does: 'run';
  readonly settings: Settings;
  /** Undefined where the namespace is to have no link but lo. */
  readonly connection?: Connection;
  readonly program: readonly string[];
  /** What has been made before Node is gone. */
  readonly made?: Made;
}

interface Made {
  /** Descriptor of the namespace. */
  readonly namespace: number;
  /** Descriptor that our table is bound to; undefined where there is none. */
  readonly filter?: number;
  /** The tool's own file, which takes back what is left at the end. */
  readonly self?: string;
  /** What is left to be taken back at the end: words of `disconnect`. */
  readonly after: readonly string[];
}

export function planRun(words: readonly string[], settings: Settings): Run {
  const left = new Words(words);
  const connection = left.next?.startsWith('--') && left.next !== '--' ? connectionFrom(left) : undefined;
  if (!connection) left.skip('--');
  const program = left.rest();
  if (!program.length) throw new Failure('No command specified', WRONG);
  return { does: 'run', settings, connection, program };
}

/** A namespace without a name, held by a descriptor. */
const makeNamespace = (sys: LiveSys): number =>
  inNewNamespace(sys, () => ownNamespace(sys), sys.or('cannot make a network namespace').explaining('unshare net'));

const ownerOf = (pid: number): string => `run-${pid}`;

/** Made live, where the kernel's answers can be looked at; what follows is recorded. Descriptors stay open for it. */
export function prepareRun(plan: Run, sys: LiveSys, world: World): Run {
  const prepared = alone(new Context(sys, world, plan.settings), () => makeAll(plan, sys, world));
  const { namespace, filter } = prepared.made as Made;
  for (const fd of [namespace, filter]) if (fd !== undefined) sys.setCloexec(fd, false);
  return prepared;
}

function makeAll(plan: Run, sys: LiveSys, world: World): Run {
  const namespace = makeNamespace(sys);
  const { connection, settings } = plan;
  const context = new Context(sys, world, settings);
  if (!connection) {
    const inner = context.inside(namespace);
    up(inner);
    inner.close();
    return { ...plan, made: { namespace, after: [] } };
  }
  const self = world.ownFile?.();
  if (self === undefined)
    throw new Failure('cannot find its own file, which takes the connection back when the program has ended', FAILED);
  const owner = ownerOf(world.pid);
  const undo = new Journal();
  try {
    checkPorts(context, owner, connection);
    plug(context, connection, { name: owner, fd: namespace, made: false }, undo);
    const wishes = wishesOf(owner, connection);
    const table = `${TABLE}-${world.pid}`;
    const comment = wishes.length ? lend(context, table, wishes, undo) : undefined;
    const host = connection.host ?? hostName(owner);
    return {
      ...plan,
      made: {
        namespace,
        self,
        filter: comment === undefined ? undefined : context.filter.fd,
        after: ['--released', host, connection.bridge, ...(comment ? comment.split(' ') : [])],
      },
    };
  } catch (error) {
    undo.run();
    throw error;
  }
}

function up(inner: Context): void {
  inner.route.request(setLink({ index: 1, flags: IFF_UP, change: IFF_UP }, {}), 'link set lo up');
}

/** A file of this mount namespace alone in the place of /etc/resolv.conf; /sys is where it is made, before that is mounted. */
function nameServers(sys: Recording, dns: readonly string[]): void {
  const step = sys.or('cannot mount /etc/resolv.conf');
  step.mount('ts-netns', '/sys', 'tmpfs', 0);
  const fd = step.open('/sys/resolv.conf', O_WRONLY | O_CREAT, 0o644);
  step.write(fd, encode(dns.map((server) => `nameserver ${server}\n`).join('')));
  step.close(fd);
  step.mount('/sys/resolv.conf', '/etc/resolv.conf', null, MS_BIND);
  step.umount2('/sys', MNT_DETACH);
}

export function applyRun(plan: Run, sys: Recording): Outcome {
  const { made, program } = plan;
  const namespace =
    made?.namespace ?? (sys.or('cannot make a network namespace').open('/proc/self/ns/net', 0) as number);
  sys.setSignalAction(SIGCHLD, 'default');
  if (made?.after.length) {
    const { self } = made;
    sys.or('fork failed').forkAndWait({
      // All that a terminal or a user ends it by: who waits takes away what is left, and has to outlive the program.
      forward: [SIGHUP, SIGINT, SIGQUIT, SIGTERM],
      ended: (parent) => {
        // The table goes with its socket; what else is left is taken back by the tool itself.
        if (made.filter !== undefined) parent.ignoring().close(made.filter);
        if (self === undefined) return;
        const helper = parent.or('fork failed').fork((child) => {
          child.become([self], ['ts-netns', 'disconnect', ...made.after]);
        });
        parent.wait(helper);
      },
    });
    if (made.filter !== undefined) sys.close(made.filter);
  }
  sys.or('cannot enter the network namespace').setns(namespace, CLONE_NEWNET);
  sys.close(namespace);
  separate(sys, 'ts-netns', [], 0, () => {
    if (plan.connection?.dns.length) nameServers(sys, plan.connection.dns);
  });
  return { become: program, failure: failureOf(program), mounted: ['/sys', '/etc/resolv.conf'] };
}
