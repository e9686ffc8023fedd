import { parse, UsageError, type World } from '@ts/cli';
import { madeUpWorld } from '@ts/cli/testing';
import { Failure, formatTape, MS_BIND, MS_NOSUID, MS_RDONLY, MS_REC, MS_REMOUNT, recording } from '@ts/sys';
import { describe, expect, test } from 'vitest';
import type { Change } from './change.ts';
import { wordsOf } from './failure.ts';
import { tool } from './mount.ts';
import type { Mounting, MountingAll } from './plan.ts';

const FSTAB =
  '/dev/vdb /data ext4 ro,noauto 0 0\nLABEL=home /home xfs defaults 0 0\nnone /swap swap sw 0 0\ntmpfs /scratch tmpfs size=1m 0 0\n';

const world = madeUpWorld({
  prog: 'mount',
  read: (path) =>
    ({ '/etc/fstab': FSTAB, '/proc/filesystems': 'nodev\tproc\n\text4\n\tvfat\n', '/proc/self/mountinfo': '' })[path],
});

const plan = (...argv: string[]) => tool.plan(parse(tool.options, argv, tool.grammar), world);
const mounting = (...argv: string[]) => plan(...argv) as Mounting;
const change = (...argv: string[]) => mounting(...argv).changes[0] as Change;

describe('source, target and program', () => {
  test.each<[string[], string, string, string[]]>([
    [['-t', 'tmpfs', 'a', 'b'], 'a', 'b', []],
    [['a', '-t', 'tmpfs', 'b', '-r'], 'a', 'b', []],
    [['-t', 'tmpfs', 'a', 'b', 'ls', '-l'], 'a', 'b', ['ls', '-l']],
    [['-t', 'tmpfs', 'a', 'b', '--', 'ls', '-l'], 'a', 'b', ['ls', '-l']],
    [['-t', 'tmpfs', '--', 'a', 'b', 'ls', '-l'], 'a', 'b', ['ls', '-l']],
    [['-t', 'tmpfs', 'a', '--', 'b'], 'a', 'b', []],
    [['--make-private', '/', '--', 'ls'], 'none', '/', ['ls']],
    [['-o', 'remount,ro', '/', '--', 'ls'], 'none', '/', ['ls']],
    [['-t', 'tmpfs', '--source', 'a', '--target', 'b', 'ls'], 'a', 'b', ['ls']],
    [['-t', 'tmpfs', '--target', 'b', 'a', '--', 'ls'], 'a', 'b', ['ls']],
    [['-t', 'tmpfs', '--source', 'a', 'b'], 'a', 'b', []],
  ])('%j', (argv, source, target, program) => {
    expect(change(...argv)).toMatchObject({ source, target });
    expect(mounting(...argv).program).toEqual(program);
  });

  test('no operands: a list', () => {
    expect(plan('-t', 'proc', '-l')).toEqual({ list: { types: 'proc', labels: true, json: false } });
  });

  test.each([[['--bind']], [['-o', 'ro']], [['-a', 'x']]])('%j is wrong usage', (argv) => {
    expect(() => plan(...argv)).toThrow(UsageError);
  });

  test('an empty name of a program', () => expect(() => plan('-t', 'tmpfs', 'a', 'b', '')).toThrow(UsageError));
});

describe('what is done', () => {
  test.each<[string[], Change['kind'], number]>([
    [['-B', '-r', 'a', 'b'], 'bind', MS_BIND | MS_RDONLY],
    [['-o', 'rbind', 'a', 'b'], 'bind', MS_BIND | MS_REC],
    [['-o', 'remount,bind,nosuid', 'b'], 'remount', MS_REMOUNT | MS_BIND | MS_NOSUID],
    [['-t', 'tmpfs', '-o', 'ro', '-w', 'a', 'b'], 'mount', 0],
    [['-t', 'tmpfs', '-w', '-o', 'ro', 'a', 'b'], 'mount', MS_RDONLY],
    [['--make-rprivate', 'b'], 'propagation', 0],
  ])('%j: %s', (argv, kind, flags) => expect(change(...argv)).toMatchObject({ kind, flags }));

  test('types to try', () => {
    expect(change('-t', 'tmpfs,proc', 'a', 'b').types).toEqual(['tmpfs', 'proc']);
    expect(change('-t', 'noext4', '/nonexistent', 'b').types).toEqual(['vfat']);
    expect(change('/nonexistent', 'b').types).toEqual(['ext4', 'vfat']);
    expect(change('--bind', 'a', 'b').types).toEqual([]);
  });

  test('fstab: by mount point, by source, its options first', () => {
    expect(change('/data')).toMatchObject({ source: '/dev/vdb', types: ['ext4'], flags: MS_RDONLY });
    expect(change('/dev/vdb')).toMatchObject({ target: '/data' });
    expect(change('-o', 'rw,nosuid', '/data')).toMatchObject({ flags: MS_NOSUID });
    expect(() => plan('/nowhere')).toThrow(new Failure("/nowhere: can't find in /etc/fstab.", 1));
  });

  test('-a: all but swap and noauto, of the types that are wanted', () => {
    const wanted = (...argv: string[]) =>
      (plan(...argv) as MountingAll).places.flatMap(({ target, change }) => (change ? target : []));
    expect(wanted('-a')).toEqual(['/home', '/scratch']);
    expect(wanted('-a', '-t', 'noxfs')).toEqual(['/scratch']);
    expect(wanted('-a', '-O', 'size=1m')).toEqual(['/scratch']);
  });

  test('a label that no device bears', () => expect(() => plan('LABEL=x', 'b')).toThrow("b: can't find LABEL=x."));
  test('a loop device, and the part of the file that it is to show', () => {
    expect(change('-o', 'loop,ro,offset=1K,sizelimit=0x200', 'a', 'b')).toMatchObject({
      source: 'a',
      data: [],
      loop: { file: 'a', device: undefined, offset: 1024n, sizeLimit: 512n, readOnly: true },
    });
    expect(change('-o', 'loop=/dev/loop9', '-t', 'ext4', 'a', 'b').loop).toMatchObject({ device: '/dev/loop9' });
  });
  test.each([
    ['-o', 'ro', 'a', 'b'],
    ['-o', 'loop', '-t', 'proc', 'a', 'b'],
    ['-o', 'loop,X-mount.noloop', 'a', 'b'],
    ['-o', 'bind,loop', 'a', 'b'],
  ])('%j: none', (...argv) => expect(change(...argv).loop).toBeUndefined());
  test.each(['offset=x', 'sizelimit=-1', 'loop,encryption=x'])('-o %s', (words) =>
    expect(() => plan('-o', words, 'a', 'b')).toThrow(/failed to parse mount options/),
  );
});

