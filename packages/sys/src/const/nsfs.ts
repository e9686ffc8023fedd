/** ioctl(2) on namespace files, ioctl_ns(2); linux/nsfs.h. */
export const NS_GET_USERNS = 0xb701;
export const NS_GET_PARENT = 0xb702;
export const NS_GET_NSTYPE = 0xb703;
export const NS_GET_OWNER_UID = 0xb704;
export const NS_GET_MNTNS_ID = 0x8008b705;
export const NS_GET_PID_FROM_PIDNS = 0x8004b706;
export const NS_GET_TGID_FROM_PIDNS = 0x8004b707;
export const NS_GET_PID_IN_PIDNS = 0x8004b708;
export const NS_GET_TGID_IN_PIDNS = 0x8004b709;
/** Since Linux 6.18. */
export const NS_GET_ID = 0x8008b70d;

/** ioctl(2) on a socket: a descriptor of its network namespace, linux/sockios.h. */
export const SIOCGSKNS = 0x894c;

/** getsockopt(2): a number of the socket's network namespace that no other has had since the system started; asm/socket.h. */
export const SO_NETNS_COOKIE = 71;
