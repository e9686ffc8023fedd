/** Whatever an archive says, it leads out of no folder, takes no right and fills no disk. The rules hold without root, too. */
import {
  closeSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Failure, live, SEEK_SET } from '@ts/sys';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { unpackInto } from './apply.ts';
import { LayerError } from './errors.ts';
import { Folder, type Rules } from './folder.ts';
import { give } from './owner.ts';
import { limited } from './streams.ts';
import { type Content, type Entry, type EntryType, writeTar } from './tar.ts';

const sys = live();
const RULES: Rules = { sameOwner: false, devices: 'refuse', space: 'user' };
const isRoot = process.geteuid?.() === 0;

let top: string;
let fd: number;
const inside = (path: string) => join(top, 'in', path);
const outside = (path: string) => join(top, 'out', path);

beforeEach(() => {
  top = mkdtempSync(join(tmpdir(), 'ts-folder-'));
  mkdirSync(inside(''));
  mkdirSync(outside(''), { mode: 0o700 });
  writeFileSync(outside('victim'), 'safe', { mode: 0o600 });
  fd = openSync(inside(''), 'r');
});
afterEach(() => {
  closeSync(fd);
  rmSync(top, { recursive: true });
});

type Some = Partial<Entry> & { readonly path: string };

const entry = (some: Some): Entry => ({
  type: 'file',
  mode: some.type === 'directory' ? 0o755 : 0o644,
  uid: 12345,
  gid: 54321,
  mtime: { seconds: 1n, nanoseconds: 0 },
  size: 0,
  xattrs: new Map(),
  ...some,
});

/** An entry, and the content of a file. */
type Given = Some | readonly [Some, Content];

const withContent = (given: Given): readonly [Some, Content] => ('path' in given ? [given, []] : given);

async function unpacked(entries: readonly Given[], rules: Partial<Rules> = {}): Promise<Folder> {
  const into = new Folder(sys, fd, { ...RULES, ...rules });
  try {
    for (const [some, content] of entries.map(withContent)) await into.add(entry(some), content);
    into.finish();
    return into;
  } finally {
    into.close();
  }
}

const text = (path: string, content: string): Given => [{ path, size: content.length }, [Buffer.from(content)]];

/** What is outside is as it was. */
function expectSafe(): void {
  expect(readdirSync(top).sort()).toEqual(['in', 'out']);
  expect(readdirSync(outside(''))).toEqual(['victim']);
  expect(readFileSync(outside('victim'), 'utf8')).toBe('safe');
  expect(statSync(outside('victim'))).toMatchObject({ nlink: 1 });
  expect([statSync(outside('')).mode & 0o7777, statSync(outside('victim')).mode & 0o7777]).toEqual([0o700, 0o600]);
}

const TYPES: readonly EntryType[] = ['file', 'directory', 'symlink', 'link', 'fifo', 'character-device'];

describe('names', () => {
  test.each(['..', '../victim', 'a/../../out/new', '/../out/new', 'a/..', './../x', 'a/b/../c'])(
    '%j would lead out',
    async (path) => {
      for (const type of TYPES)
        await expect(unpacked([{ path, type, target: 'x' }]), type).rejects.toThrow(/would lead out of the folder$/);
      expect(readdirSync(inside(''))).toEqual([]);
      expectSafe();
    },
  );

  test('a NUL, which would end the name early', async () => {
    await expect(unpacked([{ path: 'a\0b' }])).rejects.toThrow("the name 'a\\0b' cannot be that of a file");
    expect(readdirSync(inside(''))).toEqual([]);
  });

  test('dots that lead nowhere, and names that begin at the top', async () => {
    await unpacked([text('/a/./b//c', '1'), text('./...', '2'), text('//d..', '3')]);
    expect([inside('a/b/c'), inside('...'), inside('d..')].map((path) => readFileSync(path, 'utf8'))).toEqual([
      ...['1', '2', '3'],
    ]);
  });

  test('very deep ones: as deep as the kernel goes, or one error', async () => {
    await unpacked([text(`${'d/'.repeat(1500)}x`, 'deep')]);
    expect(readdirSync(inside(''))).toEqual(['d']);
    await expect(unpacked([{ path: `${'e/'.repeat(1_000_000)}x` }])).rejects.toThrow(Failure);
  });

  test('control characters of a name make no lines of their own', async () => {
    await expect(unpacked([{ path: 'a\n\x1b[2J' }, { path: 'a\n\x1b[2J' }])).rejects.toThrow(
      "'a\\x0a\\x1b[2J' is in the archive twice",
    );
  });
});

