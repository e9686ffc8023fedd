/** What ends a run that nobody has foreseen: one line, and the tool's own status. */
import { CALLS, Failure, arch as host, type Inherited, useNative } from '@ts/sys';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { toolWith } from '../testing/tool.ts';
import type { Build } from './build.ts';
import { main } from './run.ts';
import type { Tool } from './tool.ts';

let written = '';

class Ended extends Error {
  constructor(readonly status: number) {
    super('the process has ended');
  }
}

let statuses: number[] = [];
let goesOn = false;
let memory: Uint8Array = Buffer.alloc(0);
const column = host === 'arm64' ? 1 : 0;

beforeEach(() => {
  written = '';
  statuses = [];
  goesOn = false;
  useNative({
    syscall(number, status, _, size) {
      if (number === CALLS.write[column]) {
        if (status === 2) written += Buffer.from(memory).toString();
        return Number(size);
      }
      if (number !== CALLS.exit_group[column]) throw new Error(`call ${number} is not expected`);
      statuses.push(Number(status));
      if (!goesOn) throw new Ended(Number(status));
      return 0;
    },
    errno: () => 0,
    address: (bytes) => {
      memory = bytes;
      return 0;
    },
  });
});
afterEach(() => {
  for (const event of ['uncaughtException', 'beforeExit']) process.removeAllListeners(event);
});

const inherited = (argv: readonly string[], environment: readonly string[] = []): Inherited => ({
  descriptors: [],
  ignored: 0n,
  blocked: 0n,
  argv,
  environment,
});

const buildOf = (parts: Partial<Tool>, load: () => Tool = () => toolWith({ name: 'ts-x', ...parts })): Build => ({
  version: '0',
  id: '0'.repeat(32),
  tools: { 'ts-x': load },
});

function run(build: Build, environment: readonly string[] = [], argv: readonly string[] = ['/opt/x', 'word']) {
  try {
    main(build, 'ts-x', inherited(argv, environment));
  } catch (error) {
    if (!(error instanceof Ended)) throw error;
  }
  return { statuses, written };
}

const dies = (error: unknown): Partial<Tool> => ({
  plan: () => {
    throw error;
  },
});

describe('what nobody has foreseen is one line', () => {
  const endless = (n: number): number => 1 + endless(n + 1);
  test.each<[string, Partial<Tool>, string]>([
    ['an error', dies(new TypeError('x is\n  not a function')), 'x is not a function'],
    ['one without words', dies(new RangeError()), 'RangeError'],
    ['what is no error', dies('a text'), 'a text'],
    ['nothing', dies(undefined), 'undefined'],
    ['a stack that is full', { plan: () => endless(0) }, 'Maximum call stack size exceeded'],
    [
      'more memory than there can be',
      { plan: () => Buffer.alloc(2 ** 60) },
      expect.stringMatching(/^The value of "size" is out of range/) as string,
    ],
    [
      'while acting',
      {
        act: () => {
          throw new Error('acting');
        },
      },
      'acting',
    ],
    [
      'while telling',
      {
        ...dies(new Failure('no')),
        causes: undefined,
        get status(): number {
          throw new Error('telling');
        },
      },
      'telling',
    ],
  ])('%s', (what, parts, message) => {
    const {
      statuses: [status],
      written: text,
    } = run(buildOf(parts));
    expect(status).toBe(what === 'while telling' ? 1 : 7);
    expect(text.split('\n').at(-2)).toEqual(expect.stringMatching(/^x: internal error: /));
    expect(text.trimEnd().split('\n').at(-1)?.replace('x: internal error: ', '')).toEqual(message);
    expect(text).not.toContain('    at ');
  });

  test('a tool that cannot be loaded', () => {
    const broken = buildOf({}, () => {
      throw new SyntaxError('broken file');
    });
    expect(run(broken)).toEqual({ statuses: [1], written: 'x: internal error: broken file\n' });
  });

  test('the stack is for who asks for it', () => {
    expect(run(buildOf(dies(new Error('why'))), ['TS_TOOLS_STACK=1']).written).toMatch(
      /^x: internal error: why\nError: why\n {4}at /,
    );
  });

  test('later: a promise that is broken, an event that throws, work that is never done', async () => {
    goesOn = true;
    const settled = () => new Promise((resolve) => setImmediate(resolve));
    const started = (promise: Promise<never>) => run(buildOf({ act: () => promise }));
    started(Promise.reject(new Error('broken')));
    await settled();
    expect({ statuses, written }).toEqual({ statuses: [7], written: 'x: internal error: broken\n' });
    started(new Promise(() => {}));
    written = '';
    process.emit('uncaughtException', new Error('event'));
    expect(written).toContain('x: internal error: event\n');
    written = '';
    process.emit('beforeExit', 0);
    expect(written).toContain('x: internal error: the work was left undone\n');
    expect(new Set(statuses)).toEqual(new Set([7]));
  });
});

