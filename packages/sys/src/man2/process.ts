import { decode } from '../bytes.ts';
import type { Caller } from '../caller.ts';
import {
  PR_CAP_AMBIENT,
  PR_CAPBSET_DROP,
  PR_CAPBSET_READ,
  PR_GET_KEEPCAPS,
  PR_GET_NO_NEW_PRIVS,
  PR_GET_SECUREBITS,
  PR_SET_CHILD_SUBREAPER,
  PR_SET_KEEPCAPS,
  PR_SET_NAME,
  PR_SET_NO_NEW_PRIVS,
  PR_SET_PDEATHSIG,
  PR_SET_SECUREBITS,
} from '../const/prctl.ts';
import { type Int, pointerArray } from '../operand.ts';
import { decodeStruct, encodeStruct } from '../struct.ts';

/** Becomes another program, as execve(2). Returns only on failure. */
export const execve = (
  sys: Caller,
  path: string,
  argv: readonly (string | Uint8Array)[],
  envp: readonly (string | Uint8Array)[],
) => sys.do('execve', path, pointerArray(argv), pointerArray(envp));

/** Becomes the program in a directory or, with AT_EMPTY_PATH, in a descriptor, as execveat(2). Since Linux 3.19. */
export const execveat = (
  sys: Caller,
  dirfd: Int,
  path: string,
  argv: readonly (string | Uint8Array)[],
  envp: readonly (string | Uint8Array)[],
  flags = 0,
) => sys.do('execveat', dirfd, path, pointerArray(argv), pointerArray(envp), flags);

/** Ends all threads of the process, as exit_group(2). `status` 0 to 255. */
export const exit_group = (sys: Caller, status: Int) => sys.do('exit_group', status);

/** Waits for a child, as wait4(2). Result: its PID, 0 with WNOHANG where none has changed. */
export const wait4 = (sys: Caller, pid: Int, status: Uint8Array | null, options = 0) =>
  sys.do('wait4', pid, status, options, null);

/** Sends a signal, as kill(2); 0 asks whether it could be sent. */
export const kill = (sys: Caller, pid: Int, signal: Int) => sys.do('kill', pid, signal);

/** A descriptor of a process, as pidfd_open(2). ESRCH where it is gone. Since Linux 5.3. */
export const pidfd_open = (sys: Caller, pid: Int, flags = 0) => sys.do('pidfd_open', pid, flags);

/** Sends a signal to the process of a pidfd, as pidfd_send_signal(2). Since Linux 5.1. */
export const pidfd_send_signal = (sys: Caller, pidfd: Int, signal: number) =>
  sys.do('pidfd_send_signal', pidfd, signal, null, 0);

/** Copies a descriptor of another process, as pidfd_getfd(2). Since Linux 5.6. */
export const pidfd_getfd = (sys: Caller, pidfd: Int, fd: number) => sys.do('pidfd_getfd', pidfd, fd, 0);

/** The caller's PID in its own PID namespace, as getpid(2). */
export const getpid = (sys: Caller) => sys.do('getpid');

/** PID of the parent in the caller's PID namespace, 0 where it is outside of it, as getppid(2). */
export const getppid = (sys: Caller) => sys.do('getppid');

/** Makes the caller leader of a new session, as setsid(2). */
export const setsid = (sys: Caller) => sys.do('setsid');

const SIGACTION = { handler: 'u64', flags: 'u64', restorer: 'u64', mask: 'u64' } as const;

/** Ignores a signal or gives it its default action, as sigaction(2) with SIG_IGN (1) or SIG_DFL (0). */
export const setSignalAction = (sys: Caller, signal: number, action: 'default' | 'ignore') =>
  sys.do('rt_sigaction', signal, encodeStruct(SIGACTION, { handler: action === 'ignore' ? 1 : 0 }), null, 8);

/**
 * Changes the set of blocked signals of this thread, as sigprocmask(2).
 *
 * @param how SIG_*. @param set Bit n-1 is signal n; or the 8 bytes that an earlier call has filled. @param before Gets the set as it was, 8 bytes.
 */
export const sigprocmask = (sys: Caller, how: number, set: bigint | Uint8Array, before: Uint8Array | null = null) => {
  if (typeof set !== 'bigint') return sys.do('rt_sigprocmask', how, set, before, 8);
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(set);
  return sys.do('rt_sigprocmask', how, bytes, before, 8);
};

const RLIMIT = { cur: 'u64', max: 'u64' } as const;

/** Sets soft and hard limit of a process (0: the caller), as prlimit(2). Units as in getrlimit(2). */
export const setrlimit = (sys: Caller, pid: number, resource: number, limit: { cur: bigint; max: bigint }) =>
  sys.do('prlimit64', pid, resource, encodeStruct(RLIMIT, limit), null);

