/** ts-mount beyond mount(2): several mounts at once, idmapped mounts, directories of file systems, other namespaces, the kernel's words. */
import { describe, expect, test } from 'vitest';
import { NOBODY, original, run, shell, temporaryFolder } from '../harness/run.ts';
import { needs, needsKernel, needsProgram, needsRoot } from '../harness/skip.ts';

/** Length of the name of the folder below, which columns are filled up to. */
let LENGTH = 0;

/** Runs a script on an empty tmpfs in a mount namespace of its own, with folders a, b, c; the tmpfs is the working directory. */
function inside(script: string, env: NodeJS.ProcessEnv = {}) {
  using folder = temporaryFolder();
  LENGTH = folder.path.length;
  const prepared = `mount -n -t tmpfs base . && cd $PWD && mkdir a b c || exit\n${script}`;
  const { stdout, stderr, status } = run([original('unshare') as string, '-m', 'sh', '-c', prepared], {
    cwd: folder.path,
    env,
  });
  const plain = (text: string) => text.replaceAll(folder.path, 'HERE');
  return { stdout: plain(stdout), stderr: plain(stderr), status };
}

/** Mounts below the working directory: place below it, root, options, type, options of the file system. */
const TABLE = `awk -v here="$PWD/" 'index($5, here) == 1 { n = 7; while ($n != "-") n++; print substr($5, length(here) + 1), $4, $6, $(n + 1), $(n + 3) }' /proc/self/mountinfo`;

/** `kernel`: the oldest that can do it. */
const root = (name: string, body: () => void, kernel = '5.12') =>
  test(name, (context) => {
    needs(context, needsRoot, needsProgram('unshare', 'mount'), needsKernel(kernel));
    body();
  });

describe('--also: several mounts, and then a program', () => {
  root('all are there for the program, each with options of its own', () => {
    const { stdout, stderr, status } = inside(
      `ts-mount -t tmpfs -o size=1m one a --also --mkdir --bind -r a b/x --also -t tmpfs -o noexec two c -- sh -c '${TABLE.replaceAll("'", `'"'"'`)}; touch a/file && ls b/x'`,
    );
    expect({ stdout, stderr, status }).toEqual({
      stdout:
        'a / rw,relatime tmpfs rw,size=1024k\nb/x / ro,relatime tmpfs rw,size=1024k\nc / rw,noexec,relatime tmpfs rw\nfile\n',
      stderr: '',
      status: 0,
    });
  });

  root('without a program, too', () => {
    expect(inside(`ts-mount -t tmpfs one a --also --bind /etc b && ${TABLE} | cut -d' ' -f1 | xargs`)).toMatchObject({
      stdout: 'a b\n',
      stderr: '',
      status: 0,
    });
  });

  for (const end of ['', ' -- true'])
    root(
      `the third fails${end ? ', a program behind it' : ''}: the first two are undone, with what was made for them`,
      () => {
        const { stdout, stderr, status } = inside(
          `ts-mount -t tmpfs one a --also --mkdir=700 -t tmpfs two b/x/y --also --bind /nonexistent c${end}; echo $?; ${TABLE}; find . | sort | xargs`,
        );
        expect({ stdout, stderr, status }).toEqual({
          stdout: '32\n. ./a ./b ./c\n',
          stderr:
            'ts-mount: c: mount(2) system call failed: No such file or directory\nts-mount: c: special device /nonexistent does not exist\n',
          status: 0,
        });
      },
    );

  root('a move is taken back', () => {
    const { stdout, status } = inside(
      `ts-mount -t tmpfs one a && ts-mount --move a b --also -t unknowntype x c; echo $?; ${TABLE} | cut -d' ' -f1`,
    );
    expect({ stdout, status }).toEqual({ stdout: '32\na\n', status: 0 });
  });

  root('the program cannot be executed: nothing is left', () => {
    const { stdout, stderr } = inside(`ts-mount -t tmpfs one a --also -t tmpfs two b nosuchprogram; echo $?; ${TABLE}`);
    expect({ stdout, stderr }).toEqual({
      stdout: '127\n',
      stderr: 'ts-mount: failed to execute nosuchprogram: No such file or directory\n',
    });
  });

  test('wrong usage is seen before anything is done', () => {
    const all = ['ts-mount -t tmpfs x a --also', 'ts-mount --also -t tmpfs x a', 'ts-mount -a --also -t tmpfs x a'];
    for (const command of all)
      expect(shell(command), command).toMatchObject({
        status: 1,
        stderr: expect.stringMatching(/^ts-mount: bad usage\nTry 'ts-mount --help'/),
      });
    expect(shell('ts-mount --bind a b --also --bind --move c d').stderr).toMatch(
      /options --bind and --move cannot be combined/,
    );
    expect(shell('ts-mount --dry-run --bind a b --also --move c d')).toMatchObject({ status: 0, stderr: '' });
  });
});

