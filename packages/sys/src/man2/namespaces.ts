import type { Caller } from '../caller.ts';
import {
  NS_GET_NSTYPE,
  NS_GET_OWNER_UID,
  NS_GET_PARENT,
  NS_GET_USERNS,
  SIOCGSKNS,
  SO_NETNS_COOKIE,
} from '../const/nsfs.ts';
import type { Int } from '../operand.ts';

/**
 * Moves the caller out of shared state, as unshare(2).
 *
 * @param flags CLONE_NEW* and CLONE_FS, CLONE_FILES, CLONE_SYSVSEM, or'ed. A new PID or time namespace is for children.
 * @throws EPERM without CAP_SYS_ADMIN (CLONE_NEWUSER: in a chroot, or forbidden by the host), EINVAL for CLONE_NEWUSER in a
 *   process of several threads or for a kind the kernel lacks, ENOSPC at a limit of /proc/sys/user, EUSERS.
 */
export const unshare = (sys: Caller, flags: number) => sys.do('unshare', flags);

/**
 * Enters a namespace, as setns(2).
 *
 * @param fd A file of /proc/PID/ns, or a pidfd. @param flags The kind expected (0: any); with a pidfd several kinds or'ed.
 * @throws EPERM, EINVAL for a namespace of another kind or where several threads forbid it, EBADF, ESRCH.
 */
export const setns = (sys: Caller, fd: Int, flags = 0) => sys.do('setns', fd, flags);

/** A descriptor of the user namespace that owns the namespace `fd`; EPERM where that lies outside the caller's. ioctl_ns(2). */
export const ns_get_userns = (sys: Caller, fd: Int) => sys.do('ioctl', fd, NS_GET_USERNS);

/** A descriptor of the parent of a PID or user namespace; EPERM at the caller's own, EINVAL for other kinds. ioctl_ns(2). */
export const ns_get_parent = (sys: Caller, fd: Int) => sys.do('ioctl', fd, NS_GET_PARENT);

/** The kind of a namespace as its CLONE_NEW* flag. ioctl_ns(2). */
export const ns_get_nstype = (sys: Caller, fd: Int) => sys.do('ioctl', fd, NS_GET_NSTYPE);

/** The user id (in the caller's user namespace) that owns a user namespace. ioctl_ns(2). */
export function ns_get_owner_uid(sys: Caller, fd: number): number {
  const uid = Buffer.alloc(8);
  sys.look('ioctl', fd, NS_GET_OWNER_UID, uid);
  return uid.readUInt32LE();
}

/** A descriptor of the network namespace that a socket is in; EPERM without CAP_NET_ADMIN over it. */
export const socket_netns = (sys: Caller, socket: Int) => sys.do('ioctl', socket, SIOCGSKNS, 0);

const SOL_SOCKET = 1;

/** The number of a socket's network namespace, which no other has had; undefined before Linux 5.14. No right is needed. */
export function socket_netns_cookie(sys: Caller, socket: number): bigint | undefined {
  const cookie = Buffer.alloc(8);
  const size = Buffer.from([8, 0, 0, 0]);
  return sys.look('getsockopt', socket, SOL_SOCKET, SO_NETNS_COOKIE, cookie, size) < 0
    ? undefined
    : cookie.readBigUInt64LE();
}
