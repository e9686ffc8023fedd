/** The system calls of one change, in kernel order: made now or recorded. Everything that comes into being can be taken back. */
import { dirname } from 'node:path';
import { realPath, splitLayers } from '@ts/mounts';
import { formatIdMap, type IdMapping } from '@ts/namespaces';
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_RECURSIVE,
  CLONE_NEWUSER,
  encode,
  errnoOf,
  FSCONFIG_CMD_CREATE,
  FSCONFIG_CMD_CREATE_EXCL,
  FSCONFIG_CMD_RECONFIGURE,
  FSCONFIG_SET_FLAG,
  FSCONFIG_SET_STRING,
  FSMOUNT_CLOEXEC,
  FSOPEN_CLOEXEC,
  FSPICK_CLOEXEC,
  type Int,
  isRecorded,
  MNT_DETACH,
  MOUNT_ATTR__ATIME,
  MOUNT_ATTR_IDMAP,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NODIRATIME,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_NOSYMFOLLOW,
  MOUNT_ATTR_RDONLY,
  MOVE_MOUNT_BENEATH,
  MOVE_MOUNT_F_EMPTY_PATH,
  MOVE_MOUNT_T_AUTOMOUNTS,
  MOVE_MOUNT_T_SYMLINKS,
  MS_BIND,
  MS_MOVE,
  MS_REC,
  MS_REMOUNT,
  MS_SILENT,
  O_RDONLY,
  O_WRONLY,
  OPEN_TREE_CLOEXEC,
  OPEN_TREE_CLONE,
  type Recording,
  SIGKILL,
  type Steps,
  type Sys,
} from '@ts/sys';
import type { Change } from './change.ts';
import { type Step, subjectOf } from './failure.ts';

export const FAILED = 32;

/** Is given the context of a file system that has failed: what the kernel says of it can be read there. */
export type Listener = (sys: Steps, context: Int) => void;

/** The same calls; what fails is said of this step. */
const during = (
  sys: Steps,
  change: Change,
  step: Step['step'],
  call = 'mount',
  type: string | null = change.type ?? null,
): Steps =>
  sys.or(`${change.target}: ${call}(2) system call failed`, { status: FAILED }).explaining(
    subjectOf({
      step,
      source: change.source,
      target: change.target,
      type,
      flags: change.flags,
      data: step === 'remount' ? change.words : change.data,
    }),
  );

/** Folders from the first one that may be missing down to the mount point. */
function foldersOf(target: string): string[] {
  const above = dirname(target);
  return above === target ? [] : [...foldersOf(above), target];
}

export function makeFolders({ mkdir, target }: Change, sys: Steps): void {
  if (mkdir === undefined) return;
  for (const folder of foldersOf(target)) {
    const made = sys.or(`${folder}: mkdir failed`).ignoring(errnoOf('EEXIST')).mkdir(folder, mkdir);
    sys.undo((back) => back.when(made, 'equal', 0, () => back.rmdir(folder)));
  }
}