describe('X-mount.subdir, X-mount.owner, X-mount.group, X-mount.mode, X-mount.mkdir', () => {
  /** An ext4 image on a loop device would do for subdir, an overlay does without any device. */
  const OVERLAY = `mkdir -p a/low/sub/deep a/up a/work && touch a/low/sub/file a/low/top`;
  for (const classic of ['auto', 'always'])
    root(`the directory of a file system alone, LIBMOUNT_FORCE_MOUNT2=${classic}`, () => {
      const env = { LIBMOUNT_FORCE_MOUNT2: classic };
      const { stdout, stderr, status } = inside(
        `${OVERLAY} && ts-mount -t overlay -o lowerdir=a/low,upperdir=a/up,workdir=a/work,X-mount.subdir=sub x c && ls c && ${TABLE} | cut -d' ' -f1-2,4
         ts-mount -t overlay -o lowerdir=a/low:a/up,X-mount.subdir=none y b; echo $?; ${TABLE} | wc -l`,
        env,
      );
      expect({ stdout, status }).toEqual({ stdout: 'deep\nfile\nc /sub overlay\n32\n1\n', status: 0 });
      expect(stderr).toBe(
        'ts-mount: HERE/b: X-mount.subdir=none: No such file or directory.\n       dmesg(1) may have more information after failed mount system call.\n',
      );
    });

  root('of a bound folder', () => {
    expect(
      inside(`mkdir -p a/sub && touch a/sub/file && ts-mount --bind -o X-mount.subdir=sub,ro a b ls b && touch b/x`),
    ).toMatchObject({
      stdout: 'file\n',
      status: 1,
      stderr: expect.stringMatching(/Read-only file system/),
    });
  });

  root('owner, group and permissions of the root of the mount, by number and by name; folders with a mode', () => {
    const { stdout, stderr, status } = inside(
      `ts-mount -t tmpfs -o X-mount.owner=1234,X-mount.group=4321,X-mount.mode=0710 x a && ts-mount -t tmpfs -o X-mount.owner=nobody x b stat -c '%u %g %a' a b && umount a && stat -c '%u %g' a
       ts-mount -t tmpfs -o X-mount.mkdir=0700 x c/d/e && ts-mount -t tmpfs -o X-mount.mkdir x c/f && stat -c %a c/d && ls c`,
    );
    expect({ stdout, stderr, status }).toEqual({
      stdout: '1234 4321 710\n65534 0 1777\n0 0\n700\nd\nf\n',
      stderr: '',
      status: 0,
    });
  });

  root('an owner that cannot be set: the mount is taken back', () => {
    const { stdout, stderr, status } = inside(
      `ts-mount -t tmpfs -o ro,X-mount.owner=1 x a; echo $?; ts-mount -t tmpfs -o ro,X-mount.mode=700 x a true; echo $?; ${TABLE}`,
    );
    expect({ stdout, status }).toEqual({ stdout: '32\n32\n', status: 0 });
    expect(stderr).toBe(
      'ts-mount: a: failed to change ownership: Read-only file system\nts-mount: a: failed to change mode: Read-only file system\n',
    );
  });
});

