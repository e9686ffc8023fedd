/** nsenter(1): command-line interface for setns(2). */
import { keepCapabilities } from '@ts/capabilities';
import { defineTool, event, type Facet, forkReporting, type Outcome } from '@ts/cli';
import { KINDS, type Kind } from '@ts/namespaces';
import {
  encode,
  errnoOf,
  type Int,
  live,
  O_DIRECTORY,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  O_WRONLY,
  type Recording,
  type Ref,
  SIGCHLD,
} from '@ts/sys';
import { causes } from './causes.ts';
import { NETNS } from './named.ts';
import { options } from './options.ts';
import { type Plan, plan, type Source } from './plan.ts';

/** A namespace that has been opened. */
interface Opened {
  readonly kind: Kind;
  readonly fd: Int;
  readonly own: boolean;
  /** Where it is from, for whoever explains a failure. */
  readonly path: string;
}

const USER = KINDS.find(({ name }) => name === 'user') as Kind;
const NET = KINDS.find(({ name }) => name === 'net') as Kind;

/** Words of a cause's subject: the target and the file below its folder of /proc. */
const subjectOf = (path: string) => /^\/proc\/(\d+)\/(.+)$/.exec(path)?.slice(1).join(' ') ?? '';

/** A descriptor that planning has opened goes over the exec to the runner, and no further. */
function takeOver(sys: Recording, fd: number): number {
  live().setCloexec(fd, false);
  sys.setCloexec(fd, true);
  return fd;
}

function open(sys: Recording, { path, fd }: Source): Int {
  if (fd !== undefined) return takeOver(sys, fd);
  return sys
    .or(`cannot open ${path}`)
    .explaining(path.startsWith(NETNS) ? `netns ${path}` : `open ${subjectOf(path)}`)
    .open(path, O_RDONLY);
}

/** The process that was opened first must still be there when its files have been: they are its own then. */
function confirm(sys: Recording, pid: number, pidfd: Int): void {
  const gone = -errnoOf('ESRCH');
  const held = sys.or(`target process ${pid}`).explaining(`open ${pid}`);
  if (typeof pidfd !== 'number')
    sys.when(pidfd, 'equal', gone, () => {
      held.pidfd_open(pid);
      sys.end(1);
    });
  const alive = sys.ignoring().pidfd_send_signal(pidfd, 0) as Ref;
  sys.when(alive, 'equal', gone, () => held.pidfd_send_signal(pidfd, 0));
}

/** The network namespace of a socket that the target has open. */
function openSocket(sys: Recording, pidfd: Int, socket: number): Opened {
  const copy = sys.or(`cannot copy descriptor ${socket} of the target`).pidfd_getfd(pidfd, socket);
  const fd = sys.or(`cannot get the network namespace of descriptor ${socket}`).socket_netns(copy);
  sys.close(copy);
  return { kind: NET, fd, own: false, path: '' };
}

/** The user namespace above the one that was named or is the target's, instead of that. */
function withParent(sys: Recording, opened: readonly Opened[]): Opened[] {
  return opened.map((each) => {
    if (each.kind !== USER) return each;
    const fd = sys.or('failed to open parent namespace').explaining(`parent ${each.path}`).ns_get_userns(each.fd);
    return { kind: USER, fd, own: false, path: '' };
  });
}

/**
 * All but the user namespace first: whoever has rights outside keeps them until all is entered. What is refused then comes
 * after the user namespace, which gives those rights to its owner.
 */
function enter(sys: Recording, opened: readonly Opened[]): void {
  const before = new Map<Opened, Ref>();
  const twice = opened.some(({ kind }) => kind === USER);
  for (const each of opened)
    if (twice && each.kind !== USER) before.set(each, sys.ignoring().setns(each.fd, each.kind.flag) as Ref);
  for (const each of opened) {
    const { kind, fd, own, path } = each;
    const entering = sys
      .or(`reassociate to namespace 'ns/${kind.file}' failed`)
      .explaining(`setns ${kind.file} ${path}`);
    const again = () => (own ? entering.ignoring(errnoOf('EPERM')) : entering).setns(fd, kind.flag);
    const first = before.get(each);
    if (first) sys.when(first, 'less', 0, again);
    else again();
    sys.close(fd);
  }
}

