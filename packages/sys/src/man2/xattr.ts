import { decode } from '../bytes.ts';
import type { Caller } from '../caller.ts';

/** Sets an extended attribute of the file itself, not of a link's target's, as lsetxattr(2). `flags`: XATTR_*. */
export const lsetxattr = (sys: Caller, path: string, name: string, value: Uint8Array, flags = 0) =>
  sys.do('lsetxattr', path, name, value, value.length, flags);

/** Sets an extended attribute, as setxattr(2). */
export const setxattr = (sys: Caller, path: string, name: string, value: Uint8Array, flags = 0) =>
  sys.do('setxattr', path, name, value, value.length, flags);

/** Value of an extended attribute, as getxattr(2). ENODATA where there is none. */
export function getxattr(sys: Caller, path: string, name: string): Buffer {
  const value = Buffer.alloc(65536);
  return value.subarray(0, sys.look('getxattr', path, name, value, value.length));
}

/** The same of a symbolic link itself, as lgetxattr(2). */
export function lgetxattr(sys: Caller, path: string, name: string): Buffer {
  const value = Buffer.alloc(65536);
  return value.subarray(0, sys.look('lgetxattr', path, name, value, value.length));
}

/** Names of the extended attributes of the file itself, as llistxattr(2). */
export function llistxattr(sys: Caller, path: string): string[] {
  const list = Buffer.alloc(65536);
  return decode(list.subarray(0, sys.look('llistxattr', path, list, list.length)))
    .split('\0')
    .slice(0, -1);
}

/** Removes an extended attribute, as removexattr(2). ENODATA where there is none. */
export const removexattr = (sys: Caller, path: string, name: string) => sys.do('removexattr', path, name);
