import { spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { layerFolder, make } from '../harness/layers.ts';
import { bin, isRoot, NOBODY, original, originalPath, run, shell } from '../harness/run.ts';
import { needs, needsProgram, needsRoot } from '../harness/skip.ts';
import { until } from '../harness/target.ts';

/** In a mount namespace of its own: nothing is left on the host. */
const inNamespace = (script: string, cwd: string, env: NodeJS.ProcessEnv = {}) =>
  run([original('unshare') as string, '-m', 'sh', '-c', script], { cwd, env });

const mountsBelow = (path: string) =>
  readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => (line.split(' ')[4] ?? '').startsWith(path));

const LAYERS = {
  'base/kept': 'kept',
  'base/changed': 'before',
  'base/gone': '',
  'base/dir/old': '',
  up: null,
  work: null,
  merged: null,
};

/** Changes of every kind in a merged folder. */
const CHANGES =
  'echo after >merged/changed && rm merged/gone && echo new >merged/new && rm -r merged/dir && mkdir merged/dir && touch merged/dir/fresh';

const isWhiteout = (path: string) => {
  const stat = lstatSync(path);
  return stat.isCharacterDevice() && stat.rdev === 0;
};

function expectChanges(folder: string, opaque: string): void {
  const at = (path: string) => join(folder, path);
  expect(readdirSync(at('up'))).toEqual(['changed', 'dir', 'gone', 'new']);
  expect(isWhiteout(at('up/gone'))).toBe(true);
  expect(readdirSync(at('up/dir'))).toEqual(['fresh']);
  expect(run(['getfattr', '--only-values', '-n', opaque, at('up/dir')]).stdout).toBe('y');
  expect(['kept', 'changed', 'gone', 'dir/old'].map((path) => existsSync(at(`base/${path}`)))).toEqual([
    true,
    true,
    true,
    true,
  ]);
  expect(readFileSync(at('base/changed'), 'utf8')).toBe('before');
}

describe('O1: changes land in the upper layer only', () => {
  const forms = [
    {
      name: 'word for word',
      script: `mount -t overlay -o lowerdir=base,upperdir=up,workdir=work overlay merged && sh -c '${CHANGES}' && umount merged`,
    },
    { name: 'one tool', script: `ts-overlay --lower base --upper up --work work merged -- sh -c '${CHANGES}'` },
    {
      name: 'as one chain',
      script: `ts-unshare --mount ts-overlay --lower base --upper up --work work merged sh -c '${CHANGES}'`,
    },
  ];
  for (const { name, script } of forms)
    for (const noFuse of ['0', '1'])
      test(`${name}, TS_TOOLS_NO_FUSE=${noFuse}`, (context) => {
        needs(context, needsRoot, needsProgram('getfattr'));
        using folder = layerFolder();
        make(folder.path, LAYERS);
        expect(shell(script, { compat: true, cwd: folder.path, env: { TS_TOOLS_NO_FUSE: noFuse } })).toMatchObject({
          stdout: '',
          stderr: '',
          status: 0,
        });
        expectChanges(folder.path, 'trusted.overlay.opaque');
        expect(mountsBelow(folder.path)).toEqual([]);
        expect(readdirSync(join(folder.path, 'merged'))).toEqual([]);
      });

  test('as an ordinary user, in a user namespace of his own', (context) => {
    needs(context, needsRoot, needsProgram('getfattr'));
    for (const noFuse of ['0', '1']) {
      using folder = layerFolder();
      make(folder.path, LAYERS);
      run(['chown', '-R', `${NOBODY}:${NOBODY}`, folder.path]);
      const script = `ts-unshare --map-root-user --mount ts-overlay --lower base --upper up --work work merged sh -c '${CHANGES}'`;
      expect(shell(script, { cwd: folder.path, uid: NOBODY, env: { TS_TOOLS_NO_FUSE: noFuse } })).toMatchObject({
        stdout: '',
        stderr: '',
        status: 0,
      });
      expectChanges(folder.path, 'user.overlay.opaque');
    }
  });
});

