/** Netlink sockets and the messages about ids of network namespaces; linux/netlink.h, linux/rtnetlink.h, linux/net_namespace.h. */
export const AF_NETLINK = 16;
export const SOCK_RAW = 3;
export const SOCK_CLOEXEC = 0o2000000;
export const NETLINK_ROUTE = 0;
export const NLM_F_REQUEST = 1;
export const RTM_NEWNSID = 88;
export const RTM_GETNSID = 90;
export const NETNSA_NSID = 1;
export const NETNSA_FD = 3;
