import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseShebang } from './programs.ts';
import { type PathError, Tree } from './tree.ts';

describe('a tree of the host’s files', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'ts-tree-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const below = (tree: Tree) =>
    tree.entries
      .filter(({ path }) => path.startsWith(`${folder}/`))
      .map(({ kind, path }) => `${kind} ${path.slice(folder.length)}`);

  test('links on the way are kept, each folder comes before what is in it', () => {
    mkdirSync(join(folder, 'usr/bin'), { recursive: true });
    writeFileSync(join(folder, 'usr/bin/real'), 'x', { mode: 0o4755 });
    symlinkSync('usr/bin', join(folder, 'bin'));
    symlinkSync(`${folder}/bin/real`, join(folder, 'usr/bin/name'));
    const tree = new Tree();
    expect(tree.bring(join(folder, 'bin/../bin/name'), 'program')).toBe(join(folder, 'usr/bin/real'));
    expect(below(tree)).toEqual([
      'link /bin',
      'folder /usr',
      'folder /usr/bin',
      'link /usr/bin/name',
      'copy /usr/bin/real',
    ]);
    expect(tree.entries.find(({ kind }) => kind === 'copy')).toMatchObject({ mode: 0o755, size: 1, why: 'program' });
  });

  test('each file once', () => {
    writeFileSync(join(folder, 'a'), '');
    const tree = new Tree();
    tree.bring(join(folder, 'a'), 'program');
    tree.bring(join(folder, 'a'), 'library');
    expect(below(tree)).toEqual(['copy /a']);
  });

  test('links in a circle, files as folders, nothing at all', () => {
    symlinkSync('b', join(folder, 'a'));
    symlinkSync('a', join(folder, 'b'));
    writeFileSync(join(folder, 'file'), '');
    const code = (path: string) => {
      try {
        new Tree().bring(join(folder, path), 'program');
        return 'none';
      } catch (error) {
        return (error as PathError).code;
      }
    };
    expect(['a', 'file/x', 'nothing'].map(code)).toEqual(['ELOOP', 'ENOTDIR', 'ENOENT']);
  });
});

test.each([
  ['#!/bin/sh\necho', { interpreter: '/bin/sh' }],
  ['#! /usr/bin/env  python3 -u \n', { interpreter: '/usr/bin/env', argument: 'python3 -u' }],
  ['#!/bin/sh', { interpreter: '/bin/sh' }],
  ['#!\n', undefined],
  ['\x7fELF', undefined],
  ['', undefined],
])('first line %j', (text, shebang) => expect(parseShebang(Buffer.from(text))).toEqual(shebang));
