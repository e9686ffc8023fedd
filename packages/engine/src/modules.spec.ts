/** The small modules, compared with Node's own. */
import assert from 'node:assert';
import { execFileSync } from 'node:child_process';
import nodePath from 'node:path';
import url from 'node:url';
import util from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { machine } from '../testing/host.ts';
import { AbortController as OurController } from './abort.ts';
import { notStrictEqual, strictEqual } from './assert.ts';
import { console as ourConsole } from './console.ts';
import { tmpdir } from './os.ts';
import path, { basename, posix, resolve } from './path.ts';
import { started } from './process.ts';
import { fileURLToPath } from './url.ts';
import { format, inspect } from './util.ts';

const outcome = (act: () => unknown): unknown => {
  try {
    return act();
  } catch (error) {
    const { name, code } = error as { name: string; code?: string };
    return [name, code];
  }
};

describe('node:path', () => {
  const parts = fc.array(fc.constantFrom('a', 'bc', '.', '..', '', 'd.e', '.f', 'g.', 'é', '\udc80', ' '), {
    maxLength: 6,
  });
  const paths = fc
    .tuple(fc.constantFrom('', '/', '//'), parts, fc.constantFrom('', '/'))
    .map(([head, list, tail]) => head + list.join('/') + tail);

  test('names and cuts as Node', () => {
    fc.assert(
      fc.property(paths, paths, (one, other) => {
        for (const name of ['basename', 'dirname', 'extname', 'normalize', 'isAbsolute'] as const)
          expect([name, path[name](one)]).toEqual([name, nodePath.posix[name](one)]);
        expect(path.join(one, other)).toBe(nodePath.posix.join(one, other));
        expect(path.resolve('/base', one, other)).toBe(nodePath.posix.resolve('/base', one, other));
        expect(path.relative(`/${one}`, `/${other}`)).toBe(nodePath.posix.relative(`/${one}`, `/${other}`));
        expect(path.basename(one, '.e')).toBe(nodePath.posix.basename(one, '.e'));
      }),
      { numRuns: 3000 },
    );
  });

  test('refuses what is no text, as Node', () => {
    for (const name of ['basename', 'dirname', 'join', 'resolve', 'normalize'] as const)
      for (const value of [undefined, null, 5, {}])
        for (const each of [path, nodePath.posix]) expect(() => each[name](value as never)).toThrow(TypeError);
  });

  test('has the same under its other names', () => {
    expect([basename, resolve, posix]).toEqual([path.basename, path.resolve, path]);
  });
});

describe('node:util', () => {
  const values = fc.oneof(
    fc.string(),
    fc.integer(),
    fc.double(),
    fc.bigInt(),
    fc.boolean(),
    fc.constantFrom(undefined, null, -0, Number.NaN),
  );
  const formats = fc
    .array(fc.constantFrom('%s', '%d', '%i', '%f', '%j', '%%', '%', ' ', 'text', '%x'), { maxLength: 6 })
    .map((list) => list.join(''));

  test('formats as Node', () => {
    fc.assert(
      fc.property(formats, fc.array(values, { maxLength: 4 }), (text, given) => {
        expect(outcome(() => format(text, ...given))).toEqual(outcome(() => util.format(text, ...given)));
      }),
      { numRuns: 5000, seed: 1 },
    );
  });

  test('puts values behind each other as Node', () => {
    fc.assert(
      fc.property(
        fc.array(
          values.filter((value) => typeof value !== 'string' || /^[\w ]*$/.test(value)),
          { maxLength: 4 },
        ),
        (given) => {
          expect(format(...given)).toBe(util.format(...given));
        },
      ),
    );
  });

  test('writes objects as JSON', () => {
    expect([format('%s', { a: 1 }), inspect([1, 'a']), format({})]).toEqual(['{"a":1}', '[1,"a"]', '{}']);
    expect([inspect("it's"), inspect('a')]).toEqual([util.inspect("it's"), util.inspect('a')]);
  });
});

describe('node:url', () => {
  test('finds the file of a URL as Node', () => {
    for (const text of ['file:///', 'file:///a/b.js', 'file:///a%20b/%C3%A9', 'file://localhost/a', 'file:///a?x#y'])
      expect(fileURLToPath(text)).toBe(url.fileURLToPath(text));
  });

  test('refuses what is no file', () => {
    for (const text of ['http://a/b', 'file://host/a', 'file:///a%2fb', '/a', 'file:///%zz'])
      expect(() => fileURLToPath(text)).toThrow();
  });
});

describe('node:os', () => {
  test('names the folder for temporary files as Node', () => {
    for (const environment of [
      [],
      ['TMPDIR=/a/'],
      ['TMPDIR=/'],
      ['TMPDIR=', 'TMP=/b'],
      ['TEMP=/c', 'TMP=/d'],
      ['TEMP=c'],
    ]) {
      machine.environment = environment;
      started();
      const env = Object.fromEntries(environment.map((entry) => entry.split('=')));
      expect(tmpdir()).toBe(execFileSync(process.execPath, ['-p', 'os.tmpdir()'], { env, encoding: 'utf8' }).trim());
    }
  });
});

describe('node:assert', () => {
  test('agrees and refuses as Node', () => {
    for (const [one, other] of [
      [1, 1],
      [1, '1'],
      [NaN, NaN],
      [0, -0],
      [{}, {}],
    ])
      for (const [name, check] of Object.entries({ strictEqual, notStrictEqual }))
        expect(outcome(() => check(one, other))).toEqual(outcome(() => assert[name as 'strictEqual'](one, other)));
    expect(() => strictEqual(1, 2, 'said so')).toThrow('said so');
  });
});

describe('AbortController', () => {
  test('does as that of Node', () => {
    const run = (Controller: typeof AbortController) => {
      const told: unknown[] = [];
      const { signal, ...rest } = new Controller();
      const controller = new Controller();
      const tell = () => told.push('told');
      const leave = () => told.push('left');
      controller.signal.addEventListener('abort', tell);
      controller.signal.addEventListener('abort', tell);
      controller.signal.addEventListener('abort', leave);
      controller.signal.removeEventListener('abort', leave);
      told.push(
        controller.signal.aborted,
        controller.signal.reason,
        outcome(() => controller.signal.throwIfAborted()),
      );
      controller.abort(new RangeError('so'));
      controller.abort(new TypeError('again'));
      told.push(
        controller.signal.aborted,
        String(controller.signal.reason),
        outcome(() => controller.signal.throwIfAborted()),
      );
      const plain = new Controller();
      plain.abort();
      const { name, message, code } = plain.signal.reason;
      const nothing = new Controller();
      nothing.abort(null);
      return [told, name, message, code, nothing.signal.aborted, nothing.signal.reason, Object.keys(rest)];
    };
    expect(run(OurController as unknown as typeof AbortController)).toEqual(run(AbortController));
  });
});

describe('console', () => {
  test('prints all of a line, to standard output or error', () => {
    machine.written.length = 0;
    machine.room = 7;
    ourConsole.log('a long line: %s', 5, 'é');
    ourConsole.error('wrong');
    ourConsole.warn('careful');
    const of = (fd: number) =>
      machine.written
        .filter((each) => each.fd === fd)
        .map(({ text }) => text)
        .join('');
    expect([of(1), of(2)]).toEqual(['a long line: 5 é\n', 'wrong\ncareful\n']);
  });

  test('gives up where nothing can be written', () => {
    machine.written.length = 0;
    machine.room = -32;
    ourConsole.log('lost');
    expect(machine.written).toEqual([]);
  });
});
