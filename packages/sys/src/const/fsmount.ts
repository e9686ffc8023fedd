/** fsmount(2) flags; linux/mount.h. */
export const FSMOUNT_CLOEXEC = 0x1;
