import { describe, expect, test } from 'vitest';
import { ElfError, parseElf } from './elf.ts';

const from = (bytes: Buffer) => (offset: number, size: number) => bytes.subarray(offset, offset + size);

/** A 64-bit program of three segments whose strings are at address 0x1000, file offset 0x200. */
function program(dynamic: readonly (readonly [tag: number, text: string])[], interpreter: string): Buffer {
  const strings = Buffer.from(`\0${dynamic.map(([, text]) => `${text}\0`).join('')}`);
  let at = 1;
  const entries = dynamic.map(([tag, text]) => {
    const entry = [tag, at] as const;
    at += text.length + 1;
    return entry;
  });
  const table = [...entries, [5, 0x1000], [10, strings.length], [0, 0]] as const;
  const bytes = Buffer.alloc(0x200 + strings.length);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  bytes.writeUInt16LE(62, 18);
  bytes.writeBigUInt64LE(64n, 32);
  bytes.writeUInt16LE(56, 54);
  bytes.writeUInt16LE(3, 56);
  const segment = (index: number, type: number, offset: number, address: number, size: number) => {
    const start = 64 + 56 * index;
    bytes.writeUInt32LE(type, start);
    for (const [place, value] of [
      [8, offset],
      [16, address],
      [32, size],
    ] as const)
      bytes.writeBigUInt64LE(BigInt(value), start + place);
  };
  segment(0, 1, 0x200, 0x1000, strings.length);
  segment(1, 2, 0xf0, 0, table.length * 16);
  segment(2, 3, 0xe8, 0, interpreter.length);
  bytes.write(interpreter, 0xe8, 'latin1');
  table.forEach(([tag, value], index) => {
    bytes.writeBigUInt64LE(BigInt(tag), 0xf0 + 16 * index);
    bytes.writeBigUInt64LE(BigInt(value), 0xf8 + 16 * index);
  });
  bytes.set(strings, 0x200);
  return bytes;
}

describe('parseElf', () => {
  test('loader, libraries and folders', () => {
    const bytes = program(
      [
        [1, 'libb.so'],
        [1, 'liba.so'],
        [29, '$ORIGIN/../lib:/opt/lib'],
        [15, '/old'],
      ],
      '/l/ld\0',
    );
    expect(parseElf(from(bytes))).toEqual({
      bits: 64,
      machine: 62,
      interpreter: '/l/ld',
      needed: ['libb.so', 'liba.so'],
      runpath: ['$ORIGIN/../lib', '/opt/lib'],
      rpath: ['/old'],
    });
  });

  test.each([
    ['empty', Buffer.alloc(0)],
    ['text', Buffer.from('#!/bin/sh\n'.repeat(20))],
  ])('%s: none', (_, bytes) => expect(parseElf(from(bytes))).toBeUndefined());

  test('every way of being cut off or damaged is an error of its own kind or another reading, never a crash', () => {
    const whole = program([[1, 'libc.so.6']], '/ld\0');
    for (let size = 52; size < whole.length; size++) {
      try {
        parseElf(from(whole.subarray(0, size)));
      } catch (error) {
        expect(error).toBeInstanceOf(ElfError);
      }
    }
    for (let at = 4; at < whole.length; at++) {
      const damaged = Buffer.from(whole);
      damaged[at] = 0xff;
      try {
        parseElf(from(damaged));
      } catch (error) {
        expect(error).toBeInstanceOf(ElfError);
      }
    }
  });
});
