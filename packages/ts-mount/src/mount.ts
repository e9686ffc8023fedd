/** mount(8): command-line interface for mount(2) and its younger kin. */
import { dirname } from 'node:path';
import { defineTool, exit, type Outcome, ToolError, type World } from '@ts/cli';
import { realPath } from '@ts/mounts';
import {
  AT_FDCWD,
  AT_RECURSIVE,
  errnoOf,
  FSCONFIG_CMD_RECONFIGURE,
  FSCONFIG_SET_FLAG,
  FSCONFIG_SET_STRING,
  FSPICK_CLOEXEC,
  type LiveSys,
  MNT_DETACH,
  MS_BIND,
  MS_MOVE,
  MS_SILENT,
  type Recording,
  type Ref,
  type Sys,
  SysError,
  UMOUNT_NOFOLLOW,
} from '@ts/sys';
import { causes, remedyOf, type Step, stepOf, subjectOf, wordsOf } from './failure.ts';
import { lines } from './list.ts';
import { options } from './options.ts';
import { type Change, type Mounting, type Plan, plan } from './plan.ts';

const FAILED = 32;
const SOME_FAILED = 64;

/** The same calls; what fails is said of this step. */
const during = <S extends Sys | LiveSys>(sys: S, change: Change, step: Step['step'], type: string | null = null): S =>
  sys
    .or(`${change.target}: mount(2) system call failed`, { status: FAILED })
    .explaining(
      subjectOf({ step, source: change.source, target: change.target, type, flags: change.flags, data: change.data }),
    ) as S;

/** Folders from the first one that may be missing down to the mount point. */
function foldersOf(target: string): string[] {
  const above = dirname(target);
  return above === target ? [] : [...foldersOf(above), target];
}

const dataOf = ({ data }: Change) => (data.length ? data.join(',') : null);

/** The file system is told its new parameters, then the mount its new attributes; what is not named stays as it is. */
function remount(sys: Sys, change: Change): void {
  const { target, flags, parameters } = change;
  if (!(flags & MS_BIND)) {
    const within = during(sys, change, 'mount');
    const fs = within.fspick(AT_FDCWD, target, FSPICK_CLOEXEC);
    for (const word of parameters) {
      const equals = word.indexOf('=');
      if (equals < 0) within.fsconfig(fs, FSCONFIG_SET_FLAG, word, null);
      else within.fsconfig(fs, FSCONFIG_SET_STRING, word.slice(0, equals), word.slice(equals + 1));
    }
    within.fsconfig(fs, FSCONFIG_CMD_RECONFIGURE, null, null);
    within.close(fs);
  }
  setAttributes(sys, change);
}

/** Attributes of one mount, and those of all mounts below it. */
function setAttributes(sys: Sys, change: Change): void {
  const step = during(sys, change, change.kind === 'remount' ? 'mount' : 'attributes');
  const { attributes, recursive, target } = change;
  if (attributes.set || attributes.clear) step.mount_setattr(AT_FDCWD, target, 0, attributes);
  if (recursive.set || recursive.clear) step.mount_setattr(AT_FDCWD, target, AT_RECURSIVE, recursive);
}

/** The call itself: what comes into being here can be taken away by umount2(2). */
function attach(sys: Sys, change: Change, type: string | null, more = 0): void {
  during(sys, change, 'mount', type).mount(
    change.source,
    change.target,
    type,
    change.flags | more,
    change.kind === 'mount' ? dataOf(change) : null,
  );
}

function finish(sys: Sys, change: Change): void {
  if (change.kind === 'bind') setAttributes(sys, change);
  for (const propagation of change.propagation)
    during(sys, change, 'propagation').mount('none', change.target, null, propagation);
}

/** What is said with --verbose. */
function report(change: Change): string {
  const { kind, source, target } = change;
  if (kind === 'propagation') return `${target} propagation flags changed.`;
  if (kind === 'bind') return `${source} bound on ${target}.`;
  return kind === 'move' ? `${source} moved to ${target}.` : `${source} mounted on ${target}.`;
}

const makesMount = ({ kind }: Pick<Change, 'kind'>) => kind === 'mount' || kind === 'bind';

/** Paths behind which something else is now. */
const hidden = ({ kind, source, target }: Change) =>
  kind === 'move' ? [source, target] : makesMount({ kind }) ? [target] : [];

function apply(plan: Plan, sys: Recording, world: World): Outcome {
  const { changes, program, fake, verbose } = plan as Mounting;
  for (const change of fake ? [] : changes) {
    record(change, sys);
    if (verbose) sys.print(1, [`${world.prog}: ${report(change)}\n`]);
  }
  return { become: program, mounted: fake ? [] : changes.flatMap(hidden) };
}

/** Everything that comes into being is taken back when a later step fails. */
function record(change: Change, sys: Recording): void {
  if (change.mkdir !== undefined)
    for (const folder of foldersOf(change.target)) {
      const made = sys.or(`${folder}: mkdir failed`).ignoring(errnoOf('EEXIST')).mkdir(folder, change.mkdir) as Ref;
      sys.undo((back) => back.when(made, 'equal', 0, () => back.rmdir(folder)));
    }
  if (change.kind === 'remount') remount(sys, change);
  else if (change.kind !== 'propagation') {
    const [last = null, ...others] = [...change.types].reverse();
    const attempts = [...others.reverse(), last];
    const attempt = ([type, ...rest]: readonly (string | null)[], to: Recording): void => {
      if (rest.length)
        to.tryElse(
          (first) => attach(first, change, type ?? null, MS_SILENT),
          () => attempt(rest, to),
        );
      else attach(to, change, type ?? null);
    };
    attempt(attempts, sys);
    if (makesMount(change)) sys.undo((back) => back.umount2(change.target, MNT_DETACH | UMOUNT_NOFOLLOW));
  }
  finish(sys, change);
}