describe('symbolic links of the archive', () => {
  test.each(['absolute', '../out', '../../../../../../../../out', '/../out'])(
    'to %s: nothing is put behind it',
    async (target) => {
      const link: Given = { path: 'link', type: 'symlink', target: target === 'absolute' ? outside('') : target };
      for (const type of TYPES.filter((each) => each !== 'character-device'))
        await expect(unpacked([link, { path: 'link/new', type, target: 'x' }]), type)
          .rejects.toThrow(LayerError)
          .finally(() => rmSync(inside('link')));
      expectSafe();
    },
  );

  test('lead to what is inside, as they will when the folder is the root', async () => {
    await unpacked([
      { path: 'usr/lib', type: 'directory' },
      { path: 'lib', type: 'symlink', target: '/usr/lib' },
      { path: 'up', type: 'symlink', target: '../../..' },
      text('lib/x', 'library'),
      text('up/y', 'top'),
    ]);
    expect(readFileSync(inside('usr/lib/x'), 'utf8')).toBe('library');
    expect(readFileSync(inside('y'), 'utf8')).toBe('top');
    expect(readdirSync(top).sort()).toEqual(['in', 'out']);
  });

  test('in a circle, and those of /proc', async () => {
    await expect(
      unpacked([
        { path: 'a', type: 'symlink', target: 'b' },
        { path: 'b', type: 'symlink', target: 'a' },
        { path: 'a/x' },
      ]),
    ).rejects.toThrow(/which is not a folder$/);
    await expect(
      unpacked([{ path: 'p', type: 'symlink', target: '/proc/self/root' }, { path: 'p/x' }]),
    ).rejects.toThrow(LayerError);
  });

  test.each(['victim', 'new'])('are not written through: to %s', async (name) => {
    const link: Given = { path: 'x', type: 'symlink', target: outside(name) };
    for (const other of [text('x', 'changed'), { path: 'x', type: 'fifo' as const }])
      await expect(unpacked([link, other]))
        .rejects.toThrow("'x' is in the archive twice")
        .finally(() => rmSync(inside('x')));
    expectSafe();
  });

  test('are not what a folder gets its owner, permissions and time by', async () => {
    await expect(
      unpacked([
        { path: 'd', type: 'symlink', target: outside('') },
        { path: 'd', type: 'directory', mode: 0o777 },
      ]),
    ).rejects.toThrow("'d' is in the archive twice");
    // Inside, where it leads to a folder that is there.
    await expect(
      unpacked([
        { path: 'real', type: 'directory', mode: 0o700 },
        { path: 'e', type: 'symlink', target: 'real' },
        { path: 'e', type: 'directory', mode: 0o777 },
      ]),
    ).rejects.toThrow("'e' is in the archive twice");
    expectSafe();
  });

  test('have a time of their own', async () => {
    const before = statSync(outside('victim')).mtimeMs;
    await unpacked([{ path: 'x', type: 'symlink', target: outside('victim'), mode: 0o777 }]);
    expect(lstatSync(inside('x')).mtimeMs).toBe(1000);
    expect(statSync(outside('victim')).mtimeMs).toBe(before);
    expectSafe();
  });
});

describe('hard links', () => {
  test.each(['../out/victim', '..', 'a/../../out/victim'])('to %j would lead out', async (target) => {
    await expect(unpacked([{ path: 'h', type: 'link', target }])).rejects.toThrow(/would lead out of the folder$/);
    expectSafe();
  });

  test('an absolute target begins at the folder', async () => {
    await expect(unpacked([{ path: 'h', type: 'link', target: outside('victim') }])).rejects.toThrow(LayerError);
    await unpacked([text('etc/a', 'x'), { path: 'h', type: 'link', target: '/etc/a' }]);
    expect(statSync(inside('h')).nlink).toBe(2);
    expectSafe();
  });

  test('by way of a symbolic link, or of one itself: what it leads to gets no name', async () => {
    const link: Given = { path: 'link', type: 'symlink', target: outside('') };
    const file: Given = { path: 'file', type: 'symlink', target: outside('victim') };
    await expect(unpacked([link, { path: 'h', type: 'link', target: 'link/victim' }])).rejects.toThrow(LayerError);
    await unpacked([file, { path: 'i', type: 'link', target: 'file' }]);
    expect(lstatSync(inside('i')).isSymbolicLink()).toBe(true);
    expectSafe();
  });

  test('a file with two names is written through neither', async () => {
    linkSync(outside('victim'), inside('other'));
    await expect(unpacked([text('other', 'changed')])).rejects.toThrow("'other' is in the archive twice");
    expect(readFileSync(outside('victim'), 'utf8')).toBe('safe');
  });

  test('to what is not there, and to the folder itself', async () => {
    await expect(unpacked([{ path: 'h', type: 'link', target: 'later' }])).rejects.toThrow(
      "'h' is a hard link to 'later', which the archive does not have before it",
    );
    await expect(unpacked([{ path: 'h', type: 'link', target: './' }])).rejects.toThrow(/a link to the folder itself/);
  });
});

