/** unshare(1): command-line interface for unshare(2). */
import { keepCapabilities } from '@ts/capabilities';
import { defineTool, event, type Facet, forkReporting, type Outcome } from '@ts/cli';
import { bindToItself, detachRoot, holdRoot } from '@ts/mounts';
import { formatIdMap, holesOf, KINDS } from '@ts/namespaces';
import {
  CLONE_NEWCGROUP,
  CLONE_NEWNS,
  CLONE_NEWUSER,
  errnoOf,
  type Int,
  MS_BIND,
  MS_NODEV,
  MS_NOEXEC,
  MS_NOSUID,
  MS_PRIVATE,
  MS_REC,
  O_WRONLY,
  type Path,
  type Piece,
  type Recording,
  type Ref,
  SIGCHLD,
  SIGINT,
  SIGKILL,
  SIGTERM,
} from '@ts/sys';
import { causes, MAPPER_FOLDERS } from './causes.ts';
import { options } from './options.ts';
import { BINFMT, type IdMap, type Plan, plan } from './plan.ts';

const MAPS = { uid: 'uid_map', gid: 'gid_map' } as const;
const MAPPERS = { uid: 'newuidmap', gid: 'newgidmap' } as const;

/** Writes a file of the kernel in one write(2), as its files of /proc require. */
function writeFile(
  sys: Recording,
  path: Path,
  text: readonly Piece[],
  said: { name?: string; failure?: string } = {},
): void {
  const name = said.name ?? (typeof path === 'string' ? path : path.shown);
  const fd = sys.or(`cannot open ${name}`).open(path, O_WRONLY);
  sys.or(said.failure ?? `write failed ${name}`).print(fd, text);
  sys.close(fd);
}

/** A child that stays outside the new namespaces, waits until they are there, and does what only an outsider can. */
interface Helper {
  readonly pid: Ref;
  readonly go: Ref;
}

function startHelper(sys: Recording, pid: Ref, work: (sys: Recording) => void): Helper {
  const go = sys.or('eventfd failed').eventfd() as Ref;
  const helper = sys.or('fork failed').fork((child) => {
    child.setParentDeathSignal(SIGKILL);
    // Our parent may have died before that.
    child.when(child.do('getppid') as Ref, 'notEqual', pid, () => child.end(1));
    child.or('failed to wait for the parent').read(go, Buffer.alloc(8));
    work(child);
  });
  return { pid: helper, go };
}

function release(sys: Recording, helper: Helper): void {
  const one = Buffer.alloc(8);
  one.writeBigUInt64LE(1n);
  sys.or('failed to release the helper').write(helper.go, one);
  sys.close(helper.go);
  const status = sys.wait(helper.pid);
  sys.when(status, 'notEqual', 0, () => sys.end(1));
}

function bindNamespaces(sys: Recording, { persist }: Plan, pid: Ref): void {
  for (const { kind, file } of persist) {
    const name = `ns/${kind.childrenFile}`;
    const source = sys.made(['/proc/', { result: pid }, `/${name}`]);
    sys
      .or(`mount /proc/self/${name} on ${file} failed`)
      .explaining(`bind ${kind.file} ${file}`)
      .mount(source, file, null, MS_BIND);
  }
}

/** Ids that only a process with rights in the parent namespace may map. */
function mapFromOutside(sys: Recording, map: IdMap | undefined, which: 'uid' | 'gid', pid: Ref): void {
  if (!map || map.by === 'self') return;
  if (map.by === 'helper') {
    const file = sys.made(['/proc/', { result: pid }, `/${MAPS[which]}`]);
    writeFile(sys, file, [formatIdMap(map.ranges)], { name: MAPS[which] });
    return;
  }
  const program = MAPPERS[which];
  const ranges = map.ranges.flatMap(({ inner, outer, count }) => [inner, outer, count].map(String));
  const mapper = sys.or('fork failed').fork((child) => {
    const paths = MAPPER_FOLDERS.map((folder) => `${folder}/${program}`);
    child
      .or(`failed to execute ${program}`, { status: 126, statusMissing: 127 })
      .explaining(`newidmap ${program}`)
      .become(paths, [program, child.made([{ result: pid }]), ...ranges]);
  });
  const status = sys.wait(mapper);
  sys.when(status, 'notEqual', 0, () => sys.end(1));
}