describe('layers', () => {
  test('a hundred, the topmost first, by long paths too', (context) => {
    needs(context, needsRoot);
    using folder = layerFolder();
    const long = 'x'.repeat(200);
    const layers = Array.from({ length: 100 }, (_, index) => (index % 2 ? `${index}` : `${long}/${long}/${index}`));
    for (const [index, layer] of layers.entries())
      make(folder.path, { [`${layer}/mine${index}`]: '', [`${layer}/all`]: `${index}` });
    make(folder.path, { merged: null });
    const { stdout, stderr, status } = inNamespace(
      `ts-overlay --ro --lower ${layers.join(':')} merged -- sh -c 'cat merged/all; ls merged | wc -l'`,
      folder.path,
    );
    expect({ stdout, stderr, status }).toEqual({ stdout: '0101\n', stderr: '', status: 0 });
  });

  for (const inject of ['', 'strace -f -qq -o /dev/null -e inject=fsopen:error=ENOSYS'])
    test(`paths with colons, commas and backslashes${inject && ', by the old call'}`, (context) => {
      needs(context, needsRoot, needsProgram(...(inject ? ['strace'] : [])));
      using folder = layerFolder();
      const names = ['a:b', 'c,d', 'e\\f', 'g h', '\\:,'];
      for (const name of names) make(folder.path, { [`${name}/${name}`]: '' });
      make(folder.path, { 'u:p,\\': null, 'w,o:r\\k': null, merged: null });
      const lower = names.map((name) => name.replace(/[\\:]/g, '\\$&')).join(':');
      const { stdout, stderr, status } = run(
        [
          original('unshare') as string,
          '-m',
          ...inject.split(' ').filter(Boolean),
          join(bin, 'ts-overlay'),
          '--lower',
          lower,
          '--upper',
          'u:p,\\',
          '--work',
          'w,o:r\\k',
          'merged',
          'sh',
          '-c',
          'ls merged; echo >merged/new',
        ],
        { cwd: folder.path },
      );
      expect({ stdout, stderr, status }).toEqual({
        stdout: `${[...names].sort().join('\n')}\n`,
        stderr: '',
        status: 0,
      });
      expect(readdirSync(join(folder.path, 'u:p,\\'))).toEqual(['new']);
    });

  for (const inject of ['', 'strace -f -qq -o /dev/null -e inject=fsopen:error=ENOSYS '])
    test(`layers of data alone${inject && ', by the old call'}`, (context) => {
      needs(context, needsRoot, needsProgram('setfattr', ...(inject ? ['strace'] : [])));
      using folder = layerFolder();
      make(folder.path, { 'base/file': '\0'.repeat(5), 'one/blob': 'data\n', 'two/other': 'x', merged: null });
      const script = `setfattr -n trusted.overlay.metacopy base/file && setfattr -n trusted.overlay.redirect -v /blob base/file &&
        mount -t overlay -o lowerdir=base::two::one,metacopy=on o merged && cat merged/file && ls merged && umount merged &&
        ${inject}ts-overlay --ro --lower base::two::one --metacopy=on merged sh -c 'cat merged/file; ls merged'`;
      expect(inNamespace(script, folder.path)).toMatchObject({
        stdout: 'data\nfile\ndata\nfile\n',
        stderr: '',
        status: 0,
      });
    });

  test('features do what they say', (context) => {
    needs(context, needsRoot, needsProgram('getfattr'));
    using folder = layerFolder();
    const overlay = (options: string, script: string) => {
      run(
        [
          'sh',
          '-c',
          'rm -rf base up work merged && mkdir base base/dir up work merged && echo text >base/file && ln base/file base/linked',
        ],
        {
          cwd: folder.path,
        },
      );
      const { stdout, stderr } = inNamespace(
        `ts-overlay --lower base --upper up --work work ${options} merged sh -c '${script}'`,
        folder.path,
      );
      return `${stdout}${stderr}`;
    };
    // Hard links, when they are copied up.
    const linked = 'echo more >>merged/file; cat merged/linked';
    expect(overlay('--index=on', linked)).toBe('text\nmore\n');
    expect(overlay('--index=off', linked)).toBe('text\n');
    // Renamed folders.
    expect(
      overlay('--redirect-dir=on', 'perl -e "rename(q(merged/dir), q(merged/moved)) || print qq(\\$!\\n)"; ls merged'),
    ).toBe('file\nlinked\nmoved\n');
    expect(
      overlay('--redirect-dir=off', 'perl -e "rename(q(merged/dir), q(merged/moved)) || print qq(\\$!\\n)"; ls merged'),
    ).toBe('Invalid cross-device link\ndir\nfile\nlinked\n');
    // Data, when only metadata changes.
    const blocks = 'chmod 600 merged/file; stat -c %b up/file';
    expect(overlay('--metacopy=on', blocks)).toBe('0\n');
    expect(overlay('--metacopy=off', blocks)).toBe('8\n');
    // A sign of writes that are not synced.
    const sign = 'ls work/work/incompat 2>/dev/null';
    expect(overlay('--volatile', sign)).toBe('volatile\n');
    expect(overlay('', sign)).toBe('');
    // Where marks are.
    const marked = 'rm -r merged/dir; mkdir merged/dir; getfattr -m overlay.opaque up/dir | grep -v "^#"';
    expect(overlay('--userxattr', marked).trim()).toBe('user.overlay.opaque');
    expect(overlay('', marked).trim()).toBe('trusted.overlay.opaque');
    // File handles, as name_to_handle_at(2) gives them to servers.
    const handle =
      'perl -e "my \\$h = pack(q(LLx128), 128, 0); my \\$m = pack(q(L), 0); my \\$f = q(merged/file); print syscall(303, -100, \\$f, \\$h, \\$m, 0) < 0 ? qq(\\$!\\n) : qq(a handle\\n)"';
    if (process.arch === 'x64') {
      expect(overlay('--index=on --nfs-export=on', handle)).toBe('a handle\n');
      expect(overlay('', handle)).toBe('Operation not supported\n');
    }
    // One device for files of all layers, though these are on several.
    const devices = (xino: string) =>
      inNamespace(
        `mount -t tmpfs t base && touch base/file && ts-overlay --lower base --upper up --work work --xino=${xino} merged sh -c 'touch merged/new; stat -c %d merged/new merged/file | uniq | wc -l'`,
        folder.path,
      ).stdout;
    expect(devices('on')).toBe('1\n');
    expect(devices('off')).toBe('2\n');
  });

  test('features are what the kernel shows of the mount', (context) => {
    needs(context, needsRoot);
    using folder = layerFolder();
    make(folder.path, LAYERS);
    const { stdout } = inNamespace(
      'ts-overlay --lower base --upper up --work work --redirect-dir on --index on --metacopy on --xino on --volatile --options nosuid,noatime,uuid=null merged tail -n1 /proc/self/mountinfo',
      folder.path,
    );
    for (const word of ['nosuid', 'noatime', 'redirect_dir=on', 'index=on', 'metacopy=on', 'uuid=null'])
      expect(stdout.split(/[ ,\n]/)).toContain(word);
    expect(stdout).toMatch(/,(fsync=)?volatile/);
  });
});

