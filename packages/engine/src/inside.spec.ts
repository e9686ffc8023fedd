/** What other specs test in Node, where there is none: in a context that has the language alone, and in the engine, where one is given. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createContext, runInContext } from 'node:vm';
import { build } from 'esbuild';
import { beforeAll, describe, expect, test } from 'vitest';
import { CASES, outcome } from '../testing/cases.ts';
import { FEATURES, TURNS } from '../testing/language.ts';

/** An engine to test: an executable that runs the script whose path it is given. */
const engine = process.env.TS_TEST_ENGINE;

async function bundled(entry: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [resolve(import.meta.dirname, entry)],
    bundle: true,
    write: false,
    platform: 'neutral',
    mainFields: ['main'],
    format: 'iife',
    target: 'es2022',
    charset: 'ascii',
    logLevel: 'error',
  });
  return outputFiles[0]?.text ?? '';
}

let script: string;
beforeAll(async () => {
  script = await bundled('../testing/run.ts');
});

const expected = () => [
  ...CASES.map((each) => `${each.name.slice(0, 200)} -> ${outcome(each, Buffer)}`),
  ...FEATURES.map(({ name, gives }) => `${name} -> ${gives}`),
  TURNS,
];

const linesOf = (text: string) => text.trimEnd().split('\n');

const differences = (lines: readonly string[]) => {
  const wanted = expected();
  return lines.length === wanted.length
    ? lines.flatMap((line, at) => (line === wanted[at] ? [] : [{ found: line, wanted: wanted[at] }]))
    : `${lines.length} lines, not ${wanted.length}`;
};

describe('without Node', () => {
  test('all comes from the language and the host', async () => {
    const printed: string[] = [];
    const context = createContext({ print: (text: string) => printed.push(text) });
    runInContext(script, context);
    await new Promise(setImmediate);
    expect(differences(linesOf(printed.join('\n')))).toEqual([]);
  });

  test('globals are put in place', () => {
    const names = ['AbortController', 'AbortSignal', 'Buffer', 'console', 'process', 'queueMicrotask', 'setImmediate'];
    const context = createContext({});
    expect(
      runInContext(`${JSON.stringify(names)}.filter((name) => name in globalThis && name !== 'console')`, context),
    ).toEqual([]);
    context.print = () => undefined;
    runInContext(script, context);
    const kinds = runInContext(`${JSON.stringify(names)}.map((name) => typeof globalThis[name])`, context);
    expect(kinds).toEqual(['function', 'function', 'function', 'object', 'object', 'function', 'function']);
    expect(runInContext('process.pid', context)).toBe(4321);
    expect(runInContext('Object.keys(globalThis).sort().join()', context)).toBe('host,print');
  });

  /** What the engine has wrong and no script can mend: none of the tools does it. */
  const KNOWN = ['great big numbers compared with others', 'a group in a loop begins anew'];

  test.skipIf(engine === undefined)('the engine gives the same', () => {
    const folder = mkdtempSync(join(tmpdir(), 'ts-engine-'));
    try {
      writeFileSync(join(folder, 'run.js'), script);
      const found = differences(
        linesOf(execFileSync(engine as string, [join(folder, 'run.js')], { encoding: 'utf8' })),
      );
      const names = typeof found === 'string' ? found : found.map(({ wanted = '' }) => wanted.split(' -> ')[0]);
      expect(names).toEqual(KNOWN);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