describe('idmapped mounts', () => {
  /** tmpfs can be idmapped since Linux 6.3; the maps are told since 6.15. */
  const mapped = (name: string, body: () => void, kernel = '6.3') => root(name, body, kernel);
  const FILES = 'touch a/root a/user && chown 1000:1001 a/user';
  const owners = (place: string) => `stat -c '%n %u:%g' ${place}/root ${place}/user`;

  mapped('owners are seen otherwise, new files are written with the ids on disk; the map is shown by --json', () => {
    const { stdout, stderr, status } = inside(
      `${FILES} && ts-mount --bind --map-users 0:5000:1 --map-users 1000:6000:10 --map-groups 0:7000:2000 a b && ${owners('b')} && ${owners('a')}
       setpriv --reuid 6003 --regid 7003 --clear-groups touch b/new 2>/dev/null; chmod 777 b; setpriv --reuid 6003 --regid 7003 --clear-groups touch b/new && stat -c '%u:%g' a/new b/new
       touch b/unmapped; stat -c %u b/new
       ${TABLE} | cut -d' ' -f1,3`,
    );
    expect({ stdout, status }).toEqual({
      stdout:
        'b/root 5000:7000\nb/user 6000:8001\na/root 0:0\na/user 1000:1001\n1003:3\n6003:7003\n6003\nb rw,relatime,idmapped\n',
      status: 0,
    });
    // Root itself has no id there.
    expect(stderr).toMatch(/touch: .*b\/unmapped.*(Value too large|overflow|Permission denied)/i);
  });

  mapped(
    '--json shows the maps',
    () => {
      const { stdout } = inside(
        `ts-mount --bind --map-users 0:5000:1 --map-users 7:8:9 --map-groups 0:7000:2000 a b && ts-mount --make-shared b && ts-mount --json`,
      );
      const { filesystems } = JSON.parse(stdout);
      expect(filesystems.at(-1)).toMatchObject({
        source: 'base',
        target: 'HERE/b',
        type: 'tmpfs',
        options: 'rw,relatime,idmapped',
        parent: filesystems.at(-2).id,
        root: '/a',
        propagation: expect.stringMatching(/^shared:\d+$/),
        idmap: {
          users: [
            { inner: 0, outer: 5000, count: 1 },
            { inner: 7, outer: 8, count: 9 },
          ],
          groups: [{ inner: 0, outer: 7000, count: 2000 }],
        },
      });
      expect(filesystems.at(-2)).not.toHaveProperty('idmap');
    },
    '6.15',
  );

  mapped('a caller that ignores SIGCHLD, one without standard streams', () => {
    const command = 'ts-mount --bind --map-users 0:5000:1 --map-groups 0:6000:1';
    expect(
      inside(`(trap '' CHLD; ${command} a b) && ${command} a c <&- >&- 2>&-; stat -c %u:%g b c; ps -o comm= --ppid $$`),
    ).toEqual({ stdout: '5000:6000\n5000:6000\nps\n', stderr: '', status: 0 });
  });

  const forms: readonly (readonly [options: string, seen: string])[] = [
    ['-o X-mount.idmap=0:5000:2000', 'b/root 5000:5000 b/user 6000:6001'],
    ['-o X-mount.idmap=b:0:5000:2000', 'b/root 5000:5000 b/user 6000:6001'],
    ["-o 'X-mount.idmap=u:0:5000:2000 g:0:9000:2000'", 'b/root 5000:9000 b/user 6000:10001'],
    ["-o 'X-mount.idmap=0:5000:1 1000:6:2'", 'b/root 5000:5000 b/user 6:7'],
    ["-o ro,nosuid,'X-mount.idmap=0:1:1 1000:2000:2'", 'b/root 1:1 b/user 2000:2001'],
    ['--map-users 1000:1:1 --map-groups 1001:2:1', 'b/root 65534:65534 b/user 1:2'],
  ];
  for (const [options, seen] of forms)
    mapped(options, () => {
      expect(inside(`${FILES} && ts-mount --bind ${options} a b && ${owners('b')} | xargs`)).toEqual({
        stdout: `${seen}\n`,
        stderr: '',
        status: 0,
      });
    });

  mapped('by the file of a user namespace', () => {
    const script = `${FILES}
      ts-unshare --map-users 0:5000:2000 --map-groups 0:6000:2000 --user sleep 30 & while [ "$(cat /proc/$!/uid_map)" = "$(cat /proc/$$/uid_map)" ]; do sleep 0.02; done
      ts-mount --bind --map-users /proc/$!/ns/user a b && ${owners('b')} | xargs; umount b
      ts-mount --bind -o X-mount.idmap=/proc/$!/ns/user a b ${owners('b')} | xargs; kill $!`;
    expect(inside(script)).toEqual({
      stdout: 'b/root 5000:6000 b/user 6000:7001\n'.repeat(2),
      stderr: '',
      status: 0,
    });
  });

  mapped('of a new file system, of a directory of one, of a whole tree', () => {
    const { stdout, stderr, status } = inside(
      `ts-mount -t tmpfs -o mode=755 --map-users 0:5000:1 --map-groups 0:6000:1 x b && stat -c %u:%g b && umount b
       ${FILES} && mkdir a/low a/up a/low/sub && ts-mount -t tmpfs y a/up && ts-mount --rbind --map-users 0:5000:1 --map-groups 0:6000:1 a b && stat -c %u:%g b/low b/up`,
    );
    expect({ stdout, stderr, status }).toEqual({ stdout: '5000:6000\n5000:6000\n5000:6000\n', stderr: '', status: 0 });
  });

  mapped('no process and nothing mounted is left, whatever fails', () => {
    const failures: readonly (readonly [options: string, message: RegExp])[] = [
      ['--bind --map-users 0:5000:1 a b', /add --map-groups\n$/],
      ['--bind --map-groups 0:5000:1 a b', /add --map-users\n$/],
      ['-t proc -o X-mount.idmap=0:1:1 proc b', /cannot be mounted with other owners/],
      ['--bind -o X-mount.idmap=/proc/self/ns/mnt a b', /\/proc\/self\/ns\/mnt is no user namespace\n$/],
      ['--bind -o X-mount.idmap=/proc/self/ns/user a b', /own user namespace cannot be the map/],
      ['--bind -o X-mount.idmap=/nonexistent a b', /cannot open \/nonexistent: No such file or directory\n$/],
      ["--bind -o 'X-mount.idmap=0:1:10 5:20:10' a b", /failed to write uid_map: Invalid argument\n/],
      ['--bind -o X-mount.idmap=0:1:1 a nonexistent', /mkdir nonexistent, or add --mkdir\n$/],
      ['--bind -o X-mount.idmap= a b', /failed to parse mount options.*\n.*its value is missing\n$/],
      ['--bind -o X-mount.idmap=1:2 a b', /'1:2' is not \[u:\|g:\|b:\]/],
      ['--bind -o X-mount.idmap=1:2:0 a b', /'1:2:0' is not/],
      ['--bind --map-users /proc/1/ns/user --map-groups 0:1:1 a b', /cannot be combined with other maps/],
    ];
    for (const [options, message] of failures) {
      const { stdout, stderr } = inside(`ts-mount ${options}; echo $?; ${TABLE}; ps -o comm= --ppid $$`);
      expect(stdout, options).toMatch(/^(1|32)\nps\n(awk\n)?$/);
      expect(stderr, options).toMatch(message);
    }
  });

  mapped('an ordinary user is told who may', () => {
    const { stderr, status } = inside(
      `chmod 777 . a b; setpriv --reuid ${NOBODY} --regid ${NOBODY} --clear-groups ts-unshare -rm ts-mount --bind -o X-mount.idmap=0:0:1 a b true`,
    );
    expect(status).toBe(32);
    expect(stderr).toBe(
      'ts-mount: b: mount_setattr(2) system call failed: Operation not permitted\nts-mount: this needs CAP_SYS_ADMIN where the file system was mounted: in the first user namespace, for most\n',
    );
  });
});

