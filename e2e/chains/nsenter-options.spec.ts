/** What every option of ts-nsenter does: as root, and as an ordinary user in a user namespace of its own. */
import { mkdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { OwnGroup, trees } from '../harness/cgroups.ts';
import { containerRoot } from '../harness/container.ts';
import { isRoot, NOBODY, original, type RunOptions, run, shell, temporaryFolder } from '../harness/run.ts';
import { needs, needsController, needsProgram, needsRoot } from '../harness/skip.ts';
import { sleepingTarget } from '../harness/target.ts';

const OWN = process.getuid?.() as number;
const ORDINARY = isRoot ? NOBODY : OWN;
const FILES = ['mnt', 'uts', 'ipc', 'net', 'pid', 'cgroup', 'time'] as const;
const LETTERS: Record<string, (typeof FILES)[number]> = {
  m: 'mnt',
  u: 'uts',
  i: 'ipc',
  n: 'net',
  p: 'pid',
  C: 'cgroup',
  T: 'time',
};

function target(options: readonly string[], uid = OWN, env: NodeJS.ProcessEnv = {}): number {
  const made = sleepingTarget(options, uid, env);
  onTestFinished(() => made[Symbol.dispose]());
  return made.pid;
}

const linkOf = (pid: number | 'self', file: string) => readlinkSync(`/proc/${pid}/ns/${file}`);

/** Who enters: root, or an ordinary user by way of the user namespace that it has made. */
const WHO = [
  ...(isRoot ? [{ who: 'as root', uid: 0, own: '', through: '' }] : []),
  { who: 'as an ordinary user', uid: ORDINARY, own: 'r', through: '-U --preserve-credentials' },
];

describe.each(WHO)('$who', ({ uid, own, through }) => {
  const options: RunOptions = { uid, cwd: '/' };
  const entered = (words: string, more: RunOptions = {}) => {
    const { status, stdout, stderr } = shell(`ts-nsenter ${through} ${words}`, { ...options, ...more });
    expect({ status, stderr }, words).toEqual({ status: 0, stderr: '' });
    return stdout;
  };

  test('each kind alone, and none else', () => {
    const pid = target([`-${own}muinpCTf`], uid);
    const script = `for kind in ${FILES.join(' ')}; do readlink /proc/self/ns/$kind; done`;
    for (const [letter, file] of Object.entries(LETTERS)) {
      const seen = entered(`-${letter} -t ${pid} sh -c '${script}'`).split('\n');
      const expected = FILES.map((each) => linkOf(each === file ? pid : 'self', each));
      // Below a /proc of another PID namespace there is no self, only below that of the target's.
      if (file !== 'pid') expect(seen.slice(0, FILES.length), file).toEqual(expected);
      else
        expect(seen.slice(0, FILES.length)).toEqual(
          FILES.map((each) => (each === 'pid' ? linkOf(pid, 'pid') : linkOf('self', each))),
        );
    }
  });
  test('-p forks: a child with a low number; --no-fork leaves that to the program', () => {
    const pid = target([`-${own}pf`], uid);
    expect(entered(`-p -t ${pid} sh -c 'echo $$ $PPID'`)).toMatch(/^\d{1,3} 0\n$/);
    expect(entered(`-p -F -t ${pid} sh -c 'sh -c "echo \\$\\$ \\$PPID"; test $$ -gt 10 && echo outside'`)).toMatch(
      /^\d{1,3} 0\noutside\n$/,
    );
  });
  test('-r and -w: root and working directory of the target, each with and without the other', () => {
    using root = containerRoot();
    mkdirSync(join(root.path, 'inner'));
    writeFileSync(join(root.path, 'inner/marker'), 'there\n');
    const pid = target([`-${own}m`, '--root', root.path, '--wd', '/inner'], uid);
    expect(
      entered(`-m -r -w -t ${pid} sh -c 'pwd; cat marker; test -e ${root.path} || cat /inner/marker'`).split('\n'),
    ).toEqual(['/inner', 'there', 'there', '']);
    // A directory that is opened before is a tunnel to where it was.
    expect(entered(`-m -w${root.path}/inner -t ${pid} cat marker`)).toBe('there\n');
    expect(entered(`-m -W${root.path}/inner -t ${pid} pwd`)).toBe(`${root.path}/inner\n`);
    expect(entered(`-m -r -W /inner -t ${pid} sh -c 'pwd; cat marker'`)).toBe('/inner\nthere\n');
    expect(entered(`-m --root=${root.path} --wdns=/inner -t ${pid} /bin/cat marker`)).toBe('there\n');
    // Without -r it is in the target's namespaces under our own root.
    expect(entered(`-m -t ${pid} ls -d ${root.path}`)).toBe(`${root.path}\n`);
  });
  test('-e: its environment, byte for byte, and nothing of ours', () => {
    const pid = target([`-${own}u`], uid, { ODD: 'a b\n"é', EMPTY: '' });
    const script = 'printf "%s|%s|%s|" "$ODD" "$(printenv EMPTY || echo none)" "$(printenv HERE || echo none)"';
    expect(entered(`-u -e -t ${pid} sh -c '${script}'`, { env: { HERE: '1' } })).toBe('a b\n"é||none|');
  });
  test('-S and -G', () => {
    const pid = target(['-U', '--map-root-user'], uid);
    const ids = (words: string) => {
      const { stdout, stderr } = run(
        ['sh', '-c', `ts-nsenter -U ${words} -t ${pid} sh -c 'id -u; id -g; id -G; grep Groups /proc/self/status'`],
        options,
      );
      return { ids: stdout.trim().split(/\s+/).slice(0, 3), stderr };
    };
    if (uid === 0) {
      for (const words of ['', '-S 0 -G 0', '-S follow -G follow'])
        expect(ids(words)).toEqual({ ids: ['0', '0', '0'], stderr: '' });
      expect(ids('-S 7').stderr).toContain('setuid() failed: Invalid argument');
      expect(ids('-G 7').stderr).toContain('setgid() failed: Invalid argument');
    } else {
      expect(ids('-S 0 --preserve-credentials').ids).toEqual(['0', '0', '0']);
      expect(ids('-S 0 -G 0').stderr).toMatch(
        /setgroups failed: Operation not permitted\n.*add --preserve-credentials/,
      );
    }
    expect(ids('--preserve-credentials').stderr).toBe('');
  });
  test('--user-parent: above the user namespace of the target, whatever else is entered', () => {
    const pid = target(['-Ur', original('unshare') as string, '-Urn'], uid);
    const middle = shell(
      `ts-nsenter --preserve-credentials --user-parent -U -t ${pid} readlink /proc/self/ns/user`,
      options,
    );
    expect(middle.stderr).toBe('');
    expect([linkOf(pid, 'user'), linkOf('self', 'user')]).not.toContain(middle.stdout.trim());
    for (const words of ['', '-n', `-U/proc/${pid}/ns/user`])
      expect(
        shell(
          `ts-nsenter --preserve-credentials --user-parent ${words} -t ${pid} readlink /proc/self/ns/user`,
          options,
        ),
        words,
      ).toMatchObject({ stdout: middle.stdout, stderr: '' });
    const own = shell('ts-nsenter --user-parent -t $$ echo started', options);
    expect(own).toMatchObject({
      status: 1,
      stdout: '',
      stderr: expect.stringContaining('failed to open parent namespace: Operation not permitted'),
    });
  });
  test('-N: the network namespace of a socket, with --all too', async (context) => {
    needs(context, needsProgram('python3'));
    using folder = temporaryFolder();
    writeFileSync(
      join(folder.path, 'holder.py'),
      `import os, socket, ctypes, time
s = socket.socket(socket.AF_UNIX); os.dup2(s.fileno(), 9); first = os.readlink('/proc/self/ns/net')
ctypes.CDLL(None).unshare(0x40000000)
print(os.getpid(), first, os.readlink('/proc/self/ns/net'), flush=True); time.sleep(600)`,
    );
    const script = `unshare -${own}n python3 ${folder.path}/holder.py > ${folder.path}/out & waits=$!; while ! grep -q net ${folder.path}/out; do sleep 0.05; done
      read pid first now < ${folder.path}/out; echo $first $now
      for words in '-N 9' '--net-socket=9 -n' '-a -N 9'; do ts-nsenter ${through} $words -t $pid readlink /proc/self/ns/net; done
      ts-nsenter ${through} -N 8 -t $pid true; ts-nsenter ${through} -N 0 -t $pid true; kill $pid`;
    run(['sh', '-c', `: > ${folder.path}/out; chmod 666 ${folder.path}/out`]);
    const { stdout, stderr } = shell(script, options);
    const [words, ...links] = stdout.trim().split('\n') as [string, ...string[]];
    const [first, now] = words.split(' ');
    expect(links).toEqual([first, first, first]);
    expect(now).not.toBe(first);
    expect(stderr.split('\n')).toEqual([
      expect.stringMatching(/cannot copy descriptor 8 of the target: Bad file descriptor/),
      expect.stringMatching(/cannot get the network namespace of descriptor 0: Inappropriate ioctl for device/),
      '',
    ]);
  });
});

test('--keep-caps: all capabilities with ids other than root’s', (context) => {
  needs(context, needsRoot);
  const pid = target(['-U', '--map-user=7', '--map-group=7']);
  const caps = (words: string) =>
    shell(`ts-nsenter -U ${words} -S 7 -G 7 -t ${pid} grep ^CapEff /proc/self/status`).stdout;
  expect(caps('')).toBe('CapEff:\t0000000000000000\n');
  expect(caps('--keep-caps')).toMatch(/^CapEff:\t0*[137f]f+\n$/);
});

describe('--join-cgroup', () => {
  /** Shell words that leave only some hierarchies mounted, in a mount namespace of their own. */
  const HOSTS = {
    hybrid: ':',
    'v1 alone': 'umount -l /sys/fs/cgroup/unified',
    'v2 alone': 'umount -R -l /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup',
  } as const;
  const v2 = () => trees().find(({ mount }) => mount.endsWith('/unified'))?.mount;
  for (const [host, prepare] of Object.entries(HOSTS))
    for (const fork of ['', '-p'])
      test(`on a host with ${host}, ${fork || 'without a fork'}`, (context) => {
        needs(context, needsRoot, needsController('memory', 'pids'), () => (v2() ? undefined : 'no hybrid host'));
        using group = new OwnGroup();
        const pid = target(['-pf']);
        const directories = [
          group.directory('memory'),
          group.directory('pids', 'below'),
          join(v2() as string, group.name, 'v2'),
        ];
        for (const directory of directories) {
          mkdirSync(directory, { recursive: true });
          writeFileSync(join(directory, 'cgroup.procs'), String(pid));
        }
        const { stdout, stderr } = shell(
          `unshare -m sh -c '${prepare}; ts-nsenter -u -c ${fork} -t ${pid} cat /proc/self/cgroup; cat /proc/self/cgroup'`,
        );
        expect(stderr).toBe('');
        const [v1Path, v2Path] = [host !== 'v2 alone', host !== 'v1 alone'];
        const lines = stdout.split('\n');
        const has = (line: RegExp) => lines.filter((each) => line.test(each)).length;
        // Of the two listings only the first is of whoever joined.
        expect(has(new RegExp(`memory:/${group.name}$`))).toBe(v1Path ? 1 : 0);
        expect(has(new RegExp(`pids:/${group.name}/below$`))).toBe(v1Path ? 1 : 0);
        expect(has(new RegExp(`^0::/${group.name}/v2$`))).toBe(v2Path ? 1 : 0);
      });
  test('as an ordinary user, between groups that are its own', (context) => {
    needs(context, needsRoot, () => (v2() ? undefined : 'no hybrid host'));
    using group = new OwnGroup();
    const base = join(v2() as string, group.name);
    for (const name of ['a', 'b']) mkdirSync(join(base, name), { recursive: true });
    run(['chown', '-R', `${NOBODY}:${NOBODY}`, base]);
    const pid = target(['-Ur'], NOBODY);
    writeFileSync(join(base, 'a/cgroup.procs'), String(pid));
    const { stdout, stderr } = shell(
      `echo $$ > ${base}/b/cgroup.procs; exec setpriv --reuid ${NOBODY} --regid ${NOBODY} --clear-groups ts-nsenter -U --preserve-credentials -c -t ${pid} cat /proc/self/cgroup`,
    );
    expect(stderr).toBe('');
    expect(stdout).toContain(`0::/${group.name}/a\n`);
  });
  test('of a group that the ordinary user may not join', (context) => {
    needs(context, needsRoot, needsController('memory'));
    using group = new OwnGroup();
    mkdirSync(group.directory('memory'));
    const pid = target(['-Ur'], NOBODY);
    writeFileSync(join(group.directory('memory'), 'cgroup.procs'), String(pid));
    const { status, stdout, stderr } = shell(`ts-nsenter -U -c -t ${pid} echo started`, { uid: NOBODY });
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toContain(`cannot open ${group.directory('memory')}/cgroup.procs: Permission denied`);
  });
});

test('-e of a process whose ids are only those of its user namespace, as the owner of that', (context) => {
  needs(context, needsRoot);
  using folder = temporaryFolder();
  const script = `ts-unshare --owner=${NOBODY}:${NOBODY} --map-users=0:100000:10 --map-groups=0:100000:10 -S 0 -G 0 env ONLY=there sh -c 'echo ready > "$0"; exec sleep 60' "$1" & pid=$!
    while ! grep -q ready "$1"; do sleep 0.05; done
    for uid in ${NOBODY} 65533; do setpriv --reuid $uid --regid $uid --clear-groups ts-nsenter -U -e -t $pid sh -c 'id -u; echo $ONLY'; done; kill $pid`;
  run(['sh', '-c', `: > ${folder.path}/out; chmod 666 ${folder.path}/out`]);
  const { stdout, stderr } = run(['sh', '-c', script, 'sh', join(folder.path, 'out')], { cwd: '/' });
  expect(stdout).toBe('0\nthere\n');
  expect(stderr).toMatch(/^ts-nsenter: cannot open \/proc\/\d+\/environ: Permission denied\n$/);
});

test('-Z where there is no SELinux', (context) => {
  needs(context, () => (shell('test -e /sys/fs/selinux/enforce').status ? undefined : 'SELinux is here'));
  expect(run(['ts-nsenter', '-u', '-Z', '-t', String(process.pid), 'echo', 'started'])).toMatchObject({
    status: 1,
    stdout: '',
    stderr: expect.stringContaining('SELinux is not enabled on this system'),
  });
});
