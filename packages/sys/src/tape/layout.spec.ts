/** A tape in memory, read back by what ../../runner/runner.c declares. */
import { describe, expect, test } from 'vitest';
import {
  type Arch,
  AT_FDCWD,
  AT_RECURSIVE,
  CALLS,
  CLONE_NEWNET,
  CLONE_NEWNS,
  CLONE_NEWUSER,
  errnoOf,
  MNT_DETACH,
  MS_BIND,
  MS_MOVE,
  MS_PRIVATE,
  MS_RDONLY,
  MS_REC,
  MS_REMOUNT,
  OPEN_TREE_CLONE,
  type Ref,
  recording,
  type TapeRecording,
} from '../index.ts';
import { layOut, type Playing } from './layout.ts';

const BASE = 0x400180;
const ENTRY = 104;

/** struct tape and struct entry, with what their addresses lead to. */
function readTape(bytes: Buffer) {
  const at = (address: bigint) => Number(address) - BASE;
  const text = (address: bigint) =>
    address === 0n ? undefined : bytes.toString('utf8', at(address), bytes.indexOf(0, at(address)));
  const pointer = (offset: number) => bytes.readBigUInt64LE(offset);
  const entries = at(pointer(0));
  return {
    text,
    strings: (address: bigint) => {
      const list: (string | undefined)[] = [];
      for (let offset = at(address); pointer(offset) !== 0n; offset += 8) list.push(text(pointer(offset)));
      return list;
    },
    trace: bytes.readBigInt64LE(16),
    explainer: text(pointer(24)),
    errors: text(pointer(8)),
    entry: (index: number) => {
      const offset = entries + ENTRY * index;
      return {
        op: bytes.readUInt16LE(offset),
        refs: bytes.readUInt16LE(offset + 2),
        failure: bytes.readUInt8(offset + 4),
        moves: bytes.readUInt8(offset + 5),
        only: bytes.readUInt16LE(offset + 6),
        number: bytes.readUInt32LE(offset + 8),
        target: bytes.readUInt32LE(offset + 12),
        operands: Array.from({ length: 6 }, (_, n) => pointer(offset + 16 + 8 * n)),
        result: pointer(offset + 64),
        message: text(pointer(offset + 72)),
        trace: text(pointer(offset + 80)),
        explain: text(pointer(offset + 88)),
        status: bytes.readUInt16LE(offset + 96),
        statusMissing: bytes.readUInt16LE(offset + 98),
        undo: bytes.readUInt32LE(offset + 100),
      };
    },
  };
}

function laidOut(record: (sys: TapeRecording) => void, playing?: Playing, arch?: Arch, texts = false) {
  const sys = recording(3, texts).speakFor('prog', 'tool prog', 3);
  record(sys);
  return readTape(layOut(sys.finish(), BASE, playing, arch));
}

