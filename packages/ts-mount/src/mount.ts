/** mount(8): command-line interface for mount(2) and its younger kin. */
import { defineTool, exit, type Outcome, type World } from '@ts/cli';
import { FEATURES, type Helper, helperEnvironment, inNamespace, runHelper, shown } from '@ts/mounts';
import {
  atOnce,
  decode,
  Failure,
  isLive,
  isRecorded,
  type LiveSys,
  MS_BIND,
  MS_MOVE,
  MS_RDONLY,
  type Recording,
  type Steps,
  SysError,
} from '@ts/sys';
import { FAILED, finish, hasMore, hidden, type Listener, make, makeFolders, OF_ANOTHER_TYPE } from './attach.ts';
import type { Change } from './change.ts';
import { causes, isMissing, remedyOf, stepOf, wordsOf } from './failure.ts';
import { helperCommand, helperFor } from './helper.ts';
import { lines } from './list.ts';
import { asReadOnly, preparedAll, WRITE_PROTECTED, withDevice } from './loop.ts';
import { options } from './options.ts';
import { grammar, type Mounting, type MountingAll, type Plan, plan, tolerantly } from './plan.ts';

const SOME_FAILED = 64;

/** What is said with --verbose. */
function report(change: Change): string {
  const { kind, source, target } = change;
  if (kind === 'propagation') return `${target} propagation flags changed.`;
  if (kind === 'bind') return `${source} bound on ${target}.`;
  return kind === 'move' ? `${source} moved to ${target}.` : `${source} mounted on ${target}.`;
}

/** Longest message that is taken from the kernel, and how many. */
const WORDS = 1024;
const MESSAGES = 3;

/** Prints what the kernel has to say of a failure, while the tape is played: "e " or the like stands before each message. */
const printing =
  ({ prog, variable }: World): Listener =>
  (sys, context) => {
    const next = (to: Steps, left: number): void => {
      if (left === 0) return;
      to.tryElse(
        (attempt) => {
          const buffer = Buffer.alloc(WORDS);
          attempt.or('').do('read', context, buffer, WORDS - 1);
          if (isRecorded(attempt)) attempt.print(2, [`${prog}: `, { read: buffer, from: 2 }]);
          next(attempt, left - 1);
        },
        () => undefined,
      );
    };
    if (variable('TS_HINTS') !== '0') next(sys, MESSAGES);
  };

/** Collects the same at once. */
const collecting =
  (said: string[]): Listener =>
  (sys, context) => {
    // Shown only, nothing was said.
    if (isLive(sys) && sys.dry) return;
    for (let left = MESSAGES; left > 0; left--) {
      const buffer = Buffer.alloc(WORDS);
      const length = Number(sys.ignoring().do('read', context, buffer, WORDS));
      if (length <= 0) return;
      said.push(decode(buffer.subarray(0, length)).replace(/\n$/, ''));
    }
  };

/** All changes, in the namespace where they are wanted. */
function makeAll(
  { namespace, changes }: Mounting,
  sys: Steps,
  comeBack: boolean,
  each: (change: Change) => void,
): void {
  const work = () => changes.forEach(each);
  if (namespace === undefined) work();
  else inNamespace(sys, namespace, comeBack, work);
}

function apply(plan: Plan, sys: Recording, world: World): Outcome {
  const mounting = plan as Mounting;
  const { changes, program, fake, verbose } = mounting;
  makeAll(mounting, sys, program.length > 0, (change) => {
    if (!fake) make(change, sys, printing(world));
    if (change.held !== undefined) sys.close(change.held);
    if (verbose) sys.print(1, [`${world.prog}: ${report(change)}\n`]);
  });
  return program.length ? { become: program, mounted: fake ? [] : changes.flatMap(hidden) } : exit(0);
}

const DMESG = '\n       dmesg(1) may have more information after failed mount system call.';

