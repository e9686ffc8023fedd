/** A failure is one line, whatever it is: never the stack of a program. */

import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { bin, NOBODY, run, shell } from '../harness/run.ts';
import { needs, needsRoot } from '../harness/skip.ts';

const STACK = /^\s+at |internal error|node:internal|[;{}]{3}/m;
const tools = readdirSync(bin).filter((name) => name.startsWith('ts-') && name !== 'ts-tools');

describe('words that only the tools give themselves', () => {
  const ODD = [
    [],
    ['1'],
    ['x', 'y', 'z'],
    ['1', '2', 'nosuch prog x'],
    ['1', '2', ''],
    ['99999999999999999999', '0', 'ts-mount'],
  ];
  test.each(tools)('%s --explain-failure, --get-yargs-completions', (tool) => {
    for (const words of [...ODD.slice(0, 3), ['1', '2', '', '']].map((rest) => ['--explain-failure', ...rest])) {
      const { stderr, status } = run([tool, ...words], { timeout: 20_000 });
      expect(stderr).not.toMatch(STACK);
      expect({ words, failed: status !== null }).toEqual({ words, failed: true });
    }
    expect(run([tool, '--get-yargs-completions', '']).stderr).toBe('');
  });

  test('what is no explanation is not asked', () => {
    for (const words of ODD) {
      const { stderr, status, stdout } = run(['ts-mount', '--explain-failure', ...words]);
      expect({ stdout, status }).toEqual({ stdout: '', status: 1 });
      expect(stderr).toMatch(/^ts-mount: unrecognized option '--explain-failure'\nTry .*\n$/);
    }
  });

  test.each(['{}', '[]', 'null', '1', '"x"', '{"groups":[],"remove":[1],"began":0}', '{"groups":[],"remove":[]}', '{'])(
    'ts-cgexec --finish %s',
    (text) => {
      const { stderr, status } = run(['ts-cgexec', '--finish', text]);
      expect(stderr).toMatch(/^Wrong input parameters, .*\nts-cgexec: --finish is used by this tool itself\n$/);
      expect(status).not.toBe(0);
    },
  );
});

describe('what cannot be written', () => {
  test('standard output: the operation and the error', () => {
    for (const words of ['ts-lsns', 'ts-mount', 'ts-unshare --help', 'ts-unshare --dry-run -u true'])
      expect(shell(`${words} >/dev/full`)).toMatchObject({
        status: expect.not.stringMatching(/^0$/),
        stderr: expect.stringMatching(/^ts-[a-z]+: write error: No space left on device\n$/),
      });
  });

  test('standard error: the status says it', () => {
    for (const redirection of ['2>/dev/full', '2>&-', '2</dev/null']) {
      expect(shell(`ts-unshare --nosuch true ${redirection}`)).toMatchObject({ status: 1, stderr: '' });
      expect(shell(`ts-unshare -u /nonexistent ${redirection}`)).toMatchObject({ status: 127, stderr: '' });
      expect(shell(`ts-mount -t nosuchfs x /mnt ${redirection}`).status).toBe(32);
    }
  });
});

const CAP_SYS_RESOURCE = 24n;
const needsResources = () =>
  (BigInt(`0x${/^CapEff:\s*(\w+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]}`) >> CAP_SYS_RESOURCE) & 1n
    ? undefined
    : 'needs CAP_SYS_RESOURCE';

describe('a limit of the size of files does not concern what runs in memory', () => {
  const LOOK = 'ulimit -S -f; ulimit -H -f; ulimit -f unlimited 2>/dev/null && echo raised';
  test('a soft one', () => {
    for (const uid of [undefined, NOBODY].slice(0, process.getuid?.() === 0 ? 2 : 1))
      for (const size of [0, 1, 8])
        expect(shell(`ulimit -S -f ${size}; exec ts-unshare -Ur ts-unshare -u sh -c '${LOOK}'`, { uid })).toMatchObject(
          {
            status: 0,
            stdout: `${size}\nunlimited\nraised\n`,
            stderr: '',
          },
        );
  });

  test('a hard one, for who may raise it: the program has it as it was', (context) => {
    needs(context, needsRoot, needsResources);
    expect(shell("ulimit -f 0; exec ts-unshare -u sh -c 'ulimit -S -f; ulimit -H -f'")).toEqual({
      status: 0,
      signal: null,
      stdout: '0\n0\n',
      stderr: '',
    });
  });

  test('a hard one, for an ordinary user: says what forbids it, before anything is done', (context) => {
    needs(context, needsRoot);
    const { status, stderr, stdout } = shell('ulimit -f 0; exec ts-unshare -Ur true', { uid: NOBODY });
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(
      /^ts-unshare: cannot make its file in memory, of \d+ bytes: the limit of a file's size \(ulimit -f\) is 0 bytes: Operation not permitted\n$/,
    );
  });
});
