/** What is said of the files of a folder of our own; capabilities of files are set by the end-to-end tests, as root. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, type World } from '@ts/cli';
import { live } from '@ts/sys';
import { afterAll, expect, test } from 'vitest';
import { tool } from './getcap.ts';

const folder = mkdtempSync(join(tmpdir(), 'ts-getcap-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
mkdirSync(join(folder, 'inner'));
writeFileSync(join(folder, 'inner/file'), '');
symlinkSync('inner/file', join(folder, 'link'));

function run(...argv: string[]) {
  const lines: string[] = [];
  const warnings: string[] = [];
  const world = {
    prog: 'getcap',
    read: () => '40\n',
    print: (text: string) => lines.push(text),
    warn: (text: string) => warnings.push(text),
  } as unknown as World;
  const outcome = tool.act?.(tool.plan(parse(tool.options, argv, tool.grammar), world), live(), world);
  const shorten = (text: string) => text.replaceAll(folder, 'F');
  return { outcome, printed: shorten(lines.join('')), warnings: warnings.map(shorten) };
}

test('files without capabilities are shown when that is asked for', () => {
  expect(run(join(folder, 'inner/file'))).toMatchObject({ outcome: { exit: 0 }, printed: '' });
  expect(run('-v', join(folder, 'inner/file')).printed).toBe('F/inner/file\n');
});

test('a tree is searched below folders, and links are not followed', () => {
  expect(run('-v', folder).printed).toBe('F (Not a regular file)\n');
  expect(run('-r', '-v', `${folder}/`).printed.split('\n').sort()).toEqual([
    '',
    'F (Not a regular file)',
    'F/inner (Not a regular file)',
    'F/inner/file',
    'F/link (Not a regular file)',
  ]);
});

test('a file that is missing is said, the others are shown all the same', () => {
  const { outcome, printed, warnings } = run('-v', join(folder, 'no'), join(folder, 'inner/file'));
  expect({ outcome, printed, warnings }).toEqual({
    outcome: { exit: 1 },
    printed: 'F/inner/file\n',
    warnings: ['F/no: No such file or directory'],
  });
});

test('JSON is a list, also of nothing', () => {
  expect(JSON.parse(run('--json', join(folder, 'inner/file')).printed)).toEqual([]);
  expect(JSON.parse(run('--json', '-v', join(folder, 'inner/file')).printed)).toEqual([
    { file: 'F/inner/file', text: null },
  ]);
});

test('at least one file, unless the licence is asked for', () => {
  expect(() => run()).toThrow('no file is named');
  expect(run('-l').outcome).toEqual({ exit: 0 });
});