describe('--tmpfs', () => {
  test('an upper layer that is gone with the mount, and no larger than allowed', (context) => {
    needs(context, needsRoot);
    using folder = layerFolder();
    make(folder.path, LAYERS);
    chownSync(join(folder.path, 'base'), 77, 88);
    chmodSync(join(folder.path, 'base'), 0o1775);
    const { stdout, stderr, status } = run(
      [
        'ts-overlay',
        '--lower',
        'base',
        '--tmpfs=1m',
        'merged',
        'sh',
        '-c',
        'stat -c "%u:%g %a" merged; echo new >merged/new; ls merged; head -c 5000000 /dev/zero >merged/large',
      ],
      { cwd: folder.path },
    );
    expect(stdout).toBe('77:88 1775\nchanged\ndir\ngone\nkept\nnew\n');
    expect(stderr).toMatch(/No space left on device/);
    expect(status).not.toBe(0);
    expect(mountsBelow(folder.path)).toEqual([]);
    expect(readdirSync(join(folder.path, 'merged'))).toEqual([]);
    expect(readdirSync(join(folder.path, 'base'))).toEqual(['changed', 'dir', 'gone', 'kept']);
  });

  test('a failure takes back what was mounted', (context) => {
    needs(context, needsRoot);
    using folder = layerFolder();
    make(folder.path, LAYERS);
    for (const program of [[], ['true']]) {
      const { stderr, status } = run(
        ['ts-overlay', '--lower', 'base', '--tmpfs', '--options', 'bogus=1', 'merged', ...program],
        { cwd: folder.path },
      );
      expect({ stderr, status }).toEqual({
        stderr:
          "ts-overlay: cannot mount overlay on 'merged': Invalid argument\nts-overlay: the kernel says: Unknown parameter 'bogus'\n",
        status: 1,
      });
      expect(mountsBelow(folder.path)).toEqual([]);
    }
    expect(
      run(['ts-overlay', '--lower', 'base', '--tmpfs=much', 'merged', 'true'], { cwd: folder.path }).stderr,
    ).toMatch(/Invalid argument\n.*the size is not one that tmpfs takes/);
  });
});