describe('more layers than mount(2) has room for', () => {
  root(
    'an overlay of 100 folders with long names, one with a colon',
    () => {
      const { stdout, stderr, status } = inside(
        `long=$(printf '%0100d' 0); layers=; for n in $(seq 100); do mkdir a/$long$n && touch a/$long$n/$n && layers=$layers:a/$long$n; done; mkdir a/x:y && touch a/x:y/colon
         ts-mount -t overlay -o "lowerdir=a/x\\\\:y$layers,upperdir=b,workdir=c" x a sh -c 'ls a | wc -l; ls a/1 a/100 a/colon; grep -c "^x " /proc/self/mounts' 2>&1`,
      );
      expect({ stdout, stderr, status }).toEqual({ stdout: '101\na/1\na/100\na/colon\n1\n', stderr: '', status: 0 });
    },
    '6.7',
  );
});

describe('attributes for the mount, the file system, the tree', () => {
  const rows: readonly (readonly [command: string, table: string])[] = [
    ['-t tmpfs -o ro x a', 'a ro,relatime tmpfs ro'],
    ['-t tmpfs -o ro=vfs x a', 'a ro,relatime tmpfs rw'],
    ['-t tmpfs -o ro=fs x a', 'a rw,relatime tmpfs ro'],
    ['-t tmpfs -o nosuid=vfs,nodev x a', 'a rw,nosuid,nodev,relatime tmpfs rw'],
    [
      '-t tmpfs -o nosymfollow,lazytime,strictatime,sync,dirsync x a',
      'a rw,nosymfollow tmpfs rw,sync,dirsync,lazytime',
    ],
    ['-t tmpfs -o noatime,nodiratime x a', 'a rw,noatime,nodiratime tmpfs rw'],
    ['--bind -o noatime,nosymfollow b a', 'a rw,nosymfollow,noatime tmpfs rw'],
    ['--bind -o strictatime b a', 'a rw tmpfs rw'],
  ];
  for (const [command, table] of rows)
    root(command, () => {
      expect(inside(`ts-mount ${command} && ${TABLE} | cut -d' ' -f1,3-`)).toEqual({
        stdout: `${table.replace('rw,nosymfollow,noatime', 'rw,noatime,nosymfollow')}\n`,
        stderr: '',
        status: 0,
      });
    });

  root('ro=recursive: what lies below is read-only too, and only there', () => {
    const { stdout, status } = inside(
      `mkdir a/in && ts-mount -t tmpfs x a/in && ts-mount --rbind -o ro=recursive,nosuid a b && touch b/in/x; touch a/in/x; ${TABLE} | cut -d' ' -f1,3; ts-mount --rbind -o ro a c && touch c/in/y && ${TABLE} | grep ^c | cut -d' ' -f1,3`,
    );
    expect({ stdout, status }).toEqual({
      stdout: 'a/in rw,relatime\nb ro,nosuid,relatime\nb/in ro,relatime\nc ro,relatime\nc/in rw,relatime\n',
      status: 0,
    });
  });

  root('a read-only bind is never writable: the order of the calls', () => {
    const { stderr } = inside('ts-mount --trace --bind -o ro a b');
    expect(
      stderr
        .split('\n')
        .map((line) => /^\w+/.exec(line)?.[0])
        .filter(Boolean),
    ).toEqual(['open_tree', 'mount_setattr', 'move_mount', 'close']);
  });

  for (const classic of ['auto', 'always'])
    root(`remount: what is not named stays, LIBMOUNT_FORCE_MOUNT2=${classic}`, () => {
      const env = { LIBMOUNT_FORCE_MOUNT2: classic };
      const { stdout, stderr, status } = inside(
        `ts-mount -t tmpfs -o nosuid,size=1m,noatime x a && ts-mount -o remount,size=2m,nodev a && ${TABLE} && ts-mount -o remount,bind,ro a && ${TABLE} && ts-mount -o remount,bind,rw,dev,relatime a && ${TABLE}
         ts-mount --bind -o ro,nosuid a b && ${TABLE} | tail -n 1`,
        env,
      );
      expect({ stdout, stderr, status }).toEqual({
        stdout:
          'a / rw,nosuid,nodev,noatime tmpfs rw,size=2048k\na / ro,nosuid,nodev,noatime tmpfs rw,size=2048k\na / rw,nosuid,relatime tmpfs rw,size=2048k\nb / ro,nosuid,relatime tmpfs rw,size=2048k\n',
        stderr: '',
        status: 0,
      });
    });
});

