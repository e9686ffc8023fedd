/** umount(8): command-line interface for umount2(2). */
import { devices, findDevice, freeLoop, parseTag, usedLoops } from '@ts/block';
import { defineTool, exit, type Outcome, type Parsed, UsageError, type World } from '@ts/cli';
import {
  allOptions,
  FEATURES,
  findHelper,
  helperEnvironment,
  inNamespace,
  type Mount,
  matchesOptions,
  matchesType,
  mountAt,
  namespaceFile,
  parseMountinfo,
  realPath,
  runHelper,
  shown,
  subtree,
  tableReader,
} from '@ts/mounts';
import {
  atOnce,
  canonicalPath,
  errnoOf,
  Failure,
  type LiveSys,
  lstat,
  MNT_DETACH,
  MNT_FORCE,
  MS_RDONLY,
  MS_REMOUNT,
  type Recording,
  type Steps,
  SysError,
  saying,
  unlessRefused,
} from '@ts/sys';
import { causes, remedyOf, subjectOf, wordsOf } from './causes.ts';
import { options } from './options.ts';

const FAILED = 32;
const SOME_FAILED = 64;

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
  /** What is not mounted is no failure. */
  readonly graceful: boolean;
  /** Paths are not looked into. */
  readonly asGiven: boolean;
  /** Programs of others may be asked to detach. */
  readonly helpers: boolean;
  /** What such programs are told besides the mount point. */
  readonly helperWords: readonly string[];
  readonly program: readonly string[];
}

/** Options that a program of others is told, in its order. */
const FOR_HELPERS = [
  ['no-mtab', '-n'],
  ['lazy', '-l'],
  ['force', '-f'],
  ['verbose', '-v'],
  ['read-only', '-r'],
] as const;

type Values = Parsed<typeof options>['values'];

/** Of a whole tree, or of everything, no notes are kept: -n. */
const helperWordsOf = (values: Values): string[] =>
  FOR_HELPERS.flatMap(([option, word]) => {
    const isMany = values.all || values['all-targets'] || values.recursive;
    return values[option] || (option === 'no-mtab' && isMany) ? [word] : [];
  });

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
    graceful: values.graceful ?? false,
    asGiven: values['no-canonicalize'] ?? false,
    helpers: !values['internal-only'],
    helperWords: helperWordsOf(values),
    program,
  };
}

/** What has to look at the table of mounts as it is at that moment is not recorded but done. */
const isPlain = ({ scope, fake, quiet, verbose, elseReadOnly, detachLoop, graceful, targets }: Plan) =>
  scope === 'target' &&
  !(fake || quiet || verbose || elseReadOnly || detachLoop || graceful) &&
  !targets.some(isSource);

/** In the namespace where it is wanted; what follows is done in this one. */
function there({ namespace, program }: Plan, comesBack: boolean, sys: Steps, work: () => void): void {
  if (namespace === undefined) work();
  else inNamespace(sys, namespace, comesBack || program.length > 0, work);
}

function apply(plan: Plan, sys: Recording): Outcome {
  there(plan, false, sys, () => {
    for (const target of plan.targets)
      sys
        .or(`${target}: umount(2) system call failed`, { status: FAILED })
        .explaining(subjectOf(target))
        .umount2(target, plan.flags);
  });
  return { become: plan.program };
}

/** What one run works with: how the mounts are read, and what they were when it began. */
interface Scene {
  readonly plan: Plan;
  readonly sys: LiveSys;
  readonly world: World;
  /** The table of mounts as it is now. */
  readonly mounts: () => Mount[];
}

/** The table by a descriptor from before: in another namespace /proc may be anybody's. */
function sceneOf(plan: Plan, sys: LiveSys, world: World): Scene {
  const { namespace } = plan;
  const read = namespace === undefined ? () => world.read('/proc/self/mountinfo') ?? '' : tableReader(sys);
  return { plan, sys, world, mounts: () => parseMountinfo(read()) };
}

/** Devices that an operand may stand for: the one of a tag, the one behind a link, the loop devices of a file. */
function sourcesOf(place: string, world: World): (string | undefined)[] {
  const tag = parseTag(place);
  if (tag) return [findDevice(tag, devices, world.read(world.variable('BLKID_CONF') ?? '/etc/blkid.conf'))];
  const real = realPath(place);
  return [place, real, devices.deviceAt(place), ...loopsOf(real)];
}

const loopsOf = (file: string) =>
  usedLoops()
    .filter((used) => used.file === file)
    .map(({ device }) => device);

/** Whether an operand is no mount point, but says what is mounted there. */
const isSource = (place: string): boolean =>
  parseTag(place) !== undefined || devices.deviceAt(place) !== undefined || loopsOf(realPath(place)).length > 0;

