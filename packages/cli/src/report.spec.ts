/** The lines and the status of each kind of failure. */
import { Failure, SysError } from '@ts/sys';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { toolWith } from '../testing/tool.ts';
import type { Call } from './call.ts';
import { UsageError } from './errors.ts';
import { report } from './report.ts';
import type { Tool } from './tool.ts';
import type { World } from './world.ts';

let written: string[] = [];
vi.mock('./output.ts', () => ({ writeText: (_fd: number, text: string) => written.push(text) }));
let elsewhere = false;
vi.mock('@ts/sys', async (original) => ({
  ...(await original<typeof import('@ts/sys')>()),
  isElsewhere: () => elsewhere,
}));
beforeEach(() => {
  written = [];
  elsewhere = false;
});

const toolOf = (parts: Partial<Tool>): Tool =>
  toolWith({
    usageStatus: 9,
    causes: [{ of: 'thing', errors: ['EPERM'], probe: ([word]: readonly string[]) => `because of ${word}` }],
    ...parts,
  });

function reported(error: unknown, parts: Partial<Tool> = {}, hints?: string) {
  const call: Call = { tool: toolOf(parts), argv: ['/opt/y'], environment: [] };
  const world = {
    prog: 'y',
    read: () => undefined,
    warn: (line: string) => written.push(`y: ${line}\n`),
    variable: (name: string) => (name === 'TS_HINTS' ? hints : undefined),
  } as unknown as World;
  written = [];
  const status = report(call, world, error);
  return { status, text: written.join('') };
}

const refused = (errno: number, status?: number) =>
  new SysError('mount', errno, 'mount("/a")', 'mount failed', status, 'thing it');

describe('a failure', () => {
  test('has its own status, else that of the tool, else 1', () => {
    expect(reported(new Failure('no', 3, 'do it otherwise'))).toEqual({
      status: 3,
      text: 'y: no\ny: do it otherwise\n',
    });
    expect(reported(new Failure('no'))).toEqual({ status: 7, text: 'y: no\n' });
    expect(reported(new Failure('no'), { status: undefined }).status).toBe(1);
    expect(reported(new Failure('no', 0)).status).toBe(0);
  });

  test('has no remedy where none is wanted', () => {
    expect(reported(new Failure('no', 3, 'remedy'), {}, '0').text).toBe('y: no\n');
    expect(reported(refused(1), {}, '0').text).toBe('y: mount failed: Operation not permitted\n');
  });
});

test('a system call is said in the words of the tool, with its cause where that is known', () => {
  expect(reported(refused(1, 32))).toEqual({
    status: 32,
    text: 'y: mount failed: Operation not permitted\ny: because of it\n',
  });
  expect(reported(refused(2)).text).toBe('y: mount failed: No such file or directory\n');
  expect(reported(new SysError('mount', 1, 'mount("/a")')).text).toBe('y: mount("/a"): Operation not permitted\n');
});

test('in another root nothing is looked at for a cause', () => {
  elsewhere = true;
  expect(reported(refused(1, 32)).text).toBe('y: mount failed: Operation not permitted\n');
});

describe('wrong words', () => {
  test('lead to the help', () => {
    expect(reported(new UsageError('wrong'))).toEqual({
      status: 9,
      text: "y: wrong\nTry 'y --help' for more information.\n",
    });
    expect(reported(new UsageError('wrong', true, 'remedy'), { usageStatus: undefined })).toEqual({
      status: 1,
      text: "/opt/y: wrong\nTry 'y --help' for more information.\ny: remedy\n",
    });
  });

  test('or to a line of the tool, before what is wrong unless getopt says that', () => {
    const usageLine = (prog: string) => `usage: ${prog}`;
    expect(reported(new UsageError('wrong'), { usageLine }).text).toBe('usage: /opt/y\ny: wrong\n');
    expect(reported(new UsageError('wrong', true), { usageLine }).text).toBe('/opt/y: wrong\nusage: /opt/y\n');
  });
});

test('a file that cannot be read is named with what was to be done', () => {
  const error = Object.assign(new Error('x'), { errno: -13, code: 'EACCES', syscall: 'open', path: '/a' });
  expect(reported(error)).toEqual({ status: 7, text: "y: cannot open '/a': Permission denied\n" });
});

test('a reader that has gone is no failure', () => {
  const error = Object.assign(new Error('x'), { errno: -32, code: 'EPIPE', syscall: 'write' });
  expect(reported(error)).toEqual({ status: 0, text: '' });
});

test('what nobody foresaw is thrown on', () => {
  const error = new TypeError('x');
  expect(() => reported(error)).toThrow(error);
});
