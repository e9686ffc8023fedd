import { describe, expect, test } from 'vitest';
import { expectSame } from '../harness/parity.ts';
import { isRoot, NOBODY, run } from '../harness/run.ts';
import { needs, needsProgram, needsRoot } from '../harness/skip.ts';

/** Command lines after `chroot`, the same for everybody in message and status. */
const ANYBODY: readonly (readonly string[])[] = [
  [],
  ['/nowhere'],
  ['/nowhere', 'ls'],
  ['/etc/passwd', 'ls'],
  ['/', 'true'],
  ['--bogus', '/', 'ls'],
  ['-x', '/', 'ls'],
  ['--userspec'],
  ['--skip-chdir', '/usr', 'pwd'],
  ['--skip-chdir', '/nowhere', 'pwd'],
];

const ROOT: readonly (readonly string[])[] = [
  ['/', 'pwd'],
  ['--', '/', 'pwd'],
  ['/usr', '/bin/pwd'],
  ['--skip-chdir', '/', 'pwd'],
  ['--skip-chdir', '/proc/self/root', 'pwd'],
  ['--s', '/', 'pwd'],
  ['/', 'no-such-program'],
  ['/', '--', 'pwd'],
  ['/', '/etc/passwd'],
  ['/', '/etc'],
  ['/', ''],
  ['/etc', 'ls'],
  ['/etc'],
  ['/', 'sh', '-c', 'exit 7'],
  ['/', 'sh', '-c', 'kill -TERM $$'],
  ['--userspec=nobody', '/', 'id'],
  ['--userspec=nobody:', '/', 'id'],
  ['--userspec=nobody:adm', '/', 'id'],
  ['--userspec=nobody.adm', '/', 'id'],
  ['--userspec=:adm', '/', 'id'],
  ['--userspec=:', '/', 'id'],
  ['--userspec=', '/', 'id'],
  ['--userspec=+0', '/', 'id'],
  ['--userspec=65534', '/', 'id'],
  ['--userspec=65534:7', '/', 'id'],
  ['--userspec=5555:66', '/', 'id'],
  ['--userspec=5555', '/', 'id'],
  ['--userspec=5555:', '/', 'id'],
  ['--userspec=nosuch', '/', 'id'],
  ['--userspec=nobody:nosuch', '/', 'id'],
  ['--user=nobody', '/', 'id', '-u'],
  ['--userspec=65534', '--groups=4', '/', 'id'],
  ['--userspec=65534:65534', '--groups=4,27', '/', 'sh', '-c', 'id; grep Cap /proc/self/status'],
  ['--userspec=nobody', '--groups=', '/', 'id'],
  ['--groups=4', '--userspec=:6', '/', 'id'],
  ['--groups=adm,27', '/', 'id'],
  ['--groups=', '/', 'id'],
  ['--groups= 12', '/', 'id'],
  ['--groups=+12', '/', 'id'],
  ['--groups=foo', '/', 'id'],
  ['--groups=1,foo', '/', 'id'],
  ['--groups=1:2', '/', 'id'],
  ['--groups=,', '/', 'id'],
];

describe.each(isRoot ? [0, NOBODY] : [undefined])('as user %s', (uid) => {
  for (const argv of ANYBODY)
    test(`chroot ${argv.join(' ')}`, (context) => {
      needs(context, needsProgram('chroot'));
      expectSame(['chroot', ...argv], { uid, cwd: '/usr' });
    });
});

describe('as root', () => {
  for (const argv of ROOT)
    test(`chroot ${argv.join(' ')}`, (context) => {
      needs(context, needsRoot, needsProgram('chroot'));
      expectSame(['chroot', ...argv], { cwd: '/usr' });
    });

  test('without a program, the shell that SHELL names', (context) => {
    needs(context, needsRoot, needsProgram('chroot'));
    expectSame(['chroot', '/'], { env: { SHELL: '/usr/bin/env' } });
    expectSame(['chroot', '/'], { env: { SHELL: '/bin/nosuchshell' } });
  });

  test('in another locale the program stands in its quotation marks', (context) => {
    needs(context, needsRoot, needsProgram('chroot'));
    expectSame(['chroot', '/', 'no-such-program'], { env: { LC_ALL: 'C.UTF-8' } });
  });
});

test('without the capability, the remedy is named', (context) => {
  needs(context, needsRoot);
  const { status, stderr } = run(['ts-chroot', '/', 'true'], { uid: NOBODY });
  expect({ status, lines: stderr.split('\n') }).toEqual({
    status: 125,
    lines: [
      "ts-chroot: cannot change root directory to '/': Operation not permitted",
      expect.stringContaining('CAP_SYS_CHROOT'),
      '',
    ],
  });
});
