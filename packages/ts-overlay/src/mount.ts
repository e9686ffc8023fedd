/** From the command line to an overlay mount, and the mount. */
import { resolve } from 'node:path';
import { event, explain, forkReporting, type Outcome, type Parsed, UsageError, type World } from '@ts/cli';
import { inOwnUsers, OptionError, parseOptions, realPath } from '@ts/mounts';
import { FEATURES, type Feature, mountOverlay, type Overlay, parseLayers, refusalOf } from '@ts/overlay';
import {
  atOnce,
  CLONE_NEWNS,
  Failure,
  type LiveSys,
  MNT_DETACH,
  MS_PRIVATE,
  MS_RDONLY,
  MS_REC,
  type Recording,
  SIGHUP,
  SIGINT,
  SIGQUIT,
  SIGTERM,
  type Steps,
  type Sys,
  SysError,
  stat,
  unlessRefused,
} from '@ts/sys';
import { causes, subjectOf } from './causes.ts';
import type { options } from './options.ts';

type Input = Parsed<typeof options>;

export interface MountPlan {
  readonly overlay: Overlay;
  /** An upper layer in memory is mounted first, where the overlay will be. */
  readonly tmpfs?: { readonly size?: string; readonly mode: number; readonly uid: number; readonly gid: number };
  readonly isPrivate: boolean;
  readonly statusFd?: number;
  readonly program: readonly string[];
}

/** Whether this will run in a user namespace that is not the first one. */
function inUserNamespace(world: World): boolean {
  if (inOwnUsers(world.read)) return true;
  if (world.credentials === undefined) return false;
  // An earlier tool of the chain makes root of somebody: only by a user namespace, where that was an ordinary user.
  if (world.euid === 0 && process.geteuid?.() !== 0) return true;
  throw new Failure('what user namespace this is in can only be told there');
}

function parametersOf({ values }: Input, world: World): string[] {
  const features = (Object.keys(FEATURES) as Feature[]).flatMap((name) => {
    const long = name.replace('_', '-') as 'index';
    const value = values[long];
    if (value === undefined) return [];
    const known: readonly string[] = FEATURES[name];
    if (!known.includes(value)) throw new UsageError(`--${long}: '${value}' is none of ${known.join(', ')}`);
    return [`${name}=${value}`];
  });
  return [
    ...features,
    ...(values.volatile ? ['volatile'] : []),
    ...(values.userxattr || inUserNamespace(world) ? ['userxattr'] : []),
  ];
}

function readOptions(lists: readonly string[]) {
  try {
    return parseOptions(lists.join(','));
  } catch (error) {
    throw error instanceof OptionError ? new UsageError(error.message) : error;
  }
}

/** The upper layer's own permissions are those of the merged folder: as the topmost layer has them. */
function tmpfsOf(size: string | undefined, lower: string, world: World): MountPlan['tmpfs'] {
  const status = unlessRefused(() => stat(lower));
  // That it is missing is said with the other layers.
  if (status === undefined) return { size, mode: 0o755, uid: 0, gid: 0 };
  const { mode, uid, gid } = status;
  // Whoever becomes root of a user namespace is seen as root there.
  const isOwn = uid === process.geteuid?.();
  const isOwnGroup = gid === process.getegid?.();
  return { size, mode: mode & 0o7777, uid: isOwn ? world.euid : uid, gid: isOwnGroup ? world.egid : gid };
}

const isInside = (path: string, folder: string) => `${realPath(path)}/`.startsWith(`${realPath(folder)}/`);

export function planMount(input: Input, world: World): MountPlan {
  const { values, operands } = input;
  const [target, ...program] = operands;
  const stacks = (values.lower ?? []).map(parseLayers);
  const early = stacks.findIndex(({ data }, index) => data.length && index < stacks.length - 1);
  if (early >= 0) throw new UsageError('--lower: what stands behind :: must be the last of all layers');
  const lowers = stacks.flatMap((stack) => stack.lowers);
  const data = stacks.flatMap((stack) => stack.data);
  const { upper, work, tmpfs: size } = values;
  if (size === '') throw new UsageError('the size of --tmpfs is missing');
  if (!lowers.length) throw new UsageError('no lower layers: --lower DIR[:DIR…]');
  if (!target) throw new UsageError('no mount point specified');
  if (program[0] === '') throw new UsageError('the program has no name');
  if (values.private && !program.length)
    throw new UsageError('--private mounts for a program alone, and there is none');
  if ((upper === undefined) !== (work === undefined))
    throw new UsageError(
      upper === undefined ? '--work needs --upper' : '--upper needs --work',
      false,
      'work is an empty folder beside upper',
    );
  if (upper === undefined && size === undefined && !values.ro)
    throw new UsageError('where changes go is not said: --upper DIR --work DIR, or --tmpfs, or --ro for none');

  const { flags, attributes, data: words } = readOptions(values.options ?? []);
  const parameters = [...parametersOf(input, world), ...words];
  const overlay: Overlay = {
    lowers,
    data,
    upper: size === undefined ? upper : `${target}/upper`,
    work: size === undefined ? work : `${target}/work`,
    target,
    parameters,
    readOnly: Boolean(values.ro) || (flags & MS_RDONLY) !== 0,
    flags,
    attributes: attributes.set,
  };
  const refusal = refusalOf(
    size === undefined ? overlay : { ...overlay, upper: undefined, work: undefined },
    world.read('/proc/self/mountinfo') ?? '',
    !values.ro,
  );
  if (refusal) throw new Failure(refusal.reason, undefined, refusal.remedy);
  const hidden = size === undefined ? undefined : [...lowers, ...data].find((lower) => isInside(lower, target));
  if (hidden !== undefined)
    throw new Failure(
      `with --tmpfs, lower layer '${hidden}' would be hidden by what is mounted on '${target}'`,
      undefined,
      'choose another mount point',
    );
  return {
    overlay,
    tmpfs: size === undefined ? undefined : tmpfsOf(size === true ? undefined : size, lowers[0] as string, world),
    isPrivate: Boolean(values.private),
    statusFd: parseFd(values['status-fd']),
    program,
  };
}