/** The last mount at a place; failing that, of a source. */
function find(mounts: readonly Mount[], place: string, { plan: { asGiven }, world }: Scene): Mount | undefined {
  const there = mountAt(mounts, shown(place, asGiven));
  if (there) return there;
  const sources = sourcesOf(place, world);
  return mounts.findLast(({ source }) => sources.includes(source));
}

/** One umount2(2) and what hangs on it. Result: 0 or the exit status. */
function detach(target: string, mount: Mount | undefined, scene: Scene): number {
  const { plan, sys } = scene;
  try {
    if (!plan.fake) sys.umount2(target, plan.flags);
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
    return failed(error, target, mount, scene);
  }
  if (plan.detachLoop && !plan.fake && mount && /^\/dev\/loop\d+$/.test(mount.source))
    freeLoop(sys.or(`${mount.source}: cannot be freed`).ignoring(errnoOf('ENXIO')), mount.source);
  tell(target, mount, scene);
  return 0;
}

/** What is said with --verbose. */
function tell(target: string, mount: Mount | undefined, { plan, world }: Scene): void {
  if (!plan.verbose || plan.scope === 'everything') return;
  const isNamed = mount && plan.scope === 'target' && plan.namespace === undefined;
  world.warn(`${target}${isNamed ? ` (${mount.source})` : ''} unmounted`);
}

/** Whether a mount has gone meanwhile: propagation, or somebody else, has taken it away. */
const hasGone = (mount: Mount | undefined, { mounts }: Scene) =>
  mount !== undefined && !mounts().some(({ id }) => id === mount.id);

/** umount2(2) has failed. Result: 0 where that is none, or the exit status. */
function failed(error: SysError, target: string, mount: Mount | undefined, scene: Scene): number {
  const { plan, sys, world } = scene;
  const { code, errno } = error;
  const isAbsent = code === 'EINVAL' || code === 'ENOENT';
  if (isAbsent && (hasGone(mount, scene) || (plan.graceful && !mount))) return 0;
  if (code === 'EBUSY' && plan.elseReadOnly) return remountReadOnly(target, plan, sys, world);
  if (!(plan.quiet && code === 'EINVAL')) {
    world.warn(`${target}: ${wordsOf(errno)}.`);
    const isSilent = plan.namespace !== undefined || world.variable('TS_HINTS') === '0';
    const hint = isSilent ? undefined : remedyOf(target, code, world);
    if (hint !== undefined) world.warn(hint);
  }
  return FAILED;
}

function remountReadOnly(target: string, plan: Plan, sys: LiveSys, world: World): number {
  sys.or(`${target}: cannot remount read-only`, { status: FAILED }).mount(null, target, null, MS_REMOUNT | MS_RDONLY);
  if (plan.verbose) world.warn(`${target}: remounted read-only`);
  return 0;
}

/** Detaches one mount, by a program of others where there is one for its type. */
function detachMount(mount: Mount, scene: Scene): number {
  const { plan, sys, world } = scene;
  const helper = plan.helpers && !plan.fake && !sys.dry ? findHelper('umount', mount.type) : undefined;
  if (!helper) return inside(scene, () => detach(mount.target, mount, scene));
  const { path, type } = helper;
  const argv = [
    path,
    mount.target,
    ...plan.helperWords,
    ...(type === undefined ? [] : ['-t', type]),
    ...(plan.namespace === undefined ? [] : ['-N', plan.namespace]),
  ];
  const status = runHelper(
    argv,
    { environment: helperEnvironment(world.environment, world.euid), limits: world.limits },
    sys,
  );
  if (status === undefined) throw new Failure(`failed to execute ${path}`, FAILED);
  if (status === 0) tell(mount.target, mount, scene);
  return status;
}

/** Does something in the namespace where it is wanted; programs of others are run in this one. */
function inside<Result>({ plan, sys }: Scene, work: () => Result): Result {
  let result: Result | undefined;
  atOnce(sys, (steps) =>
    there(plan, true, steps, () => {
      result = work();
    }),
  );
  return result as Result;
}

/** The lowest of the mounts that lie on each other at one place. */
function lowest(mounts: readonly Mount[], top: Mount): Mount {
  const byId = new Map(mounts.map((mount) => [mount.id, mount]));
  let low = top;
  for (;;) {
    const parent = byId.get(low.parent);
    if (!parent || parent.target !== low.target || parent === low) return low;
    low = parent;
  }
}