/** What the kernel said of a failure, as one text; each of its messages begins with a letter that says how bad it is. */
const errorsIn = (said: readonly string[]) =>
  said.flatMap((line) => (line.startsWith('e ') ? [line.slice(2)] : [])).join('; ');

/**
 * A failed call in the words of mount(8); undefined where it is none, since the source may be missing.
 *
 * @param elsewhere In another namespace: nothing is opened there to find out why.
 */
function asMountFailure(
  error: SysError,
  change: Change,
  said: readonly string[],
  elsewhere: boolean,
  world: World,
): Failure | SysError | undefined {
  const [subject, ...words] = (error.explain ?? '').split(' ');
  if (subject !== 'mount') return error;
  const step = stepOf(words);
  if (change.isTolerated && isMissing(step, error.errno)) return undefined;
  const isPath = (step.flags & (MS_BIND | MS_MOVE)) !== 0;
  const named = { ...step, source: shown(step.source, !isPath || change.asGiven.source) };
  const told = errorsIn(said);
  const sentence = told ? `${error.syscall}() failed: ${told}` : wordsOf(named, error.errno, world, error.syscall);
  const isSilent = elsewhere || world.variable('TS_HINTS') === '0';
  const hint = isSilent ? undefined : remedyOf(named, error.errno, world);
  return new Failure(`${shown(step.target, change.asGiven.target)}: ${sentence}.${DMESG}`, FAILED, hint);
}

/** Warnings and notes that the kernel has, as mount(8) shows them. */
function tellNotes({ target, asGiven }: Change, said: readonly string[], world: World): void {
  for (const [letter, noun] of [
    ['w', 'warning'],
    ['i', 'info'],
  ] as const) {
    const notes = said.flatMap((line) => (line.startsWith(`${letter} `) ? [line.slice(2)] : []));
    if (notes.length)
      world.warn(
        `${shown(target, asGiven.target)}: mount ${noun}${notes.length > 1 ? 's' : ''}:\n${notes.map((note) => `      * ${note}`).join('\n')}`,
      );
  }
}

/** The words that follow a change, with paths as they are now. */
function tell(change: Change, world: World): void {
  const { source, target, asGiven, types } = change;
  const seen = {
    ...change,
    source: types.length ? source : shown(source, asGiven.source),
    target: shown(target, asGiven.target),
  };
  world.print(`${world.prog}: ${report(seen)}\n`);
}

/** Makes one change by system calls; a failure is that of mount(8). Result: whether it was made. */
function makeNow(change: Change, elsewhere: boolean, sys: LiveSys, world: World): boolean {
  const said: string[] = [];
  try {
    atOnce(sys, (steps) => make(change, steps, collecting(said)));
    tellNotes(change, said, world);
    return true;
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
    const failure = asMountFailure(error, change, said, elsewhere, world);
    if (failure === undefined) return false;
    tellNotes(change, said, world);
    failure.cause = error;
    throw failure;
  }
}

/** Who has failed has said why. */
class HelperFailure extends Failure {
  constructor(override readonly status: number) {
    super('', status);
  }
}

/**
 * A program mounts in our place, and what else is wanted is done afterwards. Result: its command line, where nothing is and it can be
 * executed instead of this process.
 */
function byHelper(
  helper: Helper,
  change: Change,
  mounting: Mounting | MountingAll,
  isLast: boolean,
  sys: LiveSys,
  world: World,
): readonly string[] | undefined {
  const argv = helperCommand(helper, change, mounting);
  const wants = hasMore(change);
  if (wants && (change.subdir !== undefined || mounting.namespace !== undefined))
    throw new Failure(`${change.target}: ${argv[0]} mounts it, and nothing can be done with it afterwards`, FAILED);
  if (isLast && !wants && change.mkdir === undefined) return argv;
  atOnce(sys, (steps) => {
    makeFolders(change, steps);
    const status = runHelper(
      argv,
      { environment: helperEnvironment(world.environment, world.euid), limits: world.limits },
      sys,
    );
    if (status === undefined) throw new Failure(`failed to execute ${argv[0]}`, FAILED);
    if (status !== 0) throw new HelperFailure(status);
    finish(change, steps);
  });
  return undefined;
}

