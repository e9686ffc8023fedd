/** Rights that Landlock handles, by the names that setpriv(1) gives them; landlock(7). */
import * as sys from '@ts/sys';

export interface Right {
  readonly name: string;
  readonly bit: number;
  /** Version of Landlock that brought it. */
  readonly since: number;
  readonly help: string;
}

export type Category = 'fs' | 'net' | 'scope';

const right = (name: string, bit: number, since: number, help: string): Right => ({ name, bit, since, help });

export const RIGHTS: Readonly<Record<Category, readonly Right[]>> = {
  fs: [
    right('execute', sys.LANDLOCK_ACCESS_FS_EXECUTE, 1, 'execute a file'),
    right('write-file', sys.LANDLOCK_ACCESS_FS_WRITE_FILE, 1, 'open a file for writing'),
    right('read-file', sys.LANDLOCK_ACCESS_FS_READ_FILE, 1, 'open a file for reading'),
    right('read-dir', sys.LANDLOCK_ACCESS_FS_READ_DIR, 1, 'open a folder, list it'),
    right('remove-dir', sys.LANDLOCK_ACCESS_FS_REMOVE_DIR, 1, 'remove or rename a folder'),
    right('remove-file', sys.LANDLOCK_ACCESS_FS_REMOVE_FILE, 1, 'remove or rename a file'),
    right('make-char', sys.LANDLOCK_ACCESS_FS_MAKE_CHAR, 1, 'make a character device'),
    right('make-dir', sys.LANDLOCK_ACCESS_FS_MAKE_DIR, 1, 'make a folder'),
    right('make-reg', sys.LANDLOCK_ACCESS_FS_MAKE_REG, 1, 'make a regular file'),
    right('make-sock', sys.LANDLOCK_ACCESS_FS_MAKE_SOCK, 1, 'make a UNIX socket'),
    right('make-fifo', sys.LANDLOCK_ACCESS_FS_MAKE_FIFO, 1, 'make a named pipe'),
    right('make-block', sys.LANDLOCK_ACCESS_FS_MAKE_BLOCK, 1, 'make a block device'),
    right('make-sym', sys.LANDLOCK_ACCESS_FS_MAKE_SYM, 1, 'make a symbolic link'),
    right('refer', sys.LANDLOCK_ACCESS_FS_REFER, 2, 'link or move a file from one folder to another'),
    right('truncate', sys.LANDLOCK_ACCESS_FS_TRUNCATE, 3, 'truncate a file'),
    right('ioctl-dev', sys.LANDLOCK_ACCESS_FS_IOCTL_DEV, 5, 'use ioctl on a device that is opened from now on'),
    right('resolve-unix', sys.LANDLOCK_ACCESS_FS_RESOLVE_UNIX, 9, 'connect to a UNIX socket by its path'),
  ],
  net: [
    right('bind-tcp', sys.LANDLOCK_ACCESS_NET_BIND_TCP, 4, 'bind a TCP socket to a port'),
    right('connect-tcp', sys.LANDLOCK_ACCESS_NET_CONNECT_TCP, 4, 'connect a TCP socket to a port'),
    right('bind-udp', sys.LANDLOCK_ACCESS_NET_BIND_UDP, 10, 'bind a UDP socket to a port'),
    right('connect-send-udp', sys.LANDLOCK_ACCESS_NET_CONNECT_SEND_UDP, 10, 'connect or send to a UDP port'),
  ],
  scope: [
    right(
      'abstract-unix-socket',
      sys.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET,
      6,
      'connect to abstract UNIX sockets of others',
    ),
    right('signal', sys.LANDLOCK_SCOPE_SIGNAL, 6, 'send signals to others'),
  ],
};

/** Flags of --landlock-restrict-self: what the kernel writes into the audit log. */
export const RESTRICT_FLAGS: readonly Right[] = [
  right('log-same-exec-off', sys.LANDLOCK_RESTRICT_SELF_LOG_SAME_EXEC_OFF, 7, 'log nothing before the next execve'),
  right('log-new-exec-on', sys.LANDLOCK_RESTRICT_SELF_LOG_NEW_EXEC_ON, 7, 'log what is refused after the next execve'),
  right('log-subdomains-off', sys.LANDLOCK_RESTRICT_SELF_LOG_SUBDOMAINS_OFF, 7, 'log nothing of nested domains'),
];

/** The rights of a table that a version of Landlock has. */
export const known = (rights: readonly Right[], version: number): readonly Right[] =>
  rights.filter(({ since }) => since <= version);

export const bitsOf = (rights: readonly Right[]): number => rights.reduce((bits, { bit }) => bits | bit, 0);
