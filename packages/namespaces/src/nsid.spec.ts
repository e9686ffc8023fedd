/** Kernels that cannot all be had in one test run: what they are asked, and what is made of their answers. */
import { errnoOf, type LiveSys, NS_GET_ID, NS_GET_MNTNS_ID, type Operand } from '@ts/sys';
import { describe, expect, test } from 'vitest';
import { hasNsids, openNamespaceById } from './nsid.ts';
import { nsidOf } from './reader.ts';

const ENOTTY = -errnoOf('ENOTTY');
const ESTALE = -errnoOf('ESTALE');
const EOPNOTSUPP = -errnoOf('EOPNOTSUPP');

/** A kernel by what it answers; calls that are not named succeed with 9. */
function kernel(answers: Readonly<Record<string, (...operands: Operand[]) => number>>) {
  const calls: string[] = [];
  const sys = {
    look: (name: string, ...operands: Operand[]) => {
      calls.push(name);
      return answers[name]?.(...operands) ?? 9;
    },
    ignoring: () => sys,
  };
  return { sys: sys as unknown as LiveSys, calls };
}

/** Answers a request for an id with one. */
const gives =
  (request: number, id: bigint) =>
  (_: Operand, asked: Operand, into: Operand): number => {
    if (asked !== request) return ENOTTY;
    (into as Buffer).writeBigUInt64LE(id);
    return 0;
  };

describe('the id of a namespace', () => {
  test('of any kind, of a mount namespace alone, of none', () => {
    expect(nsidOf(kernel({ ioctl: gives(NS_GET_ID, 4098n) }).sys, 3)).toBe(4098);
    expect(nsidOf(kernel({ ioctl: gives(NS_GET_MNTNS_ID, 5n) }).sys, 3)).toBe(5);
    expect(nsidOf(kernel({ ioctl: () => ENOTTY }).sys, 3)).toBeUndefined();
  });
  test('is something that this kernel gives or not', () => {
    expect(hasNsids(kernel({ ioctl: gives(NS_GET_ID, 1n) }).sys)).toBe(true);
    expect(hasNsids(kernel({ ioctl: () => ENOTTY }).sys)).toBe(false);
  });
});

describe('opening by id', () => {
  const KIND_OF_HANDLE = 0xf1;
  const named = (...[, , handle]: Operand[]) => {
    (handle as Buffer).writeInt32LE(KIND_OF_HANDLE, 4);
    (handle as Buffer).fill(0xff, 8);
    return 0;
  };

  test('by a handle of nothing but the id, where that is enough', () => {
    let handle: Buffer | undefined;
    const { sys, calls } = kernel({
      name_to_handle_at: named,
      open_by_handle_at: (_, given) => {
        handle = Buffer.from(given as Buffer);
        return 12;
      },
    });
    expect(openNamespaceById(sys, 0x1_0000_0007, [])).toEqual({ fd: 12 });
    expect(handle?.readUInt32LE(0)).toBe(16);
    expect(handle?.readInt32LE(4)).toBe(KIND_OF_HANDLE);
    expect(handle?.subarray(8).toString('hex')).toBe('07000000010000000000000000000000');
    expect(calls).toEqual(['openat', 'name_to_handle_at', 'open_by_handle_at', 'close']);
  });
  test.each([
    ['that wants more in a handle', { name_to_handle_at: named, open_by_handle_at: () => ESTALE }],
    ['without handles', { name_to_handle_at: () => EOPNOTSUPP }],
  ])('a kernel %s: what can be seen is gone through', (_, answers) => {
    // No file can be opened but our own: nothing is found, and nothing is left open.
    let open = 0;
    const { sys } = kernel({
      ...answers,
      openat: (_at, path) => {
        if (path !== '/proc/self/ns/mnt') return -errnoOf('EACCES');
        open += 1;
        return 9;
      },
      close: () => {
        open -= 1;
        return 0;
      },
      ioctl: () => ENOTTY,
      pidfd_open: () => -errnoOf('ESRCH'),
    });
    expect(openNamespaceById(sys, 7, [])).toEqual({ fd: undefined, byInode: undefined });
    expect(open).toBe(0);
  });
});
