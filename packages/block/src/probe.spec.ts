/** What superblocks say. The bytes are those that the makers of Debian 12 wrote: ../test/superblocks.json has what is read of them. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { partitionTable, probe, type Source } from './index.ts';

interface Fixture {
  readonly size: number;
  readonly expected: unknown;
  /** Offset, and gzip in base64. Everything else is 0. */
  readonly parts: readonly (readonly [number, string])[];
}

const fixtures = JSON.parse(readFileSync(new URL('../test/superblocks.json', import.meta.url), 'utf8')) as Readonly<
  Record<string, Fixture>
>;

/** The fixture as a source, `changes` made to it; counts what is read. */
function sourceOf({ size, parts }: Fixture, changes: readonly (readonly [offset: number, bytes: Buffer])[] = []) {
  const pieces = [
    ...parts.map(([offset, text]) => [offset, gunzipSync(Buffer.from(text, 'base64'))] as const),
    ...changes,
  ];
  const counted = { bytes: 0 };
  const source: Source = {
    size,
    read(offset, length) {
      if (offset < 0 || length < 0 || length > 2 << 20 || !(offset + length <= size)) return undefined;
      counted.bytes += length;
      const bytes = Buffer.alloc(length);
      for (const [at, piece] of pieces) {
        const from = Math.max(at, offset);
        const to = Math.min(at + piece.length, offset + length);
        if (from < to) piece.copy(bytes, from - offset, from - at, to - at);
      }
      return bytes;
    },
  };
  return { source, counted };
}

const isTable = (name: string) => name === 'gpt' || name === 'mbr';

describe('real superblocks', () => {
  test.each(Object.keys(fixtures))('%s', (name) => {
    const fixture = fixtures[name] as Fixture;
    const { source } = sourceOf(fixture);
    const found = isTable(name) ? partitionTable(source) : probe(source);
    expect(found).toEqual(fixture.expected);
  });

  test('a table of partitions is no file system', () => {
    for (const name of ['gpt', 'mbr']) expect(probe(sourceOf(fixtures[name] as Fixture).source)).toBe('nothing');
  });
});

const of = (name: string, ...changes: readonly (readonly [number, Buffer])[]) =>
  probe(sourceOf(fixtures[name] as Fixture, changes).source);

describe('what is not as it should be', () => {
  test('ext4 whose superblock was changed behind its checksum is none', () => {
    expect(of('ext4')).toMatchObject({ type: 'ext4' });
    expect(of('ext4', [1024 + 120, Buffer.from('x')])).toBe('nothing');
  });

  test('ext2, which has no checksum, with a feature of ext4 is ext4; with a journal ext3', () => {
    expect(of('ext2', [1024 + 96, Buffer.from([0x42])])).toMatchObject({ type: 'ext4' });
    expect(of('ext2', [1024 + 92, Buffer.from([0x04])])).toMatchObject({ type: 'ext3' });
    expect(of('ext2', [1024 + 96, Buffer.from([0x0a])])).toMatchObject({ type: 'jbd' });
  });

  test('a label is cut at its NUL and at blanks behind it; without any it is missing', () => {
    const label = (bytes: string) => of('ext2', [1144, Buffer.from(bytes.padEnd(16, '\0'), 'latin1')]) as object;
    expect(label('a b  ')).toMatchObject({ label: 'a b' });
    expect(label(' a\0b')).toMatchObject({ label: ' a' });
    expect(label('\xff')).toMatchObject({ label: '\udcff' });
    expect(label('')).toMatchObject({ label: undefined });
  });

  test('a FAT whose root directory has no name has none, whatever its boot record says', () => {
    expect(of('fat12')).toMatchObject({ label: 'TWELVE' });
    const free = [0xe5];
    const { parts } = fixtures.fat12 as Fixture;
    const root = parts.at(-1)?.[0] as number;
    expect(of('fat12', [root, Buffer.from(free)])).toMatchObject({ type: 'vfat', label: undefined });
  });

  test('a FAT32 whose root directory is a ring ends', () => {
    const { size, parts } = fixtures.fat32 as Fixture;
    const boot = gunzipSync(Buffer.from(parts[0]?.[1] as string, 'base64'));
    const table = boot.readUInt16LE(14) * 512;
    const data = table + boot.readUInt32LE(36) * 2 * 512;
    const cluster = boot.readUInt8(13) * 512;
    const { source, counted } = sourceOf({ size, expected: undefined, parts }, [
      [data, Buffer.alloc(cluster, 0xe5)],
      [table + 8, Buffer.from([2, 0, 0, 0])],
    ]);
    expect(probe(source)).toMatchObject({ type: 'vfat', label: undefined });
    expect(counted.bytes).toBeLessThan(8 << 20);
  });

  test('two that cannot both be right', () => {
    expect(of('ext2', ...bytesOf('swap', 4096 - 10, 10), ...bytesOf('swap', 1024, 44))).toBe('ambivalent');
  });

  test('where a volume is encrypted nothing else is looked for', () => {
    expect(of('luks1', ...bytesOf('btrfs', 65536, 4096))).toMatchObject({ type: 'crypto_LUKS' });
  });

  test('next to nothing is nothing', () => {
    expect(probe({ size: 1024, read: () => Buffer.alloc(1024) })).toBe('nothing');
    expect(probe({ size: 0, read: () => undefined })).toBe('nothing');
  });

  test('a source that ends where its size says more', () => {
    expect(probe({ size: 1e9, read: () => undefined })).toBe('nothing');
  });
});

