import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { type Build, calledOf, MULTICALL, toolAt, trailer } from './build.ts';

const id = 'i'.repeat(32);
const build: Build = {
  version: '1',
  id,
  tools: {},
  names: { 'ts-mount': 'ts-mount', mount: 'ts-mount', 'ts-umount': 'ts-umount', umount: 'ts-umount' },
};
const folder = mkdtempSync(join(tmpdir(), 'ts-called-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const all = join(folder, MULTICALL);
writeFileSync(all, `something${trailer(id, MULTICALL).toString('latin1')}`, 'latin1');
symlinkSync(MULTICALL, join(folder, 'umount'));
symlinkSync('umount', join(folder, 'apart'));

describe('the executable with all tools', () => {
  const called = (path: string, ...argv: string[]) => calledOf(build, path, argv);

  test('is the tool of its own name, whatever it is called', () => {
    expect(called('/x/mount', 'umount', '-a')).toEqual({ tool: 'ts-mount', argv: ['umount', '-a'] });
    expect(called('ts-umount', '-sh')).toEqual({ tool: 'ts-umount', argv: ['-sh'] });
  });
  test('is the tool of a link on the way to it', () => {
    expect(called(join(folder, 'apart'), 'apart')).toEqual({ tool: 'ts-umount', argv: ['apart'] });
  });
  test('is the tool that it is called', () => {
    expect(called('/proc/self/exe', 'mount', 'x')).toEqual({ tool: 'ts-mount', argv: ['mount', 'x'] });
  });
  test('is the tool of its first word', () => {
    expect(called(all, 'ts-tools', 'mount', '-l')).toEqual({ tool: 'ts-mount', argv: ['mount', '-l'] });
  });
  test('is itself otherwise', () => {
    for (const argv of [[], ['ts-tools'], ['ts-tools', '--help'], ['ts-tools', 'constructor'], ['constructor']])
      expect(called(all, ...argv)).toEqual({ tool: MULTICALL, argv });
  });
  test('is known in a chain, of this build alone', () => {
    expect(toolAt(build, join(folder, 'umount'), ['umount'])).toEqual({ tool: 'ts-umount', argv: ['umount'] });
    expect(toolAt({ ...build, id: 'j'.repeat(32) }, join(folder, 'umount'), ['umount'])).toBeUndefined();
  });
});
