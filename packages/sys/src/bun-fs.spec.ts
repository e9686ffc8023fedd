import * as nodeFs from 'node:fs';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as bunFs from './bun-fs.ts';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'ts-files-')));
const socket = createServer();
const NAMELESS = Buffer.concat([Buffer.from(`${folder}/b`), Buffer.from([0xff, 0xfe])]);
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
  writeFileSync(NAMELESS, 'bytes');
  await new Promise<void>((made) => socket.listen(join(folder, 'socket'), made));
});
afterAll(() => {
  socket.close();
  rmSync(folder, { recursive: true, force: true });
});

/** What a function gives, or how it fails. */
function outcome(run: () => unknown): unknown {
  try {
    return run();
  } catch (error) {
    const { code, errno, syscall, path } = error as NodeJS.ErrnoException;
    // Bytes that are no UTF-8 are kept by us, and lost by Node.
    return { code, errno, syscall, path: path && Buffer.from(path).toString() };
  }
}

type Fs = typeof nodeFs;
const same = (run: (fs: Fs) => unknown, words: string) =>
  expect(
    outcome(() => run(bunFs as unknown as Fs)),
    words,
  ).toEqual(outcome(() => run(nodeFs)));

const NAMES = ['a', 'relative', 'absolute', 'itself', 'dangling', 'text', 'empty', 'large', 'socket', 'none', 'text/x'];
const paths = (): (string | Buffer)[] => [
  ...NAMES.map((name) => join(folder, name)),
  Buffer.from(join(folder, 'text')),
  NAMELESS,
  '/',
  '/dev/null',
  '/proc/self/comm',
  '/proc/sys/kernel/cap_last_cap',
  '',
];

const FIELDS = ['dev', 'ino', 'mode', 'nlink', 'uid', 'gid', 'rdev', 'size', 'blocks', 'mtimeMs', 'ctimeMs'] as const;
const TYPES = [
  'isFile',
  'isDirectory',
  'isSymbolicLink',
  'isBlockDevice',
  'isCharacterDevice',
  'isFIFO',
  'isSocket',
] as const;
const shown = (stat: nodeFs.Stats | undefined) =>
  stat && [...FIELDS.map((field) => stat[field]), ...TYPES.map((type) => stat[type]())];
const withoutPath = (path: string | Buffer) => (path instanceof Buffer ? 'bytes' : path);

