import * as nodeFs from 'node:fs';
import { expect, test } from 'vitest';
import * as bunFs from './bun-fs.ts';

test('what is called is passed on, with its arguments, result and error', () => {
  expect(bunFs.readdirSync('/proc/self/task')).toEqual(nodeFs.readdirSync('/proc/self/task'));
  expect(bunFs.lstatSync('/proc/self', { bigint: true }).mode).toBe(BigInt(nodeFs.lstatSync('/proc/self').mode));
  expect(() => bunFs.readlinkSync('/')).toThrow(expect.objectContaining({ code: 'EINVAL', syscall: 'readlink' }));
  expect(nodeFs.constants).toMatchObject(bunFs.constants);
});

test('each name is passed on to its own function', () => {
  const { constants, ...functions } = bunFs;
  expect(Object.keys(constants)).toHaveLength(4);
  for (const name of Object.keys(functions)) expect(nodeFs).toHaveProperty(name, expect.any(Function));
});
