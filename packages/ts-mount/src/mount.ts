/** mount(8): command-line interface for mount(2) and its younger kin. */
import { defineTool, exit, type Outcome, ToolError, type World } from '@ts/cli';
import { inNamespace, realPath } from '@ts/mounts';
import { atOnce, type LiveSys, MS_BIND, MS_MOVE, type Recording, type Steps, SysError } from '@ts/sys';
import { FAILED, hidden, type Listener, make } from './attach.ts';
import type { Change } from './change.ts';
import { causes, remedyOf, stepOf, wordsOf } from './failure.ts';
import { lines } from './list.ts';
import { options } from './options.ts';
import { grammar, type Mounting, type Plan, plan } from './plan.ts';

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
          (attempt as unknown as Recording).print(2, [`${prog}: `, { read: buffer, from: 2 }]);
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
    for (let left = MESSAGES; left > 0; left--) {
      const buffer = Buffer.alloc(WORDS);
      const length = Number(sys.ignoring().do('read', context, buffer, WORDS));
      if (length > 2) said.push(buffer.toString('utf8', 2, length).trimEnd());
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
  const steps = sys as unknown as Steps;
  makeAll(mounting, steps, program.length > 0, (change) => {
    if (!fake) make(change, steps, printing(world));
    if (verbose) sys.print(1, [`${world.prog}: ${report(change)}\n`]);
  });
  return program.length ? { become: program, mounted: fake ? [] : changes.flatMap(hidden) } : exit(0);
}

const DMESG = '\n       dmesg(1) may have more information after failed mount system call.';

/** A failed call in the words of mount(8). */
function asMountFailure(error: SysError, said: readonly string[], world: World): ToolError | SysError {
  const [subject, ...words] = (error.explain ?? '').split(' ');
  if (subject !== 'mount') return error;
  const step = stepOf(words);
  const shown = step.flags & (MS_BIND | MS_MOVE) ? { ...step, source: realPath(step.source) } : step;
  const hints = world.variable('TS_HINTS') === '0' ? [] : [...said, remedyOf(shown, error.errno, world)];
  const hint = hints.filter((line) => line !== undefined).join(`\n${world.prog}: `);
  return new ToolError(
    `${realPath(step.target)}: ${wordsOf(shown, error.errno, world)}.${DMESG}`,
    FAILED,
    hint || undefined,
  );
}

function act(plan: Plan, sys: LiveSys, world: World): Outcome {
  if ('list' in plan) {
    const { namespace } = plan;
    if (namespace !== undefined) atOnce(sys, (steps) => inNamespace(steps, namespace, false, () => undefined));
    world.print(lines(plan, sys, world));
    return exit(0);
  }
  let failed = 0;
  const one = (change: Change) => {
    const said: string[] = [];
    try {
      if (!plan.fake) atOnce(sys, (steps) => make(change, steps, collecting(said)));
      if (plan.verbose)
        world.print(
          `${world.prog}: ${report({ ...change, source: change.types.length ? change.source : realPath(change.source), target: realPath(change.target) })}\n`,
        );
    } catch (error) {
      if (!(error instanceof SysError)) throw error;
      const failure = asMountFailure(error, said, world);
      if (!plan.all) throw failure;
      world.warn(failure instanceof ToolError ? failure.message : String(failure.message));
      failed++;
    }
  };
  atOnce(sys, (steps) => makeAll(plan, steps, false, one));
  return exit(failed === 0 ? 0 : failed === plan.changes.length ? FAILED : SOME_FAILED);
}

/** Several mounts that are done or not done together, and what needs a second process, are played from a tape. */
const becomes = (plan: Plan) =>
  'program' in plan &&
  !plan.all &&
  (plan.program.length > 0 || plan.changes.length > 1 || plan.changes.some(({ idmap }) => idmap !== undefined));

export const tool = defineTool({
  name: 'ts-mount',
  replaces: ['mount'],
  section: 8,
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
    'No mount.TYPE helpers, no /etc/mtab, no loop devices: the kernel mounts, nobody else.',
    'Words for others than the kernel (user=, x-*, _netdev) are not kept in /run/mount/utab, so the list does not show them.',
    'A remount changes what is named and leaves the rest, by fspick(2), fsconfig(2) and mount_setattr(2), as util-linux 2.39 and later.',
    'Attributes of a bind mount are set before it can be seen: `--bind -o ro` is never writable.',
    '`X-mount.owner`, `.group`, `.mode`, `.idmap`, `--map-users`, `--map-groups`, `--onlyonce`, `ro=vfs`, `ro=fs` and `ro=recursive` as util-linux 2.39 and later; where a later step fails, nothing stays mounted.',
    '`X-mount.subdir` works with bind mounts, too. Before Linux 6.15 the whole file system can be seen for a moment.',
    'LIBMOUNT_FORCE_MOUNT2=always, and a kernel before Linux 5.12: mount(2) alone is used, for all but idmapped mounts and directories of file systems.',
    'With `--namespace PID` fstab is that of the process; with the file of a namespace it is that of the caller.',
    'The words of the kernel itself follow a failure, read from the context of the file system; one more line says why, where that can be found out. TS_HINTS=0 leaves both out.',
    '`--also` and `--json` are ours; `--json` shows ids, roots, propagation and, since Linux 6.15, the maps of idmapped mounts.',
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
  plan,
  becomes,
  apply,
  act,
});
