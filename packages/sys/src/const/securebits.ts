/** Secure bits of PR_SET_SECUREBITS, capabilities(7); linux/securebits.h. */
export const SECBIT_NOROOT = 0x1;
export const SECBIT_NOROOT_LOCKED = 0x2;
export const SECBIT_NO_SETUID_FIXUP = 0x4;
export const SECBIT_NO_SETUID_FIXUP_LOCKED = 0x8;
export const SECBIT_KEEP_CAPS = 0x10;
export const SECBIT_KEEP_CAPS_LOCKED = 0x20;
export const SECBIT_NO_CAP_AMBIENT_RAISE = 0x40;
export const SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED = 0x80;
export const SECBIT_EXEC_RESTRICT_FILE = 0x100;
export const SECBIT_EXEC_RESTRICT_FILE_LOCKED = 0x200;
export const SECBIT_EXEC_DENY_INTERACTIVE = 0x400;
export const SECBIT_EXEC_DENY_INTERACTIVE_LOCKED = 0x800;
