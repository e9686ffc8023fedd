/** open_tree(2) flags; linux/mount.h. */
export const OPEN_TREE_CLONE = 0x1;
export const OPEN_TREE_CLOEXEC = 0x80000;
