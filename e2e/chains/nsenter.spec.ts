import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { OwnGroup } from '../harness/cgroups.ts';
import { containerRoot } from '../harness/container.ts';
import { bin, isRoot, NOBODY, original, originalPath, run, shell, temporaryFolder } from '../harness/run.ts';
import { needs, needsController, needsProgram, needsRoot } from '../harness/skip.ts';
import { childrenOf, sleepingTarget, textOf, until } from '../harness/target.ts';

const USERS = isRoot ? [0, NOBODY] : [process.getuid?.() as number];
const FORMS = [
  { form: 'original names', compat: true, nsenter: 'nsenter', pivot: 'pivot_root' },
  { form: 'our names', compat: false, nsenter: 'ts-nsenter', pivot: 'ts-pivot' },
] as const;

const stateOf = (pid: number) => /^State:\s+(\S)/m.exec(textOf(`/proc/${pid}/status`))?.[1];
/** Its PID; it ends with the test. */
function target(options: readonly string[], uid = process.getuid?.() as number, env: NodeJS.ProcessEnv = {}): number {
  const made = sleepingTarget(options, uid, env);
  onTestFinished(() => made[Symbol.dispose]());
  return made.pid;
}

function start(argv: readonly string[]): ChildProcess {
  const [program, ...rest] = argv as [string, ...string[]];
  const child = spawn(join(bin, program), rest, { stdio: 'ignore', env: { PATH: originalPath } });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  return child;
}

