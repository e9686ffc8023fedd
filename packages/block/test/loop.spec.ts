/** Loop devices on the real kernel: what differs from one kernel, or one moment, to another is made up by a call that fails. */
import { closeSync, existsSync, mkdtempSync, openSync, readSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { errnoOf, type LiveSys, LOOP_CONFIGURE, live, SysError } from '@ts/sys';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { freeLoop, type LoopRequest, setUpLoop, usedLoops } from '../src/index.ts';

const cannot = process.getuid?.() !== 0 || !existsSync('/dev/loop-control');

let folder = '';
let request: LoopRequest;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'loop-'));
  const file = join(folder, 'file');
  writeFileSync(file, Buffer.concat([Buffer.alloc(4096, 'a'), Buffer.alloc(4096, 'b')]));
  request = { file, offset: 0n, sizeLimit: 0n, readOnly: false };
});
afterEach(() => {
  const left = ours();
  for (const { device } of left) freeLoop(live(1), device);
  rmSync(folder, { recursive: true, force: true });
  expect(left).toEqual([]);
});

const ours = () => usedLoops().filter(({ file }) => file.startsWith(folder));

/** The same calls, but that LOOP_CONFIGURE fails so often with an error. */
function failing(error: string, times: number): { sys: LiveSys; count: () => number } {
  const sys = live(1);
  let count = 0;
  const ioctl: LiveSys['ioctl'] = (fd, operation, argument) => {
    if (operation === LOOP_CONFIGURE && count < times) {
      count++;
      throw new SysError('ioctl', errnoOf(error), 'ioctl');
    }
    return sys.ioctl(fd, operation, argument);
  };
  return { sys: Object.create(sys, { ioctl: { value: ioctl } }), count: () => count };
}

function firstByte(device: string): string {
  const bytes = Buffer.alloc(1);
  const fd = openSync(device, 'r');
  readSync(fd, bytes, 0, 1, 0);
  closeSync(fd);
  return bytes.toString();
}

describe.skipIf(cannot)('loop devices', () => {
  test('a part of a file, for as long as the descriptor is open', () => {
    const sys = live(1);
    const { device, fd, readOnly, reused } = setUpLoop(sys, { ...request, offset: 4096n, sizeLimit: 2048n });
    expect({ readOnly, reused, byte: firstByte(device) }).toEqual({ readOnly: false, reused: false, byte: 'b' });
    expect(ours()).toEqual([
      { device, file: request.file, offset: 4096n, sizeLimit: 2048n, autoclear: true, readOnly: false },
    ]);
    sys.close(fd);
    expect(ours()).toEqual([]);
  });

  test.each(['EINVAL', 'ENOTTY', 'ENOSYS'])('a kernel without LOOP_CONFIGURE (%s)', (error) => {
    const { sys, count } = failing(error, 1);
    const { device, fd } = setUpLoop(sys, { ...request, offset: 4096n, readOnly: true });
    expect(count()).toBe(1);
    expect(ours()).toEqual([
      { device, file: request.file, offset: 4096n, sizeLimit: 0n, autoclear: true, readOnly: true },
    ]);
    sys.close(fd);
  });

  test('somebody else was faster: another one', () => {
    const { sys, count } = failing('EBUSY', 3);
    const { fd } = setUpLoop(sys, request);
    expect(count()).toBe(3);
    sys.close(fd);
  });

  test('but not for ever, nor where one is named', () => {
    const busy = { code: 'EBUSY' };
    expect(() => setUpLoop(failing('EBUSY', 1000).sys, request)).toThrow(expect.objectContaining(busy));
    const { sys, count } = failing('EBUSY', 1000);
    expect(() => setUpLoop(sys, { ...request, device: '/dev/loop0' })).toThrow();
    expect(count()).toBeLessThanOrEqual(1);
  });

  test('another error leaves nothing', () => {
    expect(() => setUpLoop(failing('ENOMEM', 1).sys, request)).toThrow(expect.objectContaining({ code: 'ENOMEM' }));
    expect(() => setUpLoop(live(1), { ...request, file: folder })).toThrow(SysError);
    expect(() => setUpLoop(live(1), { ...request, file: join(folder, 'none') })).toThrow(
      expect.objectContaining({ code: 'ENOENT' }),
    );
  });

  test('the same bytes: one device; a part of them: none', () => {
    const sys = live(1);
    const first = setUpLoop(sys, request);
    const second = setUpLoop(sys, request);
    expect(second).toMatchObject({ device: first.device, reused: true });
    expect(() => setUpLoop(sys, { ...request, offset: 4096n })).toThrow('overlap');
    expect(() => setUpLoop(sys, { ...request, device: '/dev/loop7' })).toThrow('overlap');
    sys.close(first.fd);
    expect(ours()).toHaveLength(1);
    sys.close(second.fd);
  });
});
