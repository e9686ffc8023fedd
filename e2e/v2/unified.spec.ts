/** Where all controllers are in the v2 tree: a machine of its own (npm run e2e:vm), or a host that boots so. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { membership, needsV2, OwnGroup, v2Tree } from '../harness/cgroups.ts';
import { NOBODY, originalPath, run, shell, temporaryFolder } from '../harness/run.ts';
import { needs, needsProgram, needsRoot } from '../harness/skip.ts';
import { textOf, until } from '../harness/target.ts';

const checks = [needsRoot, ...['cpu', 'memory', 'pids', 'cpuset', 'io'].map(needsV2)];
const ALL = 'cpu,memory,pids';

const usable = checks.every((check) => check() === undefined);
const tree = usable ? v2Tree() : undefined;
afterAll(() => tree?.[Symbol.dispose]());
const directory = (group: OwnGroup, below = '') => join(tree?.mount ?? '', group.name, below);
const read = (group: OwnGroup, file: string, below = '') => textOf(join(directory(group, below), file)).trimEnd();
const placeOf = (pid: number | undefined) => membership(readFileSync(`/proc/${pid}/cgroup`, 'utf8'))[''];

/** A process that goes on until the scope ends. */
function process_(...argv: [string, ...string[]]): { readonly pid: number } & AsyncDisposable {
  const child = spawn(argv[0], argv.slice(1), { env: { PATH: originalPath }, stdio: 'ignore' });
  const ended = once(child, 'exit');
  return {
    pid: child.pid as number,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
const sleeper = () => process_('sleep', '600');

describe('the recipes with v1 names', () => {
  test('C1, C2: made for an ordinary user, set, entered', (context) => {
    needs(context, ...checks);
    using group = new OwnGroup();
    const ID = group.name;
    const { stdout, stderr } = shell(`ts-cgcreate -t nobody:nogroup -a nobody:nogroup -g cpu,memory:${ID}
      ts-cgset -r memory.limit_in_bytes=10000000 ${ID}
      ts-cgset -r cpu.cfs_period_us=1000000 -r cpu.cfs_quota_us=300000 ${ID}
      setpriv --reuid ${NOBODY} --clear-groups ts-cgset -r cpu.shares=512 ${ID}
      ts-cgexec -g cpu,memory:${ID} cat /proc/self/cgroup`);
    expect({ stdout, stderr }).toEqual({ stdout: `0::/${ID}\n`, stderr: '' });
    expect(['cpu.max', 'cpu.weight', 'memory.max'].map((file) => read(group, file))).toEqual([
      '300000 1000000',
      '50',
      '9998336',
    ]);
  });

  test("C5: a container engine's limits; the soft limit is memory.low", (context) => {
    needs(context, ...checks);
    using group = new OwnGroup();
    const ID = group.name;
    const names = ['cpu.cfs_quota_us', 'cpu.cfs_period_us', 'memory.limit_in_bytes', 'memory.soft_limit_in_bytes'];
    const values = ['50000', '100000', '1073741824', '524288000'];
    const { stdout, stderr } = shell(`ts-cgcreate -g cpu,cpuacct,memory:${ID}/one
      ts-cgset ${names.map((name, index) => `-r ${name}=${values[index]}`).join(' ')} ${ID}/one
      ts-cgget -nv ${names.map((name) => `-r ${name}`).join(' ')} -r memory.low -r memory.usage_in_bytes -r cpuacct.usage ${ID}/one
      ts-lscgroup cpu,cpuacct:/${ID} | cut -d: -f2`);
    expect(stderr).toBe('');
    const lines = stdout.trim().split('\n');
    expect(lines.slice(0, 5)).toEqual([...values, '524288000']);
    expect(lines.slice(-2)).toEqual([`/${ID}/`, `/${ID}/one`]);
  });

  test('modes and controllers', (context) => {
    needs(context, ...checks);
    expect(run(['ts-cgget', '-m']).stdout).toBe('Unified Mode (Cgroup v2 only).\n');
    expect(run(['ts-lssubsys', '-m', 'memory']).stdout).toMatch(/^[\w,]*\bmemory\b[\w,]* \/sys\/fs\/cgroup\n$/);
  });

  test('cgsnapshot shows the groups', (context) => {
    needs(context, ...checks);
    using group = new OwnGroup();
    shell(`ts-cgcreate -g pids:${group.name}; ts-cgset -r pids.max=7 ${group.name}`);
    expect(run(['ts-cgsnapshot', '-s', 'pids']).stdout).toMatch(
      new RegExp(`^group ${group.name} \\{\\n\\tpids \\{\\n(\\t\\t.*\\n)*\\t\\tpids.max="7";\\n`, 'm'),
    );
  });
});

describe('effects', () => {
  test('cpu, memory and pids: throttled, killed, refused; born in the group; reported; removed', (context) => {
    needs(context, ...checks);
    using group = new OwnGroup();
    using folder = temporaryFolder();
    const file = join(folder.path, 'stat');
    const script = `cat /proc/self/cgroup; i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done
      head -c 40000000 /dev/zero | tail > /dev/null; echo $?`;
    const { stdout, status } = run([
      ...['ts-cgexec', '--create', '--limit', 'memory=20M', '--set', 'memory.swap.max=0', '--limit', 'cpu=50%'],
      ...[
        '--limit',
        'pids=8',
        '--remove',
        `--stat=${file}`,
        '--json',
        '-g',
        `${ALL}:${group.name}/job`,
        'sh',
        '-c',
        script,
      ],
    ]);
    expect({ stdout, status }).toEqual({ stdout: `0::/${group.name}/job\n137\n`, status: 0 });
    const statistics = JSON.parse(readFileSync(file, 'utf8'));
    expect(statistics.oomKills).toBe(1);
    expect(statistics.peakMemory).toBeLessThanOrEqual(20 * 2 ** 20);
    expect(statistics.throttledPeriods).toBeGreaterThan(0);
    expect(statistics.throttledUsec).toBeGreaterThan(0);
    expect(statistics.peakTasks).toBeGreaterThan(1);
    expect(statistics.stalledUsec.cpu.some).toBeGreaterThan(0);
    expect(group.places()).toEqual([]);
    const forks = run([
      ...['ts-cgexec', '--create', '--limit', 'pids=2', '--remove', '-g', `pids:${group.name}`],
      ...['sh', '-c', 'sleep 1 & sleep 1 & sleep 1 & wait'],
    ]);
    expect(forks.stderr).toMatch(/[Cc]annot fork|Resource temporarily unavailable/);
  });

  test('cpuset: pinned', (context) => {
    needs(context, ...checks);
    using group = new OwnGroup();
    const { stdout } = run([
      ...['ts-cgexec', '--create', '--limit', 'cpus=0', '--remove', '-g', `cpuset:${group.name}`],
      ...['grep', 'Cpus_allowed_list', '/proc/self/status'],
    ]);
    expect(stdout).toBe('Cpus_allowed_list:\t0\n');
  });

  test('io: limits by v1 names are those of io.max, held by a disk', (context) => {
    needs(context, ...checks);
    const loop = shell('modprobe loop 2>/dev/null; losetup -f').stdout.trim();
    if (!loop) context.skip('no loop device');
    using folder = temporaryFolder();
    using group = new OwnGroup();
    const image = join(folder.path, 'image');
    if (shell(`truncate -s 8M ${image} && losetup ${loop} ${image}`).status) context.skip('no loop device');
    try {
      const device = readFileSync(`/sys/block/${loop.slice(5)}/dev`, 'utf8').trim();
      const { stderr, stdout } = shell(`ts-cgcreate -g io:${group.name}
        ts-cgset -r 'blkio.throttle.read_bps_device=${device} 1048576' ${group.name}
        ts-cgset -r 'blkio.throttle.write_iops_device=${device} 50' ${group.name}
        ts-cgget -nv -r io.max -r blkio.throttle.read_bps_device ${group.name}`);
      expect(stderr).toBe('');
      expect(stdout).toBe(`${device} rbps=1048576 wbps=max riops=max wiops=50\n${device} 1048576\n`);
      const began = process.hrtime.bigint();
      expect(
        run([
          'ts-cgexec',
          '-g',
          `io:${group.name}`,
          'dd',
          `if=${loop}`,
          'of=/dev/null',
          'bs=256K',
          'count=8',
          'iflag=direct',
        ]).status,
      ).toBe(0);
      expect(Number(process.hrtime.bigint() - began)).toBeGreaterThan(1e9);
      const counted = run(['ts-cgget', '-nv', '-r', 'blkio.throttle.io_service_bytes', group.name]).stdout;
      expect(counted).toMatch(new RegExp(`${device} Read 2097152$`, 'm'));
    } finally {
      run(['losetup', '-d', loop]);
    }
  });

  test('huge pages: more than the group may have are refused', (context) => {
    needs(context, ...checks, needsV2('hugetlb'));
    // Others expect that hugetlb is not handed down.
    using _ = v2Tree();
    using group = new OwnGroup();
    using folder = temporaryFolder();
    const { name } = group;
    const { stdout, stderr, status } = shell(`pages=/proc/sys/vm/nr_hugepages; before=$(cat $pages)
      trap 'echo $before >$pages' EXIT; echo $((before + 4)) >$pages; [ $(cat $pages) -ge 3 ] || exit 78
      mount -t hugetlbfs -o pagesize=2M none ${folder.path} || exit 77
      ts-cgcreate -g hugetlb:${name}; ts-cgset -r hugetlb.2MB.limit_in_bytes=4M ${name}
      for pages in 2 3; do ts-cgexec -g hugetlb:${name} fallocate -l $((pages * 2))M ${folder.path}/$pages; echo $?; rm -f ${folder.path}/$pages; done
      ts-cgget -nv -r hugetlb.2MB.failcnt ${name}; umount ${folder.path}`);
    if (status === 77) context.skip('no huge pages of 2 MiB here');
    if (status === 78) context.skip('the memory is too much in pieces for huge pages');
    expect(stdout).toBe('0\n1\n1\n');
    expect(stderr).toMatch(/^fallocate: .*(No space left on device|Cannot allocate memory)\n$/);
  });

  test('devices: what a BPF program denies gives EPERM; the rules are listed, changed and taken away', (context) => {
    needs(context, ...checks);
    using group = new OwnGroup();
    const { name } = group;
    const tries = (...paths: string[]) =>
      paths.map(
        (path) => run(['ts-cgexec', '-g', `:${name}`, 'dd', `if=${path}`, 'of=/dev/null', 'bs=1', 'count=1']).status,
      );
    const set = (...rules: string[]) => run(['ts-cgset', ...rules.flatMap((rule) => ['-r', rule]), name]);
    const list = () => run(['ts-cgget', '-nv', '-r', 'devices.list', name]).stdout;
    run(['ts-cgcreate', '-g', `devices:${name}`]);
    expect(list()).toBe('a *:* rwm\n');
    expect(set('devices.deny=c 1:5 r')).toMatchObject({ status: 0, stderr: '' });
    expect(tries('/dev/zero', '/dev/urandom')).toEqual([1, 0]);
    expect(set('devices.deny=a', 'devices.allow=c 1:3 rw', 'devices.allow=c 1:5 rm')).toMatchObject({ status: 0 });
    expect(list()).toBe('c 1:3 rw\n\tc 1:5 rm\n');
    expect(tries('/dev/zero', '/dev/urandom')).toEqual([0, 1]);
    const write = shell(`ts-cgexec -g :${name} sh -c 'echo > /dev/null && echo one; echo > /dev/zero && echo two'`);
    expect(write.stdout).toBe('one\n');
    expect(write.stderr).toContain('/dev/zero: Operation not permitted');
    // A group below is held, too, whatever its own rules say.
    run(['ts-cgcreate', '-g', `:${name}/below`]);
    expect(run(['ts-cgexec', '-g', `:${name}/below`, 'cat', '/dev/urandom']).status).toBe(1);
    expect(run(['ts-cgdelete', `:${name}/below`]).status).toBe(0);
    expect(set('devices.deny=c 1:5 r')).toMatchObject({ status: 0 });
    expect(list()).toBe('c 1:3 rw\n\tc 1:5 m\n');
    expect(tries('/dev/zero')).toEqual([1]);
    expect(set('devices.allow=a')).toMatchObject({ status: 0 });
    expect(list()).toBe('a *:* rwm\n');
    expect(tries('/dev/zero', '/dev/urandom')).toEqual([0, 0]);
    expect(set('devices.allow=x 1:2 r')).toMatchObject({
      status: 96,
      stderr: expect.stringContaining('is no rule of devices'),
    });
    const refused = run(['ts-cgset', '-r', 'devices.deny=a', name], { uid: NOBODY });
    expect(refused).toMatchObject({
      status: 96,
      stderr: expect.stringContaining('only root may attach a BPF program'),
    });
    // On a tape, with a program behind it.
    const chain = shell(
      `ts-cgexec --create --set devices.deny=a --set 'devices.allow=c 1:3 rwm' --remove -g devices:${name}/run sh -c 'echo > /dev/null && echo in; cat /dev/zero'`,
    );
    expect(chain).toMatchObject({ stdout: 'in\n', stderr: expect.stringContaining('Operation not permitted') });
  });

  test('cgroup.kill, cgdelete --kill', async (context) => {
    needs(context, ...checks);
    using group = new OwnGroup();
    const { name } = group;
    run(['ts-cgcreate', '-g', `:${name}/a/b`]);
    await using first = sleeper();
    await using second = sleeper();
    run(['ts-cgclassify', '-g', `:${name}/a`, String(first.pid)]);
    run(['ts-cgclassify', '-g', `:${name}/a/b`, String(second.pid)]);
    expect(run(['ts-cgset', '-r', 'cgroup.kill=1', `${name}/a/b`])).toMatchObject({ status: 0, stderr: '' });
    until('the inner one is dead', () => read(group, 'cgroup.procs', 'a/b') === '');
    expect(placeOf(first.pid)).toBe(`/${name}/a`);
    expect(run(['ts-cgdelete', '--kill', `:${name}`])).toMatchObject({ status: 0, stderr: '' });
    expect(group.places()).toEqual([]);
  });

  test('pressure is read, of a group and as JSON', (context) => {
    needs(context, ...checks);
    using group = new OwnGroup();
    run(['ts-cgcreate', '-g', `memory:${group.name}`]);
    const { stdout, stderr } = run(['ts-cgget', '-n', '-r', 'memory.pressure', '-r', 'cpu.pressure', group.name]);
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^memory\.pressure: some avg10=.* total=\d+\n\tfull avg10=.*\ncpu\.pressure: some avg10=/);
  });

  test('ts-cgtop tells who uses the CPU', async (context) => {
    needs(context, ...checks);
    using group = new OwnGroup();
    run(['ts-cgcreate', '-g', `${ALL}:${group.name}`]);
    await using _busy = process_('ts-cgexec', '-g', `${ALL}:${group.name}`, 'sh', '-c', 'while :; do :; done');
    until('it runs', () => read(group, 'cgroup.procs') !== '');
    const groups = JSON.parse(run(['ts-cgtop', '--once', '--json', '-d', '0.5', group.name]).stdout);
    expect(groups).toEqual([expect.objectContaining({ path: `/${group.name}`, tasks: 1 })]);
    expect(groups[0].cpuPercent).toBeGreaterThan(10);
    expect(groups[0].memory).toBeGreaterThan(0);
  });
});

describe('rules of v2, done for the user', () => {
  test('--leaf moves processes out of the way of controllers, and a failure moves them back', async (context) => {
    needs(context, ...checks);
    using group = new OwnGroup();
    const { name } = group;
    run(['ts-cgcreate', '-g', `:${name}`]);
    await using sleeping = sleeper();
    run(['ts-cgclassify', '-g', `:${name}`, String(sleeping.pid)]);
    const refused = run(['ts-cgcreate', '-g', `memory:${name}/job`]);
    expect(refused).toMatchObject({ status: 96, stderr: expect.stringContaining('cgcreate --leaf NAME does') });
    expect(placeOf(sleeping.pid)).toBe(`/${name}`);
    const failing = run([
      'ts-cgexec',
      '--create',
      '--leaf',
      'main',
      '--set',
      'memory.max=x',
      '-g',
      `memory:${name}/job`,
      'true',
    ]);
    expect(failing.status).toBe(96);
    expect(placeOf(sleeping.pid)).toBe(`/${name}`);
    expect(readdirSync(directory(group), { withFileTypes: true }).filter((entry) => entry.isDirectory())).toEqual([]);
    expect(run(['ts-cgcreate', '--leaf', 'main', '-g', `memory:${name}/job`])).toMatchObject({ status: 0, stderr: '' });
    expect(placeOf(sleeping.pid)).toBe(`/${name}/main`);
    expect(read(group, 'cgroup.controllers', 'job')).toBe('memory');
    const without = run(['ts-cgexec', '-g', `memory:${name}`, 'true']);
    expect(without).toMatchObject({ status: 96, stderr: expect.stringContaining('cgexec --leaf NAME does') });
    const entered = run(['ts-cgexec', '--leaf', 'other', '-g', `memory:${name}`, 'cat', '/proc/self/cgroup']);
    expect(entered.stdout).toBe(`0::/${name}/other\n`);
    expect(run(['ts-cgcreate', '--leaf', '../x', '-g', `memory:${name}/job`])).toMatchObject({ status: 129 });
  });

  test('threads: a threaded group takes threads of its domain', async (context) => {
    needs(context, ...checks);
    using group = new OwnGroup();
    const { name } = group;
    shell(`ts-cgcreate -g :${name}/t; ts-cgset -r cgroup.type=threaded ${name}/t`);
    expect(read(group, 'cgroup.type', 't')).toBe('threaded');
    await using node = process_(process.execPath, '-e', 'setInterval(() => {}, 1000)');
    const threads = () => (existsSync(`/proc/${node.pid}/task`) ? readdirSync(`/proc/${node.pid}/task`) : []);
    until('it has threads', () => threads().length > 3);
    const thread = threads().find((id) => id !== String(node.pid)) as string;
    const foreign = run(['ts-cgclassify', '--threads', '-g', `:${name}/t`, thread]);
    expect(foreign).toMatchObject({ status: 1, stderr: expect.stringContaining('same threaded domain') });
    expect(run(['ts-cgclassify', '-g', `:${name}`, String(node.pid)])).toMatchObject({ status: 0, stderr: '' });
    expect(run(['ts-cgclassify', '--threads', '-g', `:${name}/t`, thread])).toMatchObject({ status: 0, stderr: '' });
    expect(read(group, 'cgroup.threads', 't')).toBe(thread);
  });
});

describe('an ordinary user', () => {
  /** A shell of the user in a group that root has given away, as a service manager does with Delegate=yes. */
  const delegated = (name: string, script: string) => {
    run(['ts-cgcreate', '-t', 'nobody:nogroup', '-a', 'nobody:nogroup', '-g', `${ALL}:${name}`]);
    return shell(
      `exec ts-cgexec -g :${name} setpriv --reuid ${NOBODY} --regid ${NOBODY} --clear-groups sh -c '${script.replaceAll("'", `'"'"'`)}'`,
    );
  };

  test('the recipe of the page: a transient group inside of a delegated one', (context) => {
    needs(context, ...checks);
    using group = new OwnGroup();
    const { stdout, stderr, status } = delegated(
      group.name,
      `ts-cgexec --leaf shell --create --remove --limit memory=50M --limit pids=20 --stat -g "memory,pids:$(sed -n s/^0:://p /proc/self/cgroup)/job" sh -c 'cat /proc/self/cgroup; id -u; exit 5'
       echo $?; cat /proc/self/cgroup`,
    );
    expect({ stdout, status }, stderr).toEqual({
      stdout: `0::/${group.name}/job\n${NOBODY}\n5\n0::/${group.name}/shell\n`,
      status: 0,
    });
    expect(stderr).toMatch(/^elapsed: .*\nCPU time: /);
    expect(existsSync(directory(group, 'job'))).toBe(false);
    expect(read(group, 'cgroup.subtree_control').split(' ').sort()).toEqual(['memory', 'pids']);
  });

  test('create, set, enter, classify, show and delete', (context) => {
    needs(context, ...checks);
    using group = new OwnGroup();
    const { name } = group;
    const { stdout, stderr, status } = delegated(
      name,
      `ts-cgcreate --leaf shell -g memory:${name}/a -g memory:${name}/b && ts-cgset -r memory.limit_in_bytes=64M ${name}/a &&
       ts-cgget -nv -r memory.max ${name}/a && ts-cgexec -g memory:${name}/a cat /proc/self/cgroup &&
       ts-cgclassify -g memory:${name}/b $$ && cat /proc/self/cgroup && ts-cgclassify -g memory:${name}/shell $$ &&
       ts-cgdelete memory:${name}/a memory:${name}/b && ts-lscgroup memory:${name} | cut -d: -f2`,
    );
    expect({ stdout, stderr, status }).toEqual({
      stdout: `67108864\n0::/${name}/a\n0::/${name}/b\n/${name}/\n/${name}/shell\n`,
      stderr: '',
      status: 0,
    });
  });

  test('in a scope that a service manager delegates, by the recipe of the page', async (context) => {
    const systemd = '/lib/systemd/systemd';
    needs(context, ...checks, needsProgram('systemd-run'));
    if (!existsSync(systemd)) context.skip(`not installed: ${systemd}`);
    using group = new OwnGroup();
    using folder = temporaryFolder();
    const [manager, session] = [directory(group, 'manager'), directory(group, 'manager/session')];
    const environment = `PATH=${originalPath} HOME=${folder.path} XDG_RUNTIME_DIR=${folder.path}`;
    const user = `setpriv --reuid ${NOBODY} --regid ${NOBODY} --clear-groups env -i ${environment}`;
    // The manager starts only where a system was booted with it; this one was not.
    const booted = '/run/systemd/system';
    const fake = !existsSync(booted);
    if (fake) mkdirSync(booted, { recursive: true });
    try {
      chownSync(folder.path, NOBODY, NOBODY);
      run(['ts-cgcreate', '-g', `${ALL}:${group.name}/manager`]);
      for (const file of ['', 'cgroup.procs', 'cgroup.threads', 'cgroup.subtree_control'])
        chownSync(join(manager, file), NOBODY, NOBODY);
      const start = `echo $$ >${manager}/cgroup.procs; exec ${user} ${systemd} --user --unit=basic.target`;
      await using _manager = process_('sh', '-c', start);
      until('the manager listens', () => existsSync(join(folder.path, 'systemd/private')));
      until('the manager has moved', () => existsSync(join(manager, 'init.scope')));
      // A shell of the user, as a log-in has made it.
      mkdirSync(session);
      for (const file of ['', 'cgroup.procs']) chownSync(join(session, file), NOBODY, NOBODY);
      writeFileSync(
        join(folder.path, 'script'),
        `own=$(sed -n s/^0:://p /proc/self/cgroup)
         ts-cgexec --leaf shell --create --remove --limit memory=50M -g "memory,pids:$own/job" sh -c '
           cat /proc/self/cgroup; id -u; cat /sys/fs/cgroup$(sed -n s/^0:://p /proc/self/cgroup)/memory.max; exit 5'
         echo $?
         ts-cgcreate -g memory:$own/a && ts-cgset -r memory.limit_in_bytes=64M $own/a && ts-cgexec -g memory:$own/a cat /proc/self/cgroup
         ts-cgdelete memory:$own/a; ls -d ${tree?.mount}$own/*/`,
      );
      const scope = `systemd-run --quiet --user --scope --unit=own -p Delegate=yes sh ${folder.path}/script`;
      const { stdout, stderr, status } = shell(`echo $$ >${session}/cgroup.procs; exec ${user} ${scope}`);
      const own = `/${group.name}/manager/app.slice/own.scope`;
      expect({ stdout, stderr, status }).toEqual({
        stdout: `0::${own}/job\n${NOBODY}\n52428800\n5\n0::${own}/a\n${tree?.mount}${own}/shell/\n`,
        stderr: '',
        status: 0,
      });
    } finally {
      if (fake) rmdirSync(booted);
    }
  });

  test('inside a cgroup namespace, from its own top', (context) => {
    needs(context, ...checks);
    using group = new OwnGroup();
    using folder = temporaryFolder();
    mkdirSync(join(folder.path, 'x'));
    run(['ts-cgcreate', '-g', `${ALL}:${group.name}`]);
    const { stdout, stderr } = shell(
      `exec ts-cgexec -g :${group.name} ts-unshare -Cm sh -c 'umount /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup && ts-cgexec --leaf in --create --remove --limit pids=9 -g pids:/job sh -c "cat /proc/self/cgroup; cat /sys/fs/cgroup/job/pids.max"; ts-lscgroup | cut -d: -f2'`,
    );
    expect({ stdout, stderr }).toEqual({ stdout: '0::/job\n9\n/\n/in\n', stderr: '' });
    expect(existsSync(directory(group, 'in'))).toBe(true);
  });

  test('without delegation the error names the remedy', (context) => {
    needs(context, ...checks);
    using group = new OwnGroup();
    run(['ts-cgcreate', '-g', `memory:${group.name}`]);
    for (const line of [
      ['ts-cgcreate', '-g', `memory:${group.name}/x`],
      ['ts-cgexec', '-g', `memory:${group.name}`, 'true'],
      ['ts-cgexec', '--create', '--remove', '-g', `memory:${group.name}/x`, 'true'],
    ]) {
      const { stderr, status } = run(line, { uid: NOBODY });
      expect(status, line.join(' ')).toBe(87);
      expect(stderr.split('\n')[1]).toMatch(/have root give you the group|start from a group of your own/);
    }
    // A group of one's own is entered only from below another one.
    const own = `${group.name}-own`;
    run(['ts-cgcreate', '-t', 'nobody:nogroup', '-a', 'nobody:nogroup', '-g', `:${own}`]);
    try {
      for (const more of [[], ['--stat']]) {
        const { stderr, status } = run(['ts-cgexec', ...more, '-g', `:${own}`, 'true'], { uid: NOBODY });
        expect(status).toBe(96);
        expect(stderr).toContain('start from a group of your own');
      }
      const controllers = run(['ts-cgcreate', '-g', `hugetlb:${own}/x`], { uid: NOBODY });
      expect(controllers.stderr).toContain('the controllers hugetlb are not handed down to groups of yours');
    } finally {
      run(['ts-cgdelete', '-r', `:${own}`]);
    }
  });
});

test('bad input: one line, the file and the value, the original status, nothing left', (context) => {
  needs(context, ...checks);
  using group = new OwnGroup();
  const { name } = group;
  run(['ts-cgcreate', '-g', `${ALL}:${name}`]);
  const failure = (line: string) => {
    const { status, stderr } = shell(line);
    return [
      status,
      ...stderr
        .trimEnd()
        .split('\n')
        .map((each) => each.replaceAll(name, 'G')),
    ];
  };
  expect(failure(`ts-cgset -r memory.max=abc ${name}`)).toEqual([
    96,
    "ts-cgset: cgroup modify error: cannot write 'abc' to /sys/fs/cgroup/G/memory.max: Invalid argument",
  ]);
  expect(failure(`ts-cgset -r memory.swappiness=1 ${name}`)).toEqual([
    95,
    'ts-cgset: cgroup modify error: Cgroup, requested group parameter does not exist',
    'ts-cgset: memory.swappiness of group G: cgroup v2 has no swappiness of a group: memory.swap.max limits swap',
  ]);
  expect(failure(`ts-cgexec -g cpu:${name}/../.. true`)[0]).toBe(82);
  expect(failure(`ts-cgclassify -g cpu:${name} 4194303`).slice(0, 1)).toEqual([1]);
  expect(failure(`ts-cgcreate -g net_cls:${name}/x`)[0]).toBe(91);
  writeFileSync(join(directory(group), 'cgroup.subtree_control'), '+memory');
  expect(failure(`ts-cgexec -g cpu:${name} true`)[0]).toBe(96);
});
