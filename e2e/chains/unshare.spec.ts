import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import {
  bin,
  compatPath,
  isRoot,
  NOBODY,
  originalPath,
  run,
  shell,
  temporaryFolder,
  uniqueName,
} from '../harness/run.ts';
import { needs, needsProgram, needsRoot } from '../harness/skip.ts';

const USERS = isRoot ? [0, NOBODY] : [process.getuid?.() as number];
/** Word for word through the compat folder, and in our own names. */
const FORMS = [
  { form: 'original names', compat: true, unshare: 'unshare' },
  { form: 'our names', compat: false, unshare: 'ts-unshare' },
] as const;

const KINDS = ['mnt', 'uts', 'ipc', 'pid', 'net', 'user', 'cgroup', 'time'] as const;
const OPTION = {
  mnt: '-m',
  uts: '-u',
  ipc: '-i',
  pid: '-pf',
  net: '-n',
  user: '-U',
  cgroup: '-C',
  time: '-T',
} as const;

for (const { form, compat, unshare } of FORMS) {
  describe(`N1: /proc/self/ns, ${form}`, () => {
    for (const kind of KINDS)
      test(`${kind} is another than before`, () => {
        const child = kind === 'time' ? 'time_for_children' : kind;
        const user = isRoot ? '' : '-r ';
        const { stdout, stderr } = shell(`${unshare} ${user}${OPTION[kind]} readlink /proc/self/ns/${child}`, {
          compat,
        });
        expect(stderr).toBe('');
        expect(stdout).toMatch(/^\w+:\[\d+\]\n$/);
        expect(stdout.trim()).not.toBe(readlinkSync(`/proc/self/ns/${kind}`));
      });
    test('without options nothing is unshared', () => {
      const { stdout } = shell(
        `${unshare} sh -c 'for n in mnt uts ipc pid net user cgroup; do readlink /proc/self/ns/$n; done'`,
        { compat },
      );
      expect(stdout.trim().split('\n')).toEqual(
        ['mnt', 'uts', 'ipc', 'pid', 'net', 'user', 'cgroup'].map((kind) => readlinkSync(`/proc/self/ns/${kind}`)),
      );
    });
  });

  describe(`N2: a host name of one’s own, ${form}`, () => {
    test('inside another, outside the same', (context) => {
      needs(context, needsRoot);
      const before = readFileSync('/proc/sys/kernel/hostname', 'utf8');
      const { stdout } = shell(`${unshare} -u sh -c 'hostname isolated.hostname; hostname'`, { compat });
      expect(stdout).toBe('isolated.hostname\n');
      expect(readFileSync('/proc/sys/kernel/hostname', 'utf8')).toBe(before);
    });
  });

  describe(`N3: a PID namespace of one’s own, ${form}`, () => {
    for (const uid of USERS)
      test(`as user ${uid}`, () => {
        const { stdout, stderr, status } = shell(
          `${unshare} --mount-proc -uipr --fork /bin/sh -c 'ps ax -o pid,comm; id -u'`,
          { uid, compat },
        );
        expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
        expect(stdout).toMatch(/^\s+PID COMMAND\n\s+1 sh\n\s+2 ps\n0\n$/);
      });
  });

  describe(`N4: entering a running one, ${form}`, () => {
    for (const uid of USERS)
      test(`as user ${uid}`, () => {
        const script = `${unshare} -ur sh -c 'hostname foobar; echo ready; exec sleep 15' > "$1" & pid=$!
          until grep -q ready "$1"; do sleep 0.05; done; nsenter -u -U --preserve-credentials -t $pid hostname; kill $pid`;
        using folder = temporaryFolder();
        const output = join(folder.path, 'output');
        writeFileSync(output, '', { mode: 0o666 });
        shell(`chmod 666 ${output}`);
        const { stdout } = run(['sh', '-c', script, 'sh', output], {
          uid,
          env: { PATH: compat ? compatPath : originalPath },
        });
        expect(stdout).toBe('foobar\n');
      });
  });

  describe(`N5: a namespace bound to a file lives on, ${form}`, () => {
    const options = {
      uts: '--uts',
      ipc: '--ipc',
      net: '--net',
      cgroup: '--cgroup',
      mnt: '--mount',
      pid: '--pid',
      time: '--time',
      user: '--user',
    } as const;
    for (const [kind, option] of Object.entries(options))
      test(kind, (context) => {
        needs(context, needsRoot);
        using folder = temporaryFolder();
        const file = join(folder.path, 'ns');
        writeFileSync(file, '');
        // A mount namespace may be bound below a private mount only.
        run(['mount', '--bind', folder.path, folder.path]);
        run(['mount', '--make-private', folder.path]);
        try {
          const fork = kind === 'pid' ? '--fork' : '';
          const made = shell(`${unshare} ${option}=${file} ${fork} readlink /proc/self/ns/${kind}`, { compat });
          expect(made).toMatchObject({ stderr: '', status: 0 });
          const mountinfo = readFileSync('/proc/self/mountinfo', 'utf8')
            .split('\n')
            .find((line) => line.includes(` ${file} `));
          expect(mountinfo).toMatch(/ - nsfs /);
          const inode = made.stdout.trim();
          if (kind !== 'time') expect(mountinfo).toContain(inode);
          else expect(run(['stat', '-fc', '%t', file]).stdout).toBe('6e736673\n');
        } finally {
          run(['umount', file]);
          run(['umount', folder.path]);
        }
      });

    test('uts: its host name is there for whoever enters', (context) => {
      needs(context, needsRoot);
      using folder = temporaryFolder();
      const file = join(folder.path, 'ns_uts');
      try {
        const { stdout } = shell(
          `touch ${file}; ${unshare} --uts=${file} sh -c 'hostname foobar'; mount | grep ${file}; nsenter --uts=${file} hostname`,
          { compat },
        );
        expect(stdout).toMatch(/^nsfs on .*ns_uts type nsfs \(rw\)\nfoobar\n$/);
      } finally {
        run(['umount', file]);
      }
    });
  });

  describe(`N7: System V IPC, ${form}`, () => {
    test('a segment is seen on its own side only', (context) => {
      needs(context, needsRoot, needsProgram('ipcmk', 'ipcs'));
      const count = () => Number(run(['sh', '-c', 'ipcs -m | grep -c ^0x']).stdout);
      const before = count();
      const { stdout } = shell(
        `${unshare} -i sh -c 'ipcs -m | grep -c ^0x; ipcmk -M 10M >/dev/null; ipcs -m | grep -c 10485760; sleep 0.2'`,
        { compat },
      );
      expect(stdout).toBe('0\n1\n');
      expect(count()).toBe(before);
    });
  });

  describe(`N8: a network of one’s own, ${form}`, () => {
    for (const uid of USERS)
      test(`as user ${uid}`, (context) => {
        needs(context, needsProgram('ip'));
        const { stdout } = shell(`${unshare} -nr ip -o link`, { uid, compat });
        expect(stdout.trim().split('\n')).toHaveLength(1);
        expect(stdout).toMatch(/^1: lo: <LOOPBACK> .* state DOWN /);
      });
  });
}

