import { expect, test } from 'vitest';
import { fstabNames, parseFstab } from './fstab.ts';
import { splitLayers } from './overlay.ts';
import { deviceTypes, matchesOptions, matchesType } from './types.ts';

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
