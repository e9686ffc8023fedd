/** The loader, in a Node of its own, on a file with scripts that say what they were given. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { Part } from './start/parts.ts';
import { loaderText } from './start.ts';

const folder = mkdtempSync(join(tmpdir(), 'ts-loader-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = join(folder, 'ts-fake');

const asScript = (result: string) => `(function(require,module){return ${result}})`;
const OTHER = asScript("'behind'");
const TEXTS = {
  script: asScript(`(name, state, library, file, whole, behind) => {
    if (process.argv.includes('--whole')) return whole();
    console.log(JSON.stringify({ name, state, library, file, behind: behind('b')(), none: behind('c') === undefined }));
  }`),
  cache: 'no cache of this Node',
  wholeScript: asScript(
    '(name, state, library, file) => console.log(JSON.stringify({ whole: name, state, library, file }))',
  ),
  behind: `....${OTHER}`,
  index: JSON.stringify({ b: [4, OTHER.length, 0, 0] }),
};

let at = 3;
const parts = Object.fromEntries(
  Object.entries(TEXTS).map(([name, { length: size }]): [string, Part] => {
    at += size;
    return [name, { offset: at - size, size }];
  }),
) as Record<keyof typeof TEXTS, Part>;
writeFileSync(file, `ELF${Object.values(TEXTS).join('')}`);

const load = await loaderText();
const text = load({ name: 'ts-fake', key: 'of another Node', ...parts });

/** Node with the file as descriptor 3, and with the loader as text or as descriptor 4. */
function run(state: string, how: 'text' | 'file', ...argv: string[]) {
  const loader = join(folder, 'loader');
  writeFileSync(loader, text);
  const words = how === 'text' ? ['-e', text, state] : ['--preserve-symlinks-main', '/proc/self/fd/4', state];
  const script = `exec 3<"$1" 4<"$2"; shift 2; exec "$@"`;
  const { stdout, stderr } = spawnSync(
    '/bin/sh',
    ['-c', script, 'sh', file, loader, process.execPath, ...words, '', 'ts-fake', ...argv],
    { encoding: 'utf8' },
  );
  expect(stderr).toBe('');
  return JSON.parse(stdout);
}

const STATE = '3:0-2:0:0::';
const given = { state: STATE, library: '/proc/self/fd/3', file };

test.each(['text', 'file'] as const)('as %s it runs the script of the file', (how) => {
  expect(run(STATE, how)).toEqual({ ...given, name: 'ts-fake', behind: 'behind', none: true });
  expect(run(STATE, how, '--whole')).toEqual({ ...given, whole: 'ts-fake' });
});

test('the path of the library is that at the end of the state, where there is one', () => {
  expect(run('3:0-2:0:0:::/a:b', 'text')).toMatchObject({ library: '/a:b' });
});

test('is one line of ASCII, as long as its numbers are', () => {
  expect(text).toMatch(/^[ -~]+$/);
  const moved = { ...parts, script: { ...parts.script, offset: 7 } };
  expect(load({ name: 'ts-fake', key: 'of another Node', ...moved })).toHaveLength(text.length);
});

test('tells a clock only where it is asked to', async () => {
  expect(text).not.toContain('phase(');
  expect((await loaderText(true))({ name: 'ts-fake', key: '', ...parts })).toContain('phase(');
});
