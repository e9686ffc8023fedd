/** Locks on whole files: sys/file.h. */
export const LOCK_EX = 2;
export const LOCK_UN = 8;