/** Bytes of another fixture, as a change. */
function bytesOf(name: string, offset: number, length: number): (readonly [number, Buffer])[] {
  return [[offset, sourceOf(fixtures[name] as Fixture).source.read(offset, length) as Buffer]];
}

describe('hostile bytes', () => {
  const names = Object.keys(fixtures);
  const change = fc.tuple(fc.nat(70_000), fc.uint8Array({ minLength: 1, maxLength: 8 }));

  test('whatever they are, an answer comes, and little is read', () => {
    fc.assert(
      fc.property(fc.constantFrom(...names), fc.array(change, { maxLength: 6 }), (name, changes) => {
        const made = changes.map(([offset, bytes]) => [offset, Buffer.from(bytes)] as const);
        const { source, counted } = sourceOf(fixtures[name] as Fixture, made);
        probe(source);
        partitionTable(source);
        expect(counted.bytes).toBeLessThan(300 << 20);
      }),
      { numRuns: 300 },
    );
  });

  test('changes where superblocks are', () => {
    const inSuperblock = fc.constantFrom(...names).chain((name) => {
      const { parts } = fixtures[name] as Fixture;
      const places = parts.flatMap(([at, text]) => {
        const bytes = gunzipSync(Buffer.from(text, 'base64'));
        return [...bytes.entries()].filter(([, byte]) => byte !== 0).map(([index]) => at + index);
      });
      const one = fc.tuple(fc.constantFrom(...places), fc.uint8Array({ minLength: 1, maxLength: 4 }));
      return fc.tuple(fc.constant(name), fc.array(one, { minLength: 1, maxLength: 4 }));
    });
    fc.assert(
      fc.property(inSuperblock, ([name, changes]) => {
        const made = changes.map(([offset, bytes]) => [offset, Buffer.from(bytes)] as const);
        const { source } = sourceOf(fixtures[name] as Fixture, made);
        probe(source);
        partitionTable(source);
      }),
      { numRuns: 300 },
    );
  });
});

describe('tables of partitions', () => {
  test('GPT by its second header where the first is damaged; not where both are', () => {
    const fixture = fixtures.gpt as Fixture;
    const damaged = [[512 + 24, Buffer.from([9])]] as const;
    expect(partitionTable(sourceOf(fixture).source)).toEqual(fixture.expected);
    // What is read of the first is all that the fixture has.
    expect(partitionTable(sourceOf(fixture, damaged).source)).toBeUndefined();
    const last = fixture.size - 512;
    const first = sourceOf(fixture).source.read(512, 512) as Buffer;
    expect(partitionTable(sourceOf(fixture, [...damaged, [last, first]]).source)).toBeUndefined();
  });

  test('a chain of logical partitions that is a ring ends', () => {
    const fixture = fixtures.mbr as Fixture;
    const ring = Buffer.alloc(16);
    ring.writeUInt8(5, 4);
    ring.writeUInt32LE(6144 - 4096, 8);
    ring.writeUInt32LE(1, 12);
    const table = partitionTable(sourceOf(fixture, [[4096 * 512 + 462, ring]]).source);
    expect(table?.partitions.length).toBeLessThan(110);
  });

  test('the boot record of a FAT is no table', () => {
    expect(partitionTable(sourceOf(fixtures.fat12 as Fixture).source)).toBeUndefined();
  });
});
