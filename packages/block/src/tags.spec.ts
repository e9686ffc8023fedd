import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  candidates,
  compareRanges,
  type Devices,
  findDevice,
  fromUdevName,
  fromUtf16,
  linkOf,
  methodsOf,
  nodeOf,
  type Partition,
  parseSize,
  parseTag,
  type Superblock,
  toUdevName,
  usedLoops,
} from './index.ts';

describe('names of links', () => {
  test.each([
    ['plain-1.2_3+4=5:6@7#8', 'plain-1.2_3+4=5:6@7#8'],
    ['two words', 'two\\x20words'],
    ['a/b', 'a\\x2fb'],
    ['back\\slash', 'back\\x5cslash'],
    ['é€😀', 'é€😀'],
    ['\udcff', '\\xff'],
    ['tab\t', 'tab\\x09'],
    ['"quoted"', '\\x22quoted\\x22'],
  ])('%j', (text, name) => {
    expect(toUdevName(text)).toBe(name);
    expect(fromUdevName(name)).toBe(text);
  });

  test('there and back again', () => {
    fc.assert(fc.property(fc.string({ unit: 'grapheme' }), (text) => fromUdevName(toUdevName(text)) === text));
  });
});

test('UTF-16 ends at NUL; a lone surrogate is written as it is', () => {
  expect(fromUtf16(Buffer.from('a\0b', 'utf16le'), 'little').toString()).toBe('a');
  expect(fromUtf16(Buffer.from('😀', 'utf16le'), 'little').toString()).toBe('😀');
  expect(fromUtf16(Buffer.from([0xd8, 0x3d, 0, 0x61]), 'big')).toEqual(Buffer.from([0xed, 0xa0, 0xbd, 0x61]));
  expect(fromUtf16(Buffer.from([0x61]), 'big')).toHaveLength(0);
});

describe('tags', () => {
  test.each([
    ['LABEL=a b', { name: 'LABEL', value: 'a b' }],
    ['LABEL="a b"', { name: 'LABEL', value: 'a b' }],
    ["UUID='x'", { name: 'UUID', value: 'x' }],
    ['LABEL="', { name: 'LABEL', value: '"' }],
    ['PARTUUID=1234abcd-01', { name: 'PARTUUID', value: '1234abcd-01' }],
    ['ID=ata-x', { name: 'ID', value: 'ata-x' }],
    ['label=x', undefined],
    ['/dev/a=b', undefined],
    ['toString=x', undefined],
    ['LABEL', undefined],
  ])('%j', (source, tag) => {
    expect(parseTag(source)).toEqual(tag);
  });

  test('their links', () => {
    expect(linkOf({ name: 'LABEL', value: 'a/b c' })).toBe('/dev/disk/by-label/a\\x2fb\\x20c');
    expect(linkOf({ name: 'ID', value: 'x' })).toBe('/dev/disk/by-id/x');
  });

  test('blkid.conf', () => {
    expect(methodsOf(undefined)).toEqual(['udev', 'scan']);
    expect(methodsOf('# EVALUATE=scan\nSEND_UEVENT=yes\n')).toEqual(['udev', 'scan']);
    expect(methodsOf('EVALUATE=scan\n')).toEqual(['scan']);
    expect(methodsOf('EVALUATE=scan,udev\n')).toEqual(['scan', 'udev']);
    expect(methodsOf('EVALUATE=nonsense\n')).toEqual([]);
  });
});

interface Made {
  readonly files: Readonly<Record<string, string>>;
  readonly links?: Readonly<Record<string, string>>;
  readonly holds?: Readonly<Record<string, Partial<Superblock> | 'ambivalent'>>;
  readonly partitions?: Readonly<Record<string, Partial<Partition>>>;
}

/** A system of files; a directory is what has files in it. */
function system({ files, links = {}, holds = {}, partitions = {} }: Made): Devices & { probed: string[] } {
  const probed: string[] = [];
  return {
    probed,
    read: (path) => files[path],
    list: (directory) => [
      ...new Set(
        Object.keys(files)
          .filter((path) => path.startsWith(`${directory}/`))
          .map((path) => path.slice(directory.length + 1).split('/')[0] as string),
      ),
    ],
    deviceAt: (path) => links[path] ?? (path.startsWith('/dev/') && !path.startsWith('/dev/disk/') ? path : undefined),
    probe: (device) => {
      probed.push(device);
      return (holds[device] ?? 'nothing') as ReturnType<Devices['probe']>;
    },
    partition: (name) => partitions[name] as Partition | undefined,
  };
}

const disks = {
  '/sys/block/sdb/size': '100',
  '/sys/block/sda/size': '1000',
  '/sys/block/sda/sda1/partition': '1',
  '/sys/block/sda/sda1/size': '500',
  '/sys/block/sda/sda2/partition': '2',
  '/sys/block/sda/sda2/size': '2',
  '/sys/block/sda/queue/nr_requests': '64',
  '/sys/block/loop0/size': '0',
  '/sys/block/sr0/size': '999',
  '/sys/block/nvme0c0n1/size': '100',
  '/sys/block/nvme0c0n1/hidden': '1',
};

