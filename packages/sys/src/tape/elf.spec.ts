import { expect, test } from 'vitest';
import { dataAddress, image } from './elf.ts';

const segments = (file: Buffer) =>
  Array.from({ length: file.readUInt16LE(56) }, (_, index) => {
    const at = Number(file.readBigUInt64LE(32)) + 56 * index;
    const field = (offset: number) => Number(file.readBigUInt64LE(at + offset));
    return {
      type: file.readUInt32LE(at),
      flags: file.readUInt32LE(at + 4),
      offset: field(8),
      address: field(16),
      size: field(32),
      alignment: field(48),
    };
  });

for (const [arch, machine] of [
  ['x64', 62],
  ['arm64', 183],
] as const)
  test(`an image for ${arch}: code that cannot be written, data that cannot be executed, no stack that can`, () => {
    const code = Buffer.alloc(1000, 1);
    const data = Buffer.alloc(500, 2);
    const file = image(arch, code, data);
    expect(file.subarray(0, 7).toString('hex')).toBe('7f454c46020101');
    expect([file.readUInt16LE(16), file.readUInt16LE(18)]).toEqual([2, machine]);
    const [text, tape, stack] = segments(file);
    expect(text).toMatchObject({ type: 1, flags: 5, offset: 0 });
    expect(tape).toMatchObject({ type: 1, flags: 6, address: dataAddress(code), size: data.length });
    expect(stack).toMatchObject({ flags: 6 });
    // The kernel maps whole pages: an address and its offset in the file agree below the page size.
    for (const { offset, address, alignment } of [text, tape] as {
      offset: number;
      address: number;
      alignment: number;
    }[])
      expect((address - offset) % alignment).toBe(0);
    const entry = Number(file.readBigUInt64LE(24));
    expect(file.subarray(entry - (text?.address ?? 0)).subarray(0, code.length)).toEqual(code);
    expect(file.subarray(tape?.offset)).toEqual(data);
  });
