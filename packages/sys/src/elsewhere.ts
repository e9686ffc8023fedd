/** Calls behind which a path may lead to another file than it did before. */
import type { Call } from './calls.ts';
import { AT_FDCWD, AT_RECURSIVE } from './const/at.ts';
import { CLONE_NEWNS } from './const/clone.ts';
import { MS_BIND, MS_MOVE, MS_PRIVATE, MS_REC, MS_REMOUNT, MS_SHARED, MS_SLAVE, MS_UNBINDABLE } from './const/mount.ts';

import { OPEN_TREE_CLONE } from './const/open_tree.ts';
import type { Operand } from './operand.ts';

export interface Made {
  readonly name: Call;
  readonly operands: readonly Operand[];
}

/** @param source The call that has made the first operand, where that is the result of one and known. */
type Test = (operands: readonly Operand[], source?: Made) => boolean;

const always: Test = () => true;

/** setns(2) of kind 0 enters whatever the descriptor is. */
const entersMounts: Test = ([, kind]) => typeof kind !== 'number' || kind === 0 || (kind & CLONE_NEWNS) !== 0;

const PROPAGATION = MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE;

/** In the order in which mount(2) looks at its flags. A folder that is bound to itself, with all below it, shows the same files. */
const attaches: Test = ([source, target, , flags]) => {
  if (typeof flags !== 'number') return true;
  if (flags & MS_REMOUNT) return false;
  return flags & MS_BIND ? !(flags & MS_REC && source === target) : (flags & PROPAGATION) === 0;
};

/** The same for a tree that open_tree(2) has copied. */
const attachesTree: Test = ([, , at, target], source) =>
  !(
    source?.name === 'open_tree' &&
    source.operands[0] === at &&
    source.operands[1] === target &&
    Number(source.operands[2]) & AT_RECURSIVE
  );

/** No program is started from /sys, and nothing but a new root makes that name mean another place. */
const uncovers: Test = ([target]) => target !== '/sys';

type Tests = Readonly<Partial<Record<Call, Test>>>;

const ROOT: Tests = { chroot: always, pivot_root: always, setns: entersMounts };
const FILES: Tests = { ...ROOT, mount: attaches, move_mount: attachesTree, umount2: uncovers };

/** Whether all paths lead into another tree when the call has succeeded: that of another root or mount namespace. */
export const changesRoot = (name: Call, operands: readonly Operand[]): boolean => ROOT[name]?.(operands) ?? false;

/**
 * Whether some path may lead to another file when the call has succeeded: the root, the mount namespace or a mount is another.
 * From there on nothing of ours is found by its path.
 */
export const movesFiles = ({ name, operands }: Made, source?: Made): boolean =>
  FILES[name]?.(operands, source) ?? false;

/** A tree that lies nowhere yet. */
const isFresh = (source: Made | undefined) =>
  source?.name === 'fsmount' || (source?.name === 'open_tree' && (Number(source.operands[2]) & OPEN_TREE_CLONE) !== 0);

type Point = (operands: readonly Operand[], source?: Made) => Operand | undefined;

/** What is moved leaves another place, too: then no single one says what has changed. */
const POINTS: Readonly<Partial<Record<Call, Point>>> = {
  mount: ([, target, , flags]) => (Number(flags) & MS_MOVE ? undefined : target),
  move_mount: ([, , at, target], source) => (at === AT_FDCWD && isFresh(source) ? target : undefined),
  umount2: ([target]) => target,
};

/** The one path at which a call changes the mounts; undefined where there are others, or no path says it. */
export function mountPoint({ name, operands }: Made, source?: Made): string | undefined {
  const point = POINTS[name]?.(operands, source);
  return typeof point === 'string' && point !== '' ? point : undefined;
}
