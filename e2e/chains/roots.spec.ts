import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compileC, needsCompiler } from '../harness/compile.ts';
import { expectSame } from '../harness/parity.ts';
import { NOBODY, type Result, run, shell, temporaryFolder } from '../harness/run.ts';
import { needs, needsProgram, needsRoot } from '../harness/skip.ts';

const PROGRAMS = ['unshare', 'true', 'sh', 'bash', 'ls', 'cat', 'grep', 'id', 'umount', 'mkdir', 'readlink', 'env'];

const folder = temporaryFolder();
afterAll(() => folder[Symbol.dispose]());
const rootfs = join(folder.path, 'rootfs');
/** A file beside the root file system: to be seen by who has escaped. */
const marker = join(folder.path, 'marker');

beforeAll(() => {
  writeFileSync(marker, 'outside\n');
  const { status, stderr } = run(['ts-rootfs', rootfs, ...PROGRAMS]);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  writeFileSync(join(rootfs, 'here'), 'inside\n');
  if (needsCompiler()) return;
  compileC(join(import.meta.dirname, 'escape.c'), join(rootfs, 'escape'), '-static');
});

const inRoot = (script: string, env: Record<string, string> = {}): Result =>
  shell(script, { compat: true, cwd: folder.path, env: { ROOTFS: rootfs, MARKER: marker, ...env } });

describe('R1: only the tree of the new root is there', () => {
  const LOOK = 'cat /here; test -e $MARKER && echo escaped; ls / | grep -cx work; cat /etc/passwd | grep -c . ; pwd';

  for (const chroot of ['chroot', 'ts-chroot', 'capsh --shell=/bin/sh --chroot', 'ts-unshare -r ts-chroot'])
    test(chroot, (context) => {
      needs(context, needsRoot);
      const words = chroot.includes('capsh') ? `${chroot}=$ROOTFS -- ` : `${chroot} $ROOTFS /bin/sh `;
      const { status, stdout, stderr } = inRoot(`${words} -c '${LOOK}'`);
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      expect(stdout).toMatch(/^inside\n0\n\d+\n\/\n$/);
    });

  test('the host’s /etc/passwd is not the one inside', (context) => {
    needs(context, needsRoot);
    const name = 'only-in-here';
    writeFileSync(join(rootfs, 'etc/passwd'), `root:x:0:0::/root:/bin/sh\n${name}:x:4321:4321::/:/bin/sh\n`);
    writeFileSync(join(rootfs, 'etc/group'), `root:x:0:\n${name}:x:4321:\nmore:x:99:${name}\n`);
    const { stdout } = inRoot('chroot $ROOTFS /bin/cat /etc/passwd');
    expect(stdout).toContain(name);
    expect(stdout).not.toContain('nobody');
    // Accounts are those of the new root.
    const id = `uid=4321(${name}) gid=4321(${name}) groups=4321(${name}),99(more)\n`;
    expect(inRoot(`chroot --userspec=${name} $ROOTFS id`)).toMatchObject({ stdout: id, stderr: '' });
    expect(inRoot(`capsh --chroot=$ROOTFS --user=${name} -- -c id`)).toMatchObject({ stdout: id, stderr: '' });
    // Accounts that only the old root has count as with the original.
    for (const option of ['--userspec=daemon', '--groups=adm', '--userspec=:adm'])
      expectSame(['chroot', option, rootfs, 'id']);
    expect(inRoot('capsh --chroot=$ROOTFS --user=nobody -- -c id')).toMatchObject({
      status: 1,
      stderr: 'capsh: no such user: nobody\n',
    });
  });

  test('a program is searched in the new root', (context) => {
    needs(context, needsRoot);
    const { status, stderr } = inRoot('chroot $ROOTFS head');
    expect({ status, stderr }).toEqual({
      status: 127,
      stderr: "chroot: failed to run command 'head': No such file or directory\n",
    });
  });

  test('a root without the shell: which option names another', (context) => {
    needs(context, needsRoot);
    mkdirSync(join(folder.path, 'empty'));
    const { status, stderr } = inRoot('capsh --chroot=empty -- -c true');
    expect(status).toBe(1);
    expect(stderr).toBe(
      'capsh: cannot execute /bin/bash (--shell=PATH names another one): No such file or directory\n',
    );
  });

  test('an ordinary user may in a user namespace', (context) => {
    needs(context, needsRoot);
    const { stdout, stderr } = run(['ts-unshare', '-r', 'ts-chroot', rootfs, 'cat', '/here'], { uid: NOBODY });
    expect({ stdout, stderr }).toEqual({ stdout: 'inside\n', stderr: '' });
  });
});

