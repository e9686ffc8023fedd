/** Steps towards another root, for who calls or records. */
import {
  AT_FDCWD,
  AT_RECURSIVE,
  FSCONFIG_CMD_CREATE,
  FSCONFIG_SET_STRING,
  FSMOUNT_CLOEXEC,
  FSOPEN_CLOEXEC,
  type Int,
  MNT_DETACH,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOVE_MOUNT_F_EMPTY_PATH,
  MOVE_MOUNT_T_EMPTY_PATH,
  O_DIRECTORY,
  O_PATH,
  OPEN_TREE_CLOEXEC,
  OPEN_TREE_CLONE,
  RESOLVE_IN_ROOT,
  type Sys,
} from '@ts/sys';

/**
 * Makes a folder a mount point by binding it to itself, with all that is mounted below it. Since Linux 5.2.
 *
 * @param enter Steps onto the new mount: who stood in the folder stands below it.
 */
export function bindToItself(sys: Sys, folder: string, enter: boolean): void {
  const tree = sys.open_tree(AT_FDCWD, folder, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE) as Int;
  sys.move_mount(tree, '', AT_FDCWD, folder, MOVE_MOUNT_F_EMPTY_PATH);
  if (enter) sys.fchdir(tree);
  sys.close(tree);
}

/**
 * Mounts proc on `/proc` of a tree, looked up as if the tree were the root: a link there leads nowhere else. Since Linux 5.6.
 *
 * @returns A descriptor of the mount.
 */
export function mountProcIn(sys: Sys, root: string): Int {
  const tree = sys.open(root, O_PATH | O_DIRECTORY) as Int;
  const target = sys.openat2(tree, 'proc', { flags: O_PATH | O_DIRECTORY, resolve: RESOLVE_IN_ROOT }) as Int;
  const context = sys.fsopen('proc', FSOPEN_CLOEXEC) as Int;
  sys.fsconfig(context, FSCONFIG_SET_STRING, 'source', 'proc');
  sys.fsconfig(context, FSCONFIG_CMD_CREATE, null, null);
  const proc = sys.fsmount(context, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC) as Int;
  sys.move_mount(proc, '', target, '', MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
  for (const fd of [context, target, tree]) sys.close(fd);
  return proc;
}

/** The root as it is now, by a descriptor: it is found wherever pivot_root(2) puts it, over the new root, too. */
export const holdRoot = (sys: Sys): Int => sys.or('cannot open the old root').open('/', O_PATH | O_DIRECTORY) as Int;

/** Detaches a root that was held, with all that is mounted below it. The working directory is to be set afterwards. */
export function detachRoot(sys: Sys, held: Int): void {
  sys.or('cannot enter the old root').fchdir(held);
  sys.or('cannot detach the old root').umount2('.', MNT_DETACH);
  sys.close(held);
}