for (const { form, compat, nsenter, pivot } of FORMS) {
  describe(`N4: entering a running one, ${form}`, () => {
    for (const uid of USERS)
      test(`as user ${uid}`, () => {
        const pid = target(['-ur', 'sh', '-c', 'hostname foobar; exec "$@"', 'sh'], uid);
        const { stdout, stderr } = shell(`${nsenter} -U -u --preserve-credentials -t ${pid} hostname`, { uid, compat });
        expect({ stdout, stderr }).toEqual({ stdout: 'foobar\n', stderr: '' });
      });
    test('word for word, as root', (context) => {
      needs(context, needsRoot);
      const pid = target(['-ur', 'sh', '-c', 'hostname foobar; exec "$@"', 'sh']);
      expect(shell(`${nsenter} -u -t ${pid} hostname`, { compat })).toMatchObject({ stdout: 'foobar\n', stderr: '' });
    });
    test('--all of one’s own, as an ordinary user', () => {
      const uid = isRoot ? NOBODY : (process.getuid?.() as number);
      const pid = target(['-Urmu'], uid);
      const { stdout, stderr } = shell(
        `${nsenter} -a --preserve-credentials -t ${pid} sh -c 'readlink /proc/self/ns/mnt /proc/self/ns/user; id -u'`,
        { uid, compat, cwd: '/' },
      );
      expect({ stdout, stderr }).toEqual({
        stdout: `${readlinkSync(`/proc/${pid}/ns/mnt`)}\n${readlinkSync(`/proc/${pid}/ns/user`)}\n0\n`,
        stderr: '',
      });
    });
  });

  describe(`N5: a namespace bound to a file, ${form}`, () => {
    test('uts: its host name is there for whoever enters', (context) => {
      needs(context, needsRoot);
      using folder = temporaryFolder();
      const file = join(folder.path, 'ns_uts');
      const { stdout, stderr } = shell(
        `touch ${file}; unshare --uts=${file} sh -c 'hostname foobar'; ${nsenter} --uts=${file} hostname; ${nsenter} -u${file} hostname; umount ${file}`,
        { compat },
      );
      expect({ stdout, stderr }).toEqual({ stdout: 'foobar\nfoobar\n', stderr: '' });
    });
  });

  /** A root file system of the host's programs with a folder for the old root; the host's `marker` is not in it. */
  const newRoot = () => {
    const root = containerRoot();
    mkdirSync(join(root.path, '.put_old'));
    writeFileSync(join(root.path, 'marker'), 'new root\n');
    return root;
  };

  describe(`R3, R4: another root by pivot_root, ${form}`, () => {
    for (const uid of USERS) {
      test(`R3, user ${uid}`, () => {
        using root = newRoot();
        const R = root.path;
        const { stdout, stderr } = shell(
          `unshare -mpfr sh -c "mount --bind ${R} ${R} && mount -t proc proc ${R}/proc && ${pivot} ${R} ${R}/.put_old && umount -l /.put_old && cd / && exec /bin/sh"`,
          { uid, compat, cwd: '/', input: `cat /marker; ls /.put_old; ls -d ${R}; cat /proc/1/comm; echo $$\n` },
        );
        expect({ stdout, stderr }).toEqual({
          stdout: 'new root\nsh\n1\n',
          stderr: expect.stringMatching(/^ls: cannot access '.*': No such file or directory\n$/),
        });
      });
      test(`R4, user ${uid}`, () => {
        using root = newRoot();
        const { stdout, stderr } = shell(
          `unshare -Urm sh -c "mount --bind ${root.path} ${root.path}; mount --rbind /proc ${root.path}/proc; cd ${root.path}; ${pivot} . .put_old; umount -l /.put_old; cd /; cat /marker; ls /.put_old; ls -d ${root.path}; mount -t proc proc /proc"`,
          { uid, compat, cwd: '/' },
        );
        expect(stdout).toBe('new root\n');
        expect(stderr).toMatch(/^ls: cannot access '.*': No such file or directory\n.*[Pp]ermission denied/);
      });
      test(`R4: without the bind mount, user ${uid}`, () => {
        using folder = temporaryFolder();
        const { status, stderr } = shell(
          `unshare -Urm sh -c "mount -t tmpfs tmpfs ${folder.path} && mkdir -p ${folder.path}/a/old_root && cd ${folder.path}/a && ${pivot} . old_root/"`,
          { uid, compat },
        );
        expect(status).toBe(1);
        const [first, second] = stderr.split('\n');
        expect(first).toBe(`${pivot}: failed to change root from \`.' to \`old_root/': Invalid argument`);
        expect(second).toContain(`${pivot}: . is no mount point: add --bind`);
      });
    }
  });

  describe(`${pivot} with a program, ${form}`, () => {
    for (const uid of USERS)
      for (const [words, from] of [
        ['--bind --proc --umount-old R R/.put_old', '/'],
        ['--bind --umount-old R R', '/'],
        ['--bind --umount-old . .', 'R'],
        ['--bind --proc --umount-old . .put_old', 'R'],
      ] as const)
        test(`${words}, user ${uid}`, () => {
          using root = newRoot();
          const script = 'cat marker; pwd; ls /.put_old; ls -d $0; ls -d /proc/1; cat /proc/mounts';
          const { stdout, stderr } = shell(
            `unshare -mpfr ${pivot} ${words.replaceAll('R', root.path)} -- /bin/sh -c '${script}' ${root.path}`,
            { uid, compat, cwd: from.replace('R', root.path) },
          );
          const [marker, directory, ...rest] = stdout.trimEnd().split('\n');
          expect([marker, directory]).toEqual(['new root', '/']);
          expect(stderr).toContain(`'${root.path}': No such file or directory`);
          // Nothing is mounted but what was asked for.
          if (words.includes('--proc'))
            expect(rest.map((line) => line.split(' ')[1])).toEqual([undefined, '/', '/proc']);
          else expect(rest).toEqual([]);
        });
    test('what was mounted is unmounted when a step fails', (context) => {
      needs(context, needsRoot);
      using folder = temporaryFolder();
      mkdirSync(join(folder.path, 'proc'));
      const { stdout, stderr } = shell(
        `unshare -m sh -c "${pivot} --bind --proc ${folder.path} /nowhere; ${pivot} --bind ${folder.path} /nowhere -- true; grep -c ${folder.path} /proc/self/mountinfo"`,
        { compat },
      );
      expect(stdout).toBe('0\n');
      expect(stderr.match(/failed to change root from `.*' to `\/nowhere': No such file or directory/g)).toHaveLength(
        2,
      );
    });
  });
}

describe('what else is taken from the target', () => {
  test('its environment', () => {
    const uid = process.getuid?.() as number;
    const pid = target(['-Ur'], uid, { ONLY: 'there' });
    const { stdout } = run(['ts-nsenter', '-U', '-e', '-t', String(pid), 'env'], { env: { HERE: '1' } });
    expect(stdout.trim().split('\n').sort()).toEqual(['ONLY=there', `PATH=${originalPath}`]);
  });
  test('its ids, as it sees them itself', (context) => {
    needs(context, needsRoot);
    const pid = target(['-U', '--map-user=5', '--map-group=6']);
    const { stdout, stderr } = run(['ts-nsenter', '-U', '-S', 'follow', '-G', 'follow', '-t', String(pid), 'id', '-u']);
    expect({ stdout, stderr }).toEqual({ stdout: '5\n', stderr: '' });
  });
  test('its control groups', (context) => {
    needs(context, needsRoot, needsController('memory'));
    using group = new OwnGroup();
    mkdirSync(group.directory('memory'));
    const pid = target(['-p', '-f']);
    writeFileSync(join(group.directory('memory'), 'cgroup.procs'), String(pid));
    const groupsIn = (words: string[]) =>
      run(['ts-nsenter', ...words, '-t', String(pid), 'cat', '/proc/self/cgroup']).stdout;
    expect(groupsIn(['-u', '-c'])).toMatch(new RegExp(`memory.*:/${group.name}\n`));
    expect(groupsIn(['-c', '-p'])).toMatch(new RegExp(`memory.*:/${group.name}\n`));
    expect(groupsIn(['-p'])).not.toContain(group.name);
  });
  test('the network namespace of a socket', (context) => {
    needs(context, needsRoot, needsProgram('python3'));
    const script = `import os,socket,ctypes,time
s=socket.socket(); os.dup2(s.fileno(),9)
ctypes.CDLL(None).unshare(0x40000000)
print(os.readlink('/proc/self/ns/net'),flush=True); time.sleep(600)`;
    using folder = temporaryFolder();
    writeFileSync(join(folder.path, 'holder.py'), script);
    const holder = spawn(
      original('unshare') as string,
      [
        '-n',
        'sh',
        '-c',
        `readlink /proc/self/ns/net > ${folder.path}/first; exec ${original('python3')} ${folder.path}/holder.py`,
      ],
      {
        stdio: ['ignore', 'ignore', 'inherit'],
        env: { PATH: originalPath },
      },
    );
    onTestFinished(() => {
      holder.kill('SIGKILL');
    });
    const first = () => textOf(join(folder.path, 'first')).trim();
    until(
      'the holder is in its second namespace',
      () =>
        first() !== '' &&
        readlinkSync(`/proc/${holder.pid}/ns/net`) !== first() &&
        existsSync(`/proc/${holder.pid}/fd/9`),
    );
    const { stdout, stderr } = run([
      'ts-nsenter',
      '-N',
      '9',
      '-t',
      String(holder.pid),
      'readlink',
      '/proc/self/ns/net',
    ]);
    expect({ stdout, stderr }).toEqual({ stdout: `${first()}\n`, stderr: '' });
  });
  test('--user-parent: the parent of the target’s user namespace', (context) => {
    needs(context, needsRoot);
    const pid = target(['-Ur', original('unshare') as string, '-Urn']);
    const own = readlinkSync(`/proc/${pid}/ns/user`);
    const userOf = (words: string[]) =>
      run(['ts-nsenter', ...words, '-t', String(pid), 'readlink', '/proc/self/ns/user']);
    const above = userOf(['--user-parent']);
    expect(userOf(['--user-parent', '-U'])).toMatchObject({ stdout: above.stdout, stderr: '' });
    expect(above.stderr).toBe('');
    expect([own, readlinkSync('/proc/self/ns/user')]).not.toContain(above.stdout.trim());
  });
  test('--keep-caps: an ordinary id with all capabilities of the namespace', () => {
    const uid = isRoot ? NOBODY : (process.getuid?.() as number);
    const pid = target(['-U', '--map-user=7', '--map-group=7'], uid);
    const caps = (words: string[]) =>
      run(
        [
          'ts-nsenter',
          '-U',
          '--preserve-credentials',
          ...words,
          '-t',
          String(pid),
          'grep',
          '^CapEff',
          '/proc/self/status',
        ],
        { uid },
      ).stdout;
    expect(caps([])).toBe('CapEff:\t0000000000000000\n');
    expect(caps(['--keep-caps'])).toMatch(/^CapEff:\t0*[137f]f+\n$/);
  });
});

describe('a process by the inode number of its pidfd', () => {
  /** What only a test needs: the number, from a pidfd that the host's python opens. */
  const inodeOf = (pid: number) =>
    run([
      original('python3') as string,
      '-c',
      `import os; print(os.fstat(os.pidfd_open(${pid})).st_ino)`,
    ]).stdout.trim();
  test('is entered; another one is not', (context) => {
    needs(context, needsRoot, needsProgram('python3'));
    const pid = target(['-u']);
    const inode = inodeOf(pid);
    const entered = run(['ts-nsenter', '-u', '-t', `${pid}:${inode}`, 'readlink', '/proc/self/ns/uts']);
    expect(entered).toMatchObject({ stdout: `${readlinkSync(`/proc/${pid}/ns/uts`)}\n`, stderr: '' });
    const refused = run(['ts-nsenter', '-u', '-t', `${pid}:${Number(inode) + 1}`, 'echo', 'started']);
    expect(refused).toMatchObject({ status: 1, stdout: '' });
    expect(refused.stderr).toContain(`process ${pid} is not the one with inode ${Number(inode) + 1}`);
  });
  test('its descriptor is not handed on', (context) => {
    needs(context, needsRoot, needsProgram('python3'));
    const pid = target(['-u']);
    const { stdout } = run([
      'ts-nsenter',
      '-u',
      '-t',
      `${pid}:${inodeOf(pid)}`,
      'sh',
      '-c',
      'readlink /proc/self/fd/*',
    ]);
    expect(stdout).not.toContain('pidfd');
  });
});

describe('with a PID namespace', () => {
  test('the waiting parent stops and goes on with its child', (context) => {
    needs(context, needsRoot);
    const pid = target(['-pf']);
    const parent = start(['ts-nsenter', '-p', '-t', String(pid), 'sleep', '600']).pid as number;
    until('the child runs', () => childrenOf(parent).some((child) => textOf(`/proc/${child}/comm`) === 'sleep\n'));
    const [child] = childrenOf(parent) as [number];
    onTestFinished(() => {
      if (existsSync(`/proc/${child}`)) process.kill(child, 'SIGKILL');
    });
    process.kill(child, 'SIGSTOP');
    until('the parent has stopped', () => stateOf(parent) === 'T');
    process.kill(parent, 'SIGCONT');
    until('both go on', () => stateOf(parent) === 'S' && stateOf(child) === 'S');
  });
  test('the parent dies of SIGTERM and leaves the child', (context) => {
    needs(context, needsRoot);
    const pid = target(['-pf']);
    const process_ = start(['ts-nsenter', '-p', '-t', String(pid), 'sleep', '600']);
    const parent = process_.pid as number;
    until('the child runs', () => childrenOf(parent).some((child) => textOf(`/proc/${child}/comm`) === 'sleep\n'));
    const [child] = childrenOf(parent) as [number];
    onTestFinished(() => {
      process.kill(child, 'SIGKILL');
    });
    process.kill(parent, 'SIGTERM');
    until('the parent is dead', () => ['Z', undefined].includes(stateOf(parent)));
    expect(stateOf(child)).toBe('S');
  });
  test('--status-fd says what happens, in order', (context) => {
    needs(context, needsRoot);
    const pid = target(['-pf']);
    const { stdout } = run(['ts-nsenter', '--status-fd', '1', '-p', '-t', String(pid), 'sh', '-c', 'exit 7']);
    const events = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(events.map(({ event }) => event)).toEqual(['namespaces', 'child', 'ready', 'exit']);
    expect(events[0].types).toEqual(['pid']);
    expect(events[3]).toMatchObject({ status: 7 });
  });
});

describe('remedies', () => {
  test('of a user namespace that was left out', () => {
    const uid = isRoot ? NOBODY : (process.getuid?.() as number);
    const pid = target(['-Urn'], uid);
    const { status, stderr } = run(['ts-nsenter', '-n', '-t', String(pid), 'true'], { uid });
    expect(status).toBe(1);
    expect(stderr).toContain("reassociate to namespace 'ns/net' failed: Operation not permitted");
    expect(stderr).toContain('add --user');
  });
  test('of a target that has gone', () => {
    const { stderr } = run(['ts-nsenter', '-u', '-t', '4194303', 'true']);
    expect(stderr).toContain('there is no process 4194303 here');
  });
});
