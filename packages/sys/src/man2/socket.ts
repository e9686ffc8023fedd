import type { Caller } from '../caller.ts';
import { SOCK_CLOEXEC } from '../const/netlink.ts';
import type { Int } from '../operand.ts';

/**
 * A socket in the caller's network namespace, where it stays whatever its owner does; close-on-exec. As socket(2).
 *
 * Changes nothing but the caller's descriptors: made even where calls are only shown.
 *
 * @param domain AF_*. @param type SOCK_*. @param protocol 0, or NETLINK_* with AF_NETLINK.
 * @throws EAFNOSUPPORT, EPROTONOSUPPORT where the kernel lacks it, EPERM for a raw socket without CAP_NET_RAW.
 */
export const socket = (sys: Caller, domain: number, type: number, protocol = 0): number =>
  sys.look('socket', domain, type | SOCK_CLOEXEC, protocol);

/** Gives a socket its own address, as bind(2). Made even where calls are only shown. */
export const bind = (sys: Caller, fd: number, address: Uint8Array): number =>
  sys.look('bind', fd, address, address.length);

/** Sends one message to where the socket is connected (a netlink socket: to the kernel), as send(2). Result: bytes sent. */
export const send = (sys: Caller, fd: Int, message: Uint8Array, flags = 0) =>
  sys.do('sendto', fd, message, message.length, flags, null, 0);

/** The same for a message that only asks: sent even where calls are only shown. */
export const ask = (sys: Caller, fd: number, message: Uint8Array): number =>
  sys.look('sendto', fd, message, message.length, 0, null, 0);

/** Receives one message, as recv(2). Result: its bytes in the buffer; with MSG_TRUNC its whole length, cut or not. ENOBUFS where messages were lost. */
export const recv = (sys: Caller, fd: number, buffer: Uint8Array, flags = 0): number =>
  sys.look('recvfrom', fd, buffer, buffer.length, flags, null, null);

/** Sets an option of a socket to an integer, as setsockopt(2). Made even where calls are only shown. */
export function setsockopt(sys: Caller, fd: number, level: number, option: number, value: number): number {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return sys.look('setsockopt', fd, level, option, bytes, bytes.length);
}