describe('the program', () => {
  test('its status is passed on, and the mount is gone when it has ended', (context) => {
    needs(context, needsRoot);
    using folder = layerFolder();
    make(folder.path, LAYERS);
    const overlay = ['ts-overlay', '--lower', 'base', '--upper', 'up', '--work', 'work', 'merged'];
    expect(run([...overlay, '--', 'sh', '-c', 'exit 7'], { cwd: folder.path })).toMatchObject({
      status: 7,
      stderr: '',
    });
    expect(run([...overlay, 'sh', '-c', 'kill -9 $$'], { cwd: folder.path })).toMatchObject({ signal: 'SIGKILL' });
    expect(run([...overlay, 'nosuchprogram'], { cwd: folder.path })).toMatchObject({
      status: 127,
      stderr: 'ts-overlay: failed to execute nosuchprogram: No such file or directory\n',
    });
    // A process that stays behind in the folder keeps nobody from unmounting.
    expect(
      run([...overlay, 'sh', '-c', 'cd merged && { sleep 5 >/dev/null 2>&1 & mount -t tmpfs x dir; }'], {
        cwd: folder.path,
      }),
    ).toMatchObject({
      status: 0,
    });
    expect(mountsBelow(folder.path)).toEqual([]);
  });

  test('SIGTERM is passed on, SIGINT is for the program alone', async (context) => {
    needs(context, needsRoot);
    using folder = layerFolder();
    make(folder.path, LAYERS);
    for (const [signal, trap] of [
      ['SIGTERM', 'trap "echo caught >merged/caught; exit 3" TERM'],
      ['SIGINT', 'trap "" TERM'],
    ] as const) {
      const child = spawn(
        join(bin, 'ts-overlay'),
        [
          '--lower',
          'base',
          '--upper',
          'up',
          '--work',
          'work',
          'merged',
          'sh',
          '-c',
          `${trap}; touch ready; while [ ! -e stop ]; do sleep 0.05; done`,
        ],
        { cwd: folder.path, stdio: 'ignore', env: { PATH: originalPath } },
      );
      const ended = new Promise<number | null>((resolve) => child.on('exit', resolve));
      until('the program runs', () => existsSync(join(folder.path, 'ready')));
      child.kill(signal);
      if (signal === 'SIGINT') writeFileSync(join(folder.path, 'stop'), '');
      expect(await ended).toBe(signal === 'SIGTERM' ? 3 : 0);
      expect(mountsBelow(folder.path)).toEqual([]);
      run(['rm', '-f', join(folder.path, 'ready')]);
    }
    expect(readFileSync(join(folder.path, 'up/caught'), 'utf8')).toBe('caught\n');
  });

  test('--status-fd says what happens', (context) => {
    needs(context, needsRoot);
    using folder = layerFolder();
    make(folder.path, LAYERS);
    const { stdout, status } = shell(
      'ts-overlay --status-fd 3 --lower base --tmpfs merged sh -c "ls -l /proc/self/fd/3 2>&1 | grep -c fd; exit 4" 3>events; echo $?; sed "s/[0-9][0-9][0-9]*/N/" events',
      { cwd: folder.path },
    );
    expect({ stdout, status }).toEqual({
      stdout: '1\n4\n{"event":"mounted"}\n{"event":"child","pid":N}\n{"event":"exit","status":4,"signal":0}\n',
      status: 0,
    });
  });

  test('--private: nobody else sees the mount, and the process is the program itself', (context) => {
    needs(context, needsRoot);
    using folder = layerFolder();
    make(folder.path, LAYERS);
    const { stdout, status } = shell(
      'ts-overlay --private --lower base --tmpfs merged sh -c "echo \\$PPID; ls merged; nsenter -t $$ -m ls $PWD/merged"; echo $$',
      { cwd: folder.path },
    );
    expect(status).toBe(0);
    const lines = stdout.trim().split('\n');
    expect(lines[0]).toBe(lines.at(-1));
    expect(lines.slice(1, -1)).toEqual(['changed', 'dir', 'gone', 'kept']);
  });

  test('a whole container in one line, without being root', (context) => {
    needs(context, needsRoot);
    using folder = layerFolder();
    const root = join(folder.path, 'root');
    chmodSync(folder.path, 0o777);
    expect(run(['ts-rootfs', root, 'sh', 'ls', 'id', 'cat', 'touch'], { uid: NOBODY })).toMatchObject({ status: 0 });
    mkdirSync(join(folder.path, 'merged'));
    const { stdout, stderr, status } = shell(
      'ts-unshare -rmpfui ts-overlay --lower root --tmpfs merged ts-mount -t proc proc merged/proc -- ts-chroot merged /bin/sh -c "echo \\$\\$; touch /etc/mine; ls /etc/mine; id -u"',
      { cwd: folder.path, uid: NOBODY },
    );
    expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
    expect(stdout).toMatch(/^\d+\n\/etc\/mine\n0\n$/);
    expect(existsSync(join(root, 'etc/mine'))).toBe(false);
  });
});

