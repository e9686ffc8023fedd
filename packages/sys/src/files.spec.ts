import * as fs from 'node:fs';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decode, encode } from './bytes.ts';
import { F_OK, R_OK, W_OK, X_OK } from './const/access.ts';
import { O_CREAT, O_EXCL, O_RDONLY, O_WRONLY } from './const/open.ts';
import { SysError } from './errno.ts';
import * as files from './files.ts';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'ts-files-')));
const socket = createServer();
const NAMELESS = decode(Buffer.concat([Buffer.from(`${folder}/b`), Buffer.from([0xff, 0xfe])]));
beforeAll(async () => {
  mkdirSync(join(folder, 'a/b'), { recursive: true });
  symlinkSync('a', join(folder, 'relative'));
  symlinkSync(join(folder, 'relative/b'), join(folder, 'absolute'));
  symlinkSync('../..', join(folder, 'a/b/up'));
  symlinkSync('itself', join(folder, 'itself'));
  symlinkSync('nowhere', join(folder, 'dangling'));
  writeFileSync(join(folder, 'text'), 'grüße\n', { mode: 0o640 });
  writeFileSync(join(folder, 'empty'), '');
  writeFileSync(join(folder, 'large'), Buffer.alloc(100_001, 'x'));
  writeFileSync(encode(NAMELESS), 'bytes');
  await new Promise<void>((made) => socket.listen(join(folder, 'socket'), made));
});
afterAll(() => {
  socket.close();
  rmSync(folder, { recursive: true, force: true });
});

/** What a function gives, or the name of its error. */
function outcome(run: () => unknown): unknown {
  try {
    return run();
  } catch (error) {
    return { code: (error as NodeJS.ErrnoException).code };
  }
}

const same = (ours: () => unknown, theirs: () => unknown, words: string) =>
  expect(outcome(ours), words).toEqual(outcome(theirs));

