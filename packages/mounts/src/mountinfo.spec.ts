import { describe, expect, test } from 'vitest';
import { allOptions, escapeOctal, mountAt, parseMountinfo, subtree, unescapeOctal } from './mountinfo.ts';

const TABLE = `22 28 0:21 / /sys rw,nosuid - sysfs sysfs rw
28 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard
40 28 0:33 / /mnt/a\\040b\\134c rw - tmpfs no\\040ne ro,size=4k
41 40 0:34 /sub /mnt/a\\040b\\134c/in ro,relatime shared:7 master:2 - btrfs /dev/vdb rw
42 28 0:35 / /gone//deleted rw - tmpfs x rw
43 41 0:36 / /elsewhere rw - proc proc rw
`;

describe('parseMountinfo', () => {
  const mounts = parseMountinfo(TABLE);

  test('fields, with and without optional ones', () => {
    expect(mounts[3]).toEqual({
      id: 41,
      parent: 40,
      device: '0:34',
      root: '/sub',
      target: '/mnt/a b\\c/in',
      options: ['ro', 'relatime'],
      propagation: ['shared:7', 'master:2'],
      type: 'btrfs',
      source: '/dev/vdb',
      superOptions: ['rw'],
    });
    expect(mounts[0]?.propagation).toEqual([]);
  });

  test('escapes, and the mark of a mount point that was deleted', () => {
    expect(mounts[2]).toMatchObject({ target: '/mnt/a b\\c', source: 'no ne' });
    expect(mounts[4]?.target).toBe('/gone');
  });

  test('lines that are none', () => expect(parseMountinfo('\nfoo bar\n')).toEqual([]));

  test('the last mount at a place is the one that is seen', () => {
    const twice = parseMountinfo('1 0 0:1 / /x rw - a a rw\n2 1 0:2 / /x rw - b b rw\n');
    expect(mountAt(twice, '/x')?.type).toBe('b');
    expect(mountAt(twice, '/y')).toBeUndefined();
  });

  test('a subtree, wherever its mounts lie', () => {
    expect(subtree(mounts, mounts[2] as (typeof mounts)[0]).map(({ id }) => id)).toEqual([40, 41, 43]);
  });

  test('options of mount and file system: read-only if one of them is', () => {
    expect(allOptions(mounts[1] as (typeof mounts)[0])).toEqual(['rw', 'relatime', 'discard']);
    expect(allOptions(mounts[2] as (typeof mounts)[0])).toEqual(['ro', 'size=4k']);
    expect(allOptions(mounts[3] as (typeof mounts)[0])).toEqual(['ro', 'relatime']);
  });
});

test('escapes there and back', () => {
  for (const text of ['', 'a b', 'tab\tline\n', 'back\\slash', '\\040']) {
    expect(escapeOctal(text)).not.toMatch(/\s/);
    expect(unescapeOctal(escapeOctal(text))).toBe(text);
  }
});