/** Soft and hard limit of a process (0: the caller), as prlimit(2). */
export function getrlimit(sys: Caller, pid: number, resource: number): { cur: bigint; max: bigint } {
  const buffer = Buffer.alloc(16);
  sys.look('prlimit64', pid, resource, null, buffer);
  return decodeStruct(RLIMIT, buffer);
}

/** Names the calling thread as ps(1) shows it (15 bytes count), as prctl(2) PR_SET_NAME. */
export const setProcessName = (sys: Caller, name: string) => sys.do('prctl', PR_SET_NAME, name, 0, 0, 0);

/** The signal that the caller gets when its parent thread ends, as prctl(2) PR_SET_PDEATHSIG. */
export const setParentDeathSignal = (sys: Caller, signal: number) => sys.do('prctl', PR_SET_PDEATHSIG, signal, 0, 0, 0);

/** Keeps permitted capabilities across a change of all user ids, until the next execve; prctl(2) PR_SET_KEEPCAPS. */
export const setKeepCaps = (sys: Caller, on: boolean) => sys.do('prctl', PR_SET_KEEPCAPS, on ? 1 : 0, 0, 0, 0);

/** Whether PR_SET_KEEPCAPS is on. */
export const getKeepCaps = (sys: Caller) => sys.look('prctl', PR_GET_KEEPCAPS, 0, 0, 0, 0) === 1;

/** Sets the secure bits (SECBIT_*), as prctl(2) PR_SET_SECUREBITS. EPERM without CAP_SETPCAP or for a locked bit. */
export const setSecurebits = (sys: Caller, bits: number) => sys.do('prctl', PR_SET_SECUREBITS, bits, 0, 0, 0);

/** The secure bits of the calling thread. */
export const getSecurebits = (sys: Caller) => sys.look('prctl', PR_GET_SECUREBITS, 0, 0, 0, 0);

/** No execve will grant privileges any more; cannot be taken back. prctl(2) PR_SET_NO_NEW_PRIVS. */
export const setNoNewPrivs = (sys: Caller) => sys.do('prctl', PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);

/** Whether PR_SET_NO_NEW_PRIVS is set. */
export const getNoNewPrivs = (sys: Caller) => sys.look('prctl', PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) === 1;

/** Orphaned descendants become children of the caller, as prctl(2) PR_SET_CHILD_SUBREAPER. */
export const setChildSubreaper = (sys: Caller, on: boolean) =>
  sys.do('prctl', PR_SET_CHILD_SUBREAPER, on ? 1 : 0, 0, 0, 0);

/** Whether a capability is in the bounding set; EINVAL for a number past the kernel's last. prctl(2) PR_CAPBSET_READ. */
export const hasBounding = (sys: Caller, capability: number) =>
  sys.look('prctl', PR_CAPBSET_READ, capability, 0, 0, 0) === 1;

/** Drops a capability from the bounding set for good. EPERM without CAP_SETPCAP. prctl(2) PR_CAPBSET_DROP. */
export const dropBounding = (sys: Caller, capability: number) => sys.do('prctl', PR_CAPBSET_DROP, capability, 0, 0, 0);

/** Changes the ambient set (PR_CAP_AMBIENT_RAISE, _LOWER, _CLEAR_ALL), as prctl(2) PR_CAP_AMBIENT. */
export const changeAmbient = (sys: Caller, operation: number, capability = 0) =>
  sys.do('prctl', PR_CAP_AMBIENT, operation, capability, 0, 0);

/** Whether a capability is ambient (PR_CAP_AMBIENT_IS_SET). */
export const hasAmbient = (sys: Caller, capability: number) =>
  sys.look('prctl', PR_CAP_AMBIENT, 1, capability, 0, 0) === 1;

/** Six names of the host, as uname(2). */
export function uname(sys: Caller) {
  const buffer = Buffer.alloc(6 * 65);
  sys.look('uname', buffer);
  const field = (index: number) => {
    const bytes = buffer.subarray(65 * index, 65 * (index + 1));
    return decode(bytes.subarray(0, bytes.indexOf(0)));
  };
  return {
    sysname: field(0),
    nodename: field(1),
    release: field(2),
    version: field(3),
    machine: field(4),
    domainname: field(5),
  };
}

/** Sets the host name (at most 64 bytes), as sethostname(2). EPERM without CAP_SYS_ADMIN, EINVAL when too long. */
export const sethostname = (sys: Caller, name: Uint8Array) => sys.do('sethostname', name, name.length);

/** Sets the NIS domain name (at most 64 bytes), as setdomainname(2). */
export const setdomainname = (sys: Caller, name: Uint8Array) => sys.do('setdomainname', name, name.length);
