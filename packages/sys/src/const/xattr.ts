/** setxattr(2) flags; linux/xattr.h. */
export const XATTR_CREATE = 0x1;
export const XATTR_REPLACE = 0x2;