describe("the kernel's own words", () => {
  const said: readonly (readonly [command: string, words: string])[] = [
    ['-t tmpfs -o nosuchoption x a', "tmpfs: Unknown parameter 'nosuchoption'"],
    ['-t tmpfs -o size=foo x a', "tmpfs: Bad value for 'size'"],
    ['-t proc -o hidepid=foo proc a', 'proc: '],
    ['-t ext4 -o ro,data=x /dev/nosuchdevice a', "ext4: Bad value for 'data'"],
  ];
  for (const [command, words] of said)
    for (const end of ['', ' true'])
      root(`ts-mount ${command}${end}`, () => {
        const { stderr, status } = inside(`ts-mount ${command}${end}`);
        expect(status).toBe(32);
        // At once they are the message, as of the original; after a tape they are a line behind it, which TS_HINTS=0 leaves out.
        expect(stderr).toContain(end ? `\nts-mount: ${words}` : `HERE/a: fsconfig() failed: ${words}`);
        const { stderr: terse } = inside(`ts-mount ${command}${end}`, { TS_HINTS: '0' });
        expect(terse.includes(words)).toBe(end === '');
      });

  root('of a remount, and of a file system that is made by the younger calls', () => {
    expect(inside('ts-mount -t tmpfs x a && ts-mount -o remount,size=foo a').stderr).toContain(
      "HERE/a: fsconfig() failed: tmpfs: Bad value for 'size'.\n",
    );
    expect(inside('ts-mount -t tmpfs -o ro=vfs,size=foo x a true').stderr).toContain(
      "\nts-mount: tmpfs: Bad value for 'size'\n",
    );
  });

  root('a layer of an overlay that is missing is named', () => {
    for (const end of ['', ' true'])
      expect(inside(`ts-mount -t overlay -o lowerdir=a:nowhere x b${end}`).stderr).toContain(
        '\nts-mount: lowerdir: nowhere does not exist\n',
      );
  });
});

