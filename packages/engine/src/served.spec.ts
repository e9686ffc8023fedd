/** What the tools take from Node is served here, or named below as what is not. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import '../testing/host.ts';
import { createContext, runInContext } from 'node:vm';
import { expect, test } from 'vitest';
import { Buffer as Ours } from './buffer.ts';
import { process as ourProcess } from './process.ts';

const packages = resolve(import.meta.dirname, '../..');

/** Names that a module here has. */
const MODULES: Readonly<Record<string, readonly string[]>> = {
  'node:path': [
    'basename',
    'dirname',
    'extname',
    'isAbsolute',
    'join',
    'normalize',
    'relative',
    'resolve',
    'sep',
    'posix',
  ],
  'node:os': ['tmpdir'],
  'node:timers/promises': ['setTimeout', 'setImmediate'],
};

/** Globals that are put in place (globals.ts). */
const GLOBALS = ['AbortController', 'AbortSignal', 'Buffer', 'console', 'process', 'queueMicrotask', 'setImmediate'];

/** Used, and not served: by whom. Those of @ts/sys load koffi, or are Bun's. */
const ABSENT: Readonly<Record<string, readonly string[]>> = {
  'node:child_process spawn': ['layers/src/compression.ts'],
  'node:child_process spawnSync': ['mounts/src/helpers.ts', 'ts-netns/src/netns.ts'],
  'node:crypto createHash': [
    'images/src/image.ts',
    'images/src/layout.ts',
    'images/src/pack.ts',
    'images/src/sources.ts',
    'images/src/unpack.ts',
  ],
  'node:crypto randomBytes': ['images/src/layout.ts', 'layers/src/replacement.ts'],
  'node:module': ['sys/src/native.ts'],
  'node:os constants': ['mounts/src/helpers.ts'],
  'node:os networkInterfaces': ['ts-hostname/src/names.ts'],
  'node:stream pipeline': ['layers/src/compression.ts'],
  'node:zlib default': ['layers/src/compression.ts'],
  'process.dlopen': ['sys/src/native.ts'],
  'process.report': ['sys/src/native.ts'],
  'process.version': ['layers/src/compression.ts'],
};

/** Files of the packages, without comments. */
const sources = readdirSync(packages)
  .filter((name) => name !== 'engine')
  .flatMap((name) =>
    readdirSync(join(packages, name, 'src'), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts') && !file.endsWith('.spec.ts'))
      .map((file) => `${name}/src/${file}`),
  )
  .map((file) => ({
    file,
    text: readFileSync(join(packages, file), 'utf8')
      .replace(/^\s*(?:\/\*\*?(?:.|\n)*?\*\/|\/\/.*)$/gm, '')
      .replace(/^import type .*$/gm, ''),
  }));

/** @returns by what is used: in which files. */
function uses(find: (text: string) => Iterable<string>): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const { file, text } of sources)
    for (const name of new Set(find(text))) found.set(name, [...(found.get(name) ?? []), file]);
  return found;
}

const sorted = (found: Iterable<readonly [string, readonly string[]]>) =>
  Object.fromEntries(
    [...found].map(([name, files]) => [name, [...files].sort()] as const).sort(([a], [b]) => (a < b ? -1 : 1)),
  );

function* importedNames(text: string): Generator<string> {
  for (const [, names = '', module] of text.matchAll(/import\s+([^;]*?)\s+from '(node:[\w/]+)'/g)) {
    const [, whole, list] = /^(\w+)?[\s,]*(?:\{([^}]*)\})?$/s.exec(names) ?? [];
    if (whole) yield `${module} default`;
    for (const each of (list ?? '').split(',').map((word) => word.trim()))
      if (each && !each.startsWith('type ')) yield `${module} ${each.split(' ')[0]}`;
  }
  for (const [, list, module] of text.matchAll(/const \{ (\w+) \} = process\.getBuiltinModule\('(node:\w+)'\)/g))
    yield `${module} ${list}`;
  for (const [, module] of text.matchAll(/process\s*\.getBuiltinModule\('(node:module)'\)/g)) yield `${module}`;
  for (const [, module, name] of text.matchAll(/process\.getBuiltinModule\('(node:\w+)'\)\.(\w+)/g))
    yield `${module} ${name}`;
}

const members = (object: string) =>
  function* (text: string): Generator<string> {
    for (const [, name = ''] of text.matchAll(new RegExp(`(?<![\\w.'/-])${object}\\s*\\.(\\w+)`, 'g'))) yield name;
  };

/** Of node:fs, what acts at once is served, by system calls (@ts/sys). */
const isAtOnce = (name: string) => name.endsWith('Sync') || name === 'constants';

test('modules: what is imported is served, or known to be absent', () => {
  const absent = [...uses(importedNames)].filter(([use]) => {
    const [module = '', name = ''] = use.split(' ');
    return module === 'node:fs' ? !isAtOnce(name) : !MODULES[module]?.includes(name);
  });
  expect(sorted(absent)).toEqual(sorted(Object.entries(ABSENT).filter(([use]) => !use.startsWith('process.'))));
});

test('the modules have these names', async () => {
  for (const [module, names] of Object.entries(MODULES)) {
    const file =
      { 'node:path': './path.ts', 'node:os': './os.ts', 'node:timers/promises': './timers.ts' }[module] ?? '';
    expect(
      Object.keys(await import(file))
        .filter((name) => name !== 'default')
        .sort(),
    ).toEqual([...names].sort());
  }
});

test('process: what is used is served, or known to be absent', () => {
  const absent = [...uses(members('process'))].filter(([name]) => !(name in ourProcess));
  expect(sorted(absent.map(([name, where]) => [`process.${name}`, where] as const))).toEqual(
    sorted(Object.entries(ABSENT).filter(([use]) => use.startsWith('process.'))),
  );
});

test('Buffer: what is used is served', () => {
  const statics = [...uses(members('Buffer')).keys()];
  expect(statics.filter((name) => !(name in Ours))).toEqual([]);
  expect(statics).toContain('concat');
  const methods = Object.getOwnPropertyNames(Buffer.prototype).filter(
    (name) => !(name in Uint8Array.prototype) && Object.getOwnPropertyDescriptor(Buffer.prototype, name)?.value,
  );
  const called = [
    ...uses(function* (text) {
      for (const [, name = ''] of text.replaceAll(/\bBuffer\.\w+/g, '').matchAll(/\??\.(\w+)\(/g))
        if (methods.includes(name)) yield name;
    }).keys(),
  ];
  expect(called.filter((name) => !(name in Ours.prototype))).toEqual([]);
  expect(called).toContain('readUInt32LE');
});

test('no other global of Node is used', () => {
  const language = runInContext('Object.getOwnPropertyNames(globalThis)', createContext({})) as string[];
  const nodes = Object.getOwnPropertyNames(globalThis).filter(
    (name) => /^\w+$/.test(name) && !language.includes(name) && !GLOBALS.includes(name) && name !== 'host',
  );
  expect(nodes).toContain('structuredClone');
  const found = uses(function* (text) {
    const imported = [...importedNames(text)].map((use) => use.split(' ')[1]);
    for (const [, name = ''] of text.matchAll(/(?<![\w.'"`#]|function )(\w+)\s*[.(]/g))
      if (
        nodes.includes(name) &&
        !imported.includes(name) &&
        !new RegExp(`(?:const|let|function|import|[{,(]) ?${name}\\b`).test(text)
      )
        yield name;
  });
  expect(sorted(found)).toEqual({});
});
