/** flock(2) operations; asm-generic/fcntl.h. */
export const LOCK_SH = 0x1;
export const LOCK_EX = 0x2;
export const LOCK_NB = 0x4;
export const LOCK_UN = 0x8;