describe('devices', () => {
  const DEVICES: readonly Some[] = [
    { path: 'c', type: 'character-device', device: { major: 1, minor: 3 } },
    { path: 'b', type: 'block-device', device: { major: 8, minor: 0 } },
    { path: 'd/z', type: 'block-device', device: { major: 0, minor: 0 } },
  ];

  test('are refused', async () => {
    for (const each of DEVICES) await expect(unpacked([each])).rejects.toThrow(`'${each.path}' is a device node`);
    expect(readdirSync(inside(''))).toEqual([]);
  });

  test('are left out and counted', async () => {
    const { omitted } = await unpacked(DEVICES, { devices: 'skip' });
    expect(omitted.devices).toBe(3);
    expect(readdirSync(inside(''))).toEqual([]);
  });
});

describe('owners', () => {
  const ALL: readonly Given[] = [
    text('file', 'x'),
    { path: 'folder', type: 'directory' },
    { path: 'symlink', type: 'symlink', target: 'nowhere' },
    { path: 'fifo', type: 'fifo' },
  ];

  test('are the caller where they are not wanted', async () => {
    await unpacked(ALL);
    const { uid, gid } = statSync(outside('victim'));
    for (const name of readdirSync(inside(''))) expect(lstatSync(inside(name)), name).toMatchObject({ uid, gid });
    expect(readdirSync(inside(''))).toHaveLength(ALL.length);
  });

  test.skipIf(isRoot)('an ordinary user gives nothing away, and is told what helps', async () => {
    for (const each of ALL) {
      const [{ path }] = withContent(each);
      await expect(unpacked([each], { sameOwner: true })).rejects.toThrow(
        expect.objectContaining({
          message: expect.stringContaining(`cannot give '${path}' to 12345:54321`),
          remedy: expect.stringContaining('--no-same-owner'),
        }),
      );
    }
  });

  test('an id that a user namespace does not have; another error is no such thing', () => {
    const change = (from: number) => () => give(sys, 'x', 1, 2, (giving) => giving.lseek(from, -1, SEEK_SET));
    expect(change(fd)).toThrow(LayerError);
    expect(change(fd)).toThrow(/cannot give 'x' to 1:2/);
    expect(change(-1)).toThrow(/Bad file descriptor/);
    expect(change(-1)).not.toThrow(LayerError);
  });
});

describe('marks and deletions', () => {
  test('marks of overlayfs do not come in as attributes', async () => {
    const xattrs = new Map(
      ['trusted.overlay.opaque', 'user.overlay.redirect', 'user.overlay.metacopy'].map((name) => [
        name,
        Buffer.from('y'),
      ]),
    );
    const { omitted } = await unpacked([
      { path: 'f', xattrs },
      { path: 'd', type: 'directory', xattrs },
      { path: 'l', type: 'symlink', target: 'x', xattrs },
    ]);
    expect(omitted).toMatchObject({ marks: 9, unset: new Map() });
  });

  test.each(['.wh.', '.wh..', '.wh...', 'd/.wh...'])('%j deletes nothing that could be meant', async (path) => {
    await expect(unpacked([{ path }])).rejects.toThrow(`'${path}' marks nothing that can be deleted`);
    expectSafe();
  });

  test('a deletion is a device that is none, and holds nothing', async () => {
    await unpacked([{ path: 'd', type: 'directory' }, { path: 'd/.wh.x' }]);
    expect(lstatSync(inside('d/x'))).toMatchObject({ rdev: 0 });
    expect(lstatSync(inside('d/x')).isCharacterDevice()).toBe(true);
    for (const path of ['.wh.x/y', 'd/.wh.x/y/z'])
      await expect(unpacked([{ path }])).rejects.toThrow(`'${path}' is inside of what marks a deletion`);
  });

  test('a deletion in a folder that the layer has no entry for', async () => {
    await unpacked([{ path: 'e/f/.wh.x' }]);
    expect(lstatSync(inside('e/f/x')).isCharacterDevice()).toBe(true);
    expect(lstatSync(inside('e/f')).isDirectory()).toBe(true);
  });

  test('a deletion behind a link to elsewhere deletes nothing there', async () => {
    const link: Given = { path: 'link', type: 'symlink', target: outside('') };
    await expect(unpacked([link, { path: 'link/.wh.victim' }])).rejects.toThrow(LayerError);
    expectSafe();
  });

  test('what aufs kept for itself is left out', async () => {
    await unpacked([{ path: '.wh..wh.plnk/1' }, { path: '.wh..wh.aufs' }]);
    expect(readdirSync(inside(''))).toEqual([]);
  });
});

