import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { live, O_NONBLOCK, O_RDONLY, openFile } from '@ts/sys';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { arriving, bytesOf, closing } from './contents.ts';
import { abortable } from './streams.ts';
import type { Content } from './tar.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'contents-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function all(source: Content): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const piece of source) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

function fifo(name: string): string {
  const path = join(folder, name);
  execFileSync('mkfifo', [path]);
  return path;
}

describe('bytes of an open file', () => {
  test('all, a part, more than there is', async () => {
    const path = join(folder, 'file');
    writeFileSync(path, '0123456789');
    const fd = openFile(path);
    expect(await all(bytesOf(fd, path))).toBe('0123456789');
    expect(await all(bytesOf(fd, path, 2, 3))).toBe('234');
    expect(await all(bytesOf(fd, path, 8, 30))).toBe('89');
    expect(await all(bytesOf(fd, path, 2, 0))).toBe('');
    await all(closing(live(), fd, bytesOf(fd, path)));
    expect(() => [...bytesOf(fd, path)]).toThrow(
      expect.objectContaining({ said: `cannot read '${path}': Bad file descriptor` }),
    );
  });
});

describe('bytes that have to be waited for', () => {
  test('a writer that comes late, writes twice, and goes', async () => {
    const path = fifo('late');
    const fd = openFile(path, O_RDONLY | O_NONBLOCK);
    const reading = all(closing(live(), fd, arriving(fd, path)));
    await setTimeout(60);
    const writer = openSync(path, 'w');
    writeSync(writer, 'one ');
    await setTimeout(60);
    writeSync(writer, 'two');
    closeSync(writer);
    expect(await reading).toBe('one two');
  });

  test('nobody ever writes: it can be stopped', async () => {
    const path = fifo('never');
    const fd = openFile(path, O_RDONLY | O_NONBLOCK);
    const stopping = new AbortController();
    const reading = all(abortable(arriving(fd, path), stopping.signal));
    await setTimeout(60);
    stopping.abort(new Error('stopped'));
    await expect(reading).rejects.toThrow('stopped');
    closeSync(fd);
  });

  test('a descriptor that cannot be read', async () => {
    await expect(all(arriving(1_000_000, 'nowhere'))).rejects.toMatchObject({
      said: "cannot read 'nowhere': Bad file descriptor",
    });
  });
});