describe.each([
  ['by the originals’ names', 'capsh', 'chroot'],
  ['by ours', 'ts-capsh', 'ts-chroot'],
])('R2: the classic chroot escape, %s', (_, capsh, chroot) => {
  test('succeeds with CAP_SYS_CHROOT', (context) => {
    needs(context, needsRoot, needsCompiler);
    for (const way of [`${chroot} $ROOTFS /escape $MARKER`, `${capsh} --chroot=$ROOTFS -- -c "exec /escape $MARKER"`])
      expect(inRoot(way)).toEqual({ status: 0, signal: null, stdout: 'outside\n', stderr: '' });
  });

  test('fails without', (context) => {
    needs(context, needsRoot, needsCompiler);
    for (const look of ['', '--print', '--has-p=cap_sys_chroot --current']) {
      const { status, stdout, stderr } = inRoot(
        `${capsh} --chroot=$ROOTFS ${look} --drop=cap_sys_chroot -- -c "exec /escape $MARKER"`,
      );
      expect({ status, stderr }).toEqual({ status: 1, stderr: 'chroot: Operation not permitted\n' });
      expect(stdout).not.toContain('outside');
    }
  });

  test('finds nothing after pivot_root', (context) => {
    needs(context, needsRoot, needsCompiler, needsProgram('pivot_root'));
    const { status, stdout, stderr } = inRoot(
      'unshare -m sh -c "mount --bind $ROOTFS $ROOTFS && mount -t proc proc $ROOTFS/proc && cd $ROOTFS && mkdir -p old && pivot_root . old && umount -l /old && exec /escape $MARKER"',
    );
    expect({ status, stdout, stderr }).toEqual({
      status: 3,
      stdout: '',
      stderr: `${marker}: No such file or directory\n`,
    });
  });
});

describe('ts-unshare --root --pivot', () => {
  const look = 'echo $$; pwd; grep -c . /proc/self/mountinfo; test -e $MARKER && echo escaped; ls / | grep -cx work';
  const inside = (words: string, uid?: number) =>
    run(['ts-unshare', ...words.split(' ')], { cwd: folder.path, uid, env: { MARKER: marker } });

  for (const [who, uid] of [
    ['root', undefined],
    ['an ordinary user', NOBODY],
  ] as const)
    test(`${who}: only the new tree is there, and user namespaces can still be made`, (context) => {
      needs(context, needsRoot);
      const { status, stdout, stderr } = run(
        ['ts-unshare', '-rpf', '--root', 'rootfs', '--pivot', '--mount-proc', 'sh', '-c', look],
        { cwd: folder.path, uid, env: { MARKER: marker } },
      );
      expect({ status, stdout, stderr }).toEqual({ status: 1, stdout: '1\n/\n2\n0\n', stderr: '' });
      for (const [way, ends] of [
        ['--pivot', 0],
        ['', 1],
      ] as const)
        expect(inside(`-r --root rootfs ${way} unshare -U true`.replace('  ', ' '), uid).status).toBe(ends);
    });

  test('the classic escape finds nothing', (context) => {
    needs(context, needsRoot, needsCompiler);
    expect(inside(`--root rootfs --pivot /escape ${marker}`)).toMatchObject({
      status: 3,
      stderr: `${marker}: No such file or directory\n`,
    });
  });

  test('"." is a root, too; the working directory is that of the new root', (context) => {
    needs(context, needsRoot);
    const { stdout, stderr } = run(
      ['ts-unshare', '--root', '.', '--pivot', '--wd', '/etc', 'sh', '-c', 'pwd; cat ../here'],
      {
        cwd: rootfs,
      },
    );
    expect({ stdout, stderr }).toEqual({ stdout: '/etc\ninside\n', stderr: '' });
  });

  test('what cannot be said or done', (context) => {
    needs(context, needsRoot);
    for (const [words, message] of [
      ['--pivot true', 'option --pivot requires a new root (--root)'],
      [
        '--root rootfs --pivot --propagation shared true',
        'options --pivot and --propagation=shared are mutually exclusive',
      ],
      [
        '--root rootfs --pivot --propagation unchanged true',
        'options --pivot and --propagation=unchanged are mutually exclusive',
      ],
      ['--root nowhere --pivot true', "cannot change root directory to 'nowhere': No such file or directory"],
      ['--root marker --pivot true', "cannot change root directory to 'marker': Not a directory"],
    ] as const)
      expect(inside(words)).toEqual({ status: 1, signal: null, stdout: '', stderr: `ts-unshare: ${message}\n` });
  });

  test('nothing is mounted outside', () => expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(rootfs));
});