describe('devices', () => {
  test('partitions instead of their disk, nothing that is empty, extended, hidden or a disc', () => {
    expect(candidates(system({ files: disks }))).toEqual(['sdb', 'sda1']);
  });

  test('udev first, whatever devices say; then they are asked', () => {
    const holds = { '/dev/sda1': { label: 'x', uuid: 'u' }, '/dev/sdb': { label: 'y' } };
    const world = system({ files: disks, links: { '/dev/disk/by-label/x': '/dev/sdb' }, holds });
    expect(findDevice({ name: 'LABEL', value: 'x' }, world)).toBe('/dev/sdb');
    expect(world.probed).toEqual([]);
    expect(findDevice({ name: 'LABEL', value: 'x' }, world, 'EVALUATE=scan')).toBe('/dev/sda1');
    expect(findDevice({ name: 'UUID', value: 'u' }, world)).toBe('/dev/sda1');
    expect(findDevice({ name: 'UUID', value: 'u' }, world, 'EVALUATE=udev')).toBeUndefined();
    expect(findDevice({ name: 'UUID', value: 'U' }, world)).toBeUndefined();
    expect(findDevice({ name: 'ID', value: 'x' }, world)).toBeUndefined();
  });

  test('an ambivalent device bears no name', () => {
    const world = system({ files: disks, holds: { '/dev/sdb': 'ambivalent' } });
    expect(findDevice({ name: 'LABEL', value: 'x' }, world)).toBeUndefined();
  });

  test('partitions by the table of their disk', () => {
    const world = system({ files: disks, partitions: { sda1: { uuid: '1234abcd-01', label: 'root' } } });
    expect(findDevice({ name: 'PARTUUID', value: '1234abcd-01' }, world)).toBe('/dev/sda1');
    expect(findDevice({ name: 'PARTLABEL', value: 'root' }, world)).toBe('/dev/sda1');
    expect(findDevice({ name: 'PARTLABEL', value: 'boot' }, world)).toBeUndefined();
  });

  test('of a volume and what it is made of the volume', () => {
    const files = {
      '/sys/block/sdb/size': '100',
      '/sys/block/dm-0/size': '100',
      '/sys/block/dm-0/dm/name': 'below\n',
      '/sys/block/dm-1/size': '100',
      '/sys/block/dm-1/dm/name': 'top\n',
      '/sys/block/dm-1/slaves/dm-0/x': '',
    };
    const same = { label: 'x' };
    const holds = { '/dev/sdb': same, '/dev/mapper/below': same, '/dev/mapper/top': same };
    expect(findDevice({ name: 'LABEL', value: 'x' }, system({ files, holds }))).toBe('/dev/mapper/top');
    expect(nodeOf(system({ files }), 'dm-1')).toBe('/dev/mapper/top');
    expect(nodeOf(system({ files }), 'cciss!c0d0')).toBe('/dev/cciss/c0d0');
  });

  test('loop devices in use', () => {
    const files = {
      '/sys/block/loop1/ro': '1\n',
      '/sys/block/loop1/loop/backing_file': '/a b\n',
      '/sys/block/loop1/loop/offset': '512\n',
      '/sys/block/loop1/loop/sizelimit': '1024\n',
      '/sys/block/loop1/loop/autoclear': '1\n',
      '/sys/block/loop2/ro': '0\n',
      '/sys/block/sda/ro': '0\n',
    };
    expect(usedLoops(system({ files }))).toEqual([
      { device: '/dev/loop1', file: '/a b', offset: 512n, sizeLimit: 1024n, autoclear: true, readOnly: true },
    ]);
  });
});

describe('ranges of a file', () => {
  const range = (offset: number, sizeLimit: number) => ({ offset: BigInt(offset), sizeLimit: BigInt(sizeLimit) });
  test.each([
    [range(0, 0), range(0, 0), 'same'],
    [range(512, 1024), range(512, 1024), 'same'],
    [range(0, 0), range(512, 0), 'overlap'],
    [range(0, 512), range(512, 0), 'apart'],
    [range(0, 513), range(512, 0), 'overlap'],
    [range(1024, 512), range(0, 1024), 'apart'],
    [range(1024, 512), range(0, 0), 'overlap'],
    [range(0, 512), range(0, 1024), 'overlap'],
  ] as const)('%o %o: %s', (one, other, relation) => {
    expect(compareRanges(one, other)).toBe(relation);
    expect(compareRanges(other, one)).toBe(relation);
  });
});

test.each([
  ['0', 0n],
  ['1024', 1024n],
  ['0x400', 1024n],
  ['010', 8n],
  ['1K', 1024n],
  ['1KiB', 1024n],
  ['1kB', 1000n],
  ['8M', 8n << 20n],
  ['1.5K', 1536n],
  ['16EiB', undefined],
  ['15E', 15n << 60n],
  ['', undefined],
  ['-1', undefined],
  ['xx', undefined],
  ['1X', undefined],
  ['1.5', undefined],
  ['1 K', undefined],
  ['99999999999999999999999', undefined],
])('size %j', (text, size) => {
  expect(parseSize(text)).toBe(size);
});
