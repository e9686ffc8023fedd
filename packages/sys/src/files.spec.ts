import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { decode } from './bytes.ts';
import { readText } from './files.ts';

const folder = mkdtempSync(join(tmpdir(), 'ts-text-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('a file as text, whatever its size, one after the other', () => {
  for (const size of [100, 65_536, 0, 65_537, 300_000, 1]) {
    const text = Array.from({ length: size }, (_, index) => String.fromCharCode(97 + (index % 26))).join('');
    writeFileSync(join(folder, 'text'), text);
    expect(readText(join(folder, 'text')) === text, String(size)).toBe(true);
  }
});

test("the kernel's own files, and bytes that are no UTF-8, in a file and in its name", () => {
  expect(readText('/proc/self/mountinfo')).toBe(readFileSync('/proc/self/mountinfo', 'utf8'));
  const bytes = Buffer.from([0x61, 0xff, 0xc3, 0xa4, 0x0a]);
  const path = Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0xfe])]);
  writeFileSync(path, bytes);
  expect(readText(decode(path))).toBe(decode(bytes));
});

test('errors are those of node:fs', () => {
  expect(() => readText(join(folder, 'none'))).toThrow(expect.objectContaining({ code: 'ENOENT', syscall: 'open' }));
  expect(() => readText(folder)).toThrow(expect.objectContaining({ code: 'EISDIR', syscall: 'read' }));
});
