/**
 * `node:fs` in the stand-alone executable: what most runs need of it, as system calls, since loading that module takes Bun as long as all
 * the rest of a tool. Everything else is passed on to it.
 *
 * The same names, arguments, results and errors (`code`, `errno`, `syscall`, `path`), as far as they are used here. A path is a
 * string or bytes.
 */
import { arch } from './arch.ts';
import { decode, encode } from './bytes.ts';
import type { Call } from './calls.ts';
import { AT_EMPTY_PATH, AT_FDCWD, AT_SYMLINK_NOFOLLOW } from './const/at.ts';
import { S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG, S_IFSOCK } from './const/mode.ts';
import { O_CLOEXEC, O_DIRECTORY, O_RDONLY } from './const/open.ts';
import { errnoName, strerror } from './errno.ts';
import { rawCall } from './live.ts';
import type { Operand } from './operand.ts';

type Fs = typeof import('node:fs');
type Path = string | Uint8Array;

const ENOENT = 2;
const EINTR = 4;
const ENOTDIR = 20;
const ELOOP = 40;
const CHUNK = 8192;
const MOST_LINKS = 40;

export const constants = { F_OK: 0, X_OK: 1, W_OK: 2, R_OK: 4 };

/** A path as an operand: bytes end as a string does. */
const operand = (path: Path) => (typeof path === 'string' ? path : Buffer.concat([path, Buffer.alloc(1)]));

function failure(errno: number, syscall: string, path?: Path): NodeJS.ErrnoException {
  const code = errnoName(errno);
  const name = path === undefined ? undefined : typeof path === 'string' ? path : decode(path);
  const words = `${code}: ${strerror(errno)}, ${syscall}${name === undefined ? '' : ` '${name}'`}`;
  return Object.assign(new Error(words), { errno: -errno, code, syscall, ...(name !== undefined && { path: name }) });
}

/** @param shown What the error calls it. */
function call(name: Call, operands: readonly Operand[], shown: string, path?: Path): number {
  for (;;) {
    const result = rawCall(name, operands);
    if (result >= 0) return result;
    if (result !== -EINTR) throw failure(-result, shown, path);
  }
}

const openAs = (path: Path, flags: number, mode: number, shown: string) =>
  call('openat', [AT_FDCWD, operand(path), flags | O_CLOEXEC, mode], shown, path);

export const openSync = (path: Path, flags: number | string = 'r', mode = 0o666): number =>
  typeof flags === 'number' || flags === 'r'
    ? openAs(path, flags === 'r' ? O_RDONLY : flags, mode, 'open')
    : real().openSync(path as string, flags, mode);

export function closeSync(fd: number): void {
  const result = rawCall('close', [fd]);
  // Interrupted, it has closed it all the same.
  if (result < 0 && result !== -EINTR) throw failure(-result, 'close');
}

export function readSync(
  fd: number,
  buffer: Uint8Array,
  offset = 0,
  length = buffer.length - offset,
  position: number | null = null,
): number {
  if (length === 0) return 0;
  const into = buffer.subarray(offset, offset + length);
  return position === null
    ? call('read', [fd, into, length], 'read')
    : call('pread64', [fd, into, length, position], 'read');
}

export function writeSync(fd: number, bytes: Uint8Array, offset = 0): number {
  const rest = bytes.subarray(offset);
  return rest.length ? call('write', [fd, rest, rest.length], 'write') : 0;
}

export function readlinkSync(path: Path, encoding?: 'buffer' | 'utf8' | { encoding: 'buffer' }): Buffer | string {
  const target = Buffer.allocUnsafeSlow(CHUNK);
  const size = call('readlinkat', [AT_FDCWD, operand(path), target, target.length], 'readlink', path);
  const bytes = target.subarray(0, size);
  return encoding === undefined || encoding === 'utf8' ? bytes.toString() : bytes;
}

export const accessSync = (path: Path, mode: number): void => {
  call('faccessat', [AT_FDCWD, operand(path), mode], 'access', path);
};

export function existsSync(path: Path): boolean {
  return rawCall('faccessat', [AT_FDCWD, operand(path), constants.F_OK]) === 0;
}