/** What became of a change: whether it was made, or by which program it is still to be. */
interface Made {
  readonly made: boolean;
  readonly argv?: readonly string[];
  /** The change as it was made, with the device of its file. */
  readonly change: Change;
}

/** Whether a device cannot be written; one that is mounted read-only already is busy for everything else. */
const isWriteProtected = (source: string, code: string, world: World): boolean =>
  ['EROFS', 'EACCES'].includes(code) ||
  (code === 'EBUSY' && world.read(`/sys/class/block/${source.slice('/dev/'.length)}/ro`)?.trim() === '1');

/** One change, and the loop device that it needs. Throws what has failed. */
function one(planned: Change, mounting: Mounting | MountingAll, isLast: boolean, sys: LiveSys, world: World): Made {
  // No device is set up then; a helper is told.
  if (mounting.fake) return { ...oneReady(planned, mounting, isLast, sys, world), change: planned };
  return withDevice(planned, sys, world, (change) => {
    // Who mounts in our place needs our device as long.
    const isReady = isLast && change.held === undefined;
    const how = (some: Change) => ({ ...oneReady(some, mounting, isReady, sys, world), change: some });
    try {
      return how(change);
    } catch (error) {
      const { cause } = error as Error;
      const isProtected = cause instanceof SysError && isWriteProtected(change.source, cause.code, world);
      if (!isProtected || change.kind !== 'mount' || change.flags & MS_RDONLY || !change.source.startsWith('/dev/'))
        throw error;
      const done = how({ ...change, ...asReadOnly(change) });
      world.warn(`${shown(change.target, change.asGiven.target)}: ${WRITE_PROTECTED}`);
      return done;
    }
  });
}

/** The same where the source is what it is. */
function oneReady(
  change: Change,
  mounting: Mounting | MountingAll,
  isLast: boolean,
  sys: LiveSys,
  world: World,
): { readonly made: boolean; readonly argv?: readonly string[] } {
  const found = helperFor(change, mounting);
  const comesBack = found !== undefined || 'places' in mounting;
  const elsewhere = mounting.namespace !== undefined;
  const now = (some: Change) => inside(mounting, comesBack, sys, () => makeNow(some, elsewhere, sys, world));
  if (found && found.at > 0 && !mounting.fake) {
    try {
      return { made: now({ ...change, types: change.types.slice(0, found.at) }) };
    } catch (error) {
      const { cause } = error as Error;
      if (!(cause instanceof SysError && OF_ANOTHER_TYPE.includes(cause.errno))) throw error;
    }
  }
  if (found && sys.dry) return { made: true, argv: isLast ? helperCommand(found.helper, change, mounting) : undefined };
  if (found) return { made: true, argv: byHelper(found.helper, change, mounting, isLast, sys, world) };
  return { made: mounting.fake || now(change) };
}

/** Does something in the namespace where it is wanted. */
function inside<Result>(
  { namespace }: Pick<Mounting, 'namespace'>,
  comesBack: boolean,
  sys: LiveSys,
  work: () => Result,
): Result {
  if (namespace === undefined) return work();
  let result: Result | undefined;
  atOnce(sys, (steps) =>
    inNamespace(steps, namespace, comesBack, () => {
      result = work();
    }),
  );
  return result as Result;
}