/** The process's own map, and before a group map the ban on setgroups(2): the kernel wants it so since Linux 3.19. */
function mapFromInside(sys: Recording, { uidMap, gidMap, setgroups }: Plan, caller: { uid?: Ref; gid?: Ref }): void {
  const write = (which: 'uid' | 'gid', { ranges }: IdMap) => {
    const path = `/proc/self/${MAPS[which]}`;
    const id = caller[which];
    if (id) writeFile(sys, path, [`${ranges[0]?.inner} `, { result: id }, ' 1']);
    else writeFile(sys, path, [formatIdMap(ranges).trimEnd()]);
  };
  if (uidMap?.by === 'self') write('uid', uidMap);
  if (gidMap?.by === 'self') {
    writeFile(sys, '/proc/self/setgroups', ['deny']);
    write('gid', gidMap);
  } else if (setgroups) writeFile(sys, '/proc/self/setgroups', [setgroups]);
}

/** Swaps the roots: the old one, which is given back, lies over the new one then, so no folder for it is needed. */
function pivot(sys: Recording, { root = '/' }: Plan): Int {
  const message = `cannot change root directory to '${root}'`;
  const old = holdRoot(sys);
  bindToItself(sys.or(message), root, true);
  sys.or(message).explaining(`pivot ${root}`).pivot_root('.', '.');
  return old;
}

function changeDirectory(sys: Recording, { directory }: Plan): void {
  if (directory !== undefined) sys.or(`cannot chdir to '${directory}'`).chdir(directory);
}

function mountProc(sys: Recording, { mountProc: target, root, propagation }: Plan): void {
  if (target === undefined) return;
  // The change of the whole tree has covered it, unless that was left out or the tree is another.
  if (root === undefined && propagation !== (MS_PRIVATE | MS_REC))
    sys
      .or(`cannot change ${target} filesystem propagation`)
      .ignoring(errnoOf('EINVAL'))
      .mount('none', target, null, MS_PRIVATE | MS_REC);
  sys
    .or(`mount ${target} failed`)
    .explaining(`mount-proc ${target}`)
    .mount('proc', target, 'proc', MS_NOSUID | MS_NOEXEC | MS_NODEV);
}

/** Flags are the last field of a definition, binfmt_misc. */
const isOpenedAtOnce = (definition = '') => (definition.split(':').at(-1) ?? '').includes('F');

function registerInterpreter(sys: Recording, target: string, definition: string | undefined): void {
  sys.or(`mount ${target} failed`).mount('binfmt_misc', target, 'binfmt_misc', MS_NOSUID | MS_NOEXEC | MS_NODEV);
  if (definition !== undefined) writeFile(sys, `${target}/register`, [definition]);
}