function changeDirectories(sys: Recording, root: Int | undefined, wd: Int | undefined, inside: string | undefined) {
  // Where only the root changes, the working directory stays what it is.
  const stay =
    root !== undefined && wd === undefined && inside === undefined
      ? sys.or('cannot open current working directory').open('.', O_RDONLY)
      : undefined;
  if (root !== undefined) {
    sys.or('change directory by root file descriptor failed').fchdir(root);
    sys.or('chroot failed').chroot('.');
    sys.or('cannot change directory to /').chdir('/');
    sys.close(root);
  }
  const fd =
    inside === undefined
      ? (wd ?? stay)
      : // It may be anything there: a FIFO is not waited for.
        sys.or('cannot open current working directory').open(inside, O_RDONLY | O_NONBLOCK);
  if (fd === undefined) return;
  sys.or('change directory by working directory file descriptor failed').fchdir(fd);
  sys.close(fd);
}

/** Groups may have been given up outside already, where that was allowed: then a refusal here is none. */
function assume(sys: Recording, { uid, gid, keepCaps }: Plan, outside: Ref | undefined): void {
  if (gid !== undefined) {
    if (outside) {
      const inside = sys.ignoring().setgroups([]) as Ref;
      sys.when(inside, 'less', 0, () =>
        sys.when(outside, 'less', 0, () => sys.or('setgroups failed').explaining('setgroups').setgroups([])),
      );
    } else sys.ignoring().setgroups([]);
    sys.or('setgid() failed').setgid(gid);
  }
  if (keepCaps !== undefined && uid !== undefined && uid !== 0) sys.or('prctl failed').setKeepCaps(true);
  if (uid !== undefined) sys.or('setuid() failed').setuid(uid);
  if (keepCaps !== undefined) keepCapabilities(sys, keepCaps);
}

function apply(plan: Plan, sys: Recording): Outcome {
  const { target, sources, statusFd } = plan;
  const takes = target !== undefined && (plan.socket !== undefined || sources.some(({ path }) => subjectOf(path)));
  const held = target?.pidfd === undefined ? undefined : takeOver(sys, target.pidfd);
  const pidfd = held ?? (takes ? sys.ignoring().pidfd_open(target.pid) : undefined);

  const files = sources.map((source) => ({ source, fd: open(sys, source) }));
  const folder = (what: 'root' | 'wd') => files.find(({ source }) => source.what === what)?.fd;
  const named = KINDS.flatMap((kind): Opened[] => {
    const file = files.find(({ source }) => source.what === kind);
    return file ? [{ kind, fd: file.fd, own: file.source.own ?? false, path: file.source.path }] : [];
  });
  if (pidfd !== undefined && plan.socket !== undefined) named.push(openSocket(sys, pidfd, plan.socket));
  const groups = plan.groups.map((path) => ({ path, fd: sys.or(`cannot open ${path}`).open(path, O_WRONLY) }));
  if (target && pidfd !== undefined) {
    confirm(sys, target.pid, pidfd);
    sys.ignoring().close(pidfd);
  }
  const opened = plan.userParent ? withParent(sys, named) : named;

  // What lies at /proc in the other mounts may be anything: the program would run without the context.
  const proc = plan.context === undefined ? undefined : sys.or('cannot open /proc').open('/proc', O_PATH | O_DIRECTORY);
  const outside = plan.intoUser && !plan.preserve ? (sys.ignoring().setgroups([]) as Ref) : undefined;
  enter(sys, opened);
  const types = opened.map(({ kind }) => kind.file);
  event(sys, statusFd, 'namespaces', `,"types":${JSON.stringify(types)}`);
  changeDirectories(sys, folder('root'), folder('wd'), plan.directoryInside);

  if (plan.fork) {
    sys.setSignalAction(SIGCHLD, 'default');
    forkReporting(sys, statusFd, { mirrorStops: true });
  }
  for (const { path, fd } of groups) {
    sys.or(`cannot join ${path}`).write(fd, encode('0'));
    sys.close(fd);
  }
  if (plan.context !== undefined && proc !== undefined) {
    const fd = sys.or('cannot open /proc/self/attr/exec').openat(proc, 'self/attr/exec', O_WRONLY);
    sys.or('failed to set exec context').write(fd, encode(plan.context));
    for (const used of [fd, proc]) sys.close(used);
  }
  assume(sys, plan, outside);

  event(sys, statusFd, 'ready');
  if (statusFd !== undefined) sys.setCloexec(statusFd, true);
  return {
    become: plan.program,
    argv0: plan.argv0,
    environment: plan.environment,
    changes: changes(plan, opened),
  };
}

