/** What statmount(2) is asked for; linux/mount.h. */
export const STATMOUNT_MNT_BASIC = 0x2;
export const STATMOUNT_MNT_UIDMAP = 0x2000;
export const STATMOUNT_MNT_GIDMAP = 0x4000;
/** What statx(2) is asked for: the id of a mount that no other mount will ever have; linux/stat.h. */
export const STATX_MNT_ID_UNIQUE = 0x4000;
