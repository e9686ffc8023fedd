/** umount(8): command-line interface for umount2(2). */
import { defineTool, exit, type Outcome, type Parsed, UsageError, type World } from '@ts/cli';
import {
  allOptions,
  inNamespace,
  type Mount,
  matchesOptions,
  matchesType,
  mountAt,
  namespaceFile,
  parseMountinfo,
  realPath,
  subtree,
} from '@ts/mounts';
import {
  atOnce,
  type LiveSys,
  MNT_DETACH,
  MNT_FORCE,
  MS_RDONLY,
  MS_REMOUNT,
  O_RDONLY,
  type Recording,
  type Steps,
  SysError,
} from '@ts/sys';
import { causes, remedyOf, subjectOf, wordsOf } from './causes.ts';
import { options } from './options.ts';

const FAILED = 32;
const SOME_FAILED = 64;

/** linux/loop.h */
const LOOP_CLR_FD = 0x4c01;

/** Left alone by -a: what everything else needs. */
const KEPT_TYPES = 'noproc,devfs,devpts,sysfs,rpc_pipefs,nfsd,selinuxfs';

export interface Plan {
  /** File of the mount namespace in which all is done. */
  readonly namespace?: string;
  readonly targets: readonly string[];
  /** Which mounts a target stands for: itself, all below it, or all of the same device. */
  readonly scope: 'target' | 'tree' | 'device' | 'everything';
  /** With each mount those below it. */
  readonly recursive: boolean;
  readonly types?: string;
  readonly testOptions?: string;
  readonly flags: number;
  readonly fake: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
  readonly elseReadOnly: boolean;
  readonly detachLoop: boolean;
  readonly program: readonly string[];
}

export function plan({ values, operands, beforeDashes }: Parsed<typeof options>): Plan {
  // "umount -- DIR" names a target; a program stands behind targets and dashes only.
  const count = beforeDashes === 0 ? operands.length : beforeDashes;
  const targets = operands.slice(0, count);
  const program = operands.slice(count);
  if (values.all && targets.length) throw new UsageError('unexpected number of arguments');
  if (!values.all && !targets.length) throw new UsageError('bad usage');
  if (program[0] === '') throw new UsageError('the program has no name');
  return {
    namespace: values.namespace === undefined ? undefined : namespaceFile(values.namespace),
    targets,
    scope: values.all ? 'everything' : values['all-targets'] ? 'device' : values.recursive ? 'tree' : 'target',
    recursive: values.recursive ?? false,
    types: values.types,
    testOptions: values['test-opts'],
    flags: (values.lazy ? MNT_DETACH : 0) | (values.force ? MNT_FORCE : 0),
    fake: values.fake ?? false,
    quiet: values.quiet ?? false,
    verbose: values.verbose ?? false,
    elseReadOnly: values['read-only'] ?? false,
    detachLoop: values['detach-loop'] ?? false,
    program,
  };
}

/** What has to look at the table of mounts as it is at that moment is not recorded but done. */
const isPlain = ({ scope, fake, quiet, verbose, elseReadOnly, detachLoop }: Plan) =>
  scope === 'target' && !fake && !quiet && !verbose && !elseReadOnly && !detachLoop;

/** In the namespace where it is wanted; what follows is done in this one. */
function there({ namespace, program }: Plan, sys: Steps, work: () => void): void {
  if (namespace === undefined) work();
  else inNamespace(sys, namespace, program.length > 0, work);
}

function apply(plan: Plan, sys: Recording): Outcome {
  there(plan, sys as unknown as Steps, () => {
    for (const target of plan.targets)
      sys
        .or(`${target}: umount(2) system call failed`, { status: FAILED })
        .explaining(subjectOf(target))
        .umount2(target, plan.flags);
  });
  return { become: plan.program };
}

const mountsNow = (world: World) => parseMountinfo(world.read('/proc/self/mountinfo') ?? '');

/** The last mount at a place; failing that, of a source. */
const find = (mounts: readonly Mount[], place: string) =>
  mountAt(mounts, realPath(place)) ?? mounts.findLast(({ source }) => source === place || source === realPath(place));

/** One umount2(2) and what hangs on it. Result: 0 or the exit status. */
function detach(target: string, mount: Mount | undefined, plan: Plan, sys: LiveSys, world: World): number {
  try {
    if (!plan.fake) sys.umount2(target, plan.flags);
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
    if (error.code === 'EBUSY' && plan.elseReadOnly) return remountReadOnly(target, plan, sys, world);
    if (!(plan.quiet && error.code === 'EINVAL')) {
      world.warn(`${target}: ${wordsOf(error.errno)}.`);
      const hint = world.variable('TS_HINTS') === '0' ? undefined : remedyOf(target, error.code, world);
      if (hint !== undefined) world.warn(hint);
    }
    return FAILED;
  }
  if (plan.detachLoop && !plan.fake && mount && /^\/dev\/loop\d+$/.test(mount.source)) freeLoop(mount.source, sys);
  if (plan.verbose)
    world.warn(
      `${target}${mount && plan.scope === 'target' && plan.namespace === undefined ? ` (${mount.source})` : ''} unmounted`,
    );
  return 0;
}