/** What is other than it was, for whoever is planned next. */
function changes(plan: Plan, opened: readonly Opened[]): Facet[] {
  const has = (name: Kind['name']) => opened.some(({ kind }) => kind.name === name);
  const folders = plan.sources.some(({ what }) => what === 'root');
  const ids = plan.intoUser || plan.uid !== undefined || plan.gid !== undefined;
  return [
    ...(has('mount') || folders ? (['root'] as const) : []),
    ...(ids || plan.context !== undefined ? (['ids', 'credentials'] as const) : []),
    ...(has('pid') ? (['pid'] as const) : []),
    ...(has('cgroup') || plan.groups.length ? (['cgroups'] as const) : []),
  ];
}

export const tool = defineTool({
  name: 'ts-nsenter',
  replaces: ['nsenter'],
  section: 1,
  summary: 'Run a program in the namespaces of other processes.',
  synopsis: ['[options] [<program> [<argument>...]]'],
  options,
  causes,
  reads: ({ looked }) => (looked ? ['pid', 'ids', 'cgroups'] : []),
  files: ({ looked }) => (looked ? ['/proc'] : []),
  momentary: ({ target, sources }) =>
    target?.pidfd !== undefined || sources.some(({ fd }) => fd !== undefined)
      ? 'what it enters is held by a descriptor of this process'
      : undefined,
  description:
    'Enters namespaces of a process, or those that files keep alive, and runs a program in them; without a program, the shell that SHELL names, or /bin/sh. With a PID namespace the program is a child that is waited for. The target is held by a descriptor while its files are opened: a process that has got its number meanwhile is not entered. The user namespace comes last for whoever has rights outside, first for whoever gets them inside.',
  differences: [
    '`--all` passes over namespaces that the caller is in already and may not enter again, so that an ordinary user can enter all of a process in a user namespace of its own.',
    '`--join-cgroup` works with cgroup v1 and hybrid hosts, too.',
    '`--follow-context` without SELinux is an error; the original says nothing.',
    '`--setuid=follow` and `--setgid=follow` together with `--user` give the id as the target itself sees it.',
    'A process id that is negative is an error.',
    'A namespace can be named by its id on Linux 6.18, too, where the original needs 6.19 (and a mount namespace since 6.11): it is then looked for among those that can be seen in /proc.',
    '`--env` works where the target has another user id of a user namespace that the caller has made: newer originals read the environment after they have changed ids, ours from the memory of the target before.',
    '`-W DIR` works as documented; in the newest original the directory of the short option must be attached (`-WDIR`).',
    '`--user-parent` with a file for `--user` needs no target.',
    '`--target-cgroup`, `--netns`, `--status-fd`, `--dry-run` and `--trace` are ours.',
  ],
  exitStatuses: [
    ['1', 'a step failed, or wrong usage'],
    ['126', 'the program cannot be executed'],
    ['127', 'the program was not found'],
    ['else', 'that of the program; with a PID namespace, death by the same signal'],
  ],
  examples: [
    { command: 'ts-nsenter --uts=/run/uts hostname', says: 'the host name in a namespace that was bound to a file' },
    { command: 'ts-nsenter --target 4242 --all', says: 'a shell in all namespaces of process 4242' },
    {
      command: 'ts-nsenter --target-cgroup /job --all --join-cgroup ps ax',
      says: 'in the namespaces and the group of a contained job, whatever its process ids are',
    },
    { command: 'ts-nsenter --netns blue ip addr', says: 'in a network namespace that `ip netns add blue` made' },
    {
      command: 'ts-nsenter --uts=:4242 hostname',
      says: 'in the namespace of that id, as `ts-lsns -o +NSID` shows it',
    },
    {
      command: 'ts-nsenter -t 4242 -U --preserve-credentials -n ip link',
      says: 'as an ordinary user: the network of a process in your own user namespace',
    },
  ],
  plan,
  becomes: () => true,
  apply,
});