function refusalOf(run: () => unknown): SysError {
  try {
    run();
  } catch (error) {
    if (error instanceof SysError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

const NAMES = ['a', 'relative', 'absolute', 'itself', 'dangling', 'text', 'empty', 'large', 'socket', 'none', 'text/x'];
const paths = (): string[] => [
  ...NAMES.map((name) => join(folder, name)),
  NAMELESS,
  '/',
  '/dev/null',
  '/proc/sys/kernel/cap_last_cap',
  '',
];

function theirType(stats: fs.BigIntStats | fs.Stats | fs.Dirent): files.FileType {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'directory';
  if (stats.isSymbolicLink()) return 'link';
  if (stats.isBlockDevice()) return 'block';
  if (stats.isCharacterDevice()) return 'character';
  if (stats.isFIFO()) return 'fifo';
  return stats.isSocket() ? 'socket' : 'unknown';
}

const BILLION = 1_000_000_000n;

function timeOf(nanoseconds: bigint) {
  const part = ((nanoseconds % BILLION) + BILLION) % BILLION;
  return { seconds: (nanoseconds - part) / BILLION, nanoseconds: Number(part) };
}

const theirs = (stats: fs.BigIntStats | undefined): files.FileStatus | undefined =>
  stats && {
    type: theirType(stats),
    mode: Number(stats.mode),
    uid: Number(stats.uid),
    gid: Number(stats.gid),
    size: Number(stats.size),
    dev: Number(stats.dev),
    ino: stats.ino,
    rdev: Number(stats.rdev),
    nlink: Number(stats.nlink),
    atime: timeOf(stats.atimeNs),
    mtime: timeOf(stats.mtimeNs),
  };

const BIG = { bigint: true } as const;
const BIG_IF_THERE = { bigint: true, throwIfNoEntry: false } as const;

describe('as node:fs', () => {
  test('stat, lstat, fstat', () => {
    for (const path of paths()) {
      const bytes = encode(path);
      same(
        () => files.stat(path),
        () => theirs(fs.statSync(bytes, BIG)),
        `stat ${path}`,
      );
      same(
        () => files.lstat(path),
        () => theirs(fs.lstatSync(bytes, BIG)),
        `lstat ${path}`,
      );
      same(
        () => files.statIfThere(path),
        () => theirs(fs.statSync(bytes, BIG_IF_THERE)),
        `stat ${path}, if there is one`,
      );
      same(
        () => files.lstatIfThere(path),
        () => theirs(fs.lstatSync(bytes, BIG_IF_THERE)),
        `lstat ${path}, if there is one`,
      );
    }
    const fd = fs.openSync(join(folder, 'large'), 'r');
    expect(files.fstat(fd)).toEqual(theirs(fs.fstatSync(fd, BIG)));
    fs.closeSync(fd);
    expect(refusalOf(() => files.fstat(fd)).code).toBe('EBADF');
  });

  test('readBytes, readText', () => {
    for (const path of paths()) {
      const all = () => fs.readFileSync(encode(path));
      same(
        () => files.readBytes(path, 1e6).toString('latin1'),
        () => all().toString('latin1'),
        `read ${path}`,
      );
      same(
        () => files.readText(path),
        () => decode(all()),
        `read ${path} as text`,
      );
    }
    expect(files.readBytes(join(folder, 'large'), 70_000)).toHaveLength(70_000);
  });

  test('mayUse, isThere', () => {
    for (const path of paths()) {
      for (const mode of [F_OK, X_OK, W_OK, R_OK]) {
        const may = () => {
          fs.accessSync(encode(path), mode);
          return true;
        };
        expect(files.mayUse(path, mode), `${path} ${mode}`).toBe(outcome(may) === true);
      }
      expect(files.isThere(path), path).toBe(fs.existsSync(encode(path)));
    }
    expect(fs.constants).toMatchObject({ F_OK, X_OK, W_OK, R_OK });
  });

  test('readLink, canonicalPath', () => {
    for (const path of paths())
      same(
        () => files.readLink(path),
        () => decode(fs.readlinkSync(encode(path), 'buffer')),
        `readlink ${path}`,
      );
    const ways = ['', 'a', 'relative/b', 'absolute', 'absolute/up', 'absolute/up/absolute/../b/./up', '../..//'];
    for (const path of [...ways.map((way) => `${folder}/${way}`), '/', '.', '..', 'package.json', '../..//./'])
      expect(files.canonicalPath(path), path).toBe(realpathSync.native(path));
    expect(files.canonicalPath(NAMELESS)).toBe(NAMELESS);
    const failing = ['none', 'none/..', 'itself', 'dangling', 'text/', 'text/.', 'text/..', 'text/x', 'absolute/'];
    for (const path of [...failing.map((way) => `${folder}/${way}`), ''])
      same(
        () => files.canonicalPath(path),
        () => (path ? realpathSync.native(path) : fs.statSync(path)),
        path,
      );
  });

  test('entries, list', () => {
    const many = join(folder, 'many');
    mkdirSync(many);
    for (let n = 0; n < 1500; n++) writeFileSync(join(many, `a-file-with-a-long-name-${n}`), '');
    for (const path of [folder, many, '/dev', '/proc/self/task']) {
      const found: files.DirectoryEntry[] = [];
      const directory = fs.opendirSync(path, { encoding: 'latin1' });
      for (let entry = directory.readSync(); entry; entry = directory.readSync())
        found.push({ name: decode(Buffer.from(entry.name, 'latin1')), type: theirType(entry) });
      directory.closeSync();
      expect([...files.entries(path)], path).toEqual(found);
      expect(files.list(path), path).toEqual(fs.readdirSync(path, { encoding: 'buffer' }).map(decode));
    }
    expect(files.list(folder)).toContain(NAMELESS.slice(folder.length + 1));
    for (const name of ['none', 'text'])
      same(
        () => files.list(join(folder, name)),
        () => fs.readdirSync(join(folder, name)),
        name,
      );
  });
});

test('a directory that is not read to its end is closed', () => {
  const opened = () => fs.readdirSync('/proc/self/fd').length;
  const before = opened();
  for (const { name } of files.entries(folder)) {
    expect(name).not.toBe('');
    break;
  }
  expect(opened()).toBe(before);
});

test('openFile, readInto, closeFile: pieces of a file, closed on execve', () => {
  const fd = files.openFile(join(folder, 'text'));
  expect(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8')).toMatch(/^flags:\s*0*2[0-7]{6}$/m);
  const bytes = Buffer.alloc(8, '.');
  expect(files.readInto(fd, bytes.subarray(2, 5), 1)).toBe(3);
  expect(files.readInto(fd, bytes.subarray(0, 1))).toBe(1);
  expect(files.readInto(fd, bytes.subarray(7), 100)).toBe(0);
  expect(files.readInto(fd, bytes.subarray(0, 0))).toBe(0);
  expect(bytes.toString('latin1')).toBe(`g.${Buffer.from('rü').toString('latin1')}...`);
  files.closeFile(fd);
  expect(refusalOf(() => files.closeFile(fd)).said).toBe('cannot close: Bad file descriptor');
});

test('withFile closes whatever happens', () => {
  let opened = -1;
  const run = () =>
    files.withFile(join(folder, 'text'), O_RDONLY, (fd) => {
      opened = fd;
      throw new RangeError('of the caller');
    });
  expect(run).toThrow('of the caller');
  expect(refusalOf(() => files.fstat(opened)).code).toBe('EBADF');
});

test('writeSome, changeMode', () => {
  const path = join(folder, 'written');
  const fd = files.openFile(path, O_WRONLY | O_CREAT | O_EXCL, 0o600);
  expect(files.writeSome(fd, Buffer.from('abc'))).toBe(3);
  expect(files.writeSome(fd, Buffer.alloc(0))).toBe(0);
  files.changeMode(fd, 0o604);
  files.closeFile(fd);
  expect(readFileSync(path, 'utf8')).toBe('abc');
  expect(fs.statSync(path).mode & 0o7777).toBe(0o604);
  expect(refusalOf(() => files.writeSome(9999, Buffer.from('x'))).said).toBe('cannot write: Bad file descriptor');
});

test('writeAll goes on where a call has written less', () => {
  const pieces: string[] = [];
  files.writeAll(7, Buffer.from('abcde'), (fd, bytes) => {
    pieces.push(`${fd} ${Buffer.from(bytes)}`);
    return 2;
  });
  expect(pieces).toEqual(['7 abcde', '7 cde', '7 e']);
});

test('a file as text, whatever its size, one after the other', () => {
  for (const size of [100, 65_536, 0, 65_537, 300_000, 1]) {
    const text = Array.from({ length: size }, (_, index) => String.fromCharCode(97 + (index % 26))).join('');
    writeFileSync(join(folder, 'text-of-a-size'), text);
    expect(files.readText(join(folder, 'text-of-a-size')) === text, String(size)).toBe(true);
  }
});

test("the kernel's own files, and bytes that are no UTF-8, in a file and in its name", () => {
  expect(files.readText('/proc/self/mountinfo')).toBe(readFileSync('/proc/self/mountinfo', 'utf8'));
  const bytes = Buffer.from([0x61, 0xff, 0xc3, 0xa4, 0x0a]);
  const path = Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0xfe])]);
  writeFileSync(path, bytes);
  expect(files.readText(decode(path))).toBe(decode(bytes));
});