describe('--namespace: mounts elsewhere, the program here', () => {
  const OTHER = `${original('unshare')} -m sleep 30 & P=$!; trap "kill $P" EXIT; while [ $(readlink /proc/$P/ns/mnt) = $(readlink /proc/$$/ns/mnt) ]; do sleep 0.02; done;`;

  root('nothing of it is seen here, and root and working directory are as before', () => {
    const { stdout, stderr, status } = inside(
      `${OTHER} cd a; ts-mount -N $P -t tmpfs x $PWD/../b sh -c 'pwd -P; grep -c "^x " /proc/self/mounts; grep -c "^x " /proc/'$P/mounts; ts-umount -N $P $PWD/../b -- sh -c 'pwd -P; grep -c "^x " /proc/'$P/mounts`,
    );
    expect({ stdout, stderr, status }).toEqual({ stdout: 'HERE/a\n0\n1\nHERE/a\n0\n', stderr: '', status: 1 });
  });

  root('what fails is undone there', () => {
    const { stdout, stderr, status } = inside(
      `${OTHER} for end in '--also --bind /nonexistent x' nosuchprogram; do eval ts-mount -N $P --mkdir -t tmpfs x $PWD/b/new $end; echo $?; done 2>/dev/null; grep -c "^x " /proc/$P/mounts; ls b`,
    );
    expect({ stdout, stderr, status }).toEqual({ stdout: '32\n127\n0\n', stderr: '', status: 0 });
  });

  root('by file, in a chroot, and with the list', () => {
    const { stdout, stderr, status } = inside(
      `${OTHER} ts-mount -N /proc/$P/ns/mnt -t tmpfs 'x y' $PWD/b && ts-mount -N $P -t tmpfs | grep -c "^x y on HERE_B" ; ts-mount -N $P -t tmpfs | grep "^x y"`,
    );
    expect({ stdout, stderr, status }).toEqual({
      stdout: '0\nx y on HERE/b type tmpfs (rw,relatime)\n',
      stderr: '',
      status: 0,
    });
  });
});

/** The younger calls, of which some kernels and filters know none, or one not. */
const YOUNGER = ['fsopen', 'fsconfig', 'fsmount', 'fspick', 'open_tree', 'move_mount', 'mount_setattr'];

