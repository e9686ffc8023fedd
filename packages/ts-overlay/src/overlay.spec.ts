/** Command lines and the tapes that come of them, over folders that are there: no rights needed. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { explain, parse, UsageError, type World } from '@ts/cli';
import { madeUpWorld } from '@ts/cli/testing';
import { Failure, formatTape, recording } from '@ts/sys';
import { afterAll, describe, expect, test } from 'vitest';
import { subjectOf } from './causes.ts';
import { tool } from './overlay.ts';

const folder = mkdtempSync(join(tmpdir(), 'ts-overlay-'));
for (const name of ['a', 'b:c', 'up', 'work', 'm']) mkdirSync(join(folder, name), { mode: 0o755 });
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const FIRST = '         0          0 4294967295\n';

const world = (files: Readonly<Record<string, string>> = {}, more: Partial<World> = {}): World =>
  madeUpWorld({
    prog: 'ts-overlay',
    read: (path) => ({ '/proc/self/uid_map': FIRST, ...files })[path],
    exists: () => true,
    ...more,
  });

/** Words with the folder put in for "@". */
const planned = (words: string, where = world()) =>
  tool.plan(parse(tool.options, words.replaceAll('@', `${folder}/`).split(' ').filter(Boolean), tool.grammar), where);

function tapeOf(words: string, where = world()): string {
  const sys = recording(1, true).speakFor('ts-overlay', 'ts-overlay ts-overlay', 1);
  tool.apply(planned(words, where), sys, where);
  return formatTape(sys.finish())
    .replaceAll(`${folder}/`, '@')
    .replace(/chown.*|fchownat.*/g, 'chown');
}

describe('tapes', () => {
  test.each([
    '--lower @a --upper @up --work @work @m -- sh -c true',
    '--lower @a:@b\\:c --ro --private @m sh',
    '--lower @a --tmpfs=10m --volatile --xino=on @m sh',
    '--lower @a --upper @up --work @work --options nosuid,noatime,ro,uuid=null --private @m sh',
  ])('%s', (words) => {
    expect(tapeOf(words)).toMatchSnapshot();
  });

  test('in a user namespace, marks are the user’s', () => {
    const inside = world({ '/proc/self/uid_map': '         0       1000          1\n' });
    expect(tapeOf('--lower @a --tmpfs --private @m sh', inside)).toMatch(/FSCONFIG_SET_FLAG, "userxattr"/);
    expect(tapeOf('--lower @a --tmpfs --private @m sh')).not.toMatch(/userxattr/);
  });
});

describe('the command line', () => {
  test('behind a mount point a program begins; a command is the first word', () => {
    expect(planned('--lower @a --tmpfs @m ls --lower x')).toMatchObject({ mount: { program: ['ls', '--lower', 'x'] } });
    expect(planned('diff --lower @a:@b\\:c @up --json')).toMatchObject({
      layers: { command: 'diff', operands: [`${folder}/up`], lowers: [`${folder}/a`, `${folder}/b:c`], json: true },
    });
    expect(tool.becomes(planned('--lower @a --tmpfs @m'))).toBe(false);
  });

  test.each([
    ['export @up --replace', UsageError, /export does not take --replace/],
    ['apply x', UsageError, /usage: ts-overlay apply <archive> <dir>/],
    ['apply x y --max-size=lots', Failure, /failed to parse size: 'lots'/],
    ['export x --compress=xz', UsageError, /--compress: 'xz' is none of none, gzip, zstd/],
    ['--lower @a --tmpfs --index=maybe @m', UsageError, /--index: 'maybe' is none of on, off/],
    ['@m', UsageError, /no lower layers/],
  ] as const)('%s', (words, kind, message) => {
    expect(() => planned(words)).toThrow(kind);
    expect(() => planned(words)).toThrow(message);
  });

  test('where marks are kept', () => {
    const status = { '/proc/self/status': 'CapEff:\tffffffffffffffff\n' };
    expect(planned('apply x y', world(status))).toMatchObject({ layers: { space: 'trusted', sameOwner: true } });
    expect(planned('apply --userxattr x y', world(status))).toMatchObject({ layers: { space: 'user' } });
    expect(planned('apply x y', world({}, { euid: 1000 }))).toMatchObject({
      layers: { space: 'user', sameOwner: false },
    });
  });
});

describe('causes', () => {
  const overlay = { lowers: ['a b'], target: 'm', parameters: [], readOnly: false, flags: 0, attributes: 0 };
  const why = (error: string, status: string, subject = subjectOf(overlay)) =>
    explain(tool.causes ?? [], subject, error, world({ '/proc/self/status': status }));

  test('without rights, the way to them', () => {
    expect(why('EPERM', 'CapEff:\t0\n')).toMatch(/CAP_SYS_ADMIN/);
    expect(why('EPERM', 'CapEff:\t0\n', 'tmpfs')).toMatch(/CAP_SYS_ADMIN/);
    expect(why('EPERM', 'CapEff:\t0\n', 'unshare')).toMatch(/CAP_SYS_ADMIN/);
  });
  test('a kernel without it', () => {
    expect(why('ENODEV', 'CapEff:\tffffffffffffffff\n')).toMatch(/modprobe overlay/);
  });
});