/** Where the fields of struct stat lie (asm/stat.h), in bytes; `width` of the two that differ in it. */
const PLACES = {
  x64: { mode: 24, nlink: 16, width: 8, uid: 28, gid: 32, rdev: 40 },
  arm64: { mode: 16, nlink: 20, width: 4, uid: 24, gid: 28, rdev: 32 },
} as const;
const STAT_SIZE = 144;
const SIZE = 48;
const BLOCKS = 64;
const TIMES = ['atimeMs', 'mtimeMs', 'ctimeMs'] as const;
const FIRST_TIME = 72;

/** What says of which type a file is: S_IFREG … */
class Typed {
  constructor(private readonly type: number) {}

  isFile(): boolean {
    return this.type === S_IFREG;
  }
  isDirectory(): boolean {
    return this.type === S_IFDIR;
  }
  isSymbolicLink(): boolean {
    return this.type === S_IFLNK;
  }
  isBlockDevice(): boolean {
    return this.type === S_IFBLK;
  }
  isCharacterDevice(): boolean {
    return this.type === S_IFCHR;
  }
  isFIFO(): boolean {
    return this.type === S_IFIFO;
  }
  isSocket(): boolean {
    return this.type === S_IFSOCK;
  }
}

class Stats extends Typed {
  readonly dev: number;
  readonly ino: number;
  readonly mode: number;
  readonly nlink: number;
  readonly uid: number;
  readonly gid: number;
  readonly rdev: number;
  readonly size: number;
  readonly blocks: number;
  declare readonly atimeMs: number;
  declare readonly mtimeMs: number;
  declare readonly ctimeMs: number;

  constructor(bytes: Buffer) {
    const at = PLACES[arch];
    super(bytes.readUInt32LE(at.mode) & S_IFMT);
    const long = (at: number) => Number(bytes.readBigUInt64LE(at));
    this.dev = long(0);
    this.ino = long(8);
    this.mode = bytes.readUInt32LE(at.mode);
    this.nlink = bytes.readUIntLE(at.nlink, at.width === 8 ? 6 : 4);
    this.uid = bytes.readUInt32LE(at.uid);
    this.gid = bytes.readUInt32LE(at.gid);
    this.rdev = long(at.rdev);
    this.size = long(SIZE);
    this.blocks = long(BLOCKS);
    TIMES.forEach((name, index) => {
      const begin = FIRST_TIME + 16 * index;
      Object.assign(this, { [name]: Number(bytes.readBigInt64LE(begin)) * 1000 + long(begin + 8) / 1e6 });
    });
  }
}

interface StatOptions {
  readonly bigint?: boolean;
  readonly throwIfNoEntry?: boolean;
}

