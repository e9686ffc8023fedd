import { describe, expect, test } from 'vitest';
import { type BunFfi, handedOver } from './bun.ts';

/** Memory of a process, from address 4096 on. */
class Memory {
  readonly bytes = Buffer.alloc(4096);
  #end = 0;

  put(bytes: Buffer): number {
    const at = this.#end;
    bytes.copy(this.bytes, at);
    this.#end += bytes.length + 8;
    return 4096 + at;
  }

  ffi(result: number): BunFfi {
    return {
      ptr: () => 4242,
      toArrayBuffer: (pointer, offset, size) => {
        const at = pointer - 4096 + offset;
        return new Uint8Array(this.bytes.subarray(at, at + size)).buffer;
      },
      cfunction:
        ({ ptr }) =>
        (number, ...rest) =>
          ptr === 777 && number === 39 && rest.length === 6 ? result : Number.NaN,
    };
  }
}

/** What the prelude hands over, with this argument block. */
function handed(block: Buffer, argc: number, directory: bigint, result = 0) {
  const memory = new Memory();
  const words: bigint[] = [];
  for (const piece of [
    Buffer.from('10:0-2:0000000000001000:0000000000000003:7=1024:'),
    Buffer.from('4:memory:/small\n/sys/fs/cgroup/memory/small/cgroup.procs'),
    Buffer.from('/usr/bin/ts-unshare'),
    block,
  ])
    words.push(BigInt(memory.put(piece)), BigInt(piece.length));
  words.push(BigInt(argc), 777n, directory);
  const structure = Buffer.alloc(8 * words.length);
  words.forEach((word, index) => {
    structure.writeBigInt64LE(word, 8 * index);
  });
  const address = memory.put(structure);
  return handedOver(memory.ffi(result), String(address));
}

describe('what the prelude hands over', () => {
  test('state, arguments and environment, byte for byte', () => {
    const block = Buffer.from('ts-unshare\0\0a\xffb\0PATH=/bin\0noequals\0\0', 'latin1');
    const { inherited, executed, directory } = handed(block, 3, -1n);
    expect(inherited).toMatchObject({
      file: 10,
      descriptors: [[0, 2]],
      ignored: 0x1000n,
      blocked: 3n,
      limits: [[7, 1024n]],
      left: { line: '4:memory:/small', procs: '/sys/fs/cgroup/memory/small/cgroup.procs' },
      argv: ['ts-unshare', '', 'a\udcffb'],
      environment: ['PATH=/bin', 'noequals', ''],
    });
    expect({ executed, directory }).toEqual({ executed: '/usr/bin/ts-unshare', directory: undefined });
  });

  test('no arguments, no environment, a folder to go back to', () => {
    const { inherited, directory } = handed(Buffer.alloc(0), 0, 11n);
    expect(inherited).toMatchObject({ argv: [], environment: [] });
    expect(directory).toBe(11);
  });

  test('a way to the kernel that gives -1 and errno, as the C library does', () => {
    const call = (result: number) => {
      const { native } = handed(Buffer.alloc(0), 0, -1n, result);
      return [native.syscall(39, 0, 0, 0, 0, 0, 0), native.errno()];
    };
    expect(call(1234)).toEqual([1234, 0]);
    expect(call(-14)).toEqual([-1, 14]);
  });

  test('nothing has no address', () => {
    const { native } = handed(Buffer.alloc(0), 0, -1n);
    expect([native.address(Buffer.alloc(0)), native.address(Buffer.alloc(1))]).toEqual([0, 4242]);
  });
});
