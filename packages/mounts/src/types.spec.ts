import { describe, expect, test } from 'vitest';
import { fstabNames, parseFstab } from './fstab.ts';
import { splitLayers } from './overlay.ts';
import { linkOfTag, parseTag } from './tags.ts';
import { detectType, deviceTypes, matchesOptions, matchesType, SUPERBLOCKS_SIZE } from './types.ts';

test.each([
  ['ext4', 'ext4', true],
  ['ext4', 'proc,ext4', true],
  ['ext4', 'noext4', false],
  ['proc', 'noext4,tmpfs', true],
  ['tmpfs', 'noext4,tmpfs', false],
  ['none', 'none', true],
])('type %s matches %s: %s', (type, pattern, matches) => expect(matchesType(type, pattern)).toBe(matches));

test.each([
  ['_netdev', true],
  ['no_netdev', false],
  ['ro', false],
  ['+noauto', true],
])('options match %s: %s', (pattern, matches) => expect(matchesOptions(['_netdev', 'noauto'], pattern)).toBe(matches));

describe('detectType', () => {
  const device = (offset: number, bytes: string | readonly number[]) => {
    const start = Buffer.alloc(SUPERBLOCKS_SIZE);
    start.set(Buffer.from(bytes as string, 'latin1'), offset);
    return start;
  };
  const ext = (compatible: number, incompatible: number, readOnly: number) => {
    const start = device(1080, [0x53, 0xef]);
    [compatible, incompatible, readOnly].forEach((features, index) => {
      start.writeUInt32LE(features, 1024 + 92 + 4 * index);
    });
    return start;
  };

  test.each([
    ['xfs', device(0, 'XFSB')],
    ['btrfs', device(65600, '_BHRfS_M')],
    ['iso9660', device(32769, 'CD001')],
    ['vfat', device(82, 'FAT32   ')],
    ['ext2', ext(0, 2, 1)],
    ['ext3', ext(4, 2, 1)],
    ['ext4', ext(4, 0x42, 1)],
    [undefined, Buffer.alloc(SUPERBLOCKS_SIZE)],
    [undefined, Buffer.alloc(0)],
  ])('%s', (type, start) => expect(detectType(start)).toBe(type));
});

test('layers of an overlay, where they are too long for one parameter', () => {
  const long = 'x'.repeat(100);
  expect(splitLayers(`lowerdir=/a:${long}`)).toEqual([`lowerdir=/a:${long}`]);
  expect(splitLayers(`upperdir=${long}${long}${long}`)).toEqual([`upperdir=${long}${long}${long}`]);
  expect(splitLayers(`lowerdir=/a\\:b:${long}:${long}:${long}::/d::/e`)).toEqual([
    'lowerdir+=/a:b',
    ...[long, long, long].map((path) => `lowerdir+=${path}`),
    'datadir+=/d',
    'datadir+=/e',
  ]);
});

test('deviceTypes', () => expect(deviceTypes('nodev\tsysfs\n\text3\n\tvfat\n')).toEqual(['ext3', 'vfat']));

test('fstab: entries, and lines that are none', () => {
  const text =
    '# comment\n\nLABEL=x /mnt/a\\040b ext4 ro,noauto 0 1\r\n/dev/vdb\t/b auto\n/dev/vdc /c\nx /d tmpfs ro y\nx /e tmpfs ro 0 z\nx /f tmpfs ro -1 0 more\n';
  expect(parseFstab(text)).toEqual({
    entries: [
      { source: 'LABEL=x', target: '/mnt/a b', type: 'ext4', options: 'ro,noauto' },
      { source: '/dev/vdb', target: '/b', type: 'auto', options: 'defaults' },
      { source: 'x', target: '/f', type: 'tmpfs', options: 'ro' },
    ],
    bad: [5, 6, 7],
  });
});

test('files of a folder of such files, in their order', () => {
  expect(fstabNames(['b.fstab', '10.fstab', '2.fstab', '.h.fstab', '.fstab', 'x.conf', 'a.fstab', 'a1.fstab'])).toEqual(
    ['2.fstab', '10.fstab', 'a.fstab', 'a1.fstab', 'b.fstab'],
  );
});

test('tags, and the links that udev makes for them', () => {
  const link = (source: string) => {
    const tag = parseTag(source);
    return tag && linkOfTag(tag);
  };
  expect(link('LABEL=x')).toBe('/dev/disk/by-label/x');
  expect(link('LABEL="a b/ä"')).toBe('/dev/disk/by-label/a\\x20b\\x2f\\xc3\\xa4');
  expect(link("UUID='AB-1'")).toBe('/dev/disk/by-uuid/ab-1');
  expect(link('PARTLABEL=../../x')).toBe('/dev/disk/by-partlabel/..\\x2f..\\x2fx');
  for (const none of ['/dev/sda', 'x', 'FOO=x', 'toString=x', 'LABEL', 'label=x'])
    expect(link(none), none).toBeUndefined();
});