/** `-a`: the next one is mounted whatever became of the one before. */
function actOnAll(plan: MountingAll, sys: LiveSys, world: World): Outcome {
  const counts = { succeeded: 0, failed: 0 };
  const note = (target: string, what: string) => {
    if (plan.verbose) world.print(`${target.padEnd(25)}: ${what}\n`);
  };
  for (const { target, change: find } of plan.places) {
    if (!find) {
      note(target, 'ignored');
      continue;
    }
    try {
      const change = tolerantly(find);
      if (change && plan.isThere(change)) {
        note(change.target, 'already mounted');
        continue;
      }
      if (change && plan.forks) note(change.target, 'mount successfully forked');
      const made = change !== undefined && one(change, plan, false, sys, world).made;
      counts.succeeded++;
      if (made && !plan.forks)
        note(change.target, change.kind === 'remount' ? 'successfully remounted' : 'successfully mounted');
    } catch (error) {
      if (!(error instanceof HelperFailure)) {
        // That the namespace cannot be entered is true of all.
        if (!(error instanceof Failure) || (error instanceof SysError && error.status !== FAILED)) throw error;
        tellFailure(error, world);
      }
      counts.failed++;
    }
  }
  if (counts.failed === 0) return exit(0);
  return exit(counts.succeeded === 0 ? FAILED : SOME_FAILED);
}

function tellFailure(error: Failure, world: World): void {
  world.warn(error.said);
  if (error.remedy !== undefined && world.variable('TS_HINTS') !== '0') world.warn(error.remedy);
}

function act(plan: Plan, sys: LiveSys, world: World): Outcome {
  if ('list' in plan) {
    world.print(lines(plan, sys, world));
    return exit(0);
  }
  if ('places' in plan) return actOnAll(plan, sys, world);
  for (const [at, change] of plan.changes.entries()) {
    try {
      const { made, argv, change: done } = one(change, plan, at === plan.changes.length - 1, sys, world);
      if (argv) return { become: argv, environment: helperEnvironment(world.environment, world.euid) };
      if (made && plan.verbose && !helperFor(change, plan)) tell(done, world);
    } catch (error) {
      if (error instanceof HelperFailure) return exit(error.status);
      throw error;
    }
  }
  return exit(0);
}

/** Several mounts that are done or not done together, and what needs a second process, are played from a tape. */
const becomes = (plan: Plan) =>
  'changes' in plan &&
  (plan.program.length > 0 || plan.changes.length > 1 || plan.changes.some(({ idmap }) => idmap !== undefined));