describe('as node:fs', () => {
  test('statSync, lstatSync, fstatSync', () => {
    for (const path of paths().filter((each) => each !== '/proc/self/comm')) {
      same((fs) => shown(fs.statSync(path)), `stat ${withoutPath(path)}`);
      same((fs) => shown(fs.lstatSync(path)), `lstat ${withoutPath(path)}`);
      same((fs) => shown(fs.statSync(path, { throwIfNoEntry: false })), `stat ${withoutPath(path)}, if there is one`);
    }
    same((fs) => fs.statSync(folder, { bigint: true }).ino, 'large numbers');
    const fd = nodeFs.openSync(join(folder, 'large'), 'r');
    same((fs) => shown(fs.fstatSync(fd)), 'fstat');
    nodeFs.closeSync(fd);
    same((fs) => fs.fstatSync(fd), 'fstat of a closed descriptor');
  });

  test('readFileSync', () => {
    for (const path of paths()) {
      same((fs) => fs.readFileSync(path).toString('latin1'), `read ${withoutPath(path)}`);
      same((fs) => fs.readFileSync(path, 'utf8'), `read ${withoutPath(path)} as text`);
    }
  });

  test('openSync, readSync, closeSync', () => {
    const pieces = (fs: Fs) => {
      const fd = fs.openSync(join(folder, 'text'), 'r');
      const bytes = Buffer.alloc(8, '.');
      try {
        return [fs.readSync(fd, bytes, 2, 3, 1), fs.readSync(fd, bytes, 0, 1, null), fs.readSync(fd, bytes, 7, 1, 100)]
          .concat(fs.readSync(fd, bytes, 0, 0, 0))
          .concat([...bytes]);
      } finally {
        fs.closeSync(fd);
      }
    };
    same(pieces, 'pieces of a file');
    same((fs) => fs.closeSync(9999), 'a descriptor that is not there');
    same((fs) => fs.openSync(join(folder, 'none'), 'r'), 'a file that is not there');
  });

  test('what is opened is closed on execve', () => {
    const fd = bunFs.openSync(join(folder, 'text'));
    expect(nodeFs.readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8')).toMatch(/^flags:\s*0*2[0-7]{6}$/m);
    bunFs.closeSync(fd);
  });

  test('writeSync', () => {
    const path = join(folder, 'written');
    const fd = nodeFs.openSync(path, 'w');
    expect(bunFs.writeSync(fd, Buffer.from('xxabc'), 2)).toBe(3);
    expect(bunFs.writeSync(fd, Buffer.alloc(0))).toBe(0);
    nodeFs.closeSync(fd);
    expect(nodeFs.readFileSync(path, 'utf8')).toBe('abc');
    same((fs) => fs.writeSync(9999, Buffer.from('x')), 'to a descriptor that is not there');
  });

  test('accessSync, existsSync', () => {
    for (const path of paths()) {
      for (const mode of [bunFs.constants.X_OK, bunFs.constants.W_OK])
        same((fs) => fs.accessSync(path, mode), `access ${withoutPath(path)}`);
      same((fs) => fs.existsSync(path), `exists ${withoutPath(path)}`);
    }
    expect(nodeFs.constants).toMatchObject(bunFs.constants);
  });

  test('readlinkSync, realpathSync', () => {
    for (const path of paths()) {
      same((fs) => fs.readlinkSync(path), `readlink ${withoutPath(path)}`);
      same((fs) => fs.readlinkSync(path, 'buffer'), `readlink ${withoutPath(path)} as bytes`);
    }
    const ways = ['', 'a', 'relative/b', 'absolute', 'absolute/up', 'absolute/up/absolute/../b/./up', '../..//'];
    for (const path of ways.map((way) => `${folder}/${way}`).concat('/'))
      expect(bunFs.realpathSync(path), path).toBe(nodeFs.realpathSync.native(path));
    expect(bunFs.realpathSync.native(NAMELESS, 'buffer')).toEqual(NAMELESS);
    for (const path of ['.', '..', 'package.json', '../..//./'])
      expect(bunFs.realpathSync(path), path).toBe(nodeFs.realpathSync.native(path));
    const failing = ['none', 'none/..', 'itself', 'dangling', 'text/', 'text/.', 'text/..', 'text/x', 'absolute/'];
    for (const path of failing.map((way) => `${folder}/${way}`)) {
      const code = (fs: Fs) => {
        const result = outcome(() => fs.realpathSync.native(path));
        return typeof result === 'string' ? result : (result as { code: string }).code;
      };
      expect(code(bunFs as unknown as Fs), path).toBe(code(nodeFs));
    }
  });

  test('opendirSync', () => {
    for (const encoding of ['latin1', 'buffer'] as const) {
      const entries = (fs: Fs, path: string | Buffer) => {
        const dir = fs.opendirSync(path as string, { encoding: encoding as 'latin1' });
        const found: unknown[] = [];
        for (let entry = dir.readSync(); entry; entry = dir.readSync())
          found.push([String(entry.name), entry.name.constructor.name, ...TYPES.map((type) => entry?.[type]())]);
        dir.closeSync();
        return found;
      };
      for (const path of [folder, Buffer.from(folder), '/dev', '/proc/self/task'])
        same((fs) => entries(fs, path), `${withoutPath(path)} as ${encoding}`);
      // Older versions of Node do not say the path.
      for (const path of ['none', 'text'])
        same((fs) => ({ ...(outcome(() => entries(fs, join(folder, path))) as object), path: undefined }), path);
    }
    const many = join(folder, 'many');
    mkdirSync(many);
    for (let n = 0; n < 1500; n++) writeFileSync(join(many, `a-file-with-a-long-name-${n}`), '');
    const dir = bunFs.opendirSync(many, { encoding: 'latin1' });
    const names = new Set<unknown>();
    for (let entry = dir.readSync(); entry; entry = dir.readSync()) names.add(entry.name);
    dir.closeSync();
    expect(names.size).toBe(1500);
  });

  test('the rest is passed on', () => {
    same((fs) => fs.readdirSync(folder).sort(), 'a folder');
    same((fs) => fs.openSync(join(folder, 'text'), 'wx'), 'other ways to open');
  });
});