describe('where a younger call answers ENOSYS, mount(2) does the same', () => {
  for (const unknown of [...YOUNGER.map((call) => [call]), YOUNGER])
    for (const end of ['', ' -- true'])
      root(`${unknown.join()}${end}`, () => {
        const deny = unknown.map((call) => `${call}=ENOSYS`).join();
        const m = `ts-seccomp --deny ${deny} ts-mount`;
        const { stdout, stderr, status } = inside(
          `${m} --bind -o ro a b${end} && ${m} -t tmpfs -o size=1m,nosuid x c${end} && ${TABLE}
           ${m} -o remount,ro c${end} && ${TABLE} | tail -n 1; ${m} -o remount,bind,rw,noexec c${end} && ${TABLE} | tail -n 1
           ${m} -o remount,rw,size=2m c${end} && ${TABLE} | tail -n 1; ${m} --make-private c${end} && mkdir d && ${m} --move c d${end} && ${TABLE} | tail -n 1`,
        );
        expect({ stdout, stderr, status }).toEqual({
          stdout: [
            'b /a ro,relatime tmpfs rw',
            'c / rw,nosuid,relatime tmpfs rw,size=1024k',
            'c / ro,nosuid,relatime tmpfs ro,size=1024k',
            'c / rw,nosuid,noexec,relatime tmpfs ro,size=1024k',
            'c / rw,nosuid,noexec,relatime tmpfs rw,size=2048k',
            'd / rw,nosuid,noexec,relatime tmpfs rw,size=2048k',
            '',
          ].join('\n'),
          stderr: '',
          status: 0,
        });
      });

  root('what mount(2) cannot do fails, and nothing is left', () => {
    const { stdout, status, stderr } = inside(
      `ts-seccomp --deny mount_setattr=ENOSYS ts-mount --bind --map-users 0:1:1 --map-groups 0:1:1 --mkdir a b/new; echo $?; ${TABLE}; ls b`,
    );
    expect({ stdout, status }).toEqual({ stdout: '32\n', status: 0 });
    expect(stderr).toContain('Function not implemented');
  });
});

describe('a remount that fails in part', () => {
  root('leaves the mount as it was', () => {
    const { stdout, stderr } = inside(
      `ts-mount -t tmpfs -o nosuid,size=1m x a && ts-mount -o remount,ro,noexec,size=foo a; echo $?; ${TABLE}`,
    );
    expect(stdout).toBe('32\na / rw,nosuid,relatime tmpfs rw,size=1024k\n');
    expect(stderr).toContain("fsconfig() failed: tmpfs: Bad value for 'size'.");
  });

  root('a file that is being written keeps both from becoming read-only', () => {
    const { stdout, stderr } = inside(
      `ts-mount -t tmpfs x a && exec 3>a/file && ts-mount -o remount,ro,noexec a; echo $?; ${TABLE}`,
    );
    expect(stdout).toBe('32\na / rw,relatime tmpfs rw\n');
    expect(stderr).toContain('HERE/a: mount point is busy.');
  });
});

describe('-a', () => {
  root('what is listed is mounted whatever becomes of the others', () => {
    const { stdout, stderr, status } = inside(
      `printf '%s\\n' "UUID=dead-beef $PWD/a ext4 defaults 0 2" "LABEL=none $PWD/a ext4 nofail 0 2" "x $PWD/b tmpfs size=1m 0 0" "y $PWD/c tmpfs nosuchoption 0 0" "z $PWD/c tmpfs" "short line" >tab
       ts-mount -T tab -a -v; echo $?; ts-mount -T tab -a -v -t notmpfs; echo $?; ${TABLE} | cut -d' ' -f1,5`,
    );
    expect(stdout).toBe(
      `${['HERE/b', 'HERE/c'].map((target) => `${target}: successfully mounted\n`).join('')}64\n${['b', 'c', 'c'].map((name) => `HERE/${name}: ignored\n`).join('')}64\nb rw,size=1024k\nc rw\n`.replaceAll(
        /^(HERE\/\w)(?=:)/gm,
        (path) => path.padEnd(25 - LENGTH + 'HERE'.length),
      ),
    );
    expect(stderr).toBe(
      "ts-mount: tab: parse error at line 6 -- ignored\nts-mount: HERE/a: can't find UUID=dead-beef.\n" +
        "ts-mount: HERE/c: fsconfig() failed: tmpfs: Unknown parameter 'nosuchoption'.\n       dmesg(1) may have more information after failed mount system call.\n" +
        "ts-mount: tab: parse error at line 6 -- ignored\nts-mount: HERE/a: can't find UUID=dead-beef.\n",
    );
    expect(status).toBe(0);
  });
});

