/** A1: ids of hostile and broken account files: nothing becomes user 0, and nothing is waited for. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { run, temporaryFolder } from '../harness/run.ts';
import { needs, needsProgram, needsRoot } from '../harness/skip.ts';

let folder: ReturnType<typeof temporaryFolder>;
beforeAll(() => {
  folder = temporaryFolder();
});
afterAll(() => folder[Symbol.dispose]());

/** Runs a command where /etc/passwd and /etc/group hold these lines. */
function among(passwd: string, group: string, argv: readonly string[]) {
  const [users, groups] = ['passwd', 'group'].map((name) => join(folder.path, name)) as [string, string];
  writeFileSync(users, `root:x:0:0:root:/root:/bin/sh\n${passwd}\n`);
  writeFileSync(groups, `root:x:0:\n${group}\n`);
  const script = `mount --bind ${users} /etc/passwd && mount --bind ${groups} /etc/group && exec "$@"`;
  return run(['unshare', '-m', 'sh', '-c', script, 'sh', ...argv]);
}

const PRINT = ['sh', '-c', 'id -u; id -g; id -G'];
const BY_NAME: readonly (readonly string[])[] = [
  ['ts-setpriv', '--reuid=joe', '--clear-groups', ...PRINT],
  ['ts-setpriv', '--reuid=joe', '--regid=staff', '--clear-groups', ...PRINT],
  ['ts-capsh', '--user=joe', '--', '-c', 'id -u'],
  ['ts-chroot', '--userspec=joe', '/', ...PRINT],
  ['ts-chroot', '--userspec=joe:staff', '/', ...PRINT],
];

describe('an id that is none', () => {
  for (const id of ['4294967296', '4294967295', '-1', '', ' ', '0x0', '1e-9'])
    for (const argv of BY_NAME)
      test(`${JSON.stringify(id)}: ${argv.slice(0, 3).join(' ')}`, (context) => {
        needs(context, needsRoot, needsProgram('unshare'));
        const user = among(`joe:x:${id}:1002::/:/bin/sh`, 'staff:x:50:', argv);
        expect(user.status).not.toBe(0);
        expect(user.stdout).toBe('');
        expect(user.stderr.trim().split('\n')).toHaveLength(1);
        if (!argv.some((word) => word.includes('staff'))) return;
        const group = among('joe:x:1001:1002::/:/bin/sh', `staff:x:${id}:`, argv);
        expect(group.status).not.toBe(0);
        expect(group.stdout).toBe('');
      });

  test('of a supplementary group is none of joe’s', (context) => {
    needs(context, needsRoot, needsProgram('unshare'));
    for (const id of ['4294967296', '-1', '', '0x0', '1e-9']) {
      const groups = `staff:x:${id}:joe\nusers:x:100:joe`;
      const got = among('joe:x:1001:1002::/:/bin/sh', groups, ['ts-chroot', '--userspec=joe', '/', ...PRINT]);
      expect(got).toMatchObject({ status: 0, stdout: '1001\n1002\n1002 100\n' });
    }
  });
});

describe('in a new root', () => {
  const PLANTED: Readonly<Record<string, string>> = {
    'a pipe': 'mkfifo etc/passwd etc/group',
    'an endless device': 'mknod etc/passwd c 1 5 && mknod etc/group c 1 5',
    'a directory': 'mkdir etc/passwd',
    'a link out of the root': 'mkdir proc && mount -t proc proc proc && ln -s /proc/1/root/etc/passwd etc/passwd',
    'a file without end': 'truncate -s 1T etc/passwd',
  };
  for (const [what, plant] of Object.entries(PLANTED))
    test(`${what} is no file of accounts`, (context) => {
      needs(context, needsRoot, needsProgram('unshare', 'timeout', 'mkfifo'));
      const root = join(folder.path, what.replaceAll(' ', '-'));
      mkdirSync(join(root, 'etc'), { recursive: true });
      const within = (...argv: string[]) =>
        run(
          [
            'unshare',
            '-m',
            'sh',
            '-c',
            `cd ${root} && rm -rf etc proc && mkdir etc && ${plant} && exec "$@"`,
            'sh',
          ].concat('timeout', '20', argv),
        );
      expect(within('ts-chroot', '--userspec=root', '.', 'true')).toMatchObject({
        status: 125,
        stderr: 'ts-chroot: invalid user\n',
      });
      expect(within('ts-capsh', '--chroot=.', '--user=root', '--', '-c', 'true')).toMatchObject({
        status: 1,
        stderr: 'ts-capsh: no such user: root\n',
      });
    });
});