describe('what the kernel would refuse is refused with the reason', () => {
  /** The command line behind ts-overlay, the same for mount -o, and what is said. `before` makes it so. */
  const CASES: readonly (readonly [what: string, before: string, words: string, kernel: string, stderr: RegExp])[] = [
    [
      'a layer that is missing',
      '',
      '--lower base:nowhere --tmpfs',
      '',
      /lower layer 'nowhere' does not exist\n.*mkdir nowhere/,
    ],
    ['a layer that is a file', '', '--lower base/kept:base --tmpfs', '', /lower layer 'base\/kept' is not a folder/],
    [
      'a mount point that is missing',
      'rmdir merged',
      '--lower base --tmpfs',
      '',
      /mount point 'merged' does not exist/,
    ],
    [
      'one layer alone',
      '',
      '--ro --lower base',
      'lowerdir=base',
      /one lower layer without an upper one is no overlay\n.*ts-mount --bind -o ro base merged/,
    ],
    [
      'the same layer twice',
      '',
      '--ro --lower base:base/../base',
      'lowerdir=base:base',
      /'base' and 'base\/..\/base' are the same folder/,
    ],
    [
      'a layer inside of another',
      '',
      '--ro --lower base:base/dir',
      'lowerdir=base:base/dir',
      /layers overlap: lower layer 'base\/dir' lies in lower layer 'base'/,
    ],
    [
      'a layer inside of the upper one',
      'mkdir up/x',
      '--lower up/x --upper up --work work',
      'lowerdir=up/x,upperdir=up,workdir=work',
      /layers overlap: lower layer 'up\/x' lies in upper 'up'/,
    ],
    [
      'upper and work on different file systems',
      'mkdir t; mount -t tmpfs t t',
      '--lower base --upper up --work t',
      'lowerdir=base,upperdir=up,workdir=t',
      /upper 'up' and work 't' are on different file systems/,
    ],
    [
      'upper and work on different mounts',
      'mkdir t; mount --bind work t',
      '--lower base --upper up --work t',
      'lowerdir=base,upperdir=up,workdir=t',
      /are reached through different mounts/,
    ],
    [
      'work inside of upper',
      'mkdir up/w',
      '--lower base --upper up --work up/w',
      'lowerdir=base,upperdir=up,workdir=up/w',
      /must be separate folders/,
    ],
    [
      'an upper layer on an overlay',
      'mkdir t u w; mount -t overlay -o lowerdir=base,upperdir=u,workdir=w o t; mkdir t/u t/w',
      '--lower base --upper t/u --work t/w',
      'lowerdir=base,upperdir=t/u,workdir=t/w',
      /upper 't\/u' lies on an overlay itself/,
    ],
    [
      'an overlay upon an overlay upon an overlay',
      'mkdir a b c d; touch a/x c/y; mount -t overlay -o lowerdir=base:a o b; mount -t overlay -o lowerdir=b:c o d',
      '--lower d --upper up --work work',
      'lowerdir=d,upperdir=up,workdir=work',
      /'d' lies on an overlay upon an overlay/,
    ],
    [
      'a read-only upper layer',
      'mkdir t; mount -t tmpfs t t; mkdir t/u t/w; mount -o remount,ro t',
      '--lower base --upper t/u --work t/w',
      'lowerdir=base,upperdir=t/u,workdir=t/w',
      /is on a read-only file system/,
    ],
    [
      'a work folder of a volatile mount',
      'mount -t overlay -o lowerdir=base,upperdir=up,workdir=work,volatile o merged; touch merged/x; umount merged',
      '--lower base --upper up --work work',
      'lowerdir=base,upperdir=up,workdir=work',
      /was used with --volatile and not unmounted in order/,
    ],
    [
      'metacopy without redirects',
      '',
      '--lower base --upper up --work work --metacopy on --redirect-dir off',
      'lowerdir=base,upperdir=up,workdir=work,metacopy=on,redirect_dir=off',
      /metacopy=on and redirect_dir=off cannot be combined/,
    ],
    [
      'exports without an index',
      '',
      '--lower base --upper up --work work --nfs-export on --index off',
      '',
      /nfs_export=on and index=off cannot be combined/,
    ],
    [
      'exports without data',
      '',
      '--lower base --upper up --work work --nfs-export on --metacopy on',
      'lowerdir=base,upperdir=up,workdir=work,nfs_export=on,metacopy=on',
      /metacopy=on and nfs_export=on cannot be combined/,
    ],
    [
      'user attributes and redirects',
      '',
      '--lower base --upper up --work work --userxattr --redirect-dir on',
      'lowerdir=base,upperdir=up,workdir=work,userxattr,redirect_dir=on',
      /userxattr and redirect_dir=on cannot be combined/,
    ],
    // The kernel takes these, to somebody's damage.
    [
      'an upper layer in use',
      'mkdir m; mount -t overlay -o lowerdir=base,upperdir=$PWD/up,workdir=work o m',
      '--lower base --upper up --work work',
      '',
      /upper 'up' is in use by the overlay on '.*\/m'/,
    ],
    [
      'a work folder in use',
      'mkdir m u; mount -t overlay -o lowerdir=base,upperdir=$PWD/u,workdir=$PWD/work o m',
      '--lower base --upper up --work work',
      '',
      /work 'work' is in use by the overlay on '.*\/m'/,
    ],
    [
      'a work folder with something in it',
      'touch work/mine',
      '--lower base --upper up --work work',
      '',
      /work 'work' is not empty: 'mine' is in it/,
    ],
    [
      'a layer that would be hidden',
      'mkdir merged/l',
      '--lower merged/l --tmpfs',
      '',
      /lower layer 'merged\/l' would be hidden/,
    ],
  ];
  for (const [what, before, words, kernel, stderr] of CASES)
    test(what, (context) => {
      needs(context, needsRoot);
      using folder = layerFolder();
      make(folder.path, LAYERS);
      const script = `${before || ':'}; ts-overlay ${words} merged; echo $?; ${kernel ? `mount -t overlay -o ${kernel} o merged 2>/dev/null; echo $?` : 'echo 32'}; ls -A work | grep -v '^work$\\|^mine$'; grep -c " ${folder.path}/merged " /proc/self/mountinfo`;
      const result = inNamespace(script, folder.path);
      expect(result.stderr).toMatch(stderr);
      expect(result.stdout).toBe('1\n32\n0\n');
    });

  test.each([
    ['merged', /no lower layers/],
    ['--lower base', /no mount point specified/],
    ['--lower base merged', /where changes go is not said/],
    ['--lower base --upper up merged', /--upper needs --work\n(.*\n)*.*beside upper/],
    ['--lower base --work work merged', /--work needs --upper/],
    ['--lower base --tmpfs --ro merged', /options --tmpfs and --ro cannot be combined/],
    ['--lower base --tmpfs --private merged', /--private mounts for a program alone/],
    ['--lower base --tmpfs --xino sometimes merged', /--xino: 'sometimes' is none of on, off, auto/],
    ['--lower base --tmpfs merged -- ""', /the program has no name/],
    ['--lower base::up --lower work --ro merged', /what stands behind :: must be the last/],
  ] as const)('wrong usage: %s', (words, stderr) => {
    using folder = layerFolder();
    make(folder.path, LAYERS);
    const result = shell(`ts-overlay ${words}`, { cwd: folder.path });
    expect(result).toMatchObject({ status: 1, stdout: '' });
    expect(result.stderr).toMatch(stderr);
  });

  test('an upper layer of other lower layers, where an index says so', (context) => {
    needs(context, needsRoot);
    using folder = layerFolder();
    make(folder.path, { ...LAYERS, 'other/file': '' });
    const script = `ts-overlay --lower base --upper up --work work --index on merged true && ts-overlay --lower other --upper up --work work --index on merged true;
      echo $?; mount -t overlay -o lowerdir=other,upperdir=up,workdir=work,index=on o merged 2>/dev/null; echo $?`;
    expect(inNamespace(script, folder.path)).toMatchObject({
      stdout: '1\n32\n',
      stderr: expect.stringMatching(
        /^ts-overlay: .*: Stale file handle\nts-overlay: with an index, an upper layer belongs/,
      ),
    });
  });

  test('an ordinary user is told how', () => {
    using folder = layerFolder();
    make(folder.path, LAYERS);
    for (const words of ['--tmpfs merged', '--tmpfs merged true', '--tmpfs --private merged true']) {
      const { stderr, status } = shell(`ts-overlay --lower base ${words}`, {
        cwd: folder.path,
        uid: isRoot ? NOBODY : undefined,
      });
      expect(status).toBe(1);
      expect(stderr).toMatch(
        /Operation not permitted\nts-overlay: this needs CAP_SYS_ADMIN: be root, or .*ts-unshare --map-root-user --mount/,
      );
    }
  });
});