describe('programs that mount in our place', () => {
  /** /sbin with some of them, which print what they are told. */
  const HELPERS = `mkdir h u w && printf '#!/bin/sh\\necho "$0 $*"; exit \${RC:-0}\\n' >h/x && chmod +x h/x && for n in mount.foo umount.tmpfs mount.fuse; do cp h/x u/$n; done && mount -t overlay -o lowerdir=$(readlink -f /sbin),upperdir=u,workdir=w x $(readlink -f /sbin)`;

  root('are told what the original tells them, and their status is ours', () => {
    const { stdout, stderr, status } = inside(
      `${HELPERS}
       ts-mount -t foo -o ro,nosuid,X-mount.mkdir,x-a=1,nofail src $PWD/a/new; ls a
       RC=7 ts-mount -n -s -v -t foo src $PWD/b; echo $?
       ts-mount -t fuse.some src $PWD/b; ts-mount -t foo -N $$ src $PWD/b | sed s/$$/PID/
       RC=7 ts-mount -t foo --mkdir -o X-mount.mode=700 src $PWD/c/new; echo $?; ls c
       ts-mount -i -t foo src b 2>&1 | head -n 1
       ts-mount -t tmpfs x b; ts-umount -f $PWD/b; ts-umount -R b; RC=5 ts-umount b; echo $?; ts-umount -i b; ${TABLE}`,
    );
    expect({ stdout, stderr, status }).toEqual({
      stdout: [
        '/sbin/mount.foo src HERE/a/new -o ro,nosuid,nofail',
        'new',
        '/sbin/mount.foo src HERE/b -s -n -v -o rw',
        '7',
        '/sbin/mount.fuse src HERE/b -o rw -t fuse.some',
        '/sbin/mount.foo src HERE/b -o rw -N /proc/PID/ns/mnt',
        '/sbin/mount.foo src HERE/c/new -o rw',
        '7',
        "ts-mount: HERE/b: unknown filesystem type 'foo'.",
        '/sbin/umount.tmpfs HERE/b -f',
        '/sbin/umount.tmpfs HERE/b -n',
        '/sbin/umount.tmpfs HERE/b',
        '5',
        '',
      ].join('\n'),
      stderr: '',
      status: 0,
    });
  });

  root('run for root they are not led by the environment', () => {
    const { stdout } = inside(
      `${HELPERS}; printf '#!/bin/sh\\nenv\\n' >u/mount.foo; chmod +x u/mount.foo
       LD_FOO=1 BASH_ENV=1 IFS=x KEPT=1 ts-mount -t foo src b | grep -E '^(LD_FOO|BASH_ENV|HOME|KEPT)='`,
    );
    expect(stdout).toBe('KEPT=1\n');
  });
});

describe('in another mount namespace nothing is opened by a path', () => {
  root('whose /proc waits for a reader', () => {
    const { stdout, status } = inside(
      `${original('unshare')} -m sh -c 'mount -t tmpfs evil /proc; mkdir /proc/self; mkfifo /proc/self/mountinfo /proc/self/status /proc/self/uid_map /proc/mounts; echo; exec sleep 30' >ready & P=$!; trap "kill $P" EXIT; while ! test -s ready; do sleep 0.02; done
       timeout 20 ts-mount -N $P | grep -c '^evil on /proc '; timeout 20 ts-mount -N $P -t tmpfs x $PWD/a; timeout 20 ts-mount -N $P -t ext4 /nowhere $PWD/b; echo $?
       timeout 20 ts-umount -R -N $P $PWD/a; echo $?; timeout 20 ts-umount -N $P $PWD/a; echo $?`,
    );
    expect({ stdout, status }).toEqual({ stdout: '1\n32\n0\n32\n', status: 0 });
  });
});
