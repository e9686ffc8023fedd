import { describe, expect, it } from 'vitest';
import { findViolations, type Import, type Layer, type Package, packageNameOf, type Workspace } from './rules.ts';

const layers: Record<string, Layer> = {
  sys: 'sys',
  cli: 'cli',
  'ts-a': 'tool',
  'ts-b': 'tool',
  cgroup: 'domain',
  ns: 'domain',
};

function nameOf(folder: string): string {
  return layers[folder] === 'tool' ? folder : `@ts/${folder}`;
}

function workspaceWith(declared: Record<string, string[]>, imports: Import[] = []): Workspace {
  const packages = Object.entries(layers).map(
    ([folder, layer]): Package => ({
      name: nameOf(folder),
      folder: `packages/${folder}`,
      layer,
      declared: declared[folder] ?? [],
    }),
  );
  return { packages, imports, projectEdges: [] };
}

function importOf(file: string, specifier: string, target?: string): Import {
  return { file: `packages/${file}`, specifier, line: 3, ...(target === undefined ? {} : { target }) };
}

function messages(workspace: Workspace): string[] {
  return findViolations(workspace).map(({ where, message }) => `${where}: ${message}`);
}

describe('findViolations', () => {
  it('accepts edges that go down', () => {
    const workspace = workspaceWith(
      {
        'ts-a': ['@ts/cli', '@ts/cgroup', '@ts/sys'],
        cgroup: ['@ts/ns', '@ts/sys'],
        cli: ['@ts/sys', 'yargs'],
        sys: ['koffi'],
      },
      [importOf('ts-a/src/main.ts', '@ts/cgroup'), importOf('sys/src/index.ts', 'koffi')],
    );
    expect(messages(workspace)).toEqual([]);
  });

  it.each([
    ['sys', '@ts/cli', '@ts/sys (sys) -> @ts/cli (cli)'],
    ['sys', '@ts/ns', '@ts/sys (sys) -> @ts/ns (domain)'],
    ['cli', '@ts/ns', '@ts/cli (cli) -> @ts/ns (domain)'],
    ['ns', '@ts/cli', '@ts/ns (domain) -> @ts/cli (cli)'],
    ['ns', 'ts-a', '@ts/ns (domain) -> ts-a (tool)'],
    ['ts-a', 'ts-b', 'ts-a (tool) -> ts-b (tool)'],
  ])('rejects what %s declares: %s', (folder, dependency, edge) => {
    expect(messages(workspaceWith({ [folder]: [dependency] }))).toEqual([
      `packages/${folder}/package.json: ${edge} is not allowed`,
    ]);
  });

  it('names the file and line of an import that goes up', () => {
    const workspace = workspaceWith({ sys: [] }, [importOf('sys/src/a.ts', '@ts/cli/x.ts')]);
    expect(messages(workspace)).toEqual([
      'packages/sys/src/a.ts:3: @ts/sys (sys) -> @ts/cli (cli) is not allowed',
      'packages/sys/src/a.ts:3: @ts/sys -> @ts/cli is not declared in packages/sys/package.json',
    ]);
  });

  it('rejects a cycle of domain packages at each of its edges', () => {
    expect(messages(workspaceWith({ ns: ['@ts/cgroup'], cgroup: ['@ts/ns'] }))).toEqual([
      'packages/cgroup/package.json: @ts/cgroup -> @ts/ns -> @ts/cgroup is a cycle',
      'packages/ns/package.json: @ts/ns -> @ts/cgroup -> @ts/ns is a cycle',
    ]);
  });

  it.each([
    ['ns', 'koffi', 'sys'],
    ['cli', 'koffi', 'sys'],
    ['ts-a', 'yargs', 'cli'],
    ['sys', 'yargs-parser', 'cli'],
  ])('keeps %s from %s', (folder, dependency, owner) => {
    const declared = workspaceWith({ [folder]: [dependency] });
    const imported = workspaceWith({}, [importOf(`${folder}/src/a.ts`, `${dependency}/sub`)]);
    const message = `${nameOf(folder)} (${layers[folder]}) -> ${dependency}: only packages/${owner} may use it`;
    expect(messages(declared)).toEqual([`packages/${folder}/package.json: ${message}`]);
    expect(messages(imported)).toEqual([`packages/${folder}/src/a.ts:3: ${message}`]);
  });

  it.each(['node:fs', 'node:fs/promises', 'fs', 'fs/promises'])('keeps what is shipped from %s', (specifier) => {
    const used = ['cli/src/a.ts', 'ts-a/src/deep/a.ts', 'sys/src/tape/files.ts'].map((file) =>
      importOf(file, specifier),
    );
    expect(messages(workspaceWith({}, used))).toEqual(
      used.map(({ file }) => `${file}:3: ${specifier}: only packages/sys/src/files.ts may use it`),
    );
    const allowed = [
      'sys/src/files.ts',
      'sys/src/a.spec.ts',
      'sys/test/a.ts',
      'cgroup/testing/a.ts',
      'layers/src/a.ts',
    ];
    expect(
      messages(
        workspaceWith(
          {},
          allowed.map((file) => importOf(file, specifier)),
        ),
      ),
    ).toEqual([]);
  });

  it('rejects a relative import of another package, also as an edge', () => {
    const workspace = workspaceWith({ sys: [] }, [
      importOf('sys/src/a.ts', '../../cli/src/b.ts', 'packages/cli/src/b.ts'),
    ]);
    expect(messages(workspace)).toContain('packages/sys/src/a.ts:3: @ts/sys (sys) -> @ts/cli (cli) is not allowed');
    expect(messages(workspace)).toContain(
      'packages/sys/src/a.ts:3: @ts/sys imports ../../cli/src/b.ts, which lies outside of it',
    );
  });

  it('tells an edge that only nx knows of', () => {
    const workspace = { ...workspaceWith({}), projectEdges: [{ from: '@ts/sys', to: 'ts-a' }] };
    expect(messages(workspace)).toEqual(['the project graph of nx: @ts/sys (sys) -> ts-a (tool) is not allowed']);
  });

  it('ties the name of a package to its folder', () => {
    const misnamed: Package = { name: '@ts/other', folder: 'packages/ns', layer: 'domain', declared: [] };
    expect(messages({ packages: [misnamed], imports: [], projectEdges: [] })).toEqual([
      'packages/ns/package.json: is named @ts/other, but should be named @ts/ns',
    ]);
  });
});

describe('packageNameOf', () => {
  it.each([
    ['@ts/sys', '@ts/sys'],
    ['@ts/sys/deep/file.ts', '@ts/sys'],
    ['yargs/helpers', 'yargs'],
    ['node:fs', 'node:fs'],
  ])('%s is of %s', (specifier, name) => expect(packageNameOf(specifier)).toBe(name));
});
