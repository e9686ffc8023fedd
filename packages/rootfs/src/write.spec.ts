/** Whatever links lie in the folder already: what is written stays inside, replaces and follows nothing, and is whole or not there. */
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { live } from '@ts/sys';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Entry, Tree } from './tree.ts';
import { writeTree } from './write.ts';

let top: string;
const inside = (path: string) => join(top, 'root', path);
const outside = (path: string) => join(top, 'out', path);

beforeEach(() => {
  top = mkdtempSync(join(tmpdir(), 'ts-write-'));
  mkdirSync(inside(''));
  mkdirSync(outside(''));
  writeFileSync(outside('victim'), 'safe');
  writeFileSync(join(top, 'source'), 'new', { mode: 0o600 });
});
afterEach(() => rmSync(top, { recursive: true }));

const folder = (path: string, mode = 0o755): Entry => ({ kind: 'folder', path, mode, why: 'folder' });
const text = (path: string, content = 'new'): Entry => ({
  ...{ kind: 'text', path, text: content, mode: 0o644, why: 'configuration' },
});
const copy = (path: string, source = join(top, 'source')): Entry => ({
  ...{ kind: 'copy', path, source, mode: 0o755, size: 3, why: 'program' },
});
const link = (path: string, target: string): Entry => ({ kind: 'link', path, target, why: 'link' });
const write = (...entries: Entry[]) => writeTree(live(), inside(''), entries, 'test');

/** What is said of a call that failed. */
const said = (words: RegExp) => expect.objectContaining({ said: expect.stringMatching(words) });

function expectSafe(): void {
  expect(readdirSync(outside(''))).toEqual(['victim']);
  expect(readFileSync(outside('victim'), 'utf8')).toBe('safe');
  expect(readdirSync(top).sort()).toEqual(['out', 'root', 'source']);
}

describe('links that lie there', () => {
  test.each(['absolute', '../out', '../../../../../../../../../../out'])(
    'to %s in the place of a folder: nothing is put behind it',
    (target) => {
      symlinkSync(target === 'absolute' ? outside('') : target, inside('bin'));
      for (const each of [copy('/bin/x'), text('/bin/x'), link('/bin/x', 'y'), folder('/bin/x')])
        expect(() => write(folder('/bin'), each), each.kind).toThrow(said(/^cannot open directory '.*\/bin'/));
      expect(readdirSync(inside(''))).toEqual(['bin']);
      expectSafe();
    },
  );

  test('lead to what is inside, as they will when the folder is the root', () => {
    mkdirSync(inside('usr/bin'), { recursive: true });
    symlinkSync('/usr/bin', inside('bin'));
    symlinkSync('../../../usr', inside('up'));
    write(folder('/bin'), copy('/bin/x'), text('/up/y'));
    expect(readFileSync(inside('usr/bin/x'), 'utf8')).toBe('new');
    expect(readFileSync(inside('usr/y'), 'utf8')).toBe('new');
    expectSafe();
  });

  test.each(['victim', 'nothing'])('to %s in the place of a file: replaced, not followed', (name) => {
    symlinkSync(outside(name), inside('x'));
    write(copy('/x'));
    expect(lstatSync(inside('x')).isFile()).toBe(true);
    expect(readFileSync(inside('x'), 'utf8')).toBe('new');
    expectSafe();
  });

  test.each(['victim', 'nothing'])('to %s in the place of a configuration: left as it is', (name) => {
    symlinkSync(outside(name), inside('x'));
    write(text('/x'));
    expect(readlinkSync(inside('x'))).toBe(outside(name));
    expectSafe();
  });

  test('in the place of another link: replaced', () => {
    symlinkSync(outside('victim'), inside('x'));
    write(link('/x', 'elsewhere'));
    expect(readlinkSync(inside('x'))).toBe('elsewhere');
    expectSafe();
  });

  test.each(['victim', 'nothing'])('to %s under the temporary name: nothing is written through it', (name) => {
    for (const each of [copy('/x'), text('/x')]) {
      symlinkSync(outside(name), inside('.ts-rootfs-test'));
      expect(() => write(each)).toThrow(said(/^cannot create '.*\/x': File exists/));
      rmSync(inside('.ts-rootfs-test'), { force: true });
    }
    expectSafe();
  });
});

describe('whole, or nothing', () => {
  test('what was made is taken back, the last one first; what was there stays', () => {
    writeFileSync(inside('old'), 'old');
    mkdirSync(inside('etc'));
    expect(() =>
      write(
        folder('/etc'),
        text('/etc/new'),
        folder('/a'),
        folder('/a/b'),
        copy('/a/b/c'),
        link('/a/l', 'b'),
        text('/old'),
        copy('/z', join(top, 'missing')),
      ),
    ).toThrow(said(/^cannot open '.*\/missing'/));
    expect(readdirSync(inside('')).sort()).toEqual(['etc', 'old']);
    expect(readdirSync(inside('etc'))).toEqual([]);
    expect(readFileSync(inside('old'), 'utf8')).toBe('old');
    expectSafe();
  });

  test('a folder that was not there goes again', () => {
    rmSync(inside(''), { recursive: true });
    expect(() => write(copy('/z', join(top, 'missing')))).toThrow(/missing/);
    expect(readdirSync(top).sort()).toEqual(['out', 'source']);
  });

  test('what cannot be replaced leaves no other name behind', () => {
    mkdirSync(inside('x/y'), { recursive: true });
    for (const each of [copy('/x'), link('/x', 'z')]) expect(() => write(each)).toThrow(/Is a directory/);
    expect(readdirSync(inside(''))).toEqual(['x']);
  });
});

test('permissions are those of the entry whatever the mask, without set-id bits of the source', () => {
  chmodSync(join(top, 'source'), 0o6755);
  const tree = new Tree();
  tree.bring(join(top, 'source'), 'program');
  const brought = tree.entries.find(({ kind }) => kind === 'copy') as Entry & { readonly kind: 'copy' };
  expect(brought.mode).toBe(0o755);
  const before = process.umask(0o077);
  try {
    write(folder('/d', 0o1777), { ...brought, path: '/d/x' }, text('/d/t'));
    expect(process.umask()).toBe(0o077);
  } finally {
    process.umask(before);
  }
  expect(['d', 'd/x', 'd/t'].map((path) => statSync(inside(path)).mode & 0o7777)).toEqual([0o1777, 0o755, 0o644]);
});