describe('a failure of a file names what was done and to which file', () => {
  const failure = (parts: Record<string, unknown>) =>
    dies(Object.assign(new Error('EACCES: ...'), { errno: -13, code: 'EACCES', ...parts }));
  test.each([
    [{ syscall: 'open', path: '/a' }, "cannot open '/a': Permission denied"],
    [{ syscall: 'scandir', path: '/a' }, "cannot read directory '/a': Permission denied"],
    [{ syscall: 'rename', path: '/a', dest: '/b' }, "cannot rename '/a' as '/b': Permission denied"],
    [{ syscall: 'read' }, 'cannot read: Permission denied'],
    [{ syscall: 'write' }, 'cannot write: Permission denied'],
    [{ syscall: 'statfs', path: '/a' }, "cannot statfs '/a': Permission denied"],
  ])('%o', (parts, message) => {
    expect(run(buildOf(failure(parts)))).toMatchObject({ written: expect.stringMatching(`^x: ${message}\n`) });
    expect(statuses[0]).toBe(7);
  });
});

describe('the explainer’s own run', () => {
  const explained = {
    causes: [{ of: 'chdir', errors: ['EPERM'], probe: ([path]: readonly string[]) => `because of ${path}` }],
  };
  const asked = (...words: string[]) =>
    run(
      buildOf({ ...explained, ...dies(new Failure('a command line')) }),
      [],
      ['/opt/x', '--explain-failure', ...words],
    );

  test('prints a line, and ends with the status', () => {
    expect(asked('1', '12', 'ts-x prog chdir /a').statuses[0]).toBe(12);
    expect(written).toMatch(/^prog: because of \/a\n/);
  });

  test.each([
    [[]],
    [['1']],
    [['a', 'b', 'c']],
    [['1', '2', 'nosuch prog x']],
    [['1', '2', '']],
    [['1', '-2', 'ts-x prog x']],
    [['1', '2', 'ts-x prog x', 'more']],
  ])('words that it is not asked with are a command line: %o', (words) => {
    asked(...words);
    expect(written).toMatch(/^\/opt\/x: unrecognized option '--explain-failure'\n/);
  });

  test('a probe that cannot read says nothing; one that is broken is an internal error', () => {
    const probing = (error: Error) => {
      const causes = [
        {
          of: 'chdir',
          errors: ['EPERM'],
          probe: () => {
            throw error;
          },
        },
      ];
      run(buildOf({ causes }), [], ['/opt/x', '--explain-failure', '1', '12', 'ts-x prog chdir']);
      return { statuses: statuses.splice(0), written: written.split('\n')[0] };
    };
    expect(probing(Object.assign(new Error(), { errno: -13, syscall: 'open', path: '/x' })).statuses[0]).toBe(12);
    written = '';
    expect(probing(new TypeError('broken'))).toEqual({ statuses: [7], written: 'x: internal error: broken' });
  });
});
