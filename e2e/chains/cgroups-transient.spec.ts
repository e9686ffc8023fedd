import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { membership, mountOf, needsV2, OwnGroup } from '../harness/cgroups.ts';
import { NOBODY, original, originalPath, run, shell, temporaryFolder } from '../harness/run.ts';
import { needs, needsController, needsProgram, needsRoot } from '../harness/skip.ts';
import { childrenOf, textOf, until } from '../harness/target.ts';

const CONTROLLERS = ['cpu', 'cpuacct', 'memory', 'pids'] as const;
const ALL = CONTROLLERS.join(',');
const checks = [needsRoot, needsController(...CONTROLLERS)];

const transient = (name: string, ...more: string[]) => [
  'ts-cgexec',
  '--create',
  '--remove',
  '-g',
  `${ALL}:${name}`,
  ...more,
];

const isAlive = (pid: number) =>
  existsSync(`/proc/${pid}/cmdline`) && readFileSync(`/proc/${pid}/cmdline`, 'utf8') !== '';

describe('a group for one run', () => {
  test('is made, set, entered, reported and removed', (context) => {
    needs(context, ...checks);
    using group = new OwnGroup();
    const set = ['--set', 'cpu.shares=99', '--limit', 'memory=50M', '--limit', 'pids=9', '--limit', 'cpu=50%'];
    const files = ['cpu.shares', 'cpu.cfs_quota_us', 'memory.limit_in_bytes', 'pids.max'].map(
      (file) => `${group.directory(file.split('.')[0] as string, 'a')}/${file}`,
    );
    const { stdout, stderr, status } = run([
      ...['ts-cgexec', '--create', ...set, '--remove', '--stat', '-g', `${ALL}:${group.name}/a`],
      ...['sh', '-c', `cat ${files.join(' ')} /proc/self/cgroup; exit 7`],
    ]);
    expect(status).toBe(7);
    const [shares, quota, memory, pids, ...rest] = stdout.split('\n');
    expect([shares, quota, memory, pids]).toEqual(['99', '50000', '52428800', '9']);
    for (const controller of CONTROLLERS)
      expect(membership(rest.join('\n'))).toMatchObject({ [controller]: `/${group.name}/a` });
    expect(stderr).toMatch(
      /^elapsed: \d.*\nCPU time: \d.* s \(user .*\nthrottled: \d+ periods.*\npeak memory: \d.*\nOOM kills: 0\n/,
    );
    expect(group.places()).toEqual([]);
  });

  test('--stat --json tells of CPU time, memory, throttling and OOM kills', (context) => {
    needs(context, ...checks);
    using group = new OwnGroup();
    using folder = temporaryFolder();
    const file = join(folder.path, 'stat');
    const { status, stderr } = run([
      ...[
        'ts-cgexec',
        '--create',
        '--limit',
        'memory=20M',
        '--limit',
        'cpu=20%',
        '--remove',
        `--stat=${file}`,
        '--json',
      ],
      ...['-g', `${ALL}:${group.name}`, 'sh', '-c'],
      'i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done; head -c 60000000 /dev/zero | tail >/dev/null; echo done',
    ]);
    expect({ status, stderr }).toMatchObject({ status: 0 });
    const statistics = JSON.parse(readFileSync(file, 'utf8'));
    expect(statistics).toMatchObject({ io: null });
    expect(statistics.cpuUsec).toBeGreaterThan(50_000);
    expect(statistics.elapsedMs).toBeGreaterThan(100);
    expect(statistics.peakMemory).toBeGreaterThan(15_000_000);
    expect(statistics.peakMemory).toBeLessThanOrEqual(20 * 2 ** 20);
    expect(statistics.throttledPeriods).toBeGreaterThan(0);
    expect(statistics.memoryLimitHits).toBeGreaterThan(0);
    if (/^SwapTotal:\s+0 kB/m.test(readFileSync('/proc/meminfo', 'utf8'))) expect(statistics.oomKills).toBe(1);
  });

  test('status and death by a signal are those of the program', (context) => {
    needs(context, ...checks);
    using group = new OwnGroup();
    expect(run(transient(group.name, 'sh', '-c', 'kill -9 $$'))).toMatchObject({
      signal: 'SIGKILL',
      stdout: '',
      stderr: '',
    });
    expect(run(transient(group.name, 'sh', '-c', 'kill -TERM $$'))).toMatchObject({ signal: 'SIGTERM' });
    expect(run(transient(group.name, 'false'))).toMatchObject({ status: 1, stderr: '' });
    expect(group.places()).toEqual([]);
  });

  test('what is left running in it is killed', (context) => {
    needs(context, ...checks);
    using group = new OwnGroup();
    const { stdout } = run(transient(group.name, 'sh', '-c', 'sleep 300 >/dev/null 2>&1 & echo $!'));
    expect(isAlive(Number(stdout))).toBe(false);
    expect(group.places()).toEqual([]);
  });

  for (const signal of ['SIGTERM', 'SIGKILL'] as const)
    test(`it is removed when this tool gets ${signal}, and the program does not live on`, async (context) => {
      needs(context, ...checks);
      using group = new OwnGroup();
      const child = spawn('ts-cgexec', transient(group.name, 'sleep', '300').slice(1), {
        env: { PATH: originalPath },
        stdio: 'ignore',
      });
      const { pid } = child as { pid: number };
      const procs = join(mountOf('cpu'), group.name, 'cgroup.procs');
      const program = () => Number(existsSync(procs) ? readFileSync(procs, 'utf8') : 0);
      until('the program runs', () => program() > 0 && readFileSync(`/proc/${program()}/comm`, 'utf8') === 'sleep\n');
      const sleeping = program();
      expect(childrenOf(pid)).toContain(sleeping);
      const [rss] = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.slice(1) ?? [];
      expect(Number(rss)).toBeLessThan(200);
      const ended = once(child, 'exit');
      child.kill(signal);
      expect(await ended).toEqual([null, signal]);
      until('it is gone', () => group.places().length === 0);
      expect(isAlive(sleeping)).toBe(false);
    });

  for (const { where, line, stays } of [
    { where: 'around', line: (name: string) => [...transient(name), 'ts-unshare', '-pf'], stays: false },
    { where: 'inside of', line: (name: string) => ['ts-unshare', '-pf', ...transient(name)], stays: true },
  ])
    test(`${where} a PID namespace that is killed as a whole it ${stays ? 'stays' : 'is removed'}`, async (context) => {
      needs(context, ...checks);
      using group = new OwnGroup();
      const [program, ...words] = line(group.name) as [string, ...string[]];
      const child = spawn(program, [...words, 'sh', '-c', 'sleep 300; true'], {
        env: { PATH: originalPath },
        stdio: 'ignore',
      });
      const procs = join(mountOf('cpu'), group.name, 'cgroup.procs');
      const members = () => textOf(procs).split('\n').filter(Boolean).map(Number);
      until('the program runs', () => members().some((pid) => textOf(`/proc/${pid}/comm`) === 'sleep\n'));
      const ended = once(child, 'exit');
      // The namespace's first process is the one of the lowest id below the child; with it all others are killed.
      const below = (pid: number): number[] => childrenOf(pid).flatMap((each) => [each, ...below(each)]);
      const first = below(child.pid as number).find((pid) => /^NSpid:\t\d+\t1$/m.test(textOf(`/proc/${pid}/status`)));
      process.kill(first as number, 'SIGKILL');
      child.kill('SIGKILL');
      await ended;
      if (!stays) until('it is gone', () => group.places().length === 0);
      else {
        until('it is empty', () => members().length === 0);
        expect(group.places()).toHaveLength(CONTROLLERS.length);
      }
    });

  test('a group that was there before stays, and needs --create to be removed', (context) => {
    needs(context, ...checks);
    using group = new OwnGroup();
    run(['ts-cgcreate', '-g', `cpu:${group.name}`]);
    expect(run(transient(`${group.name}/x`, 'true'))).toMatchObject({ status: 0, stderr: '' });
    expect(group.places()).toEqual([group.directory('cpu')]);
    expect(run(transient(group.name, 'true')).status).toBe(0);
    expect(group.places()).toEqual([group.directory('cpu')]);
    expect(run(['ts-cgexec', '--remove', '-g', `cpu:${group.name}`, 'true'])).toMatchObject({ status: 129 });
  });

  test('one after the other under the same name', (context) => {
    needs(context, ...checks);
    using group = new OwnGroup();
    const line = transient(group.name, 'true').join(' ');
    expect(shell(`for i in 1 2 3 4 5 6 7 8 9 10; do ${line} || exit; done`)).toMatchObject({ status: 0, stderr: '' });
    expect(group.places()).toEqual([]);
  });

  test('cpuset on v1: the group can be entered', (context) => {
    needs(context, needsRoot, needsController('cpuset'));
    using group = new OwnGroup();
    const { stdout, stderr } = shell(
      `ts-cgexec --create --remove --limit cpus=0 -g cpuset:${group.name}/a/b grep Cpus_allowed_list /proc/self/status`,
    );
    expect({ stdout, stderr }).toEqual({ stdout: 'Cpus_allowed_list:\t0\n', stderr: '' });
  });

  test('in a chain, before namespaces', (context) => {
    needs(context, ...checks);
    using group = new OwnGroup();
    const { stdout, stderr, status } = run(
      transient(group.name, 'ts-unshare', '-u', 'sh', '-c', 'hostname inside; hostname; grep :cpu: /proc/self/cgroup'),
    );
    expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
    expect(stdout).toMatch(new RegExp(`^inside\n\\d+:cpu:/${group.name}\n$`));
    const nested = run(['ts-unshare', '-u', ...transient(group.name, 'cat', '/proc/self/cgroup')]);
    expect(membership(nested.stdout)).toMatchObject({ pids: `/${group.name}` });
    expect(group.places()).toEqual([]);
  });

  test('as an ordinary user, in a group that root has given away', (context) => {
    needs(context, ...checks);
    using group = new OwnGroup();
    const { name } = group;
    run(['ts-cgcreate', '-t', 'nobody:nogroup', '-a', 'nobody:nogroup', '-g', `${ALL}:${name}`]);
    const line = transient(
      `${name}/job`,
      '--stat',
      '--json',
      '--limit',
      'memory=30M',
      'sh',
      '-c',
      'sleep 300 & cat /proc/self/cgroup; exit 3',
    );
    const { stdout, stderr, status } = run(line, { uid: NOBODY });
    expect(status, stderr).toBe(3);
    expect(membership(stdout)).toMatchObject({ memory: `/${name}/job`, pids: `/${name}/job` });
    expect(JSON.parse(stderr).peakMemory).toBeGreaterThan(0);
    for (const controller of CONTROLLERS) expect(existsSync(group.directory(controller, 'job'))).toBe(false);
    const refused = run(transient(`${name}-other`, 'true'), { uid: NOBODY });
    expect(refused).toMatchObject({ status: 87, stderr: expect.stringContaining('have root give you the group') });
  });

  test('in all hierarchies at once', (context) => {
    needs(context, ...checks);
    using group = new OwnGroup();
    const { stdout, stderr } = run([
      'ts-cgexec',
      '--create',
      '--remove',
      '-g',
      `*:${group.name}`,
      'cat',
      '/proc/self/cgroup',
    ]);
    expect(stderr).toBe('');
    const places = Object.entries(membership(stdout)).filter(
      ([controllers]) => controllers && !controllers.startsWith('name='),
    );
    expect(places.length).toBeGreaterThan(3);
    for (const [controllers, path] of places) expect([controllers, path]).toEqual([controllers, `/${group.name}`]);
    expect(group.places()).toEqual([]);
  });

  test('in a cgroup namespace, from its own top', (context) => {
    needs(context, ...checks);
    using group = new OwnGroup();
    using folder = temporaryFolder();
    run(['ts-cgcreate', '-g', `cpu:${group.name}`]);
    const { stdout, stderr } = shell(`exec ts-cgexec -g cpu:${group.name} ts-unshare -Cm sh -c '
      mount -t cgroup -o cpu none ${folder.path}
      ts-cgexec --create --remove --set cpu.shares=55 -g cpu:job sh -c "grep :cpu: /proc/self/cgroup; cat ${folder.path}/job/cpu.shares"
      ts-lscgroup cpu:/; ts-lssubsys -m cpu'`);
    expect(stderr).toBe('');
    expect(stdout).toMatch(new RegExp(`^\\d+:cpu:/job\n55\ncpu:/\ncpu ${folder.path}\n$`));
  });

  test('on the v2 tree the program is born in it', (context) => {
    needs(context, needsRoot, needsV2('hugetlb'));
    using group = new OwnGroup();
    const line = ['ts-cgexec', '--create', '--remove', '-g', `:${group.name}`];
    const shown = run([...line.slice(0, 1), '--dry-run', ...line.slice(1), 'true']).stdout;
    expect(shown).toContain('clone3(');
    expect(shown).not.toContain('cgroup.procs", O_WRONLY');
    expect(membership(run([...line, 'cat', '/proc/self/cgroup']).stdout)['']).toBe(`/${group.name}`);
    expect(group.places()).toEqual([]);
  });
});

describe('nothing half made', () => {
  for (const { what, line, status, says } of [
    {
      what: 'a value that the kernel refuses',
      line: '--set cpu.shares=abc',
      status: 96,
      says: 'cpu.shares takes a number',
    },
    { what: 'a name that there is not', line: '--set cpu.nosuch=1', status: 95, says: 'a new group has no cpu.nosuch' },
    { what: 'a controller that is not mounted', line: '--set net_cls.classid=1', status: 84, says: 'net_cls' },
    { what: 'a limit that is none', line: '--limit cpu=fast', status: 129, says: 'cpu is 50% of a CPU' },
  ])
    test(what, (context) => {
      needs(context, ...checks);
      using group = new OwnGroup();
      for (const remove of ['', '--remove']) {
        const result = shell(`ts-cgexec --create ${remove} ${line} -g ${ALL}:${group.name}/a/b true`);
        expect(result.status, result.stderr).toBe(status);
        expect(result.stderr).toContain(says);
        expect(group.places()).toEqual([]);
      }
    });

  test('a program that is not there', (context) => {
    needs(context, ...checks);
    using group = new OwnGroup();
    for (const remove of ['', '--remove']) {
      const result = shell(`ts-cgexec --create ${remove} -g ${ALL}:${group.name}/a/b no-such-program`);
      expect(result).toMatchObject({
        status: 255,
        stderr: expect.stringContaining('failed to execute no-such-program'),
      });
      expect(group.places()).toEqual([]);
    }
  });
});

describe('options of ours and of newer originals', () => {
  for (const line of ['ts-cgexec -r -g cpu:$G true', 'ts-cgclassify -r -g cpu:$G $$'])
    test(`${line} ends the process that kept a scope alive`, async (context) => {
      needs(context, needsRoot, needsController('cpu'));
      using group = new OwnGroup();
      using folder = temporaryFolder();
      const idle = join(folder.path, 'libcgroup_systemd_idle_thread');
      copyFileSync(original('sleep') as string, idle);
      run(['ts-cgcreate', '-g', `cpu:${group.name}`]);
      const child = spawn('ts-cgexec', ['-g', `cpu:${group.name}`, idle, '300'], {
        env: { PATH: originalPath },
        stdio: 'ignore',
      });
      const ended = once(child, 'exit');
      try {
        until('it is there', () => readFileSync(`/proc/${child.pid}/comm`, 'utf8') === 'libcgroup_syste\n');
        expect(shell(line, { env: { PATH: originalPath, G: group.name } })).toMatchObject({ status: 0, stderr: '' });
        expect(await ended).toEqual([null, 'SIGTERM']);
      } finally {
        child.kill('SIGKILL');
      }
    });

  test('cgclassify moves a process by the id of any of its threads, and with --threads that one alone', async (context) => {
    needs(context, needsRoot, needsController('cpu'), needsProgram('cgclassify'));
    for (const program of [['cgclassify'], ['ts-cgclassify'], ['ts-cgclassify', '--threads']]) {
      using group = new OwnGroup();
      run(['ts-cgcreate', '-g', `cpu:${group.name}`]);
      const threads = spawn(process.execPath, ['-e', 'console.log(1); setInterval(() => {}, 1000)']);
      try {
        await once(threads.stdout, 'data');
        const thread = readdirSync(`/proc/${threads.pid}/task`).find((id) => id !== String(threads.pid)) as string;
        expect(run([...program, '-g', `cpu:${group.name}`, thread]), program.join(' ')).toMatchObject({
          status: 0,
          stderr: '',
        });
        const moved = group.read('cpu', 'tasks').split('\n');
        const all = readdirSync(`/proc/${threads.pid}/task`);
        expect(moved.sort()).toEqual(program.length === 2 ? [thread] : all.sort());
      } finally {
        const ended = once(threads, 'exit');
        threads.kill('SIGKILL');
        await ended;
      }
    }
  });

  test('cgdelete --kill ends what is in a tree, frozen or not, in every hierarchy', async (context) => {
    needs(context, needsRoot, needsController('cpu', 'freezer'));
    using group = new OwnGroup();
    const { name } = group;
    shell(`ts-cgcreate -g cpu,freezer:${name}/a/b`);
    const child = spawn('ts-cgexec', ['-g', `cpu,freezer:${name}/a/b`, 'sleep', '300'], {
      env: { PATH: originalPath },
      stdio: 'ignore',
    });
    const ended = once(child, 'exit');
    try {
      until('it is there', () => readFileSync(`/proc/${child.pid}/comm`, 'utf8') === 'sleep\n');
      run(['ts-cgset', '-r', 'freezer.state=FROZEN', `${name}/a`]);
      expect(run(['ts-cgdelete', '--kill', `freezer,cpu:${name}`])).toMatchObject({ status: 0, stderr: '' });
      expect(await ended).toEqual([null, 'SIGKILL']);
      expect(group.places()).toEqual([]);
      expect(run(['ts-cgdelete', '--kill', `cpu:${name}`])).toMatchObject({ status: 96 });
    } finally {
      child.kill('SIGKILL');
    }
  });

  test('devices on the v2 tree by BPF, where v1 has them mounted elsewhere only', (context) => {
    needs(context, needsRoot, needsController('devices'), needsV2('hugetlb'));
    using group = new OwnGroup();
    const { name } = group;
    const { stdout, stderr, status } = shell(`exec unshare -m sh -c '
      umount ${mountOf('devices')} || exit 77
      ts-cgcreate -g devices:${name}; ts-cgset -r devices.deny=a -r "devices.allow=c 1:3 rw" ${name}
      ts-cgget -nv -r devices.list ${name}
      ts-cgexec -g devices:${name} sh -c "echo > /dev/null && echo null; cat /dev/zero"
      ts-cgset -r devices.allow=a ${name}; ts-cgexec -g devices:${name} head -c 1 /dev/zero | wc -c; ts-cgget -nv -r devices.list ${name}'`);
    if (status === 77) context.skip(stderr);
    if (/CONFIG_CGROUP_BPF/.test(stderr)) context.skip('no BPF programs of groups in this kernel');
    expect(stdout).toBe('c 1:3 rw\nnull\n1\na *:* rwm\n');
    expect(stderr).toMatch(/^cat: \/dev\/zero: Operation not permitted\n$/);
  });

  test('--stat without --create tells of a group that is there', (context) => {
    needs(context, ...checks);
    using group = new OwnGroup();
    run(['ts-cgcreate', '-g', `${ALL}:${group.name}`]);
    const { stderr, status } = run(['ts-cgexec', '--stat', '--json', '-g', `${ALL}:${group.name}`, 'true']);
    expect(status).toBe(0);
    expect(JSON.parse(stderr)).toMatchObject({ oomKills: 0, cpuUsec: expect.any(Number) });
    expect(group.places().length).toBe(CONTROLLERS.length);
  });
});