describe('a helper outside the user namespace', () => {
  /** Own /etc/subuid and /etc/subgid, in a mount namespace that ends with the test. */
  const withSubordinates = (uid: number, script: string, block = '100000:65536') => {
    using folder = temporaryFolder();
    const name = uid === 0 ? 'root' : 'nobody';
    writeFileSync(join(folder.path, 'sub'), `other:5000:10\n${name}:${block}\n`);
    return shell(
      `unshare -m sh -c 'mount --bind ${folder.path}/sub /etc/subuid && mount --bind ${folder.path}/sub /etc/subgid && exec setpriv --reuid ${uid} --regid ${uid} --clear-groups sh -c "$1"' sh "$1"`.replaceAll(
        '"$1"',
        `"${script}"`,
      ),
    );
  };

  for (const [uid, how] of [
    [NOBODY, 'by newuidmap, newgidmap'],
    [0, 'directly'],
  ] as const) {
    test(`--map-root-user --map-auto as user ${uid}, ${how}`, (context) => {
      needs(context, needsRoot, needsProgram('newuidmap', 'newgidmap'));
      const { stdout, stderr } = withSubordinates(
        uid,
        'cd /; ts-unshare -r --map-auto cat /proc/self/uid_map /proc/self/gid_map',
      );
      const [users, groups] = [stdout.trim().split('\n').slice(0, 2), stdout.trim().split('\n').slice(2)];
      const fields = (lines: string[]) => lines.map((line) => line.trim().split(/\s+/).map(Number));
      expect(stderr).toBe('');
      expect(fields(users)).toEqual([
        [0, uid, 1],
        [1, 100000, 65536],
      ]);
      expect(fields(groups)[1]).toEqual([1, 100000, 65536]);
    });
  }

  for (const [block, words, map] of [
    ['100000:1', '-r --map-auto', ['0 65534 1', '1 100000 1']],
    ['100000:1', '--map-auto', ['0 100000 1']],
    ['100000:1', '-c --map-auto', ['65534 65534 1', '0 100000 1']],
    ['100000:5', '--map-user=2 --map-group=2 --map-auto', ['2 65534 1', '0 100000 2', '3 100002 3']],
    ['65530:10', '-r --map-auto', ['0 65534 1', '1 65530 4', '5 65535 5']],
    ['65530:10', '-c --map-subids', ['65534 65534 1', '65530 65530 4', '65535 65535 5']],
    ['100000:5', '-r --map-users=auto --map-groups=auto', ['0 65534 1', '1 100000 5']],
  ] as const)
    test(`of a block ${block}, ${words}`, (context) => {
      needs(context, needsRoot, needsProgram('newuidmap', 'newgidmap'));
      const script = `cd /; ts-unshare ${words} cat /proc/self/uid_map /proc/self/gid_map`;
      const { stdout, stderr } = withSubordinates(NOBODY, script, block);
      expect(stderr).toBe('');
      const lines = stdout.trim().split('\n');
      expect(lines.map((line) => line.trim().replace(/ +/g, ' '))).toEqual([...map, ...map]);
    });
  for (const block of ['x:1', '1:0', '4294967295:1', '1:1:1', '1'])
    test(`of a block ${block}, which is none, nothing starts`, (context) => {
      needs(context, needsRoot);
      const { status, stdout, stderr } = withSubordinates(NOBODY, 'cd /; ts-unshare --map-auto echo started', block);
      expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
      expect(stderr).toMatch(block === '1' ? /no line matching user/ : /failed to parse subid map/);
    });

  test('--map-subids maps the same ids', (context) => {
    needs(context, needsRoot, needsProgram('newuidmap'));
    const { stdout } = withSubordinates(
      NOBODY,
      'cd /; ts-unshare --map-current-user --map-subids cat /proc/self/uid_map',
    );
    expect(stdout).toMatch(/^\s+65534\s+65534\s+1\n\s+100000\s+100000\s+65536\n$/);
  });

  test('--map-users=all as root maps what there is', (context) => {
    needs(context, needsRoot);
    const { stdout } = run([
      'ts-unshare',
      '--map-users=all',
      '--map-groups=all',
      'cat',
      '/proc/self/uid_map',
      '/proc/self/gid_map',
    ]);
    expect(stdout).toBe(readFileSync('/proc/self/uid_map', 'utf8') + readFileSync('/proc/self/gid_map', 'utf8'));
  });

  test('a refused map ends all: no program, no child left', (context) => {
    needs(context, needsRoot, needsProgram('newuidmap'));
    const { stdout, stderr, status } = run(['ts-unshare', '--map-users=0:5:1', 'echo', 'started'], { uid: NOBODY });
    expect(stderr).toMatch(/newuidmap: uid range \[0-1\) -> \[5-6\) not allowed/);
    expect({ stdout, status }).toEqual({ stdout: '', status: 1 });
  });

  test('--owner: the namespace belongs to another, who may enter it', (context) => {
    needs(context, needsRoot);
    const script = `ts-unshare --owner=${NOBODY}:${NOBODY} -r sh -c 'echo ready; exec sleep 5' > "$1" & pid=$!
      until grep -qs ready "$1"; do sleep 0.05; done
      setpriv --reuid ${NOBODY} --regid ${NOBODY} --clear-groups nsenter -U --preserve-credentials -t $pid cat /proc/self/uid_map; kill $pid`;
    using folder = temporaryFolder();
    const { stdout, stderr } = run(['sh', '-c', script, 'sh', join(folder.path, 'output')], { cwd: '/' });
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^\s+0\s+0\s+1\n$/);
  });
});