test('errors say operation and path, and the call as strace does', () => {
  const none = join(folder, 'none');
  const said = (run: () => unknown) => refusalOf(run).said;
  const missing = 'No such file or directory';
  expect(said(() => files.readText(none))).toBe(`cannot open '${none}': ${missing}`);
  expect(said(() => files.readText(folder))).toBe(`cannot read '${folder}': Is a directory`);
  expect(said(() => files.readBytes(folder, 1))).toBe(`cannot read '${folder}': Is a directory`);
  for (const look of [files.stat, files.lstat])
    expect(said(() => look(none))).toBe(`cannot stat '${none}': ${missing}`);
  expect(said(() => files.readLink(none))).toBe(`cannot read link '${none}': ${missing}`);
  expect(said(() => files.canonicalPath(`${none}/x`))).toBe(`cannot find '${none}/x': ${missing}`);
  expect(said(() => files.list(none))).toBe(`cannot read directory '${none}': ${missing}`);
  expect(said(() => [...files.entries(none)])).toBe(`cannot read directory '${none}': ${missing}`);
  expect(said(() => files.statIfThere(`${folder}/text/x`))).toBe(`cannot stat '${folder}/text/x': Not a directory`);
  const error = refusalOf(() => files.openFile(none));
  expect(error.call).toBe(`openat(AT_FDCWD, "${none}", O_RDONLY|O_CLOEXEC, 0)`);
  expect(error).toMatchObject({ syscall: 'openat', errno: 2, code: 'ENOENT', status: undefined });
});

test('a path with a NUL byte in it names no file', () => {
  const path = `${folder}/text\0none`;
  expect(files.isThere(path)).toBe(false);
  expect(files.statIfThere(path)).toBeUndefined();
  expect(refusalOf(() => files.readText(path)).code).toBe('ENOENT');
});

test('saying gives a refusal the words and the exit status of its caller', () => {
  expect(files.saying('no list', () => files.list('/proc/self/task'))).toHaveLength(
    fs.readdirSync('/proc/self/task').length,
  );
  const error = refusalOf(() => files.saying('no list', () => files.list(join(folder, 'none')), 7));
  expect(error).toMatchObject({ said: 'no list: No such file or directory', status: 7, code: 'ENOENT' });
  expect(() =>
    files.saying('no list', () => {
      throw new RangeError('a fault');
    }),
  ).toThrow('a fault');
});

test('unlessRefused lets pass what is no refusal of the kernel', () => {
  expect(files.unlessRefused(() => files.stat(folder).type)).toBe('directory');
  expect(files.unlessRefused(() => files.stat(join(folder, 'none')))).toBeUndefined();
  expect(() =>
    files.unlessRefused(() => {
      throw new RangeError('a fault');
    }),
  ).toThrow('a fault');
});