/** A mount and all below it, each behind those that lie on it. */
function fromTheTop(mounts: readonly Mount[], low: Mount): Mount[] {
  const tree = subtree(mounts, low);
  const children = new Map<number, Mount[]>();
  for (const mount of tree) {
    const siblings = children.get(mount.parent);
    if (siblings) siblings.push(mount);
    else children.set(mount.parent, [mount]);
  }
  // Parents first, those made later last; then turned around.
  const order: Mount[] = [];
  const seen = new Set<number>();
  const next = [low];
  for (let mount = next.pop(); mount; mount = next.pop()) {
    if (seen.has(mount.id)) continue;
    seen.add(mount.id);
    order.push(mount);
    next.push(...(children.get(mount.id) ?? []).toReversed());
  }
  return order.reverse();
}

/** What one operand stands for, those on top first. */
function mountsOf(target: string, scene: Scene, mounts: readonly Mount[]): Mount[] | undefined {
  const { plan } = scene;
  const mount = find(mounts, target, scene);
  if (!mount) return undefined;
  const same =
    plan.scope === 'device'
      ? mounts.filter(({ device }) => device === mount.device).reverse()
      : [lowest(mounts, mount)];
  const all = same.flatMap((each) => (plan.recursive ? fromTheTop(mounts, each) : [each]));
  return [...new Map(all.map((each) => [each.id, each])).values()];
}

/** Refuses a path that cannot be followed by who is not root: told before anything else is looked at. */
function checkReachable(target: string, { plan, world }: Scene): void {
  if (world.euid !== 0 && !plan.asGiven && !parseTag(target)) saying(target, () => canonicalPath(target), 1);
}

function detachOperand(target: string, scene: Scene): number {
  const { plan, world } = scene;
  const mounts = inside(scene, scene.mounts);
  if (plan.scope === 'target') {
    if (plan.namespace === undefined) checkReachable(target, scene);
    const mount = find(mounts, target, scene);
    if (mount) return detachMount(mount, scene);
    if (plan.graceful && plan.namespace === undefined) return 0;
    // An ordinary user is told that nothing is there, not that the right to take it away is missing.
    if (world.euid !== 0) {
      if (!plan.quiet) world.warn(`${realPath(target)}: not mounted.`);
      return 1;
    }
    return inside(scene, () => detach(target, undefined, scene));
  }
  const found = mountsOf(target, scene, mounts);
  if (!found) {
    if (plan.graceful) return 0;
    if (!plan.quiet) world.warn(`${target}: ${isThere(target) ? 'not mounted' : 'not found'}`);
    return 1;
  }
  for (const mount of found) {
    const status = detachMount(mount, scene);
    // What lies above the one that stays cannot be detached.
    if (status !== 0) return status;
  }
  return 0;
}

const isThere = (path: string): boolean => unlessRefused(() => lstat(path)) !== undefined;

function detachEverything(scene: Scene): number[] {
  const { plan, world } = scene;
  const isMeant = (mount: Mount) =>
    matchesType(mount.type, plan.types ?? KEPT_TYPES) &&
    (plan.testOptions === undefined || matchesOptions(allOptions(mount), plan.testOptions)) &&
    mount.target !== '/';
  const say = ({ target }: Mount, what: string) => {
    if (plan.verbose) world.print(`${target.padEnd(25)}: ${what}\n`);
  };
  return inside(scene, scene.mounts)
    .reverse()
    .flatMap((mount) => {
      if (!isMeant(mount)) {
        say(mount, 'ignored');
        return [];
      }
      const status = detachMount(mount, scene);
      if (status === 0) say(mount, 'successfully unmounted');
      return [status];
    });
}

function act(plan: Plan, sys: LiveSys, world: World): Outcome {
  const scene = sceneOf(plan, sys, world);
  const statuses =
    plan.scope === 'everything' ? detachEverything(scene) : plan.targets.map((target) => detachOperand(target, scene));
  const unsuccessful = statuses.filter((status) => status !== 0);
  if (unsuccessful.length && unsuccessful.length < statuses.length) return exit(SOME_FAILED);
  if (unsuccessful.length) return exit(Math.max(...unsuccessful));
  return plan.program.length ? { become: plan.program } : exit(0);
}

export const tool = defineTool({
  name: 'ts-umount',
  replaces: ['umount'],
  section: 8,
  features: FEATURES,
  summary: 'Unmount filesystems.',
  synopsis: ['-a [options]', '[options] <source> | <directory>... [-- <program> [<argument>...]]'],
  options,
  grammar: { permute: true },
  causes,
  description: 'Detaches mounts. With a program behind `--`, it becomes that program when all are detached.',
  differences: [
    'A program may follow behind `--`.',
    'No /etc/mtab, no /run/mount/utab: words of fstab for ordinary users (user=) have no effect here.',
    'With `--namespace`, umount.TYPE helpers are those of this namespace, and told of the other one by -N.',
    'Behind `--` a program follows mounts that the kernel alone detaches: no helper is called for them.',
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
