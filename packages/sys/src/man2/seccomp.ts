import type { Caller } from '../caller.ts';
import { SECCOMP_SET_MODE_FILTER } from '../const/seccomp.ts';
import { Block } from '../operand.ts';

/** Bytes of one `struct sock_filter`. */
const INSTRUCTION = 8;

/**
 * Puts the calling thread under a filter, as seccomp(2) SECCOMP_SET_MODE_FILTER. It stays, and children and execve keep it.
 *
 * @param program Instructions of classic BPF, 8 bytes each. @param flags SECCOMP_FILTER_FLAG_*.
 * EACCES without no_new_privs and CAP_SYS_ADMIN; EINVAL for a program that the kernel does not take; ENOMEM where the filters
 * of the thread come to more than 32768 instructions.
 */
export function setSeccompFilter(sys: Caller, program: Uint8Array, flags = 0) {
  const sock_fprog = Buffer.alloc(16);
  sock_fprog.writeUInt16LE(program.length / INSTRUCTION);
  return sys.do('seccomp', SECCOMP_SET_MODE_FILTER, flags, new Block(sock_fprog, [[8, program]]));
}
