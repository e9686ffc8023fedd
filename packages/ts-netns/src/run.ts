/** `run`: a namespace that lives as long as its program, connected while it does. */
import type { Outcome, World } from '@ts/cli';
import { type Connection, connectUnnamed, makeLonely } from '@ts/network';
import {
  CLONE_NEWNET,
  encode,
  Failure,
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
import { withAdvice } from './refusal.ts';
import type { Settings } from './settings.ts';
import { connectionFrom, RELEASED } from './verbs/connect.ts';
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

/** Made live, where the kernel's answers can be looked at; what follows is recorded. Descriptors stay open for it. */
export function prepareRun(plan: Run, sys: LiveSys, world: World): Run {
  const context = new Context(sys, world, plan.settings);
  const { connection } = plan;
  const made: Made = withAdvice(() =>
    connection ? makeConnected(context, connection) : { namespace: makeLonely(context), after: [] },
  );
  for (const fd of [made.namespace, made.filter]) if (fd !== undefined) sys.setCloexec(fd, false);
  return { ...plan, made };
}

function makeConnected(context: Context, connection: Connection): Made {
  const self = context.world.ownFile?.();
  if (self === undefined)
    throw new Failure('cannot find its own file, which takes the connection back when the program has ended', FAILED);
  const { namespace, filter, left } = connectUnnamed(context, context.world.pid, connection);
  return {
    namespace,
    filter,
    self,
    after: [RELEASED, left.host, left.bridge, ...left.comment.split(' ').filter(Boolean)],
  };
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