describe('--forward-signals', () => {
  for (const [name, args, expected] of [
    ['passes SIGTERM on', ['--forward-signals'], 'got TERM'],
    ['without it the parent stays and the child hears nothing', ['--fork'], 'slept'],
  ] as const)
    test(name, async () => {
      const user = isRoot ? [] : ['-r'];
      const script =
        'trap "echo got TERM; exit 3" TERM; echo ready; for i in 1 2 3 4 5 6 7 8 9 10; do sleep 0.1; done; echo slept';
      const child = spawn(join(bin, 'ts-unshare'), [...user, '-p', ...args, 'sh', '-c', script], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let output = '';
      child.stdout.on('data', (data: Buffer) => {
        output += data;
        if (output === 'ready\n') child.kill('SIGTERM');
      });
      const status = await new Promise((resolve) => child.on('close', resolve));
      expect(output.trim().split('\n').at(-1)).toBe(expected);
      expect(status).toBe(expected === 'slept' ? 0 : 3);
    });
});

describe('--pid without --fork, and a tool that has to be executed', () => {
  for (const fuse of ['0', '1'])
    test(`TS_TOOLS_NO_FUSE=${fuse}: it is the first process there, and its end is the chain’s`, () => {
      const env = { TS_TOOLS_NO_FUSE: fuse };
      const name = run(['uname', '-n']).stdout;
      expect(run(['ts-unshare', '-rp', 'ts-hostname'], { env })).toMatchObject({ status: 0, stdout: name, stderr: '' });
      expect(run(['ts-unshare', '-rp', 'ts-mount', '--nonsense'], { env }).status).toBe(1);
      // What is not ours stays where it is.
      const { stdout } = run(['ts-unshare', '-rp', 'sh', '-c', 'echo $$ $PPID'], { env });
      const [self] = stdout.split(' ').map(Number);
      expect(self).toBeGreaterThan(1);
      const chain = ['ts-unshare', '-rpu', 'ts-hostname', 'box', 'ts-lsns', '-t', 'uts', '-n', '-o', 'TYPE'];
      expect(run(chain, { env })).toMatchObject({ status: 0, stderr: '' });
    });
});

describe('a child that a signal has ended', () => {
  for (const signal of ['SIGTERM', 'SIGKILL', 'SIGUSR1'] as const)
    test(`${signal} ends the parent too`, () => {
      expect(run(['ts-unshare', '-Urf', 'sh', '-c', `kill -${signal.slice(3)} $$`]).signal).toBe(signal);
    });
});

describe('binfmt_misc of a user namespace', () => {
  const needsBinfmt = () => (existsSync('/proc/sys/fs/binfmt_misc') ? undefined : 'this kernel has no binfmt_misc');
  for (const uid of USERS)
    test(`--load-interp as user ${uid}`, (context) => {
      needs(context, needsBinfmt);
      using folder = temporaryFolder();
      const file = join(folder.path, 'text.tsx-test');
      writeFileSync(file, 'read by its interpreter\n', { mode: 0o755 });
      for (const options of [['-r'], ['-rpf']])
        expect(
          run(['ts-unshare', ...options, '--load-interp', ':tsx-test:E::tsx-test::/bin/cat:', file], { uid }),
        ).toMatchObject({
          stdout: 'read by its interpreter\n',
          stderr: '',
        });
    });
});

describe('--status-fd', () => {
  test('one JSON line an event, in order, with the PID that the caller sees', () => {
    using folder = temporaryFolder();
    const events = join(folder.path, 'events');
    shell(`ts-unshare -Urpf --status-fd 5 sh -c 'ls /proc/self/fd | grep -c "^5$"; exit 9' 5>${events}`);
    const lines = readFileSync(events, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.map(({ event }) => event)).toEqual(['namespaces', 'child', 'mapped', 'ready', 'exit']);
    expect(lines[0]).toEqual({ event: 'namespaces', types: ['user', 'pid'] });
    expect(lines[1]?.pid).toBeGreaterThan(1);
    expect(lines[2]?.uid_map).toEqual([{ inner: 0, outer: process.getuid?.(), count: 1 }]);
    expect(lines[4]).toEqual({ event: 'exit', status: 9, signal: 0 });
  });

  test('the program does not hold it open', () => {
    expect(
      shell(`ts-unshare -Ur --status-fd 5 sh -c 'test -e /proc/self/fd/5 && echo open || echo closed' 5>/dev/null`)
        .stdout,
    ).toBe('closed\n');
  });
});

describe('environment', () => {
  test('--clear-env leaves nothing', () => {
    expect(run(['ts-unshare', '--clear-env', '/usr/bin/env'], { env: { A: '1', B: '2' } }).stdout).toBe('');
  });
  test('--whitelist-env keeps what it names', () => {
    expect(
      run(['ts-unshare', '--whitelist-env', 'A,C', '/usr/bin/env'], { env: { A: '1', B: '2', C: '3' } }).stdout,
    ).toBe('A=1\nC=3\n');
  });
});

describe('remedies', () => {
  test('no right for a mount namespace', (context) => {
    needs(context, needsRoot);
    const { stderr, status } = run(['ts-unshare', '-m', 'true'], { uid: NOBODY });
    expect(stderr).toMatch(/^ts-unshare: unshare failed: Operation not permitted\nts-unshare: .*--map-root-user.*\n$/);
    expect(status).toBe(1);
  });

  const asNobody = `setpriv --reuid ${NOBODY} --regid ${NOBODY} --clear-groups`;
  test('a masked /proc, and a PID namespace of somebody else', (context) => {
    needs(context, needsRoot);
    const masked = (words: string) =>
      shell(
        `unshare -m sh -c 'cd /; mount --bind /dev/null /proc/keys; ${asNobody} ts-unshare ${words} --mount-proc echo started'`,
      );
    expect(masked('-rpf')).toMatchObject({ status: 1, stdout: '' });
    expect(masked('-rpf').stderr).toMatch(/mount \/proc failed: Operation not permitted\n.*covered \(\/proc\/keys\)/);
    expect(masked('-r').stderr).toMatch(/mount \/proc failed: Operation not permitted\n.*--pid --fork/);
  });
  test('a seccomp filter around it: nothing else is claimed', (context) => {
    needs(context, needsRoot);
    const { status, stdout, stderr } = shell(
      `cd /; ts-seccomp --deny unshare -- ${asNobody} ts-unshare -u echo started`,
    );
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(/^ts-unshare: unshare failed: Operation not permitted\nts-unshare: a seccomp filter .*\n$/);
  });
  test('a chroot that is a mount point looks like no chroot: nothing is claimed', (context) => {
    needs(context, needsRoot);
    const { stderr } = shell(
      "unshare -m sh -c 'mount --rbind / /mnt; exec chroot /mnt ts-unshare -U echo started'".replace(
        'ts-unshare',
        `${bin}/ts-unshare`,
      ),
    );
    expect(stderr).toBe('ts-unshare: unshare failed: Operation not permitted\n');
  });
  test('TS_HINTS=0 keeps them back', (context) => {
    needs(context, needsRoot);
    expect(run(['ts-unshare', '-m', 'true'], { uid: NOBODY, env: { TS_HINTS: '0' } }).stderr).toBe(
      'ts-unshare: unshare failed: Operation not permitted\n',
    );
  });

  test('a limit of the host', (context) => {
    needs(context, needsRoot);
    const { stderr } = shell(
      `ts-unshare -Ur sh -c 'echo 0 > /proc/sys/user/max_uts_namespaces; exec ts-unshare -u true'`,
    );
    expect(stderr).toMatch(/unshare failed: No space left on device\n.*user\.max_uts_namespaces is 0/);
  });

  test('--dry-run shows the maps and changes nothing', () => {
    using folder = temporaryFolder();
    mkdirSync(join(folder.path, uniqueName('x')));
    const { stdout } = run([
      'ts-unshare',
      '--dry-run',
      '--map-user=1000',
      '--map-users=0:100000:65536',
      '-m',
      'touch',
      join(folder.path, 'made'),
    ]);
    expect(stdout).toContain('unshare(CLONE_NEWNS|CLONE_NEWUSER)');
    expect(stdout).toMatch(
      /^uid_map \(inner outer count\):\n {2}1000 \d+ 1\n {2}0 100000 1000\n {2}1001 101000 64535\n/,
    );
    expect(run(['ls', folder.path]).stdout).not.toContain('made');
    const holes = run(['ts-unshare', '--dry-run', '--map-users=1:100000:9', '--map-users=20:200000:5', 'true']);
    expect(holes.stdout).toMatch(
      /^uid_map \(inner outer count\):\n {2}1 100000 9\n {2}20 200000 5\n {2}0 not mapped\n {2}10-19 not mapped\n/,
    );
  });
});

afterAll(() => {
  // Nothing of ours may still be mounted.
  expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain('ts-e2e-');
});
