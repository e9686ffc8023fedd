/** Which tool of a chain is planned onto the tape of the one before it, and which is executed afresh. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatTape, type Inherited, recording } from '@ts/sys';
import { afterAll, describe, expect, test } from 'vitest';
import { toolWith as anyTool } from '../testing/tool.ts';
import { type Build, trailer } from './build.ts';
import type { Call, Session } from './call.ts';
import { emissionOf } from './emit.ts';
import { type Becoming, type Chain, conclude, nextTool, planNext, programOf } from './fusing.ts';
import { COMMON_OPTIONS, type Option } from './option.ts';
import { parse } from './parse.ts';
import type { Facet, Tool } from './tool.ts';

const ID = '1'.repeat(32);
const folder = mkdtempSync(join(tmpdir(), 'ts-fusing-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function fileAt(path: string, bytes: Buffer, mode = 0o755): string {
  writeFileSync(path, bytes);
  chmodSync(path, mode);
  return path;
}
mkdirSync(join(folder, 'bin'));
const file = fileAt(join(folder, 'bin/ts-y'), trailer(ID, 'ts-y'));
mkdirSync(join(folder, 'second'));
const second = fileAt(join(folder, 'second/ts-y'), trailer(ID, 'ts-y'));
const other = fileAt(join(folder, 'bin/other'), trailer('2'.repeat(32), 'ts-y'));
const plainFile = fileAt(join(folder, 'bin/plain'), Buffer.from('#!/bin/sh\n'));
const notExecutable = fileAt(join(folder, 'bin/data'), trailer(ID, 'ts-y'), 0o644);
const link = join(folder, 'y');
symlinkSync(file, link);

const toolWith = (parts: Partial<Tool> = {}): Tool =>
  anyTool({
    plan: ({ operands }: { operands: readonly string[] }) => ({ program: operands }),
    becomes: () => true,
    apply: (plan: { program: readonly string[] }, sys: { umask(mask: number): unknown }) => {
      sys.umask(0o22);
      return { become: plan.program };
    },
    ...parts,
  } as Partial<Tool>);

const inherited: Inherited = { descriptors: [], ignored: 0n, blocked: 0n, argv: [], environment: [] };

function sessionOf(tool = toolWith()): Session {
  const build: Build = { version: '0', id: ID, tools: { 'ts-y': () => tool } };
  return { build, inherited, file: undefined };
}

const chainOf = (parts: Partial<Chain> = {}): Chain => ({
  sys: recording(),
  changed: new Set(),
  mounted: [],
  ...parts,
});

const becoming = (path: string, parts: Partial<Becoming> = {}): Becoming => ({ become: [path, 'true'], ...parts });
const changed = (...facets: Facet[]) => chainOf({ changed: new Set(facets) });
const emission = emissionOf(parse<readonly Option[]>(COMMON_OPTIONS, ['--emit', '/nowhere'], {}));

describe('the next tool', () => {
  const next = (outcome: Becoming, chain = chainOf(), environment: readonly string[] = []) =>
    nextTool(outcome, chain, environment, sessionOf());

  test.each([
    ['its file', becoming(file)],
    ['a link to it', becoming(link)],
  ])('is known by %s', (_, outcome) => expect(next(outcome)?.argv).toEqual(outcome.become));

  test('is found in PATH, the first program there', () => {
    const environment = [`PATH=/nonexistent:${folder}/bin`];
    expect(next(becoming('ts-y'), chainOf(), environment)?.tool.name).toBe('ts-y');
    expect(next(becoming('data'), chainOf(), environment)).toBeUndefined();
  });

  test.each<[string, Becoming]>([
    ['a program', becoming(plainFile)],
    ['a tool of another build', becoming(other)],
    ['a file that may not be executed', becoming(notExecutable)],
    ['nothing', becoming(join(folder, 'missing'))],
    ['a tool under another argv[0]', becoming(file, { argv0: '-ts-y' })],
  ])('is not %s', (_, outcome) => expect(next(outcome)).toBeUndefined());

  test.each<[Facet, boolean]>([
    ['root', false],
    ['credentials', false],
    ['filter', false],
    ['ids', true],
    ['pid', true],
    ['cgroups', true],
    ['limits', true],
  ])('after a change of %s: %s', (facet, fused) =>
    expect(next(becoming(file), changed(facet)) !== undefined).toBe(fused),
  );

  test('is executed where that is asked for, and where something is mounted over its file or its link', () => {
    expect(next(becoming(file), chainOf(), ['TS_TOOLS_NO_FUSE=1'])).toBeUndefined();
    expect(next(becoming(file), chainOf(), ['TS_TOOLS_NO_FUSE=0'])).toBeDefined();
    for (const mounted of [[folder], [join(folder, 'bin')], [file], ['/']])
      expect(next(becoming(file), chainOf({ mounted })), mounted[0]).toBeUndefined();
    expect(next(becoming(link), chainOf({ mounted: [join(folder, 'bin')] }))).toBeUndefined();
    expect(next(becoming(link), chainOf({ mounted: [link] }))).toBeUndefined();
    expect(next(becoming(file), chainOf({ mounted: [`${file}s`, join(folder, 'b')] }))).toBeDefined();
  });

  test('a tape that is kept takes it in any case, but not with rights that are known only later', () => {
    expect(next(becoming(file), chainOf({ emission }), ['TS_TOOLS_NO_FUSE=1'])).toBeDefined();
    expect(() => next(becoming(file), { ...changed('credentials'), emission })).toThrow(/cannot be emitted/);
  });
});

describe('its plan', () => {
  const plan = (parts: Partial<Tool>, chain = chainOf(), words: readonly string[] = ['true']) => {
    const tool = toolWith(parts);
    const call: Call = { tool, argv: ['ts-y', ...words], environment: [] };
    return planNext(call, chain, sessionOf(tool));
  };

  test('is taken where nothing before it matters', () => {
    expect(plan({})).toMatchObject({ plan: { program: ['true'] } });
    expect(plan({ reads: ['root', 'limits'] }, changed('ids'))).toMatchObject({ plan: {} });
    expect(plan({ files: () => ['/a/b'] }, chainOf({ mounted: ['/a/bc'] }))).toMatchObject({ plan: {} });
  });

  test.each<[string, Partial<Tool>, Chain, readonly string[], RegExp]>([
    ['an emission', {}, chainOf(), ['--emit', '/nowhere', 'true'], /^--emit is for itself alone/],
    ['a rehearsal', {}, chainOf(), ['--dry-run', 'true'], /^--dry-run is for itself/],
    ['what it reads is changed', { reads: ['ids'] }, changed('ids'), ['true'], /\(ids\)$/],
    ['the same, by its plan', { reads: () => ['pid'] }, changed('pid'), ['true'], /\(pid\)$/],
    ['a file that is mounted over', { files: () => ['/a/b'] }, chainOf({ mounted: ['/a'] }), [], /reads \/a\/b/],
    ['it asks the kernel', { prepares: () => true }, chainOf(), [], /kernel/],
    ['it prints', { becomes: () => false }, chainOf(), [], /^it ends in no program/],
  ])('is not taken: %s', (_, parts, chain, words, reason) => expect(plan(parts, chain, words)).toMatch(reason));

  test('options that exclude each other are refused there, too', () => {
    const options = [
      { long: 'one', help: '' },
      { long: 'two', help: '' },
    ];
    expect(() => plan({ options, exclusive: [['one', 'two']] }, chainOf(), ['--one', '--two'])).toThrow(
      'options --one and --two cannot be combined',
    );
  });
});

describe('on the tape', () => {
  function tapeOf(parts: Partial<Tool>, outcome: Becoming) {
    const chain = chainOf({ sys: recording(1, true).speakFor('x', 'ts-x x', 1) });
    conclude(outcome, chain, { tool: toolWith(), argv: ['ts-x'], environment: [] }, sessionOf(toolWith(parts)));
    return formatTape(chain.sys.finish());
  }

  test('the calls of the next tool stand there, and its program', () => {
    const text = tapeOf({}, { become: [file, '/bin/true'] });
    expect(text).toMatch(/umask/);
    expect(text).toMatch(/execve\("\/bin\/true"/);
    expect(text).not.toContain(file);
  });

  test('what fails while it is planned is left to the tool itself', () => {
    const plan = () => {
      throw new Error('no');
    };
    expect(tapeOf({ plan }, { become: [file, '/bin/true'] })).toContain(`execve("${file}"`);
  });

  test('what it changes counts for the one behind it', () => {
    const parts: Partial<Tool> = {
      apply: () => ({ become: [file, '/bin/true'], changes: ['root'] }),
    };
    expect(tapeOf(parts, { become: [file] })).toContain(`execve("${file}"`);
    let runs = 0;
    const apply = (): Becoming => ({ become: [runs++ ? '/bin/true' : file], mounted: runs === 1 ? [folder] : [] });
    expect(tapeOf({ apply }, { become: [file] })).toContain(`execve("${file}"`);
    runs = 0;
    const twice = (): Becoming => ({ become: [runs++ ? '/bin/true' : second] });
    expect(tapeOf({ apply: twice }, { become: [file], mounted: [join(folder, 'second')] })).toContain(
      `execve("${second}"`,
    );
  });
});

test('a program that cannot be executed: 126, one that is missing: 127, unless the tool says otherwise', () => {
  expect(programOf({ become: ['a/b', 'c'] }, [])).toEqual({
    argv: ['a/b', 'c'],
    paths: ['a/b'],
    failure: { message: 'failed to execute a/b', status: 126, statusMissing: 127 },
  });
  const failure = { message: 'no', status: 1 };
  expect(programOf({ become: ['sh'], argv0: '-sh', path: '/bin/sh', failure }, ['PATH=/x'])).toEqual({
    argv: ['-sh'],
    paths: ['/bin/sh'],
    failure,
  });
  expect(programOf({ become: ['sh'] }, ['PATH=/x::/y']).paths).toEqual(['/x/sh', 'sh', '/y/sh']);
});