function parseFd(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,9}$/.test(text)) throw new Failure(`failed to parse status descriptor: '${text}'`);
  return Number(text);
}

/** Paths that the plan came from. */
export const filesOf = ({ overlay: { lowers, data = [], upper, work, target } }: MountPlan): string[] =>
  [...lowers, ...data, upper, work, target].flatMap((path) => (path === undefined ? [] : [resolve(path)]));

/** An empty tmpfs on the mount point, with the two folders in it. */
function mountTmpfs(sys: Sys, { tmpfs, overlay: { target } }: MountPlan): void {
  if (!tmpfs) return;
  const { size } = tmpfs;
  const making = sys.or(`cannot make an upper layer in memory on '${target}'`).explaining('tmpfs');
  making.mount('tmpfs', target, 'tmpfs', 0, ['mode=0700', ...(size === undefined ? [] : [`size=${size}`])].join(','));
}

function makeFolders(sys: Sys, { tmpfs, overlay: { target, upper, work } }: MountPlan): void {
  if (!tmpfs || upper === undefined || work === undefined) return;
  const making = sys.or(`cannot make an upper layer in memory on '${target}'`);
  making.mkdir(work, 0o700);
  making.mkdir(upper, 0o700);
  // An owner that the user namespace does not know cannot be given: then it is the caller.
  making.ignoring().chown(upper, tmpfs.uid, tmpfs.gid);
  making.chmod(upper, tmpfs.mode);
}

const mounting = (sys: Steps, { overlay }: MountPlan): Steps =>
  sys.or(`cannot mount overlay on '${overlay.target}'`).explaining(subjectOf(overlay));

const detach =
  ({ overlay: { target } }: MountPlan) =>
  (sys: Sys) => {
    sys.ignoring().umount2(target, MNT_DETACH);
  };

/** In order where nothing uses it any more; from sight, where a process that was left behind still does. */
function unmount(sys: Recording, plan: MountPlan): void {
  const { target } = plan.overlay;
  for (const what of plan.tmpfs ? ['overlay', 'tmpfs'] : ['overlay'])
    sys.tryElse(
      (first) => first.umount2(target, 0),
      (then) => then.or(`cannot unmount ${what} from '${target}'`).umount2(target, MNT_DETACH),
    );
}

function mountAll(plan: MountPlan, sys: Steps): void {
  if (plan.tmpfs) {
    mountTmpfs(sys, plan);
    sys.undo(detach(plan));
    makeFolders(sys, plan);
  }
  mountOverlay(mounting(sys, plan), plan.overlay);
}

/** Mounts, and becomes the program. Outside a mount namespace of its own, a parent stays behind to unmount. */
export function recordMount(plan: MountPlan, sys: Recording): Outcome {
  if (plan.isPrivate) {
    sys.or('unshare failed').explaining('unshare').unshare(CLONE_NEWNS);
    sys.or('cannot make the mounts private').mount('none', '/', null, MS_REC | MS_PRIVATE);
  }
  mountAll(plan, sys);
  sys.undo(detach(plan));
  event(sys, plan.statusFd, 'mounted');
  if (!plan.isPrivate)
    forkReporting(sys, plan.statusFd, {
      block: [SIGINT, SIGQUIT],
      forward: [SIGTERM, SIGHUP],
      ended: (parent) => unmount(parent, plan),
    });
  if (plan.statusFd !== undefined) sys.setCloexec(plan.statusFd, true);
  return { become: plan.program, mounted: [plan.overlay.target], changes: plan.isPrivate ? [] : ['pid'] };
}

/** Why it failed is asked while all of it is still there. */
const explained = (error: unknown, world: World): unknown =>
  error instanceof SysError && error.explain !== undefined
    ? new Failure(
        error.said,
        error.status,
        world.variable('TS_HINTS') === '0' ? undefined : explain(causes, error.explain, error.code, world),
      )
    : error;

/** Mounts now. */
export const mountNow = (plan: MountPlan, sys: LiveSys, world: World): void =>
  atOnce(sys, (steps) => {
    try {
      mountAll(plan, steps);
    } catch (error) {
      throw explained(error, world);
    }
  });
