import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { footing } from './footing.ts';

const folder = mkdtempSync('/tmp/ts-footing-');
afterAll(() => rmSync(folder, { recursive: true }));
const at = (...names: string[]) => join(folder, ...names);
for (const name of ['a', 'a/b', 'tools/bin', 'node/bin', 'open/x']) mkdirSync(at(name), { recursive: true });
chmodSync(at('open'), 0o777);
symlinkSync('/usr', at('to-usr'));
symlinkSync('a', at('to-a'));
symlinkSync('nowhere', at('dangling'));

const euid = process.geteuid?.() ?? 0;
const spared = (targets: readonly string[], { environment = ['PATH=/usr/bin'], user = euid } = {}) => {
  const isSpared = footing(at('tools/bin/ts-x'), at('node/bin/node'), user, environment);
  return targets.map((target) => isSpared(target));
};

describe('a mount leaves alone what a run of a tool stands on', () => {
  test.each([
    ['another folder', ['a'], true],
    ['one that is made first', ['a/new/x'], true],
    ['a link to one', ['to-a'], true],
    ['a link to the system', ['to-usr'], false],
    ['below such a link', ['to-usr/local/x'], false],
    ['a link to nowhere', ['dangling'], false],
    ['the folder of the tool', ['tools/bin'], false],
    ['the tool itself', ['tools/bin/ts-x'], false],
    ['one above it', ['tools'], false],
    ['the program that runs it', ['node/bin/node'], false],
    ['its libraries', ['node/lib'], false],
    ['one that others write to', ['open/x'], false],
    ['above all', [''], false],
  ])('%s', (_, targets, expected) => {
    expect(spared(targets.map((target) => at(target)))).toEqual([expected]);
  });

  test('the system’s own folders, and paths that go up', () => {
    const paths = [
      '/',
      '/usr',
      '/usr/lib/x',
      '/lib64',
      '/etc',
      '/etc/x',
      '/proc',
      '/proc/x',
      '/dev/shm',
      '/mnt/../usr',
      '..',
      '',
    ];
    for (const path of paths) expect([path, ...spared([path])]).toEqual([path, false]);
    expect(spared(['/mnt', '/mnt2/x', '/libations'])).toEqual([true, true, false]);
  });

  test('below an earlier mount a path leads where that decides', () => {
    expect(spared([at('a'), at('a/b')])).toEqual([true, false]);
    // Again at the same place, or away from it.
    expect(spared([at('a'), at('a')])).toEqual([true, true]);
    expect(spared([at('a/b'), at('a/c')])).toEqual([true, true]);
    expect(spared([at('to-usr'), '/usr/x', at('a')])).toEqual([false, false, true]);
  });

  test('none is, where variables of the loader name other files, and for a user who does not own the place', () => {
    expect(spared([at('a')], { environment: ['LD_LIBRARY_PATH=/x'] })).toEqual([false]);
    if (euid === 0) chmodSync(folder, 0o755);
    expect(spared([at('a')], { user: euid + 1 })).toEqual([euid === 0]);
  });
});