function apply(plan: Plan, sys: Recording): Outcome {
  // Where it is ignored there is nothing to wait for. The original does so without --fork too.
  sys.setSignalAction(SIGCHLD, 'default');
  const names = KINDS.filter(({ flag }) => plan.namespaces & flag).map(({ file }) => file);
  const bindOutside = plan.persist.length > 0 && (plan.namespaces & (CLONE_NEWNS | CLONE_NEWUSER)) !== 0;
  const mapOutside = [plan.uidMap, plan.gidMap].some((map) => map && map.by !== 'self');
  // What another process does for this one, it does by this one's number.
  const pid = (mapOutside || plan.persist.length ? sys.getpid() : undefined) as Ref;
  const mapper =
    mapOutside &&
    startHelper(sys, pid, (helper) => {
      mapFromOutside(helper, plan.uidMap, 'uid', pid);
      mapFromOutside(helper, plan.gidMap, 'gid', pid);
    });
  const binder = bindOutside && startHelper(sys, pid, (helper) => bindNamespaces(helper, plan, pid));

  // Inside, before they are mapped, ids cannot be asked for.
  const caller = {
    uid: plan.uidMap?.isCallers ? (sys.geteuid() as Ref) : undefined,
    gid: plan.gidMap?.isCallers ? (sys.getegid() as Ref) : undefined,
  };

  if (plan.owner) {
    sys.or('setgroups failed').setgroups([]);
    sys.or('setgid() failed').setgid(plan.owner.gid);
    sys.or('setuid() failed').setuid(plan.owner.uid);
  }
  sys
    .or('unshare failed')
    .explaining(`unshare ${names.join(' ')}`)
    .unshare(plan.namespaces);
  if (mapper) release(sys, mapper);
  event(sys, plan.statusFd, 'namespaces', `,"types":${JSON.stringify(names)}`);

  for (const { clock, seconds } of plan.offsets)
    writeFile(sys, '/proc/self/timens_offsets', [`${clock} ${seconds} 0`], {
      failure: 'failed to write to /proc/self/timens_offsets',
    });

  // A PID namespace can be bound only when it has its first process, so the parent binds after the fork.
  const bind = (parent: Recording) => (binder ? release(parent, binder) : bindNamespaces(parent, plan, pid));
  if (plan.fork)
    forkReporting(sys, plan.statusFd, {
      block: [SIGINT, SIGTERM],
      forward: plan.forward,
      parentDeathSignal: plan.killChild,
      parent: bind,
    });
  else bind(sys);

  mapFromInside(sys, plan, caller);
  if (plan.uidMap ?? plan.gidMap)
    event(
      sys,
      plan.statusFd,
      'mapped',
      `,"uid_map":${JSON.stringify(plan.uidMap?.ranges ?? [])},"gid_map":${JSON.stringify(plan.gidMap?.ranges ?? [])}`,
    );

  if (plan.namespaces & CLONE_NEWNS && plan.propagation)
    sys.or('cannot change root filesystem propagation').mount('none', '/', null, plan.propagation);

  // With the flag F the kernel opens the interpreter at once: that of the old root.
  const isOfOldRoot = plan.root !== undefined && isOpenedAtOnce(plan.loadInterpreter);
  if (isOfOldRoot) registerInterpreter(sys, BINFMT, plan.loadInterpreter);
  const old = plan.pivot ? pivot(sys, plan) : undefined;
  if (plan.root !== undefined && !plan.pivot)
    sys.or(`cannot change root directory to '${plan.root}'`).explaining(`chroot ${plan.root}`).chroot(plan.root);
  changeDirectory(sys, plan);
  mountProc(sys, plan);
  if (plan.mountBinfmt !== undefined)
    registerInterpreter(sys, plan.mountBinfmt, isOfOldRoot ? undefined : plan.loadInterpreter);
  // Not sooner: a user namespace may mount proc only where another proc is seen.
  if (old !== undefined) {
    detachRoot(sys, old);
    sys.chdir('/');
    changeDirectory(sys, plan);
  }

  if (plan.gid !== undefined) {
    sys.or('setgroups failed').setgroups([]);
    sys.or('setgid() failed').setgid(plan.gid);
  }
  if (plan.uid !== undefined) sys.or('setuid() failed').setuid(plan.uid);
  if (plan.keepCaps !== undefined) keepCapabilities(sys, plan.keepCaps);

  event(sys, plan.statusFd, 'ready');
  if (plan.statusFd !== undefined) sys.setCloexec(plan.statusFd, true);
  return {
    become: plan.program,
    argv0: plan.argv0,
    environment: plan.environment,
    changes: changes(plan),
    identity: plan.identity,
    mounted: mounted(plan),
  };
}

const mounted = ({ mountProc: proc, mountBinfmt: binfmt }: Plan) => [proc, binfmt].filter((path) => path !== undefined);

