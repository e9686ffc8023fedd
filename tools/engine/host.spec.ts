/** The host by itself, where it has been compiled (npm run build:engine): what it does with what goes wrong, and its collector. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hostFile } from './compile.ts';
import { unpackedIn } from './source.ts';

const host = existsSync(unpackedIn()) ? hostFile(unpackedIn()) : undefined;

describe.skipIf(host === undefined || !existsSync(host))('the host (not compiled: npm run build:engine)', () => {
  let work: string;
  beforeAll(() => {
    work = mkdtempSync(join(tmpdir(), 'ts-host-'));
  });
  afterAll(() => rmSync(work, { recursive: true }));

  /** Runs a script, with that many KiB of address space at most. */
  function run(script: string, most = 200_000) {
    const path = join(work, 'script.js');
    writeFileSync(
      path,
      `const say = (text) => host.write(1, Uint8Array.from(text, (c) => c.charCodeAt(0)));\n${script}`,
    );
    const { status, stdout, stderr } = spawnSync(
      'sh',
      ['-c', 'ulimit -v "$3"; exec "$1" "$2"', 'sh', host as string, path, String(most)],
      { encoding: 'utf8' },
    );
    return { status, stdout, stderr };
  }

  test('what is started, and what is to be done when nothing is left', () => {
    const script =
      'globalThis.start = () => { Promise.resolve().then(() => say("job ")); say("start "); }; globalThis.ended = () => say("end");';
    expect(run(script)).toEqual({ status: 0, stdout: 'start job end', stderr: '' });
  });

  test('an error that nobody catches is one line, whatever is in it', () => {
    expect(run('throw new Error("a\\nb");')).toEqual({
      status: 1,
      stdout: '',
      stderr: 'internal error: Error: a b\n',
    });
    expect(run('globalThis.start = () => { const again = () => again() + 1; again(); };')).toEqual({
      status: 1,
      stdout: '',
      stderr: 'internal error: InternalError: stack overflow\n',
    });
  });

  test('no memory left is one line', () => {
    expect(run('const all = []; for (;;) all.push(new Array(1000).fill(0));', 60_000)).toEqual({
      status: 1,
      stdout: '',
      stderr: expect.stringMatching(/^internal error: [^\n]*out of memory\n$/),
    });
  });

  test('what refers to each other and is not needed any more is collected', () => {
    const script = `globalThis.start = () => {
      const kept = [];
      for (let turn = 0; turn < 600000; turn++) {
        const one = {};
        one.other = { one };
        if (turn % 50000 === 0) kept.push(one);
      }
      say(String(kept.every((one) => one.other.one === one)));
    };`;
    expect(run(script, 40_000)).toEqual({ status: 0, stdout: 'true', stderr: '' });
  });

  test('a word is a number or a bigint, nothing else', () => {
    for (const word of ['"1"', 'undefined', 'null', '{}', '1e300', 'NaN'])
      expect([
        word,
        run(`try { host.syscall(39, ${word}); say("made"); } catch (error) { say(error.name); }`).stdout,
      ]).toEqual([word, 'TypeError']);
    expect(run('say(String(host.syscall(39) > 1));').stdout).toBe('true');
  });
});
