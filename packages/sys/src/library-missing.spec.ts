/** Where no system call can be made: a file of its own, since the library is loaded once. */
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SysError } from './errno.ts';
import { readText, unlessRefused, writeSome } from './files.ts';
import { LibraryError, useLibrary } from './native.ts';

const folder = mkdtempSync(join(tmpdir(), 'ts-files-'));
beforeAll(() => useLibrary(join(folder, 'none.node')));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('nothing can be read, and that is no refusal of the kernel', () => {
  expect(() => readText('/proc/self/comm')).toThrow(LibraryError);
  expect(() => unlessRefused(() => readText('/proc/self/comm'))).toThrow(LibraryError);
});

test('a message is written all the same, and its errors are the same', () => {
  const path = join(folder, 'written');
  const fd = openSync(path, 'w');
  expect(writeSome(fd, Buffer.from('a message'))).toBe(9);
  closeSync(fd);
  expect(readFileSync(path, 'utf8')).toBe('a message');
  const refused = expect.objectContaining({ code: 'EBADF', said: 'cannot write: Bad file descriptor' });
  expect(() => writeSome(fd, Buffer.from('x'))).toThrow(SysError);
  expect(() => writeSome(fd, Buffer.from('x'))).toThrow(refused);
});