/** As root of a user namespace, an execve gives back all capabilities; as anybody else it takes them. */
function changes(plan: Plan): Facet[] {
  const asRoot = plan.uidMap?.ranges[0]?.inner === 0 && plan.uid === undefined;
  const user = (plan.namespaces & CLONE_NEWUSER) !== 0;
  return [
    ...(plan.root === undefined ? [] : (['root'] as const)),
    ...(user ? (['ids', asRoot ? 'ids' : 'credentials'] as const) : []),
    ...(plan.uid === undefined && plan.gid === undefined ? [] : (['ids', 'credentials'] as const)),
    ...(plan.fork ? (['pid'] as const) : []),
    ...(plan.namespaces & CLONE_NEWCGROUP ? (['cgroups'] as const) : []),
  ];
}

function describe(plan: Plan): string {
  const maps = (['uidMap', 'gidMap'] as const).flatMap((name) => {
    const map = plan[name];
    return map
      ? [
          `${name === 'uidMap' ? 'uid_map' : 'gid_map'} (inner outer count):`,
          ...map.ranges.map(({ inner, outer, count }) => `  ${inner} ${outer} ${count}`),
          ...holesOf(map.ranges).map(
            ({ first, last }) => `  ${first === last ? first : `${first}-${last}`} not mapped`,
          ),
        ]
      : [];
  });
  return maps.map((line) => `${line}\n`).join('');
}

export const tool = defineTool({
  name: 'ts-unshare',
  replaces: ['unshare'],
  section: 1,
  summary: 'Run a program with some namespaces unshared from the parent.',
  synopsis: ['[options] [<program> [<argument>...]]'],
  options,
  causes,
  reads: ({ uidMap, gidMap, owner, uid, gid, isForCaller }) =>
    isForCaller || (uidMap ?? gidMap ?? owner ?? uid ?? gid) === undefined ? [] : ['ids'],
  description:
    'Makes new namespaces and runs a program in them; without a program, the shell that SHELL names, or /bin/sh.',
  differences: [
    '`--map-auto` and its kin map every subordinate id, also beside `--map-root-user`; originals up to util-linux 2.41 leave the highest out.',
    'A map that the kernel refuses ends in failure; older originals go on without one.',
    '`--user=FILE` works: a process that stays outside binds the namespace.',
    '`-r --setgroups=deny` works; older versions of the original deny it twice and fail.',
    '`--map-users` and `--map-groups` as root write the map directly, as the newest original does; older ones run newuidmap(1).',
    'A child that SIGKILL has ended ends the parent by SIGKILL, as with the newest original; older ones end with status 1.',
    'A message about binding a namespace says /proc/self where the original gives the PID.',
    '`--mount-binfmt` and `--load-interp` mount /proc first only together with `--pid`, where that is possible.',
    '`--status-fd`, `--dry-run` and `--trace` are ours.',
  ],
  exitStatuses: [
    ['1', 'a step failed, or wrong usage'],
    ['126', 'the program cannot be executed'],
    ['127', 'the program was not found'],
    ['else', 'that of the program; with --fork, death by the same signal'],
  ],
  examples: [
    {
      command: 'ts-unshare --fork --pid --mount-proc readlink /proc/self',
      says: 'a PID namespace with its own /proc: prints 1',
    },
    {
      command: 'ts-unshare --map-root-user --mount --uts sh',
      says: 'a shell as root of its own namespaces, without being root',
    },
    {
      command: 'ts-unshare -rm ts-mount -t tmpfs tmpfs /mnt -- ts-unshare --map-user=1000 --map-group=1000 sh',
      says: 'prepared as root of a namespace, run as the ordinary user (1000) in a nested one',
    },
    {
      command: 'ts-unshare -rpf --root rootfs --pivot --mount-proc /bin/sh',
      says: 'a shell in rootfs, from where the old root cannot be reached',
    },
  ],
  plan,
  becomes: () => true,
  apply,
  describe,
});
