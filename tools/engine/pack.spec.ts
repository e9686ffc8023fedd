import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { elfHeaders, PF_R, PF_W, PF_X, PT_LOAD } from '../../packages/sys/src/tape/elf.ts';
import { pack } from './pack.ts';

const ADDRESS = 0x10000000;
const ET_EXEC = 2;
const ET_DYN = 3;
const PAYLOAD = 0x1000;

const segment = (address: number, offset: number, flags: number) => ({
  type: PT_LOAD,
  flags,
  offset,
  address,
  size: 0x1000,
  alignment: 0x1000,
});

/** Headers alone, and the place for the snapshot: what pack() reads of a host. */
function host({ type = ET_EXEC, data = 0x401000 } = {}): Buffer {
  const file = Buffer.alloc(0x2000);
  file.set(elfHeaders('x64', type, 0x400200, [segment(0x400000, 0, PF_R | PF_X), segment(data, PAYLOAD, PF_R | PF_W)]));
  file.write('SNAPSHOT', PAYLOAD);
  return file;
}

function changed(change: (file: Buffer) => void): Buffer {
  const file = host();
  change(file);
  return file;
}

const snapshot = Buffer.from('what was in memory');

describe('the file', () => {
  const file = pack(host(), snapshot, ADDRESS);

  test('ends with the snapshot, on a page of its own', () => {
    expect(file.length).toBe(0x10000 + snapshot.length);
    expect(file.subarray(0x10000)).toEqual(snapshot);
  });

  test('has the snapshot as its last segment, with room behind it', () => {
    expect(file.readUInt16LE(56)).toBe(3);
    expect(file.readUInt32LE(64 + 112)).toBe(PT_LOAD);
    expect(file.readUInt32LE(64 + 112 + 4)).toBe(PF_R | PF_W);
    const words = [0, 1, 2, 3, 4].map((n) => Number(file.readBigUInt64LE(64 + 112 + 8 + 8 * n)));
    expect(words).toEqual([0x10000, ADDRESS, ADDRESS, snapshot.length, 0x110000]);
  });

  test('says in the host how long the snapshot and the memory are', () => {
    expect(file.readBigUInt64LE(PAYLOAD + 8)).toBe(BigInt(snapshot.length));
    expect(file.readBigUInt64LE(PAYLOAD + 16)).toBe(0x110000n);
  });

  test('is otherwise the host', () => {
    expect(file.subarray(0x200, PAYLOAD + 8)).toEqual(host().subarray(0x200, PAYLOAD + 8));
    expect(file.subarray(16, 32)).toEqual(host().subarray(16, 32));
  });

  test('is the same each time', () => {
    expect(pack(host(), snapshot, ADDRESS)).toEqual(file);
  });
});

test.each<[string, Buffer]>([
  ['the host is no ELF file of 64 bits, little-endian', Buffer.from('#!/bin/sh\n')],
  ['the host is no ELF file of 64 bits, little-endian', changed((file) => file.writeUInt8(1, 4))],
  ['the host is not linked for fixed addresses', host({ type: ET_DYN })],
  ['the host is neither for x64 nor for arm64', changed((file) => file.writeUInt16LE(3, 18))],
  ['the program headers of the host do not lie behind its header', changed((file) => file.writeUInt8(72, 32))],
  ['the host ends within its program headers', changed((file) => file.writeUInt16LE(0xfff, 56))],
  ['the host has a number that is too large at 72', changed((file) => file.fill(0xff, 72, 80))],
  ['the host has no segment', changed((file) => file.writeUInt16LE(0, 56))],
  ['the host has no place that says where its snapshot is', changed((file) => file.fill(0, PAYLOAD, PAYLOAD + 8))],
  ['the host has two places that say where its snapshot is', changed((file) => file.write('SNAPSHOT', 0x1800))],
  [
    'the host ends where it says where its snapshot is',
    changed((file) => file.fill(0, PAYLOAD, PAYLOAD + 8).write('SNAPSHOT', 0x1ff8)),
  ],
  ['the host has a snapshot already', changed((file) => file.writeUInt8(1, PAYLOAD + 8))],
  ['the host does not lie below the snapshot', host({ data: ADDRESS })],
  ['the host does not lie below the snapshot', host({ data: ADDRESS - 0xfff })],
  ['the host has no room for a program header', changed((file) => file.writeUInt8(1, 64 + 3 * 56 - 1))],
])('refused: %s', (message, file) => {
  expect(() => pack(file, snapshot, ADDRESS)).toThrow(message);
});

test('refused: a snapshot that is empty, an address within a page', () => {
  expect(() => pack(host(), Buffer.alloc(0), ADDRESS)).toThrow('the snapshot is empty');
  expect(() => pack(host(), snapshot, ADDRESS + 0x1000)).toThrow('no multiple of 64 KiB');
});

/** Prints the snapshot, and writes behind it; musl reads the program headers before. */
const PRINTS = `
#include <unistd.h>
__attribute__((section(".payload"), used)) volatile struct { char name[8]; unsigned long size, memory; } payload = { "SNAPSHOT", 0, 0 };
static _Thread_local int status = 42;
int main(void)
{
	char *snapshot = (char *)${ADDRESS}UL;
	if (payload.size == 0)
		return 1;
	snapshot[payload.memory - 1] = 1;
	snapshot[0] = 'W';
	return write(1, snapshot, payload.size) == (long)payload.size ? status : 2;
}
`;
const hasMusl = spawnSync('musl-gcc', ['--version']).error === undefined;

describe.runIf(hasMusl)('a program', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'pack-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test('finds the snapshot in its memory, writable, and has its own data', () => {
    writeFileSync(join(folder, 'prints.c'), PRINTS);
    const words = ['-static', '-no-pie', '-Wl,--build-id=none', '-o', join(folder, 'prints'), join(folder, 'prints.c')];
    const compiled = spawnSync('musl-gcc', words, { encoding: 'utf8' });
    expect(compiled.stderr).toBe('');
    const packed = pack(readFileSync(join(folder, 'prints')), snapshot, ADDRESS);
    writeFileSync(join(folder, 'packed'), packed, { mode: 0o755 });
    const { status, stdout } = spawnSync(join(folder, 'packed'), { encoding: 'utf8' });
    expect({ status, stdout }).toEqual({ status: 42, stdout: 'What was in memory' });
  });
});
