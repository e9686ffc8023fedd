/**
 * Accounts of passwd(5) and group(5), read as the C library reads them.
 *
 * A line whose ids are none is no account: nothing falls back to user 0. After a change of root the files belong to whoever made
 * that root, so that only a regular file of bounded size is read, and nothing is waited for.
 */
import {
  AT_FDCWD,
  closeFile,
  decode,
  fstat,
  ID_MAX,
  live,
  O_NOCTTY,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_RDONLY,
  openFile,
  parseAccountId,
  RESOLVE_NO_MAGICLINKS,
  readOpen,
  SysError,
  stat,
} from '@ts/sys';
import { parseInteger } from './numbers.ts';

export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
  readonly shell: string;
}

export interface Group {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

export const PASSWD = '/etc/passwd';
export const GROUP = '/etc/group';

/** Files that say who is who, and what they get. */
const ACCOUNT_FILES: readonly string[] = [PASSWD, GROUP, '/etc/subuid', '/etc/subgid', '/etc/login.defs'];

export const isAccountFile = (path: string): boolean => ACCOUNT_FILES.includes(path);

/** Bytes of the largest one that is read: room for some hundred thousand accounts. */
const LARGEST = 32 * 1024 * 1024;

/** Opens a file without waiting for anybody, and through no link of /proc: those lead out of a changed root. */
function openUnwaited(path: string): number {
  const flags = O_RDONLY | O_NONBLOCK | O_NOCTTY;
  try {
    return live().openat2(AT_FDCWD, path, { flags, resolve: RESOLVE_NO_MAGICLINKS });
  } catch (error) {
    // Before Linux 5.6, and under filters that do not know the call: through no link at all.
    if (!(error instanceof SysError) || error.code !== 'ENOSYS') throw error;
    return openFile(path, flags | O_NOFOLLOW);
  }
}

/**
 * All of a file that says who is who.
 *
 * @param most Bytes of a file that is still read.
 * @throws SysError, and a TypeError for what is no such file.
 */
export function readAccountFile(path: string, most = LARGEST): string {
  // Looked at before it is opened, which may do something to a device, and once more behind that.
  if (stat(path).type !== 'file') throw new TypeError(`${path} is not a regular file`);
  const fd = openUnwaited(path);
  try {
    if (fstat(fd).type !== 'file') throw new TypeError(`${path} is not a regular file`);
    const bytes = readOpen(fd, most + 1, path);
    if (bytes.length > most) throw new TypeError(`${path} is larger than ${most} bytes`);
    return decode(bytes);
  } finally {
    closeFile(fd);
  }
}

/** Blanks of isspace(3). */
const BLANKS = /^[\t-\r ]+/;

/** Lines that can be accounts, their fields apart. What stands behind a NUL does not exist for the C library. */
function* records(text: string): Generator<string[]> {
  for (let at = 0; at < text.length; ) {
    const newline = text.indexOf('\n', at);
    const end = newline < 0 ? text.length : newline;
    const [line = ''] = text.slice(at, end).split('\0', 1);
    const record = line.replace(BLANKS, '');
    // Comments, names for other name services (+, -), and no name at all.
    if (record && !/^[#+:-]/.test(record)) yield record.split(':');
    at = end + 1;
  }
}

/** An id as the C library takes it, behind blanks and a "+". */
const idOf = (field = ''): number | undefined => parseAccountId(field.replace(BLANKS, '').replace(/^\+/, ''));

/** Accounts of a passwd(5) text, in its order. */
export function* accountsIn(text: string): Generator<Account> {
  for (const [name = '', , uidField, gidField, , home = '', ...shell] of records(text)) {
    const [uid, gid] = [idOf(uidField), idOf(gidField)];
    if (uid !== undefined && gid !== undefined) yield { name, uid, gid, home, shell: shell.join(':') };
  }
}

/** Groups of a group(5) text, in its order. */
export function* groupsIn(text: string): Generator<Group> {
  for (const [name = '', , gidField, ...members] of records(text)) {
    const gid = idOf(gidField);
    if (gid === undefined) continue;
    const words = members.join(':').split(',');
    yield { name, gid, members: words.map((word) => word.replace(BLANKS, '')).filter(Boolean) };
  }
}

/** The first one with a name or an id. */
export function findAccount(text: string, nameOrId: string | number): Account | undefined {
  for (const account of accountsIn(text)) if (nameOrId === account.name || nameOrId === account.uid) return account;
  return undefined;
}

export function findGroup(text: string, nameOrId: string | number): Group | undefined {
  for (const group of groupsIn(text)) if (nameOrId === group.name || nameOrId === group.gid) return group;
  return undefined;
}

/** Groups of an account, as getgrouplist(3): its own first, then those of /etc/group that it is a member of. */
export function groupList(world: { read(path: string): string | undefined }, name: string, gid: number): number[] {
  const groups = [gid];
  for (const group of groupsIn(world.read(GROUP) ?? ''))
    if (group.gid !== gid && group.members.includes(name)) groups.push(group.gid);
  return groups;
}

/** An id given as a number, as strtol(3) reads one that is not negative, or as a name. `noun` as in "failed to parse uid". */
export function parseId(text: string, noun: string, lookUp: (name: string) => number | undefined): number {
  return lookUp(text) ?? parseInteger(text, `failed to parse ${noun}`, 0, ID_MAX);
}