describe('the tape', () => {
  const tape = (...argv: string[]) => tapeIn(world, ...argv);
  const tapeIn = (where: World, ...argv: string[]) => {
    const sys = recording(1, true);
    tool.apply(tool.plan(parse(tool.options, argv, tool.grammar), where), sys, where);
    return formatTape(sys.finish())
      .trim()
      .split('\n')
      .map((line) => line.replace(/^\s*\d+: /, ''));
  };

  test('bind, attributes, propagation', () => {
    expect(tape('--bind', '-o', 'ro', '--make-private', 'a', 'b', 'true')).toEqual([
      'open_tree(AT_FDCWD, "a", OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC)  # on failure go to 5',
      'mount_setattr({0}, "", AT_EMPTY_PATH, {...}, 32)  # on failure go to 5',
      'move_mount({0}, "", AT_FDCWD, "b", MOVE_MOUNT_F_EMPTY_PATH|MOVE_MOUNT_T_SYMLINKS|MOVE_MOUNT_T_AUTOMOUNTS)  # on failure go to 5',
      'close({0})  # on failure go to 5',
      'go to 7',
      'mount("a", "b", NULL, MS_RDONLY|MS_BIND, NULL)',
      'mount(NULL, "b", NULL, MS_RDONLY|MS_REMOUNT|MS_BIND, NULL)  # on failure go to 10',
      'mount("none", "b", NULL, MS_PRIVATE, NULL)  # on failure go to 8',
      'umount2("b", MNT_DETACH)  # may fail',
      'end, having failed',
      'umount2("b", MNT_DETACH)  # may fail',
      'end, having failed',
    ]);
  });

  test('types are tried one after the other', () => {
    const lines = tape('-t', 'one,two', 'a', 'b', 'true');
    expect(lines[0]).toBe('mount("a", "b", "one", MS_SILENT, NULL)  # on failure go to 2');
    expect(lines[2]).toMatch(/^mount\("a", "b", "two", 0, NULL\)/);
  });

  test('folders are made, and taken back', () => {
    const lines = tape('--mkdir=700', '-t', 'tmpfs', 'a', 'x/y', 'true');
    expect(lines.slice(0, 2)).toEqual([
      'mkdirat(AT_FDCWD, "x", 0700)  # may fail',
      expect.stringMatching(/^mkdirat\(AT_FDCWD, "x\/y", 0700\)/),
    ]);
    const removed = lines.filter((line) => line.includes('AT_REMOVEDIR'));
    expect(removed.map((line) => /"(.*)"/.exec(line)?.[1])).toEqual(['x/y', 'x']);
  });

  /** The calls alone, in the order recorded. */
  const calls = (lines: readonly string[]) => lines.map((line) => /^\w+(?=\()/.exec(line)?.[0]).filter(Boolean);

  test('several mounts: what fails takes back those before it, the last first', () => {
    const lines = tape('-t', 'one', 'a', 'b', '--also', '--bind', 'c', 'd', '--also', '--move', 'e', 'f', 'true');
    expect(lines.slice(0, 3)).toEqual([
      'mount("a", "b", "one", 0, NULL)',
      expect.stringMatching(/^mount\("c", "d", NULL, MS_BIND, NULL\) {2}# on failure go to/),
      expect.stringMatching(/^mount\("e", "f", NULL, MS_MOVE, NULL\) {2}# on failure go to/),
    ]);
    expect(lines.slice(3).filter((line) => line.includes('('))).toEqual([
      'mount("f", "e", NULL, MS_MOVE, NULL)  # may fail',
      'umount2("d", MNT_DETACH)  # may fail',
      'umount2("b", MNT_DETACH)  # may fail',
    ]);
  });

  test('a map: a process whose user namespace it is, ended when that is held; then a tree that nobody has seen', () => {
    const lines = tape('--bind', '--map-users', '0:5:1', '--map-groups', '0:6:1', '--map-groups', '7:8:9', 'a', 'b');
    expect(calls(lines).slice(0, calls(lines).indexOf('move_mount') + 1)).toEqual([
      'open_tree',
      ...['clone', 'prctl', 'ppoll'],
      ...['openat', 'write', 'close'],
      ...['openat', 'write', 'close'],
      ...['openat', 'kill', 'wait4', 'mount_setattr', 'close'],
      'move_mount',
    ]);
    expect(lines.filter((line) => line.startsWith('write('))).toEqual([
      expect.stringContaining('"0 5 1\\n", 6'),
      expect.stringContaining('"0 6 1\\n7 8 9\\n", 12'),
    ]);
  });

  test('a directory of a file system; where the kernel knows only trees that are mounted, by way of the mount point', () => {
    const lines = tape('-t', 'one', '-o', 'X-mount.subdir=s', 'a', 'b', 'true');
    expect(calls(lines).slice(0, 18)).toEqual([
      ...['fsopen', 'fsconfig', 'fsconfig', 'fsmount', 'close', 'open_tree', 'close', 'move_mount', 'close'],
      ...['fsopen', 'fsconfig', 'fsconfig', 'fsmount', 'close', 'move_mount', 'open_tree', 'umount2', 'move_mount'],
    ]);
  });

  test('another namespace: there, and back to root and directory', () => {
    // Where it is left, what is there is held for what may have to be taken back.
    expect(calls(tape('-N', '42', '-t', 'one', 'a', 'b', 'true')).slice(0, 15)).toEqual([
      ...['openat', 'openat', 'openat', 'openat', 'setns', 'mount'],
      ...['openat', 'openat', 'openat', 'setns', 'fchdir'],
      ...['openat', 'openat', 'chroot', 'fchdir'],
    ]);
    expect(tape('-N', '42', '-t', 'one', 'a', 'b', 'true')[0]).toBe(
      'openat(AT_FDCWD, "/proc/42/ns/mnt", O_RDONLY|O_CLOEXEC, 0)',
    );
    expect(tape('-N', '/ns', '-t', 'one', 'a', 'b', 'true')[0]).toContain('"/ns"');
  });

  test.each(['4.18.0-553.el8.x86_64', '5.11.2'])('Linux %s: mount(2) alone', (release) => {
    const old: World = {
      ...world,
      read: (path) =>
        path === '/proc/sys/kernel/osrelease'
          ? `${release}\n`
          : path === '/proc/self/mountinfo'
            ? '1 0 0:1 / /b rw,nosuid,nodev,noatime - tmpfs x rw\n'
            : world.read(path),
    };
    expect(tapeIn(old, '--bind', '-o', 'ro', 'a', 'b', 'true').slice(0, 2)).toEqual([
      'mount("a", "b", NULL, MS_RDONLY|MS_BIND, NULL)',
      expect.stringMatching(/^mount\(NULL, "b", NULL, MS_RDONLY\|MS_REMOUNT\|MS_BIND, NULL\)/),
    ]);
    // What the mount has and no word names stays.
    expect(tapeIn(old, '-o', 'remount,bind,ro,dev,relatime', '/b', '--', 'true')[0]).toBe(
      'mount("x", "/b", NULL, MS_RDONLY|MS_NOSUID|MS_REMOUNT|MS_BIND|MS_RELATIME, NULL)',
    );
  });

  test('propagation alone', () => {
    expect(tape('--make-rprivate', '/', '--', 'true')).toEqual(['mount("none", "/", NULL, MS_REC|MS_PRIVATE, NULL)']);
  });
});

describe('words of a failure', () => {
  const step = { step: 'mount', source: '/nonexistent/source', target: '/', type: 'x', flags: 0, data: [] } as const;
  test.each([
    [1, {}, 'permission denied'],
    [2, {}, 'special device /nonexistent/source does not exist'],
    [2, { target: '/nonexistent' }, 'mount point does not exist'],
    [16, {}, '/nonexistent/source already mounted or mount point busy'],
    [16, { flags: MS_REMOUNT }, 'mount point is busy'],
    [19, {}, "unknown filesystem type 'x'"],
    [20, { target: '/etc/passwd' }, 'mount point is not a directory'],
    [22, { step: 'propagation' as const }, 'not mount point or bad option'],
    [22, { flags: MS_REMOUNT }, 'mount point not mounted or bad option'],
    [30, { flags: MS_RDONLY }, 'cannot mount /nonexistent/source read-only'],
    [28, {}, 'mount() failed: No space left on device'],
  ])('errno %i, %j', (errno, more, words) => expect(wordsOf({ ...step, ...more }, errno, world)).toBe(words));

  test('an ordinary user', () => {
    expect(wordsOf(step, 1, { ...world, euid: 1000 })).toBe('must be superuser to use mount');
  });
});