/** The same at once. */
function perform(change: Change, sys: LiveSys): void {
  if (change.mkdir !== undefined)
    for (const folder of foldersOf(change.target))
      sys.or(`${folder}: mkdir failed`, { status: 1 }).ignoring(errnoOf('EEXIST')).mkdir(folder, change.mkdir);
  if (change.kind === 'remount') remount(sys as unknown as Sys, change);
  else if (change.kind !== 'propagation') attachFirst(change, sys);
  finish(sys as unknown as Sys, change);
}

function attachFirst(change: Change, sys: LiveSys): void {
  const types = change.types.length ? change.types : [null];
  for (const [index, type] of types.entries()) {
    try {
      attach(sys as unknown as Sys, change, type, types.length > 1 ? MS_SILENT : 0);
      return;
    } catch (error) {
      const isOfType =
        error instanceof SysError && ['EINVAL', 'ENODEV', 'EIO', 'EBADMSG', 'ENOTBLK'].includes(error.code);
      if (!isOfType || index === types.length - 1) throw error;
    }
  }
}

const DMESG = '\n       dmesg(1) may have more information after failed mount system call.';

/** A failed call in the words of mount(8). */
function asMountFailure(error: SysError, world: World): ToolError | SysError {
  const [subject, ...words] = (error.explain ?? '').split(' ');
  if (subject !== 'mount') return error;
  const said = stepOf(words);
  const step = said.flags & (MS_BIND | MS_MOVE) ? { ...said, source: realPath(said.source) } : said;
  const hint = world.variable('TS_HINTS') === '0' ? undefined : remedyOf(step, error.errno, world);
  return new ToolError(`${realPath(step.target)}: ${wordsOf(step, error.errno, world)}.${DMESG}`, FAILED, hint);
}

function act(plan: Plan, sys: LiveSys, world: World): Outcome {
  if ('list' in plan) {
    world.print(lines(plan, world));
    return exit(0);
  }
  let failed = 0;
  for (const change of plan.changes) {
    try {
      if (!plan.fake) perform(change, sys);
      if (plan.verbose)
        world.print(
          `${world.prog}: ${report({ ...change, source: change.types.length ? change.source : realPath(change.source), target: realPath(change.target) })}\n`,
        );
    } catch (error) {
      if (!(error instanceof SysError)) throw error;
      const failure = asMountFailure(error, world);
      if (!plan.all) throw failure;
      world.warn(failure instanceof ToolError ? failure.message : String(failure.message));
      failed++;
    }
  }
  return exit(failed === 0 ? 0 : failed === plan.changes.length ? FAILED : SOME_FAILED);
}

export const tool = defineTool({
  name: 'ts-mount',
  replaces: ['mount'],
  section: 8,
  summary: 'Mount a filesystem.',
  synopsis: [
    '[-l] [-t <types>]',
    '-a [options]',
    '[options] [--source] <source> | [--target] <directory>',
    '[options] <source> <directory> [<program> [<argument>...]]',
    '<operation> <mountpoint> [<target>] [-- <program> [<argument>...]]',
  ],
  options,
  grammar: { permute: true, operandsBeforeProgram: 2 },
  exclusive: [
    ['bind', 'rbind', 'move'],
    ['label', 'uuid', 'source'],
  ],
  causes,
  description:
    'Attaches a file system, binds a folder to another place, or changes a mount. Without operands, lists the mounts. ' +
    'With a program behind source and target, or behind `--`, it becomes that program when all is mounted; if a step or the program itself fails, the mount is taken back.',
  differences: [
    'A program may follow; words behind source and target are not wrong usage.',
    'No mount.TYPE helpers, no /etc/mtab, no loop devices, no --namespace: the kernel mounts, nobody else.',
    'Words for others than the kernel (user=, x-*, _netdev) are not kept in /run/mount/utab, so the list does not show them.',
    'A remount changes what is named and leaves the rest, by fspick(2), fsconfig(2) and mount_setattr(2), as util-linux 2.39 and later.',
    'One more line says why, where that can be found out.',
    '`--json` is ours.',
  ],
  exitStatuses: [
    ['0', 'success'],
    ['1', 'wrong usage, or nothing of that name in fstab'],
    ['32', 'the mount failed'],
    ['64', 'with -a, some mounts failed'],
    ['126', 'the program cannot be executed'],
    ['127', 'the program was not found'],
  ],
  examples: [
    { command: 'ts-mount -t proc proc root/proc ts-chroot root sh', says: 'a shell in another root, with its /proc' },
    { command: 'ts-mount --bind -o ro data /mnt', says: 'a folder, read-only, in another place' },
  ],
  plan,
  becomes: (plan) => 'program' in plan && plan.program.length > 0,
  apply,
  act,
});