/** A path that means the mount, not what lies under it: "." goes on meaning the directory that was there before. */
const above = (target: string) => (/(^|\/)\.{1,2}\/*$/.test(target) ? realPath(target) : target);

const takenBack = ({ target }: Change, sys: Steps) => sys.undo((back) => back.umount2(above(target), MNT_DETACH));

/** One option of a file system: a word, or a name and its value. */
function setParameter(sys: Steps, context: Int, word: string): void {
  const equals = word.indexOf('=');
  if (equals < 0) sys.fsconfig(context, FSCONFIG_SET_FLAG, word, null);
  else
    sys.fsconfig(
      context,
      FSCONFIG_SET_STRING,
      word.slice(0, equals),
      word.slice(equals + 1).replace(/^"(.*)"$/s, '$1'),
    );
}

/** Does again what mount(2) did, in a context that keeps the kernel's words. */
function askAgain(sys: Steps, { source, data }: Change, type: string, hear: Listener): void {
  const context = sys.fsopen(type, FSOPEN_CLOEXEC);
  sys.tryElse(
    (again) => {
      const asked = again.or('');
      asked.fsconfig(context, FSCONFIG_SET_STRING, 'source', source);
      for (const word of data) setParameter(asked, context, word);
      asked.fsconfig(context, FSCONFIG_CMD_CREATE, null, null);
    },
    (again) => hear(again, context),
  );
}

/** mount(2): one call that every kernel knows. */
function mountClassic(change: Change, sys: Steps, type: string | null, hear: Listener, more = 0): void {
  const { source, target, flags, data, kind } = change;
  const text = kind === 'mount' && data.length ? data.join(',') : null;
  const call = () => during(sys, change, 'mount', 'mount', type).mount(source, target, type, flags | more, text);
  if (text !== null && type !== null && !(more & MS_SILENT))
    sys.undoing((back) => askAgain(back, change, type, hear), call);
  else call();
}

/** Errors after which another type may fit; on a tape every error is one. */
export const OF_ANOTHER_TYPE = ['EINVAL', 'ENODEV'].map(errnoOf);

/** By the younger calls; where the kernel, or a filter of system calls, does not know one of them, by the old one. */
const elseClassic = (sys: Steps, modern: (sys: Steps) => void, classic: (sys: Steps) => void): void =>
  sys.tryElse(modern, classic, errnoOf('ENOSYS'));

const tryTypes = (change: Change, sys: Steps, attempt: (sys: Steps, type: string | null, silent: number) => void) => {
  const next = ([type = null, ...rest]: readonly (string | null)[], to: Steps): void => {
    if (!rest.length) attempt(to, type, 0);
    else
      to.tryElse(
        (first) => attempt(first, type, MS_SILENT),
        () => next(rest, to),
        sys.live ? OF_ANOTHER_TYPE : undefined,
      );
  };
  next(change.types, sys);
};

/** A new file system as a mount that is nowhere yet, fsmount(2). */
function newTree(change: Change, sys: Steps, type: string | null, hear: Listener): Int {
  const within = (call: string) => during(sys, change, 'mount', call, type);
  const context = within('fsopen').fsopen(type ?? '', FSOPEN_CLOEXEC);
  let tree: Int = -1;
  sys.undoing(
    (back) => {
      hear(back, context);
      back.close(context);
    },
    () => {
      const configuring = within('fsconfig');
      configuring.fsconfig(context, FSCONFIG_SET_STRING, 'source', change.source);
      const words = type === 'overlay' ? change.parameters.flatMap(splitLayers) : change.parameters;
      for (const word of words) setParameter(configuring, context, word);
      const create = change.exclusive ? FSCONFIG_CMD_CREATE_EXCL : FSCONFIG_CMD_CREATE;
      configuring.fsconfig(context, create, null, null);
      tree = within('fsmount').fsmount(context, FSMOUNT_CLOEXEC, change.attributes.set | change.recursive.set);
    },
  );
  if (sys.live) hear(sys, context);
  sys.close(context);
  return tree;
}

/** A copy of mounts that are there, as a tree that is nowhere yet, open_tree(2). */
const copiedTree = (change: Change, sys: Steps): Int =>
  during(sys, change, 'mount', 'open_tree').open_tree(
    AT_FDCWD,
    change.subdir === undefined ? change.source : `${change.source}/${change.subdir}`,
    OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (change.flags & MS_REC ? AT_RECURSIVE : 0),
  );

/** Attributes of one mount, and those of all mounts below it. */
function setAttributes(sys: Steps, change: Change, dirfd: Int, path: string, flags: number): void {
  const { attributes, recursive } = change;
  if (attributes.set || attributes.clear) sys.mount_setattr(dirfd, path, flags, attributes);
  if (recursive.set || recursive.clear) sys.mount_setattr(dirfd, path, flags | AT_RECURSIVE, recursive);
}

/** A user namespace with these maps, held by its descriptor: its one process lives until that is open. */
function newUserNamespace(sys: Recording, { users, groups }: Exclude<IdMapping, { file: string }>): Int {
  const process = sys.or('failed to make a user namespace', { status: FAILED }).fork((child) => {
    child.setParentDeathSignal(SIGKILL);
    const patience = Buffer.alloc(16);
    patience.writeBigInt64LE(60n);
    child.do('ppoll', null, 0, patience, null, 0);
  }, CLONE_NEWUSER);
  const end = (by: Recording) => {
    by.kill(process, SIGKILL);
    // Where SIGCHLD is ignored there is nothing to wait for.
    by.ignoring(errnoOf('ECHILD')).wait4(process, null);
  };
  const held = sys.undoing(end, () => {
    for (const [name, ranges] of [
      ['uid_map', users],
      ['gid_map', groups],
    ] as const) {
      if (!ranges.length) continue;
      const path = sys.made(['/proc/', { result: process }, `/${name}`]);
      const mapping = sys.or(`failed to write ${name}`, { status: FAILED }).explaining(`idmap ${name}`);
      const file = mapping.do('openat', AT_FDCWD, path, O_WRONLY, 0);
      mapping.write(file, encode(formatIdMap(ranges)));
      sys.close(file);
    }
    const path = sys.made(['/proc/', { result: process }, '/ns/user']);
    return sys.or('cannot open the user namespace', { status: FAILED }).do('openat', AT_FDCWD, path, O_RDONLY, 0);
  });
  end(sys);
  return held;
}

/** What an explanation has to know of a map. */
const wordsOfMap = (idmap: IdMapping) =>
  'file' in idmap
    ? idmap.file
    : [idmap.users.length && 'users', idmap.groups.length && 'groups'].filter(Boolean).join();

/** A new user namespace takes a fork, which only a tape can record. */
function onTape(sys: Sys): Recording {
  if (isRecorded(sys)) return sys;
  throw new TypeError('a user namespace is made on a tape alone');
}

/** Ids of a tree that is nowhere yet: later the kernel does not let them be changed. */
function mapIds(change: Change, sys: Steps, tree: Int): void {
  const { idmap, target, flags } = change;
  if (!idmap) return;
  const namespace =
    'file' in idmap
      ? sys.or(`${target}: cannot open ${idmap.file}`, { status: FAILED }).open(idmap.file, O_RDONLY)
      : newUserNamespace(onTape(sys), idmap);
  const attributes = Buffer.alloc(32);
  attributes.writeBigUInt64LE(BigInt(MOUNT_ATTR_IDMAP));
  sys.fill(attributes, 24, namespace, 8);
  during(sys, change, 'idmap', 'mount_setattr', wordsOfMap(idmap)).do(
    'mount_setattr',
    tree,
    '',
    AT_EMPTY_PATH | (flags & MS_REC ? AT_RECURSIVE : 0),
    attributes,
    attributes.length,
  );
  sys.close(namespace);
}

const moveTo = (sys: Steps, change: Change, tree: Int) =>
  during(sys, change, 'attach', 'move_mount').move_mount(
    tree,
    '',
    AT_FDCWD,
    change.target,
    MOVE_MOUNT_F_EMPTY_PATH |
      MOVE_MOUNT_T_AUTOMOUNTS |
      (change.asGiven.target ? 0 : MOVE_MOUNT_T_SYMLINKS) |
      (change.beneath ? MOVE_MOUNT_BENEATH : 0),
  );

/** The last steps of a tree: what it is to be is settled before anybody sees it. */
function attach(change: Change, sys: Steps, tree: Int): void {
  if (change.kind === 'bind')
    setAttributes(during(sys, change, 'attributes', 'mount_setattr'), change, tree, '', AT_EMPTY_PATH);
  mapIds(change, sys, tree);
  moveTo(sys, change, tree);
  sys.close(tree);
}

/** A directory of a new file system. Before Linux 6.15 only of one that is mounted, so it is seen for a moment. */
function attachDirectory(change: Change, sys: Steps, mountWhole: (sys: Steps) => Int | undefined): void {
  const flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
  const subdir = change.subdir as string;
  const visibly = (to: Steps) => {
    const whole = mountWhole(to);
    if (whole !== undefined) moveTo(to, change, whole);
    let tree: Int = -1;
    const away = (by: Steps) => by.umount2(above(change.target), MNT_DETACH);
    to.undoing(away, () => {
      tree = during(to, change, 'subdir', 'open_tree', subdir).open_tree(
        AT_FDCWD,
        `${above(change.target)}/${subdir}`,
        flags,
      );
    });
    away(to);
    attach(change, to, tree);
  };
  if (change.classic) {
    visibly(sys);
    return;
  }
  sys.tryElse(
    (first) => {
      const whole = mountWhole(first) as Int;
      const tree = during(first, change, 'subdir', 'open_tree', subdir).open_tree(whole, subdir, flags);
      first.close(whole);
      attach(change, first, tree);
    },
    visibly,
    errnoOf('EINVAL'),
  );
}

/** mount(2) takes a page of options. */
const isTooLong = ({ data, classic }: Change) => !classic && encode(data.join(',')).length > 4095;

function attachNew(change: Change, sys: Steps, hear: Listener): void {
  tryTypes(change, sys, (to, type, silent) => {
    const needsTree = change.layered || change.idmap !== undefined || isTooLong(change) || needsYounger(change);
    const whole = (by: Steps) => newTree(change, by, type, hear);
    const classic = (by: Steps) => mountClassic(change, by, type, hear, silent);
    if (change.subdir !== undefined)
      attachDirectory(change, to, (by) => {
        if (!change.classic) return whole(by);
        classic(by);
        return undefined;
      });
    else if (needsTree) attach(change, to, whole(to));
    // What fails at once can be told why; on a tape one call does for seven.
    else if ((to.live || change.asGiven.target) && !change.classic)
      elseClassic(to, (by) => attach(change, by, whole(by)), classic);
    else classic(to);
  });
}

/** What mount(2) cannot do. */
const needsYounger = ({ beneath, exclusive }: Change) => beneath || exclusive;

const hasAttributes = ({ attributes, recursive }: Change) =>
  [attributes, recursive].some(({ set, clear }) => set !== 0 || clear !== 0);

function boundClassic(change: Change, sys: Steps, hear: Listener): void {
  mountClassic(change, sys, null, hear);
  if (!hasAttributes(change)) return;
  sys.undoing(
    (back) => back.umount2(above(change.target), MNT_DETACH),
    () => during(sys, change, 'attributes').mount(null, change.target, null, change.flags | MS_REMOUNT),
  );
}

function attachBound(change: Change, sys: Steps, hear: Listener): void {
  const modern = (by: Steps) => attach(change, by, copiedTree(change, by));
  const classic = (by: Steps) => boundClassic(change, by, hear);
  if (change.subdir !== undefined || change.idmap !== undefined || needsYounger(change)) modern(sys);
  else if (change.classic || !(sys.live || hasAttributes(change) || change.asGiven.target)) classic(sys);
  else elseClassic(sys, modern, classic);
}

/** Moves a mount; what it is given besides, it is given at its new place. */
function move(change: Change, sys: Steps, hear: Listener): void {
  const { source, target, beneath, asGiven, classic, flags } = change;
  const modern = (by: Steps) => {
    const tree = during(by, change, 'mount', 'open_tree').open_tree(AT_FDCWD, source, OPEN_TREE_CLOEXEC);
    moveTo(by, change, tree);
    by.close(tree);
  };
  const old = (by: Steps) => mountClassic(change, by, null, hear);
  if (beneath) modern(sys);
  else if ((sys.live || asGiven.target) && !classic) elseClassic(sys, modern, old);
  else old(sys);
  if (!hasAttributes(change)) return;
  const back = (by: Steps) => by.mount(target, source, null, MS_MOVE);
  const attributes = (by: Steps) =>
    setAttributes(during(by, change, 'attributes', 'mount_setattr'), change, AT_FDCWD, target, 0);
  const bits = (flags & ~MS_MOVE) | MS_BIND | MS_REMOUNT;
  const remounting = (by: Steps) => during(by, change, 'attributes').mount(null, target, null, bits);
  sys.undoing(back, () => {
    if (classic) remounting(sys);
    else elseClassic(sys, attributes, remounting);
  });
}

/** The mount is told its new attributes, then the file system its new parameters; what is not named stays as it is. */
function remount(change: Change, sys: Steps, hear: Listener): void {
  const classic = (by: Steps) => remountClassic(change, by);
  if (change.classic) classic(sys);
  else elseClassic(sys, (by) => remountModern(change, by, hear), classic);
}

function remountClassic(change: Change, sys: Steps): void {
  const { source, target, flags, data } = change;
  during(sys, change, 'mount').mount(source, target, null, flags, data.length ? data.join(',') : null);
}

function remountModern(change: Change, sys: Steps, hear: Listener): void {
  const { target, flags } = change;
  const settingMount = () =>
    setAttributes(during(sys, change, 'remount', 'mount_setattr'), change, AT_FDCWD, target, 0);
  if (flags & MS_BIND) {
    asBefore(change, sys, settingMount);
    return;
  }
  // Whether the calls are known is seen before one of them has changed anything.
  const context = during(sys, change, 'mount', 'fspick').fspick(AT_FDCWD, target, FSPICK_CLOEXEC);
  sys.undoing(
    (back) => {
      hear(back, context);
      back.close(context);
    },
    () => {
      const configuring = during(sys, change, 'mount', 'fsconfig');
      for (const word of change.parameters) setParameter(configuring, context, word);
      asBefore(change, sys, () => {
        settingMount();
        configuring.fsconfig(context, FSCONFIG_CMD_RECONFIGURE, null, null);
      });
    },
  );
  if (sys.live) hear(sys, context);
  sys.close(context);
}

/** Every attribute that can be told from the table of mounts. */
const ALL_ATTRIBUTES =
  MOUNT_ATTR_RDONLY |
  MOUNT_ATTR_NOSUID |
  MOUNT_ATTR_NODEV |
  MOUNT_ATTR_NOEXEC |
  MOUNT_ATTR_NODIRATIME |
  MOUNT_ATTR_NOSYMFOLLOW |
  MOUNT_ATTR__ATIME;

/** Where `work` fails, the attributes of the mounts that a remount is about are what they were. */
function asBefore({ before, target }: Change, sys: Steps, work: () => void): void {
  if (before === undefined) {
    work();
    return;
  }
  const restore = (by: Steps) => {
    for (const { path, set } of before) by.mount_setattr(AT_FDCWD, path ?? target, 0, { set, clear: ALL_ATTRIBUTES });
  };
  sys.undoing(restore, work);
}

const makesMount = ({ kind }: Pick<Change, 'kind'>) => kind === 'mount' || kind === 'bind';

/** Paths behind which something else is now. */
export const hidden = ({ kind, source, target }: Change) =>
  kind === 'move' ? [source, target] : makesMount({ kind }) ? [target] : [];

/** All of one change; when a step fails, what was made before is taken back. */
export function make(change: Change, sys: Steps, hear: Listener): void {
  makeFolders(change, sys);
  if (change.kind === 'remount') remount(change, sys, hear);
  else if (change.kind === 'move') move(change, sys, hear);
  else if (change.kind === 'bind') attachBound(change, sys, hear);
  else if (change.kind === 'mount') attachNew(change, sys, hear);
  if (makesMount(change) && !change.beneath) takenBack(change, sys);
  else if (change.kind === 'move') sys.undo((back) => back.mount(change.target, change.source, null, MS_MOVE));

  finish(change, sys);
}

/** Whether something is to be done with a mount when it is there. */
export const hasMore = ({ propagation, owner, mode, subdir, idmap }: Change): boolean =>
  propagation.length > 0 || [owner, mode, subdir, idmap].some((each) => each !== undefined);

/** What is done with a mount when it is there. */
export function finish(change: Change, sys: Steps): void {
  for (const propagation of change.propagation)
    during(sys, change, 'propagation').mount('none', change.target, null, propagation);
  const { owner, mode, target } = change;
  if (owner) sys.or(`${target}: failed to change ownership`, { status: FAILED }).lchown(target, owner.uid, owner.gid);
  if (mode !== undefined) sys.or(`${target}: failed to change mode`, { status: FAILED }).chmod(target, mode);
}