const statAs =
  (name: 'stat' | 'lstat', flags: number) =>
  (path: Path, options: StatOptions = {}) => {
    if (options.bigint) return real()[`${name}Sync`](path as string, options);
    const bytes = Buffer.alloc(STAT_SIZE);
    try {
      call('newfstatat', [AT_FDCWD, operand(path), bytes, flags], name, path);
      return new Stats(bytes);
    } catch (error) {
      if (options.throwIfNoEntry === false && (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  };

export const statSync = statAs('stat', 0);
export const lstatSync = statAs('lstat', AT_SYMLINK_NOFOLLOW);

export function fstatSync(fd: number): Stats {
  const bytes = Buffer.alloc(STAT_SIZE);
  call('newfstatat', [fd, '', bytes, AT_EMPTY_PATH], 'fstat');
  return new Stats(bytes);
}

/** struct linux_dirent64: where its size, its type and its name lie, in bytes. */
const ENTRY = { size: 16, type: 18, name: 19 } as const;
const FOLDER_CHUNK = 32_768;

class Dirent extends Typed {
  constructor(
    readonly name: Buffer | string,
    type: number,
  ) {
    super(type);
  }
}

/** A folder in its own order. */
class Dir {
  private readonly bytes = Buffer.allocUnsafeSlow(FOLDER_CHUNK);
  private at = 0;
  private size = 0;

  constructor(
    private readonly fd: number,
    private readonly encoding: 'buffer' | 'latin1',
  ) {}

  readSync(): Dirent | null {
    for (;;) {
      if (this.at === this.size) {
        this.at = 0;
        this.size = call('getdents64', [this.fd, this.bytes, this.bytes.length], 'scandir');
        if (this.size === 0) return null;
      }
      const { bytes, at, encoding } = this;
      this.at += bytes.readUInt16LE(at + ENTRY.size);
      const name = Buffer.from(bytes.subarray(at + ENTRY.name, bytes.indexOf(0, at + ENTRY.name)));
      const text = name.toString('latin1');
      // The type of an entry is that of struct stat's mode, shifted.
      if (text !== '.' && text !== '..')
        return new Dirent(encoding === 'buffer' ? name : text, (bytes[at + ENTRY.type] as number) << 12);
    }
  }

  closeSync(): void {
    closeSync(this.fd);
  }
}

export const opendirSync = (path: Path, { encoding }: { encoding: 'buffer' | 'latin1' }): Dir =>
  new Dir(openAs(path, O_RDONLY | O_DIRECTORY, 0, 'opendir'), encoding);

/** The kernel's own answer: the working directory may have been changed behind the runtime's back. */
function workingDirectory(): string {
  const bytes = Buffer.allocUnsafeSlow(CHUNK);
  const size = call('getcwd', [bytes, bytes.length], 'realpath');
  const path = decode(bytes.subarray(0, size - 1));
  // "(unreachable)/…" where it lies outside of the root.
  if (!path.startsWith('/')) throw failure(ENOENT, 'realpath');
  return path;
}

/** realpath(3), without /proc, by which Bun's own asks. */
function realPath(path: string): string {
  // Not by resolve(): what ".." means depends on the links before it.
  const rest = (path.startsWith('/') ? path : `${workingDirectory()}/${path}`).split('/').filter(Boolean);
  if (path.endsWith('/')) rest.push('.');
  let done = '';
  let links = 0;
  for (let name = rest.shift(); name !== undefined; name = rest.shift()) {
    if (name === '.' || name === '..') {
      if (done && !lstatSync(encode(done))?.isDirectory()) throw failure(ENOTDIR, 'realpath', path);
      if (name === '..') done = done.slice(0, Math.max(0, done.lastIndexOf('/')));
      continue;
    }
    const target = targetOf(`${done}/${name}`);
    if (target === undefined) {
      done = `${done}/${name}`;
      continue;
    }
    if (++links > MOST_LINKS) throw failure(ELOOP, 'realpath', path);
    if (target.startsWith('/')) done = '';
    rest.unshift(...target.split('/').filter(Boolean), ...(target.endsWith('/') ? ['.'] : []));
  }
  return done || '/';
}

/** What a symbolic link says; undefined where it is something else. */
function targetOf(path: string): string | undefined {
  try {
    return decode(readlinkSync(encode(path), 'buffer') as Buffer);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EINVAL') return undefined;
    throw error;
  }
}

const realPathOf = (path: Path, encoding?: 'buffer' | 'utf8'): Buffer | string => {
  const real = realPath(typeof path === 'string' ? path : decode(path));
  return encoding === 'buffer' ? encode(real) : real;
};

export const realpathSync = Object.assign(realPathOf, { native: realPathOf });

let loaded: Fs | undefined;

function real(): Fs {
  loaded ??= process.getBuiltinModule('node:fs');
  return loaded;
}

const passedOn = <Name extends keyof Fs>(name: Name) =>
  ((...words: unknown[]) => (real()[name] as (...words: unknown[]) => unknown)(...words)) as Fs[Name];

export const createReadStream = passedOn('createReadStream');
export const fchmodSync = passedOn('fchmodSync');
export const mkdirSync = passedOn('mkdirSync');
export const mkdtempSync = passedOn('mkdtempSync');
export const readdirSync = passedOn('readdirSync');
export const readFileSync = passedOn('readFileSync');
export const renameSync = passedOn('renameSync');
export const rmdirSync = passedOn('rmdirSync');
export const rmSync = passedOn('rmSync');
export const symlinkSync = passedOn('symlinkSync');
export const writeFileSync = passedOn('writeFileSync');