for (const [pivot, compat] of [
  ['pivot_root', true],
  ['ts-pivot', false],
] as const)
  test(`${pivot} --proc: a link in the new root leads to nothing outside of it`, (context) => {
    needs(context, needsRoot);
    using root = temporaryFolder();
    using outside = temporaryFolder();
    symlinkSync(outside.path, join(root.path, 'proc'));
    const words = `${pivot} --bind --proc ${root.path} ${root.path}`;
    const seen = `ls ${outside.path} | wc -l; grep -c ${outside.path} /proc/self/mountinfo`;
    const none = shell(`unshare -m sh -c "${words}; ${seen}"`, { compat });
    expect(none.stdout).toBe('0\n0\n');
    expect(none.stderr).toContain(`cannot mount '${root.path}/proc': No such file or directory`);
    // Where the link leads to a folder of the new root, that is where proc is mounted, and unmounted again.
    mkdirSync(join(root.path, outside.path), { recursive: true });
    const failing = words.replace(/\S+$/, '/nowhere');
    const { stdout } = shell(`unshare -m sh -c "${failing}; ${seen}; ${words}; echo /proc/self"`, { compat });
    expect(stdout).toBe('0\n0\n/proc/self\n');
  });

describe('A1, its last step: a root and one capability less', () => {
  const inside = "'readlink /proc/self/root; grep CapBnd /proc/self/status; test -e $MARKER || echo alone'";
  const withProc = (words: string) =>
    `unshare -m sh -c "mount -t proc proc $ROOTFS/proc && exec ${words} --chroot=$ROOTFS --drop=cap_sys_chroot -- -c ${inside}"`;

  for (const capsh of ['capsh', 'ts-capsh'])
    test(capsh, (context) => {
      needs(context, needsRoot);
      const own = /CapBnd:\t(\w+)/.exec(shell('cat /proc/self/status').stdout)?.[1];
      const bounding = (BigInt(`0x${own}`) & ~(1n << 18n)).toString(16).padStart(16, '0');
      const { status, stdout, stderr } = inRoot(withProc(capsh));
      expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: `/\nCapBnd:\t${bounding}\nalone\n`, stderr: '' });
    });

  test('nothing is left of it outside', () => expect(existsSync(join(rootfs, 'proc/self'))).toBe(false));
});

describe('accounts and files behind a mount', () => {
  const CHAINS = [
    'ts-unshare -m ts-mount --bind passwd /etc/passwd -- ts-capsh --user=only-in-here -- -c "id -u"',
    'ts-unshare -m ts-mount --bind passwd /etc/passwd -- ts-chroot --userspec=only-in-here / id -u',
    'ts-unshare -mu ts-mount --bind name /etc/hostname -- ts-hostname -F /etc/hostname -- uname -n',
  ];
  for (const chain of CHAINS)
    test(chain, (context) => {
      needs(context, needsRoot);
      writeFileSync(join(folder.path, 'passwd'), 'root:x:0:0::/root:/bin/sh\nonly-in-here:x:4321:4321::/:/bin/sh\n');
      writeFileSync(join(folder.path, 'name'), 'four-three-two-one\n');
      for (const env of [{ TS_TOOLS_NO_FUSE: '' }, { TS_TOOLS_NO_FUSE: '1' }]) {
        const { status, stdout, stderr } = inRoot(chain, env);
        expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
        expect(stdout).toMatch(/^(4321|four-three-two-one)\n$/);
      }
    });
});
