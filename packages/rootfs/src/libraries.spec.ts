import { describe, expect, test } from 'vitest';
import type { Elf } from './elf.ts';
import { configuredFolders, expand } from './folders.ts';
import { type Binaries, librariesOf, MissingLibrary } from './libraries.ts';

const elf = (needed: string[], more: Partial<Elf> = {}): Elf => ({
  bits: 64,
  machine: 62,
  needed,
  rpath: [],
  runpath: [],
  ...more,
});

const host = (
  files: Record<string, Elf>,
  texts: Record<string, string> = {},
  links: Record<string, string> = {},
): Binaries => ({
  read: (path) => texts[path],
  glob: (pattern) =>
    Object.keys(texts)
      .filter((path) => path.startsWith(pattern.slice(0, pattern.indexOf('*'))))
      .sort(),
  elf: (path) => files[path],
  real: (path) => links[path] ?? path,
});

const paths = (program: string, binaries: Binaries) => librariesOf(program, binaries).map(({ path }) => path);
const LIB = '/lib/x86_64-linux-gnu';

describe('librariesOf', () => {
  test('the loader, then libraries of libraries, each once', () => {
    const binaries = host({
      '/bin/a': elf(['libx.so', 'libc.so.6'], { interpreter: '/lib64/ld.so' }),
      '/lib64/ld.so': elf([]),
      [`${LIB}/libx.so`]: elf(['liby.so', 'libc.so.6']),
      [`${LIB}/liby.so`]: elf(['libx.so', 'ld.so']),
      [`${LIB}/libc.so.6`]: elf(['ld.so']),
    });
    expect(librariesOf('/bin/a', binaries)).toEqual([
      { path: '/lib64/ld.so', why: 'loader', by: '/bin/a' },
      { path: `${LIB}/libx.so`, why: 'library', by: '/bin/a' },
      { path: `${LIB}/libc.so.6`, why: 'library', by: '/bin/a' },
      { path: `${LIB}/liby.so`, why: 'library', by: `${LIB}/libx.so` },
    ]);
  });

  test('configured folders come before those that the loader knows', () => {
    const texts = {
      '/etc/ld.so.conf': 'include /etc/ld.so.conf.d/*.conf\n',
      '/etc/ld.so.conf.d/a.conf': '# x\n/opt/a # y\n',
    };
    const binaries = host({ '/bin/a': elf(['l.so']), '/opt/a/l.so': elf([]), [`${LIB}/l.so`]: elf([]) }, texts);
    expect(paths('/bin/a', binaries)).toEqual(['/opt/a/l.so']);
  });

  test('a library for another machine is passed over', () => {
    const binaries = host({
      '/bin/a': elf(['l.so']),
      [`${LIB}/l.so`]: elf([], { machine: 183 }),
      '/lib64/l.so': elf([], { bits: 32 }),
      '/usr/lib/l.so': elf([]),
    });
    expect(paths('/bin/a', binaries)).toEqual(['/usr/lib/l.so']);
  });

  test('$ORIGIN is the folder of the file itself, not of a link to it', () => {
    const files = { '/bin/a': elf(['l.so'], { runpath: ['$ORIGIN/../lib'] }), '/opt/x/bin/../lib/l.so': elf([]) };
    expect(paths('/bin/a', host(files, {}, { '/bin/a': '/opt/x/bin/a' }))).toEqual(['/opt/x/bin/../lib/l.so']);
  });

  test('DT_RPATH holds for what is brought, DT_RUNPATH for oneself only', () => {
    const files = (program: Elf) => ({ '/bin/a': program, '/p/x.so': elf(['y.so']), '/p/y.so': elf([]) });
    expect(paths('/bin/a', host(files(elf(['x.so'], { rpath: ['/p'] }))))).toEqual(['/p/x.so', '/p/y.so']);
    expect(() => paths('/bin/a', host(files(elf(['x.so'], { runpath: ['/p'] }))))).toThrow(
      new MissingLibrary('y.so', '/p/x.so'),
    );
  });

  test('DT_RPATH is without effect beside a DT_RUNPATH', () => {
    const binaries = host({
      '/bin/a': elf(['x.so'], { rpath: ['/p'], runpath: ['/q'] }),
      '/p/x.so': elf([]),
      '/q/x.so': elf([]),
    });
    expect(paths('/bin/a', binaries)).toEqual(['/q/x.so']);
  });

  test('a static program, a script: nothing', () => {
    expect(paths('/bin/static', host({ '/bin/static': elf([]) }))).toEqual([]);
    expect(paths('/bin/script', host({}))).toEqual([]);
  });

  test('a loader that is not there', () => {
    expect(() => paths('/bin/a', host({ '/bin/a': elf([], { interpreter: '/ld' }) }))).toThrow(
      new MissingLibrary('/ld', '/bin/a'),
    );
  });

  test('musl: its own list of folders, and the loader is the C library', () => {
    const files = {
      '/bin/a': elf(['libz.so.1', 'libc.musl-x86_64.so.1'], { interpreter: '/lib/ld-musl-x86_64.so.1' }),
      '/lib/ld-musl-x86_64.so.1': elf([]),
      '/opt/lib/libz.so.1': elf([]),
    };
    const binaries = host(files, { '/etc/ld-musl-x86_64.path': '/lib\n/opt/lib\n' });
    expect(paths('/bin/a', binaries)).toEqual(['/lib/ld-musl-x86_64.so.1', '/opt/lib/libz.so.1']);
  });
});

test('folders that include themselves end', () => {
  expect(configuredFolders(host({}, { '/etc/ld.so.conf': '/a\ninclude ld.so.conf*\n/b' }))).toEqual(['/a', '/b']);
});

test.each([
  ['$ORIGIN/lib', '/o/lib'],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the loader's own spelling
  ['${ORIGIN}x', '/ox'],
  ['/x/$LIB/y', '/x/lib/x86_64-linux-gnu/y'],
  ['/$ORIGINAL', '/$ORIGINAL'],
])('%s is %s', (folder, expanded) => expect(expand(folder, '/o', 62, 64)).toBe(expanded));
