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

  /** The same with a dynamic section of its own at the end of the file. */
  function withDynamic(entries: readonly (readonly [tag: number, value: number])[], strings: Buffer): Buffer {
    const start = program([], '/ld\0');
    const end = Buffer.alloc(16 * (entries.length + 3));
    [...entries, [5, 0x1000], [10, strings.length], [0, 0]].forEach(([tag, value], index) => {
      end.writeBigUInt64LE(BigInt(tag as number), 16 * index);
      end.writeBigUInt64LE(BigInt(value as number), 16 * index + 8);
    });
    const bytes = Buffer.concat([start.subarray(0, 0x200), strings, end]);
    bytes.writeBigUInt64LE(BigInt(strings.length), 64 + 32);
    bytes.writeBigUInt64LE(BigInt(0x200 + strings.length), 64 + 56 + 8);
    bytes.writeBigUInt64LE(BigInt(end.length), 64 + 56 + 32);
    return bytes;
  }

  test('what anybody may write has limits, and takes no longer than it is', () => {
    const long = Buffer.concat([Buffer.alloc(4_000_000, 'a'), Buffer.of(0)]);
    const names = Buffer.from(`${'lib.so\0'.repeat(2000)}`);
    const needed = (count: number) => Array.from({ length: count }, (_, index) => [1, 7 * (index % 2000)] as const);
    const CASES: readonly (readonly [bytes: Buffer, message: RegExp])[] = [
      [withDynamic(needed(200_000), names), /^it needs more than 1024 libraries$/],
      [withDynamic([[1, 0]], long), /^a name in it is too long$/],
      [withDynamic([[1, names.length]], names), /^a name in it has no end$/],
      [withDynamic([[1, 7 * 1999]], names.subarray(0, -1)), /^a name in it has no end$/],
      [withDynamic([[29, 0]], Buffer.from(`${'/a:'.repeat(1000)}\0`)), /^it names 1000 folders for libraries/],
      [withDynamic([[29, 0]], long), /^a name in it is too long$/],
      [
        withDynamic(
          Array.from({ length: 100_000 }, (_, index) => [100 + index, 0] as const),
          names,
        ),
        /^its dynamic section is damaged$/,
      ],
    ];
    const start = performance.now();
    for (const [bytes, message] of CASES) expect(() => parseElf(from(bytes)), String(message)).toThrow(message);
    expect(performance.now() - start).toBeLessThan(2000);
    expect(parseElf(from(withDynamic(needed(1000), names)))?.needed).toHaveLength(1000);
  });
});