describe('contents and permissions', () => {
  test.each([
    [3, 'is longer in the archive than it says'],
    [5, 'is cut off in the archive'],
  ])('a file of 4 bytes that says %i', async (size, words) => {
    await expect(unpacked([[{ path: 'f', size }, [Buffer.from('text')]]])).rejects.toThrow(`'f' ${words}`);
  });

  test('holes are as long as the file says, in the extents that it says', async () => {
    const extents = [
      { offset: 2, size: 1 },
      { offset: 8, size: 2 },
    ];
    await unpacked([[{ path: 'f', size: 12, extents }, [Buffer.from('ab'), Buffer.from('c')]]]);
    expect(readFileSync(inside('f'), 'latin1')).toBe('\0\0a\0\0\0\0\0bc\0\0');
    await expect(unpacked([[{ path: 'g', size: 12, extents }, [Buffer.from('ab')]]])).rejects.toThrow(/is cut off/);
    await expect(unpacked([[{ path: 'h', size: 12, extents }, [Buffer.from('abcd')]]])).rejects.toThrow(/is longer/);
  });

  test('nobody else looks into a folder before all of it is there; then it is as the archive says', async () => {
    const modes: number[] = [];
    const looking = function* () {
      for (const path of ['said', 'implied']) modes.push(statSync(inside(path)).mode & 0o777);
      yield Buffer.from('x');
    };
    await unpacked([
      { path: 'said', type: 'directory', mode: 0o1777 },
      { path: 'implied/y' },
      [{ path: 'said/x', size: 1, mode: 0o4711 }, looking()],
    ]);
    expect(modes).toEqual([0o700, 0o700]);
    expect(['said', 'implied', 'said/x'].map((path) => statSync(inside(path)).mode & 0o7777)).toEqual([
      0o1777, 0o755, 0o4711,
    ]);
  });

  test('the top is a folder', async () => {
    for (const type of TYPES.filter((each) => each !== 'directory'))
      await expect(unpacked([{ path: './', type, target: 'x' }]), type).rejects.toThrow(
        /something else than a folder for its top/,
      );
  });
});

describe('limits', () => {
  const into = (entries: readonly Given[], maxSize: number) =>
    unpackInto(
      sys,
      writeTar(
        entries.map((given) => {
          const [some, content] = withContent(given);
          return { entry: entry(some), content };
        }),
      ),
      fd,
      { ...RULES, maxSize },
    );
  const many = Array.from({ length: 100 }, (_, index): Given => ({ path: `f${index}` }));

  test('entries take room, however small', async () => {
    await expect(into(many, 200_000)).rejects.toThrow("the archive's files take more than 200000 bytes");
    rmSync(inside('f0'));
  });

  test('sizes are added up, holes included', async () => {
    const sparse = (path: string): Given => ({ path, size: 2 ** 40, extents: [] });
    await expect(into([sparse('a')], 2 ** 40)).rejects.toThrow(/files take more than/);
    await into([sparse('b')], 2 ** 41);
    await expect(into([sparse('c'), sparse('d')], 2 ** 41)).rejects.toThrow(/files take more than/);
  });

  test('as many as allowed', async () => {
    await into(many, 100 * 4096);
    expect(readdirSync(inside(''))).toHaveLength(100);
  });

  test('bytes that come, to the last one', async () => {
    const chunks = [Buffer.alloc(10), Buffer.alloc(10)];
    const passed = async (most: number) => {
      let bytes = 0;
      for await (const chunk of limited(chunks, most)) bytes += chunk.length;
      return bytes;
    };
    expect(await passed(20)).toBe(20);
    await expect(passed(19)).rejects.toThrow(/grows beyond 19 bytes/);
    // What stands behind the end of an archive counts, too.
    await expect(into([], 512)).rejects.toThrow(/grows beyond 512 bytes/);
  });
});