describe('a tape in memory', () => {
  test('a call: number, operands, what a failure says', () => {
    for (const [arch, column] of [
      ['x64', 0],
      ['arm64', 1],
    ] as const) {
      const tape = laidOut(
        (sys) =>
          sys.or('no', { status: 4, statusMissing: 5 }).explaining('chdir /x').do('mount', 'a', 'b', null, 0x1000, -1),
        undefined,
        arch,
      );
      const entry = tape.entry(0);
      expect(entry).toMatchObject({
        op: 0,
        refs: 0,
        failure: 0,
        moves: 1,
        number: CALLS.mount[column],
        message: 'prog: no',
        explain: 'tool prog chdir /x',
        status: 4,
        statusMissing: 5,
        undo: 0,
        result: 0n,
      });
      expect([tape.text(entry.operands[0] as bigint), tape.text(entry.operands[1] as bigint)]).toEqual(['a', 'b']);
      expect(entry.operands.slice(2)).toEqual([0n, 0x1000n, 0xffff_ffff_ffff_ffffn, 0n]);
    }
  });

  test('the same text once, the same memory once, texts that differ apart', () => {
    const shared = Buffer.alloc(16);
    const tape = laidOut((sys) => {
      sys.do('openat', 1, 'same', 0, 0);
      sys.do('openat', 1, 'same', 0, 0);
      sys.do('read', 1, shared, 16);
      sys.do('write', 1, shared, 16);
      sys.do('read', 1, Buffer.alloc(16), 16);
    });
    const operand = (index: number) => tape.entry(index).operands[1];
    expect(operand(0)).toBe(operand(1));
    expect(operand(2)).toBe(operand(3));
    expect(operand(4)).not.toBe(operand(2));
  });

  test('references to results', () => {
    const tape = laidOut((sys) => {
      sys.getpid();
      const fd = sys.getpid();
      sys.do('kill', 0, fd);
    });
    expect(tape.entry(2)).toMatchObject({ refs: 0b10, operands: [0n, 1n, 0n, 0n, 0n, 0n] });
  });

  test('a program: where it is looked for, its arguments', () => {
    const tape = laidOut((sys) => sys.become(['/a/x', '/b/x'], ['x', '\udcff', '']));
    const { op, operands, status, statusMissing } = tape.entry(0);
    expect({ op, status, statusMissing }).toEqual({ op: 3, status: 126, statusMissing: 127 });
    expect(tape.strings(operands[0] as bigint)).toEqual(['/a/x', '/b/x']);
    expect(tape.strings(operands[1] as bigint)).toHaveLength(3);
    expect(tape.strings(operands[2] as bigint)).toHaveLength(4);
    expect(operands[3]).toBe(0n);
  });

  test('failures that are let pass, for one error alone, or lead elsewhere', () => {
    const tape = laidOut((sys) => {
      sys.ignoring().chdir('/');
      sys.ignoring(errnoOf('EINVAL')).chdir('/');
      sys.undo((back) => back.chdir('/'));
      sys.chdir('/');
      sys.end(0);
    });
    expect(tape.entry(0)).toMatchObject({ failure: 1, only: 0 });
    expect(tape.entry(1)).toMatchObject({ failure: 1, only: errnoOf('EINVAL') });
    expect(tape.entry(2)).toMatchObject({ failure: 0, undo: 4 });
  });

  describe('calls behind which a path may lead to another file', () => {
    const lastMoves = (record: (sys: TapeRecording) => void) => {
      let count = 0;
      const tape = laidOut((sys) => {
        record(sys);
        count = sys.finish().entries.length;
      });
      return tape.entry(count - 1).moves;
    };
    const tree = (sys: TapeRecording, path: string, flags: number) =>
      sys.move_mount(sys.open_tree(AT_FDCWD, path, flags) as Ref, '', AT_FDCWD, '/a', 4);
    test.each<[string, 0 | 1, (sys: TapeRecording) => void]>([
      ['chroot', 1, (sys) => sys.chroot('.')],
      ['pivot_root', 1, (sys) => sys.pivot_root('.', '.')],
      ['setns, mounts', 1, (sys) => sys.setns(3, CLONE_NEWNS)],
      ['setns, several', 1, (sys) => sys.setns(3, CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET)],
      ['setns, whatever it is', 1, (sys) => sys.setns(3, 0)],
      ['setns, network', 0, (sys) => sys.setns(3, CLONE_NEWNET)],
      ['setns, user', 0, (sys) => sys.setns(3, CLONE_NEWUSER)],
      ['unshare, mounts: they are the same ones still', 0, (sys) => sys.unshare(CLONE_NEWNS)],
      ['mount, a file system', 1, (sys) => sys.mount('x', '/a', 'tmpfs', 0)],
      ['mount, read-only', 1, (sys) => sys.mount('x', '/a', 'tmpfs', MS_RDONLY)],
      ['mount, bound', 1, (sys) => sys.mount('/b', '/a', null, MS_BIND | MS_REC)],
      [
        'mount, bound, with a propagation that is not looked at',
        1,
        (sys) => sys.mount('/b', '/a', null, MS_BIND | MS_PRIVATE),
      ],
      ['mount, moved', 1, (sys) => sys.mount('/b', '/a', null, MS_MOVE)],
      ['mount, bound to itself without what is below', 1, (sys) => sys.mount('/a', '/a', null, MS_BIND)],
      ['mount, bound to itself', 0, (sys) => sys.mount('/a', '/a', null, MS_BIND | MS_REC)],
      ['mount, propagation', 0, (sys) => sys.mount('none', '/', null, MS_REC | MS_PRIVATE)],
      ['mount, changed', 0, (sys) => sys.mount('none', '/a', null, MS_REMOUNT | MS_BIND | MS_RDONLY)],
      ['move_mount, of whatever', 1, (sys) => sys.move_mount(3, '', AT_FDCWD, '/a', 4)],
      ['move_mount, another tree', 1, (sys) => tree(sys, '/b', OPEN_TREE_CLONE | AT_RECURSIVE)],
      ['move_mount, itself without what is below', 1, (sys) => tree(sys, '/a', OPEN_TREE_CLONE)],
      ['move_mount, itself', 0, (sys) => tree(sys, '/a', OPEN_TREE_CLONE | AT_RECURSIVE)],
      ['umount', 1, (sys) => sys.umount2('/a', MNT_DETACH)],
      ['umount /sys', 0, (sys) => sys.umount2('/sys', MNT_DETACH)],
      ['umount of what /sys may lead to', 1, (sys) => sys.umount2('/sys/fs', MNT_DETACH)],
      ['chdir', 0, (sys) => sys.chdir('/')],
    ])('%s', (_, moves, record) => {
      expect(lastMoves(record)).toBe(moves);
    });
  });

  describe('a mount in a place that the explainer does not stand on', () => {
    const moves = (record: (sys: TapeRecording) => void) => {
      const asked: string[] = [];
      let count = 0;
      const isSpared = (target: string) => asked.push(target) > 0 && target !== '/usr';
      const tape = laidOut(
        (sys) => {
          record(sys);
          count = sys.finish().entries.length;
        },
        { explainer: { path: '/x', option: '--why', isSpared } },
      );
      return { moves: tape.entry(count - 1).moves, asked };
    };
    const attach = (sys: TapeRecording, tree: unknown, at = AT_FDCWD) => sys.move_mount(tree as Ref, '', at, '/a', 4);
    test.each<[string, 0 | 1, string[], (sys: TapeRecording) => void]>([
      ['mount', 0, ['/a'], (sys) => sys.mount('x', '/a', 'tmpfs', 0)],
      ['one that it stands on', 1, ['/usr'], (sys) => sys.mount('x', '/usr', 'tmpfs', 0)],
      ['a new file system', 0, ['/a'], (sys) => attach(sys, sys.fsmount(3, 0, 0))],
      ['a copy', 0, ['/a'], (sys) => attach(sys, sys.open_tree(AT_FDCWD, '/b', OPEN_TREE_CLONE))],
      ['what lay elsewhere', 1, [], (sys) => attach(sys, sys.open_tree(AT_FDCWD, '/b', 0))],
      ['what is moved', 1, [], (sys) => sys.mount('/b', '/a', null, MS_MOVE)],
      ['a place that no path says', 1, [], (sys) => attach(sys, sys.fsmount(3, 0, 0), 5)],
      ['umount', 0, ['/a'], (sys) => sys.umount2('/a', 0)],
      ['a relative path', 0, ['a'], (sys) => sys.mount('x', 'a', 'tmpfs', 0)],
      [
        'a relative path in another directory',
        1,
        [],
        (sys) => {
          sys.chdir('/');
          sys.mount('x', 'a', 'tmpfs', 0);
        },
      ],
      ['another root all the same', 1, [], (sys) => sys.chroot('/a')],
    ])('%s', (_, expected, asked, record) => {
      expect(moves(record)).toEqual({ moves: expected, asked });
    });
  });

  test('words of the errors, the trace and who explains', () => {
    const tape = laidOut((sys) => sys.end(0), { trace: 2, explainer: { path: '/x', option: '--why' } });
    expect(tape.errors).toMatch(/^1 EPERM Operation not permitted\n2 ENOENT No such file or directory\n/);
    expect([tape.trace, tape.explainer]).toEqual([2n, '/x']);
    expect(laidOut((sys) => sys.end(0)).trace).toBe(-1n);
  });
});