function remountReadOnly(target: string, plan: Plan, sys: LiveSys, world: World): number {
  sys.or(`${target}: cannot remount read-only`, { status: FAILED }).mount(null, target, null, MS_REMOUNT | MS_RDONLY);
  if (plan.verbose) world.warn(`${target}: remounted read-only`);
  return 0;
}

function freeLoop(device: string, sys: LiveSys): void {
  const fd = sys.or(`${device}: cannot open`).open(device, O_RDONLY);
  sys.or(`${device}: cannot be freed`).ioctl(fd, LOOP_CLR_FD);
  sys.close(fd);
}

/** What one operand stands for, those on top first. */
function mountsOf(target: string, plan: Plan, world: World): Mount[] | undefined {
  const mounts = mountsNow(world);
  const mount = find(mounts, target);
  if (!mount) return undefined;
  const same = plan.scope === 'device' ? mounts.filter(({ device }) => device === mount.device) : [mount];
  const all = new Map(
    same.flatMap((each) => (plan.recursive ? subtree(mounts, each) : [each])).map((each) => [each.id, each]),
  );
  return [...all.values()].reverse();
}

function detachOperand(target: string, plan: Plan, sys: LiveSys, world: World): number {
  if (plan.scope === 'target') {
    const mounts = mountsNow(world);
    const mount = find(mounts, target);
    // An ordinary user is told that nothing is there, not that the right to take it away is missing.
    if (!mount && world.euid !== 0) {
      if (!plan.quiet) world.warn(`${realPath(target)}: not mounted.`);
      return 1;
    }
    return detach(mount?.target ?? target, mount, plan, sys, world);
  }
  const found = mountsOf(target, plan, world);
  if (!found) {
    if (!plan.quiet) world.warn(`${target}: not mounted`);
    return 1;
  }
  for (const mount of found) {
    const status = detach(mount.target, mount, plan, sys, world);
    // What lies above the one that stays cannot be detached.
    if (status !== 0) return status;
  }
  return 0;
}

function detachEverything(plan: Plan, sys: LiveSys, world: World): number[] {
  const isMeant = (mount: Mount) =>
    matchesType(mount.type, plan.types ?? KEPT_TYPES) &&
    (plan.testOptions === undefined || matchesOptions(allOptions(mount), plan.testOptions)) &&
    mount.target !== '/';
  const say = ({ target }: Mount, what: string) => {
    if (plan.verbose) world.print(`${target.padEnd(25)}: ${what}\n`);
  };
  return mountsNow(world)
    .reverse()
    .flatMap((mount) => {
      if (!isMeant(mount)) {
        say(mount, 'ignored');
        return [];
      }
      const status = detach(mount.target, mount, { ...plan, verbose: false }, sys, world);
      if (status === 0) say(mount, 'successfully unmounted');
      return [status];
    });
}

function act(plan: Plan, sys: LiveSys, world: World): Outcome {
  let statuses: number[] = [];
  atOnce(sys, (steps) =>
    there(plan, steps, () => {
      statuses =
        plan.scope === 'everything'
          ? detachEverything(plan, sys, world)
          : plan.targets.map((target) => detachOperand(target, plan, sys, world));
    }),
  );
  const failed = statuses.filter((status) => status !== 0);
  if (failed.length && failed.length < statuses.length) return exit(SOME_FAILED);
  if (failed.length) return exit(Math.max(...failed));
  return plan.program.length ? { become: plan.program } : exit(0);
}

export const tool = defineTool({
  name: 'ts-umount',
  replaces: ['umount'],
  section: 8,
  summary: 'Unmount filesystems.',
  synopsis: ['-a [options]', '[options] <source> | <directory>... [-- <program> [<argument>...]]'],
  options,
  grammar: { permute: true },
  causes,
  description: 'Detaches mounts. With a program behind `--`, it becomes that program when all are detached.',
  differences: [
    'A program may follow behind `--`.',
    'No umount.TYPE helpers, no /etc/mtab.',
    '`-R` and `-A` take time in proportion to the number of mounts: thousands of them are gone in a second.',
    'The exit status for several mount points is 32 if all failed, 64 if some failed; util-linux before 2.39 adds statuses up.',
    '`-a -t` with types that are not mounted does nothing; the root file system is not tried.',
    'Of a busy mount, one more line names the mounts below it or the processes that use it.',
  ],
  exitStatuses: [
    ['0', 'success'],
    ['1', 'wrong usage, or nothing is mounted there'],
    ['2', 'the namespace cannot be entered'],
    ['32', 'the mount could not be detached'],
    ['64', 'some could be detached, some not'],
    ['126', 'the program cannot be executed'],
    ['127', 'the program was not found'],
  ],
  examples: [
    { command: 'ts-umount --lazy /.put_old', says: 'the old root goes, although it is in use' },
    { command: 'ts-umount --recursive /mnt', says: 'a mount and all mounts below it' },
    { command: 'ts-umount --namespace 4711 /data', says: 'a mount of a container that runs' },
    { command: 'ts-umount root/proc -- rmdir root/proc', says: 'and then a program' },
  ],
  plan,
  becomes: (plan) => plan.program.length > 0 && isPlain(plan),
  apply,
  act,
});