export const tool = defineTool({
  name: 'ts-mount',
  replaces: ['mount'],
  section: 8,
  features: FEATURES,
  summary: 'Mount a filesystem.',
  synopsis: [
    '[-l] [-t <types>]',
    '-a [options]',
    '[options] [--source] <source> | [--target] <directory>',
    '[options] <source> <directory> [--also ...] [<program> [<argument>...]]',
    '<operation> <mountpoint> [<target>] [-- <program> [<argument>...]]',
  ],
  options,
  grammar,
  exclusive: [
    ['bind', 'rbind', 'move'],
    ['label', 'uuid', 'source'],
  ],
  causes,
  description:
    'Attaches a file system, binds a folder to another place, or changes a mount. Without operands, lists the mounts. ' +
    'With a program behind source and target, or behind `--`, it becomes that program when all is mounted; if a step or the program itself fails, what was mounted is taken back. ' +
    '`--also` begins another mount with options, source and target of its own: all of them are made in this order, or none is left (a remount or a change of propagation stays). ' +
    'With `--namespace` the mounts are made elsewhere, and the program runs here.',
  differences: [
    'A program may follow; words behind source and target are not wrong usage.',
    'A list of types is kept to for files, too, of which the original takes the type that it finds. `loop=/dev/loopN` makes the device where it is missing.',
    'With `--namespace` a file is mounted by a loop device where `-o loop` asks for it.',
    'Where udev has no link, devices are looked at each time: the cache of libblkid (/run/blkid) is neither read nor written. Of rare types (those without a maker in a Linux distribution) the kernel alone decides.',
    'No /etc/mtab.',
    'Words for others than the kernel (user=, x-*, _netdev) are not kept in /run/mount/utab, so the list does not show them. Nor may ordinary users mount what fstab allows them: the program is not set-user-id.',
    'mount.TYPE helpers are called as the original calls them, but not where a program or --also follows: the kernel mounts alone then. With `--namespace` it is a helper of this namespace, and told of the other one by -N. The mount point that --mkdir made for a helper that fails is taken away.',
    'With -a -F, what fails says why, and a helper that fails is counted. Entries are mounted one after the other.',
    'Where a younger call (fsopen(2), open_tree(2), move_mount(2), mount_setattr(2) …) answers ENOSYS at any step, mount(2) does the whole work, for all but what it cannot do: idmapped mounts, directories of file systems, flags for one layer.',
    'A remount sets the attributes of the mount first, then the parameters of the file system; where these are refused, the attributes are as before.',
    'Attributes of a bind mount are set before it can be seen: `--bind -o ro` is never writable.',
    'Where a later step (X-mount.owner, propagation …) fails, nothing stays mounted, and no folder that was made for it is left.',
    '`X-mount.subdir` works with bind mounts, too. Before Linux 6.15 the whole file system can be seen for a moment.',
    'LIBMOUNT_FORCE_MOUNT2=always, and a kernel before Linux 5.12: mount(2) alone is used, for all but idmapped mounts and directories of file systems.',
    'With `--namespace PID` fstab and the mounts are those of the process; with the file of a namespace fstab is that of the caller, and what is mounted there is not known. No hint follows a failure there: nothing of another namespace is opened to find a cause.',
    'The words of the kernel itself are the message, as of util-linux 2.40 and later. Where a program follows, they are lines behind it. One more line says why, where that could be read somewhere. TS_HINTS=0 leaves these lines out.',
    '`--also` and `--json` are ours; `--json` shows ids, roots, propagation and, since Linux 6.15, the maps of idmapped mounts. `--beneath` and `--exclusive` are those of util-linux 2.42.',
  ],
  exitStatuses: [
    ['0', 'success'],
    ['1', 'wrong usage, or nothing of that name in fstab'],
    ['2', 'the namespace cannot be entered'],
    ['32', 'the mount failed'],
    ['64', 'with -a, some mounts failed'],
    ['126', 'the program cannot be executed'],
    ['127', 'the program was not found'],
  ],
  examples: [
    { command: 'ts-mount -t proc proc root/proc ts-chroot root sh', says: 'a shell in another root, with its /proc' },
    { command: 'ts-mount --bind -o ro data /mnt', says: 'a folder, read-only, in another place' },
    {
      command:
        'ts-unshare --mount ts-mount -t tmpfs tmp root/tmp --also -t proc proc root/proc --also --bind -r /etc/resolv.conf root/etc/resolv.conf ts-chroot root sh',
      says: 'several mounts, and then a shell in that root: if one of them fails, none is left',
    },
    {
      command: 'ts-mount --bind --map-users 0:100000:65536 --map-groups 0:100000:65536 image root',
      says: 'files of root on disk are those of user 100000 there: the root of a container',
    },
    { command: 'ts-mount --rbind -o ro=recursive / /mnt', says: 'the whole tree, all of it read-only' },
    { command: 'ts-mount --namespace 4711 --bind /srv/data /data', says: 'a folder more in a container that runs' },
  ],
  files: (plan) => ('files' in plan ? plan.files : []),
  momentary: (plan) =>
    'changes' in plan && plan.changes.some(({ loop }) => loop !== undefined)
      ? 'which loop device is free is known only then'
      : undefined,
  plan,
  becomes,
  prepares: (plan) => 'changes' in plan && !plan.fake && plan.changes.some(({ loop }) => loop !== undefined),
  prepare: (plan, sys, world) =>
    'changes' in plan ? { ...plan, changes: preparedAll(plan.changes, sys, world) } : plan,
  apply,
  act,
});
