/** Whoever changes a tree while it is walked over leads nobody astray. */
import {
  chmodSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { live } from '@ts/sys';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openFile } from './contents.ts';
import { empty, Place, setMode, walk } from './walk.ts';

const sys = live();
let root: string;
let fd: number;
const at = (path: string) => join(root, path);
const modeOf = (path: string) => statSync(at(path)).mode & 0o7777;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'ts-walk-'));
  mkdirSync(at('tree/a/b/c'), { recursive: true });
  mkdirSync(at('outside/c'), { recursive: true });
  writeFileSync(at('outside/victim'), 'x', { mode: 0o600 });
  fd = openSync(at('tree'), 'r');
});
afterEach(() => {
  closeSync(fd);
  rmSync(root, { recursive: true });
});

test('permissions are those of the entry, never those of what a link leads to', () => {
  writeFileSync(at('tree/file'), '');
  setMode(sys, fd, 'file', 0o4751);
  expect(modeOf('tree/file')).toBe(0o4751);
  symlinkSync(at('outside/victim'), at('tree/link'));
  expect(() => setMode(sys, fd, 'link', 0o777)).toThrow(/not supported/);
  expect(modeOf('outside/victim')).toBe(0o600);
});

describe('what was looked at', () => {
  test('is the folder that is entered', () => {
    const place = new Place(sys, fd);
    const { stat } = place.find('a');
    renameSync(at('tree/a'), at('outside/a'));
    symlinkSync(at('outside'), at('tree/a'));
    expect(() => place.enter('a', stat)).toThrow(/cannot|openat/);
    rmSync(at('tree/a'));
    mkdirSync(at('tree/a'));
    expect(() => place.enter('a', stat)).toThrow("'a' was moved or replaced meanwhile");
    place.close();
  });

  test('is the file that is opened', () => {
    writeFileSync(at('tree/file'), 'old');
    const found = new Place(sys, fd).find('file');
    sys.close(openFile(sys, found));
    writeFileSync(at('tree/other'), 'new');
    renameSync(at('tree/other'), at('tree/file'));
    expect(() => openFile(sys, found)).toThrow("'file' was moved or replaced meanwhile");
  });

  test('is what is gone back to: a folder that was moved away leads nowhere else', () => {
    const deep = Array.from({ length: 100 }, () => 'd');
    mkdirSync(at(join('tree', ...deep)), { recursive: true });
    const place = new Place(sys, fd);
    for (const name of deep) place.enter(name);
    // Far up, where the folders have been closed.
    renameSync(at(join('tree', ...deep.slice(0, 20))), at('outside/c/moved'));
    const back = () => {
      for (const _ of deep) place.leave();
    };
    expect(back).toThrow(/was moved or replaced meanwhile/);
    place.close();
    expect(readdirSync(at('outside')).sort()).toEqual(['c', 'victim']);
  });
});

test('a tree is emptied, whatever its folders allow; links are not followed', () => {
  symlinkSync(at('outside'), at('tree/a/link'));
  symlinkSync(at('outside'), at('tree/a/b/link'));
  chmodSync(at('tree/a/b/c'), 0);
  chmodSync(at('tree/a/b'), 0o500);
  chmodSync(at('tree/a'), 0);
  empty(sys, fd);
  expect(readdirSync(at('tree'))).toEqual([]);
  expect(readdirSync(at('outside')).sort()).toEqual(['c', 'victim']);
});

test('a walk closes what it has opened, wherever it ends', () => {
  const open = () => readdirSync('/proc/self/fd').length;
  const before = open();
  const names = walk<string>(sys, fd, function* ({ path }) {
    yield path;
    return true;
  });
  for (const path of names) if (path === 'a/b/c') break;
  expect(open()).toBe(before);
  expect([
    ...walk<string>(sys, fd, function* ({ path }) {
      yield path;
      return path !== 'a/b';
    }),
  ]).toEqual(['a', 'a/b']);
  expect(open()).toBe(before);
});
