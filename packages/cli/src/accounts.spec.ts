import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { accountsIn, findAccount, findGroup, groupList, groupsIn, parseId, readAccountFile } from './accounts.ts';

const ROOT = 'root:x:0:0:root:/root:/bin/sh\n';
const joe = (text: string) => findAccount(`${ROOT}${text}\n`, 'joe');

describe('accounts', () => {
  test.each([
    ['joe:x:1001:1002::/home/joe:/bin/sh', { uid: 1001, gid: 1002, home: '/home/joe', shell: '/bin/sh' }],
    ['joe:x:1001:1002', { uid: 1001, gid: 1002, home: '', shell: '' }],
    ['joe:x: 1001:\t+01002::/:/bin/sh -l:x', { uid: 1001, gid: 1002, shell: '/bin/sh -l:x' }],
    ['joe:x:4294967294:1002', { uid: 4294967294 }],
    ['  \tjoe:x:1001:1002', { uid: 1001 }],
    [' # joe:x:1:1\njoe:x:1001:1002', { uid: 1001 }],
    ['joe:x:1001:1002::/:/bin/sh\0:x', { shell: '/bin/sh' }],
    ['joe\0\njoe:x:1001:1002', { uid: 1001 }],
    [`joe:x:1001:1002:${'g'.repeat(200_000)}:/:/bin/sh`, { shell: '/bin/sh' }],
    // The first line that is an account counts.
    ['joe:x:root:1002\njoe:x:1003:1004\njoe:x:5:5', { uid: 1003 }],
    ['joe:x:1001:4294967296\njoe:x:1003:1004', { uid: 1003 }],
  ])('%j', (text, account) => expect(joe(text)).toMatchObject({ name: 'joe', ...account }));

  test.each(
    [
      ...'4294967295 4294967296 18446744073709551616 -1 -5 -18446744073709550615 0x0 0x3e9 1e-9 1e3 1_0 1.0 NaN 1001x'.split(
        ' ',
      ),
      '',
      ' ',
      '+',
      '- 1',
      '\u00a01001',
      '1001 ',
      '10\x0001',
    ].flatMap((id) => [`joe:x:${id}:1002::/:/bin/sh`, `joe:x:1001:${id}::/:/bin/sh`]),
  )('%j is none', (text) => {
    expect(joe(text)?.uid).toBe(text === 'joe:x:1001:10\x0001::/:/bin/sh' ? 1001 : undefined);
  });

  test.each(['joe', 'joe:x', 'joe:x:1001', 'joe:x:1001:', '#joe:x:1:1', '+joe:x:1:1', '-joe:x:1:1', 'joe :x:1:1'])(
    '%j is none',
    (text) => expect(joe(text)).toBeUndefined(),
  );

  test('no name is no name, and ids are found by number alone', () => {
    const text = ':x:0:0\n5:x:7:7\n+nis:x:9:9\nbad:x:x:8\nann:x:8:8';
    expect([...accountsIn(text)].map(({ name }) => name)).toEqual(['5', 'ann']);
    expect(findAccount(text, '')).toBeUndefined();
    expect(findAccount(text, '5')?.uid).toBe(7);
    expect(findAccount(text, 5)).toBeUndefined();
    expect(findAccount(text, 8)?.name).toBe('ann');
    expect(findAccount(text, 9)).toBeUndefined();
    expect(findAccount(text, Number.NaN)).toBeUndefined();
  });
});

describe('groups', () => {
  test('fields as the C library takes them', () => {
    expect([...groupsIn('a:x:5: joe,\tann ,,b:c\n b:x:6\n-c:x:7:joe\nd:x:8:joe\0,ann')]).toEqual([
      { name: 'a', gid: 5, members: ['joe', 'ann ', 'b:c'] },
      { name: 'b', gid: 6, members: [] },
      { name: 'd', gid: 8, members: ['joe'] },
    ]);
  });

  test.each(['4294967296', '-1', '', ' ', '0x0', '1e-9', 'x', '4294967295'])('a gid of %j is none', (gid) => {
    const text = `staff:x:${gid}:joe\nusers:x:100:joe\n`;
    expect(findGroup(text, 'staff')).toBeUndefined();
    expect(findGroup(text, 0)).toBeUndefined();
    expect(groupList({ read: () => text }, 'joe', 1002)).toEqual([1002, 100]);
  });
});

test('ids on the command line', () => {
  const parse = (text: string) => parseId(text, 'uid', (name) => (name === 'joe' ? 5 : undefined));
  expect(['joe', '7', ' +7', '4294967294'].map(parse)).toEqual([5, 7, 7, 4294967294]);
  for (const text of ['', ' ', '-1', '4294967295', '1e3', '0x1', 'NaN', '\u00a07', '7 '])
    expect(() => parse(text), text).toThrow(`failed to parse uid: '${text}'`);
  expect(() => parse('-1')).toThrow("failed to parse uid: '-1': Numerical result out of range");
  expect(() => parse('1x')).toThrow(/'1x'$/);
});

describe('files', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ts-accounts-'));
  const path = (name: string) => join(folder, name);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('a regular file, by a link, too', () => {
    writeFileSync(path('plain'), ROOT);
    symlinkSync('plain', path('link'));
    expect([readAccountFile(path('plain')), readAccountFile(path('link'))]).toEqual([ROOT, ROOT]);
  });

  test('nothing that could keep a reader waiting, is too large, or lies behind a link of /proc', () => {
    execFileSync('mkfifo', [path('fifo')]);
    writeFileSync(path('large'), '');
    truncateSync(path('large'), 1001);
    symlinkSync('/proc/self/exe', path('magic'));
    symlinkSync('/proc/self/root/etc/passwd', path('out'));
    for (const name of ['fifo', 'large', '/dev/zero', '/dev/null', folder, '/nowhere', 'magic', 'out'])
      expect(() => readAccountFile(name.startsWith('/') ? name : path(name), 1000), name).toThrow();
    expect(() => readAccountFile(path('out'), 1_000_000)).toThrow('Too many levels of symbolic links');
  });
});