describe('O2: a layer made upon a layer, and containers upon both', () => {
  const forms = [
    {
      name: 'word for word',
      build: `
        mount -t overlay overlay -o lowerdir=$LAYER1/diff,upperdir=$LAYER2/diff,workdir=$LAYER2/work merged &&
        mount --bind /etc/resolv.conf merged/etc/resolv.conf &&
        chroot merged /bin/sh -c 'mkdir -p /opt && cp /bin/cat /opt/installed && rm /etc/hostname' &&
        umount -R merged`,
      start: (id: string, script: string) => `
        mount -t overlay overlay -o lowerdir=$LAYER2/diff:$LAYER1/diff,upperdir=${id}/up,workdir=${id}/work ${id}/root &&
        unshare -uipr --mount-proc --fork chroot ${id}/root /bin/sh -c '${script}'; status=$?; umount -R ${id}/root; exit $status`,
    },
    {
      name: 'in our own words',
      build: `ts-overlay --lower $LAYER1/diff --upper $LAYER2/diff --work $LAYER2/work merged
        ts-mount --bind /etc/resolv.conf merged/etc/resolv.conf --
        ts-chroot merged /bin/sh -c 'mkdir -p /opt && cp /bin/cat /opt/installed && rm /etc/hostname'`.replaceAll(
        /\n\s*/g,
        ' ',
      ),
      start: (id: string, script: string) =>
        `ts-overlay --lower $LAYER2/diff:$LAYER1/diff --upper ${id}/up --work ${id}/work ${id}/root ts-unshare -uipr --mount-proc --fork ts-chroot ${id}/root /bin/sh -c '${script}'`,
    },
  ];
  for (const { name, build, start } of forms)
    test(name, async (context) => {
      needs(context, needsRoot);
      using folder = layerFolder();
      make(folder.path, { 'one/diff': null, 'two/diff': null, 'two/work': null, merged: null });
      expect(
        run(['ts-rootfs', join(folder.path, 'one/diff'), 'sh', 'cat', 'cp', 'mkdir', 'rm', 'ls', 'sleep']),
      ).toMatchObject({ status: 0 });
      const env = { LAYER1: 'one', LAYER2: 'two', PATH: `${join(bin, '../compat')}:${originalPath}` };
      const before = run(['find', 'one', '-printf', '%p %T@ %s\n'], { cwd: folder.path }).stdout;
      const built = inNamespace(build, folder.path, env);
      expect(built).toMatchObject({ stdout: '', stderr: '', status: 0 });
      expect(run(['find', 'one', '-printf', '%p %T@ %s\n'], { cwd: folder.path }).stdout).toBe(before);
      expect(isWhiteout(join(folder.path, 'two/diff/etc/hostname'))).toBe(true);
      expect(readdirSync(join(folder.path, 'two/diff'))).toEqual(['etc', 'opt']);

      // Each waits until both have written: then neither may see what the other one has.
      const ids = ['c1', 'c2'];
      for (const id of ids) make(folder.path, { [`${id}/up`]: null, [`${id}/work`]: null, [`${id}/root`]: null });
      const script = (id: string) =>
        `echo ${id} >/etc/${id} && echo ${id} >/common && for i in 1 2 3 4 5 6; do sleep 0.1; done; /opt/installed /common; ls /etc/c1 /etc/c2 /etc/hostname 2>/dev/null`;
      const results = await Promise.all(
        ids.map(
          (id) =>
            new Promise<{ stdout: string; stderr: string; status: number | null }>((resolve) => {
              const child = spawn(original('unshare') as string, ['-m', 'sh', '-c', start(id, script(id))], {
                cwd: folder.path,
                env,
              });
              const said = { stdout: '', stderr: '' };
              child.stdout.on('data', (text) => {
                said.stdout += String(text);
              });
              child.stderr.on('data', (text) => {
                said.stderr += String(text);
              });
              child.on('close', (status) => resolve({ ...said, status }));
            }),
        ),
      );
      for (const [index, id] of ids.entries()) {
        expect(results[index]).toEqual({ stdout: `${id}\n/etc/${id}\n`, stderr: '', status: 2 });
        expect(readFileSync(join(folder.path, id, 'up/common'), 'utf8')).toBe(`${id}\n`);
      }
      expect(run(['find', 'one', '-printf', '%p %T@ %s\n'], { cwd: folder.path }).stdout).toBe(before);
      expect(mountsBelow(folder.path)).toEqual([]);
    });
});
