import {
  MOUNT_ATTR__ATIME,
  MOUNT_ATTR_NOATIME,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_RDONLY,
  MS_BIND,
  MS_NOATIME,
  MS_NODEV,
  MS_NOEXEC,
  MS_NOSUID,
  MS_PRIVATE,
  MS_RDONLY,
  MS_REC,
  MS_REMOUNT,
  MS_SHARED,
} from '@ts/sys';
import { describe, expect, test } from 'vitest';
import { OptionError, parseOptions, splitOptions } from './options.ts';

describe('splitOptions', () => {
  test.each([
    ['', []],
    ['ro', ['ro']],
    ['ro,,rw,', ['ro', 'rw']],
    ['context="a,b",ro', ['context="a,b"', 'ro']],
    ['a="unclosed,b', ['a="unclosed,b']],
  ])('%s', (text, words) => expect(splitOptions(text)).toEqual(words));
});

describe('parseOptions', () => {
  const of = (text: string) => {
    const { flags, data, propagation } = parseOptions(text);
    return { flags, data, propagation };
  };

  test.each([
    ['ro,nosuid,nodev,noexec', MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC],
    ['ro,rw', 0],
    ['nosuid,suid,nosuid', MS_NOSUID],
    ['defaults,noatime', MS_NOATIME],
    ['rbind', MS_BIND | MS_REC],
    ['remount,bind,ro', MS_REMOUNT | MS_BIND | MS_RDONLY],
    ['user,exec', MS_NOSUID | MS_NODEV],
  ])('%s: flags', (text, flags) => expect(of(text)).toEqual({ flags, data: [], propagation: [] }));

  test('what is no word of ours is for the file system, in its order', () => {
    expect(of('size=1m,ro,mode=700,newinstance')).toEqual({
      flags: MS_RDONLY,
      data: ['size=1m', 'mode=700', 'newinstance'],
      propagation: [],
    });
  });

  test('words for readers of fstab are for nobody here', () => {
    expect(of('noauto,_netdev,nofail,comment=x,x-systemd.foo=1,X-bar,user=joe')).toEqual({
      flags: 0,
      data: [],
      propagation: [],
    });
  });

  test('propagation in the order given', () => {
    expect(of('rprivate,shared').propagation).toEqual([MS_PRIVATE | MS_REC, MS_SHARED]);
  });

  test('attributes: only what is named, atimes as one field', () => {
    expect(parseOptions('bind,ro,nosuid,dev').attributes).toEqual({
      set: MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID,
      clear: MOUNT_ATTR_NODEV,
    });
    expect(parseOptions('bind,ro,rw').attributes).toEqual({ set: 0, clear: MOUNT_ATTR_RDONLY });
    expect(parseOptions('relatime,noatime').attributes).toEqual({ set: MOUNT_ATTR_NOATIME, clear: MOUNT_ATTR__ATIME });
  });

  test('recursive attributes stand apart', () => {
    const { attributes, recursive, flags } = parseOptions('rbind,ro=recursive,nosuid');
    expect({ attributes, recursive, flags }).toEqual({
      attributes: { set: MOUNT_ATTR_NOSUID, clear: 0 },
      recursive: { set: MOUNT_ATTR_RDONLY, clear: 0 },
      flags: MS_BIND | MS_REC | MS_NOSUID,
    });
  });

  test('parameters of a reconfiguration', () => {
    expect(parseOptions('remount,ro,nosuid,size=2m').parameters).toEqual(['ro', 'size=2m']);
  });

  test('X-mount.mkdir', () => {
    expect(parseOptions('X-mount.mkdir').mkdir).toBe(0o755);
    expect(parseOptions('X-mount.mkdir=0700').mkdir).toBe(0o700);
    expect(parseOptions('ro').mkdir).toBeUndefined();
    expect(() => parseOptions('X-mount.mkdir=rwx')).toThrow(OptionError);
  });

  test('layers of a flag: the mount, the file system, all below', () => {
    const layers = (text: string) => {
      const { attributes, recursive, parameters, flags } = parseOptions(text);
      return [attributes.set, recursive.set, parameters, flags];
    };
    expect(layers('ro')).toEqual([MOUNT_ATTR_RDONLY, 0, ['ro'], MS_RDONLY]);
    expect(layers('ro=vfs')).toEqual([MOUNT_ATTR_RDONLY, 0, [], 0]);
    expect(layers('ro=fs')).toEqual([0, 0, ['ro'], 0]);
    expect(layers('ro="vfs,fs"')).toEqual([MOUNT_ATTR_RDONLY, 0, ['ro'], 0]);
    expect(layers('ro="recursive,fs"')).toEqual([0, MOUNT_ATTR_RDONLY, ['ro'], 0]);
    expect(parseOptions('ro=x')).toMatchObject({ data: [], flags: MS_RDONLY });
  });

  test('what mount(8) itself acts upon', () => {
    expect(
      parseOptions('X-mount.subdir="a,b",X-mount.owner=root,X-mount.group=5,X-mount.mode=0750,X-mount.idmap=/ns'),
    ).toMatchObject({ subdir: 'a,b', owner: 'root', group: '5', mode: 0o750, idmap: '/ns', data: [] });
    for (const wrong of ['subdir', 'subdir=', 'owner=', 'group', 'mode=', 'mode=8', 'mode=17777', 'idmap', 'idmap='])
      expect(() => parseOptions(`X-mount.${wrong}`), wrong).toThrow(OptionError);
  });
});
