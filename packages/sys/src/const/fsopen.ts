/** fsopen(2), fspick(2) flags; linux/mount.h. */
export const FSOPEN_CLOEXEC = 0x1;
